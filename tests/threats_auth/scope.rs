//! What version 4 says it covers: the credential scope (B), the list of signed headers (G), and what of it goes on to a node.

use crate::everywhere;
use crate::version_4::{NOT_SIGNED, signed_over};
use support::refusal::{Refused, mismatch};
use support::scene::Forward;
use support::signer::{Request, Word};
use support::signer_v4::{stamp_at, target_as_signed_v4};

#[test]
fn b8_a_scope_is_the_days_the_regions_and_the_services_own() {
    everywhere("GET", "/k", |scene, request| {
        let (word, scope_at) = (request.word, |at: usize, text: &str| {
            signed_over(request.clone(), |own| own.scope[at] = text.into())
        });
        let refused = |sent: &Request, message: String| {
            let message = format!("The authorization header is malformed; {message}");
            scene.refuses_with(sent, Refused(400, "AuthorizationHeaderMalformed", &message))
        };
        for region in ["eu-west-1", "", "*", "US-EAST-1"] {
            let told = format!("the region '{region}' is wrong; expecting 'us-east-1'");
            let answer = refused(&scope_at(1, region), told);
            assert_eq!(answer.element("Region").as_deref(), Some("us-east-1"));
        }
        let (service, terminator) = match word {
            Word::Aws => ("s3", "aws4_request"),
            Word::Wos => ("wos", "wos_request"),
        };
        for other in ["sts", "s3tables", "s3-outposts", "s3express", "S3", ""] {
            let told =
                format!("incorrect service \"{other}\". This endpoint belongs to \"{service}\".");
            refused(&scope_at(2, other), told);
        }
        for other in ["aws5_request", "", "request"] {
            let told =
                format!("incorrect terminal \"{other}\". This endpoint uses \"{terminator}\".");
            refused(&scope_at(3, other), told);
        }
        let malformed = format!(
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/{service}/{terminator}\"."
        );
        refused(&scope_at(3, &format!("{terminator}/x")), malformed.clone());
        refused(
            &request.clone().keys("AK/ID", "secret").signed_v4(),
            malformed,
        );
        for day in [-86_400, 86_400] {
            let other = &stamp_at(day)[..8];
            let sent = scope_at(0, other);
            match word {
                Word::Aws => {
                    let stamp = &sent.field("x-amz-date").expect("a date")[..8];
                    refused(
                        &sent,
                        format!(
                            "Invalid credential date \"{other}\". This date is not the same as X-Amz-Date: \"{stamp}\"."
                        ),
                    );
                }
                Word::Wos => {
                    let told = "Invalid credential date. Date is not the same as x-wos-date.";
                    scene.refuses_with(&sent, Refused(400, "InvalidArgument", told));
                }
            }
        }
    });
}

#[test]
fn g4_signed_headers_have_one_grammar() {
    everywhere("GET", "/k", |scene, request| {
        let told = Refused(
            400,
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; SignedHeaders must be lower-case header names, sorted, each once, with ';' between.",
        );
        for change in [
            |list: &str| format!("{list};"),
            |list: &str| format!(";{list}"),
            |list: &str| list.replace("host;", "host;;"),
            |list: &str| list.replace("host;", "host;host;"),
            |list: &str| list.replace("host", "Host"),
            |list: &str| format!("{list};host"),
            |list: &str| format!("authorization;{list}"),
        ] {
            let sent = signed_over(request.clone(), |own| {
                own.signed_headers = change(&own.signed_headers)
            });
            scene.refuses_with(&sent, told);
        }
        let without_host = signed_over(request.clone(), |own| {
            own.signed_headers = own.signed_headers.replace("host;", "");
            own.headers = own.headers.split_once('\n').expect("a line").1.into();
        });
        let answer = scene.refuses_with(&without_host, NOT_SIGNED);
        assert_eq!(answer.element("HeadersNotSigned").as_deref(), Some("host"));
        // A name that the request does not have was signed with a line that is not there now.
        let absent = signed_over(request.clone(), |own| {
            own.signed_headers = format!("a-header;{}", own.signed_headers);
            own.headers = format!("a-header:\n{}", own.headers);
        });
        scene.refuses_with(&absent, mismatch(request.word));
    });
}

/// What Pingora or the gateway takes away cannot be verified by a node.
#[test]
fn g8_a_signed_header_that_reaches_no_node_is_refused_where_nodes_verify() {
    everywhere("GET", "/k", |scene, request| {
        for (name, value) in [
            ("te", "trailers"),
            ("x-forwarded-host", "a"),
            ("keep-alive", "5"),
        ] {
            let sent = signed_over(request.clone().header(name, value), |own| {
                own.headers += &format!("{name}:{value}\n");
                own.signed_headers += &format!(";{name}");
                let mut lines: Vec<&str> = own.headers.lines().collect();
                lines.sort_unstable();
                own.headers = lines.join("\n") + "\n";
                let mut names: Vec<&str> = own.signed_headers.split(';').collect();
                names.sort_unstable();
                own.signed_headers = names.join(";");
            });
            match scene.forward {
                Forward::Trusted => drop(scene.serves(&sent)),
                Forward::Passthrough => {
                    let message = format!(
                        "The signed header '{name}' is not forwarded to the storage node, which verifies the signature itself; do not sign it."
                    );
                    drop(scene.refuses_with(&sent, Refused(403, "AccessDenied", &message)));
                }
            }
        }
    });
}

/// What goes on: byte for byte in passthrough, as it was signed and without what proved it in trusted mode.
#[test]
fn what_proves_a_request_reaches_only_nodes_that_verify() {
    everywhere("GET", "/k%2F*~?versionId=a%20b", |scene, request| {
        let prefix = request.word.header_prefix();
        let proofs = [
            "Authorization".to_owned(),
            format!("{prefix}content-sha256"),
        ];
        let header = scene.serves(&request.clone().signed_v4());
        let query = scene.serves(&request.clone().presigned_v4(600));
        let sent = request.target.clone();
        match scene.forward {
            Forward::Passthrough => {
                assert_eq!(header.target(), sent);
                assert!(
                    query.target().starts_with(&format!("{sent}&X-")),
                    "{}",
                    query.target()
                );
                assert!(proofs.iter().all(|name| header.head.header(name).is_some()));
            }
            Forward::Trusted => {
                let signed = target_as_signed_v4(&sent);
                assert_eq!((header.target(), query.target()), (&*signed, &*signed));
                let text = String::from_utf8_lossy(&header.head.raw).to_lowercase();
                assert!(
                    !text.contains("content-sha256") && !text.contains("authorization"),
                    "{text}"
                );
            }
        }
    });
}
