//! L2: where a signature holds over another spelling of the request than the one that was sent, the node gets the spelling
//! that holds. Where the nodes get what was sent, a spelling with two readings is refused.

use crate::scene::{BUCKET, Forward, Scene, raw_values, usual};
use crate::version_4::{Placed, both_versions};
use support::rec::Recorded;
use support::signer::{DOMAIN, Request, Word, now};

/// Signed for one target and sent with another, in version 2.
fn swapped(method: &str, signed: &str, sent: &str) -> Request {
    let signing = Request::new(Word::Aws, method, signed)
        .date(&now())
        .signing();
    let request = Request::new(Word::Aws, method, sent).date(&signing.date);
    request.signed_as(&signing)
}

/// The request passes where the gateway is trusted, and is refused where the nodes get it as it came.
fn only_trusted(scene: &Scene, request: &Request, target: &str, status: u16, code: &str) {
    match scene.forward {
        Forward::Trusted => {
            scene.passes_as(request, target);
        }
        Forward::Passthrough => {
            scene.refuses(request, status, code);
        }
    }
}

#[test]
fn l2_a_plus_in_a_path_goes_on_as_the_escape_that_was_signed() {
    for forward in Forward::BOTH {
        let scene = both_versions(forward);
        for placed in Placed::BOTH {
            let key = format!("/{BUCKET}/a+b");
            let request = placed.sign(Request::new(Word::Aws, "GET", &key));
            let signed = format!("/{BUCKET}/a%2Bb");
            only_trusted(&scene, &request, &signed, 400, "InvalidURI");
        }
    }
}

#[test]
fn l2_an_escaped_name_goes_on_as_the_name_that_was_signed() {
    for forward in Forward::BOTH {
        let scene = both_versions(forward);
        let (acl, escaped) = (format!("/{BUCKET}/k?acl"), format!("/{BUCKET}/k?%61cl"));
        for request in [
            swapped("GET", &acl, &escaped),
            Placed::Header.swap(Word::Aws, &acl, &escaped),
            Placed::Header.sign(Request::new(Word::Aws, "GET", &escaped)),
        ] {
            only_trusted(&scene, &request, &acl, 400, "InvalidArgument");
        }
    }
}

#[test]
fn l2_what_a_value_decodes_to_is_never_syntax() {
    let scene = usual(Forward::Trusted);
    for (sent, seen) in [
        ("versionId=a%26b%23c%3Dd%25e", "versionId=a%26b%23c%3Dd%25e"),
        ("versionId=%41%2f~%7E", "versionId=A%2F~~"),
        ("versionId=a+b", "versionId=a%20b"),
        ("uploadId=", "uploadId"),
    ] {
        let request = Request::new(Word::Aws, "GET", &format!("/{BUCKET}/k?{sent}"));
        let request = request.date(&now()).signed();
        let target = format!("/{BUCKET}/k?{seen}");
        scene.passes_as(&request, &target);
    }
}

#[test]
fn l2_a_bucket_in_the_host_goes_on_in_lower_case() {
    for forward in Forward::BOTH {
        let scene = both_versions(forward);
        let host = format!("{}.{DOMAIN}", BUCKET.to_ascii_uppercase());
        let request = || {
            Request::new(Word::Aws, "GET", "/k")
                .virtual_host(BUCKET)
                .host(&host)
        };
        for request in [
            request().date(&now()).signed(),
            Placed::Header.sign(request()),
        ] {
            match forward {
                Forward::Trusted => {
                    let recorded = scene.passes_as(&request, "/k");
                    assert_eq!(recorded.header("host"), Some(&*host.to_ascii_lowercase()));
                }
                Forward::Passthrough => {
                    scene.refuses(&request, 400, "InvalidRequest");
                }
            }
        }
    }
}

/// A PUT that is signed with one value of a header and sent with another.
fn with_value(name: &str, signed: &str, sent: &str) -> Vec<u8> {
    let put = |value: &str| {
        let request = Request::new(Word::Aws, "PUT", &format!("/{BUCKET}/k"));
        request.header(name, value)
    };
    let authorization = Placed::Header.sign(put(signed));
    let mut request = authorization.clone();
    for (own, value) in &mut request.headers {
        if own == name {
            *value = sent.to_owned();
        }
    }
    request.bytes()
}

#[test]
fn l2_a_run_of_blanks_that_the_signature_does_not_see_is_refused() {
    for forward in Forward::BOTH {
        let scene = both_versions(forward);
        for name in [
            "x-amz-copy-source",
            "x-amz-tagging",
            "x-amz-website-redirect-location",
            "x-amz-grant-read",
            "x-amz-storage-class",
        ] {
            for sent in ["/b/a  b", "/b/a\tb", "/b/a \t b"] {
                let bytes = with_value(name, "/b/a b", sent);
                let answer = scene.refuses(&bytes, 400, "InvalidArgument");
                assert!(answer.text().contains(name), "{}", answer.text());
            }
        }
        // What no node acts upon stays as it came.
        for name in ["x-amz-meta-a", "user-agent"] {
            let bytes = with_value(name, "a b", "a  b\tc").to_vec();
            let signed = with_value(name, "a b c", "a  b\tc");
            let target = format!("/{BUCKET}/k");
            let recorded = scene.passes_as(&signed, &target);
            assert_eq!(raw_values(&recorded.head, name), [b"a  b\tc"], "{name}");
            if name == "x-amz-meta-a" {
                scene.refuses(&bytes, 403, "SignatureDoesNotMatch");
            }
        }
    }
}

fn joined(recorded: &Recorded, name: &str) -> Vec<Vec<u8>> {
    raw_values(&recorded.head, name)
}

/// M10: what the API reference says to be a list may stand on several lines, as metadata may, and goes on as one.
#[test]
fn l2_m10_several_lines_of_one_list_go_on_joined() {
    let scene = both_versions(Forward::Trusted);
    let (one, other) = ("id=\"1\"", "id=\"2\"");
    for name in [
        "x-amz-meta-a",
        "x-amz-grant-read",
        "x-amz-object-attributes",
    ] {
        let request = || {
            let request = Request::new(Word::Aws, "PUT", &format!("/{BUCKET}/k"));
            request.header(name, one).header(name, other)
        };
        for signed in [
            request().date(&now()).signed(),
            Placed::Header.sign(request()),
        ] {
            let target = format!("/{BUCKET}/k");
            let recorded = scene.passes_as(&signed, &target);
            let expected = format!("{one},{other}").into_bytes();
            assert_eq!(joined(&recorded, name), [expected], "{name}");
        }
    }
    for name in ["x-amz-acl", "x-amz-copy-source", "x-amz-tagging"] {
        let request = Request::new(Word::Aws, "PUT", &format!("/{BUCKET}/k"));
        let request = request.header(name, "a").header(name, "a");
        for signed in [
            request.clone().date(&now()).signed(),
            Placed::Header.sign(request),
        ] {
            scene.refuses(&signed, 400, "InvalidArgument");
        }
    }
}

/// M4: aws4fetch signs `%20` and sends `+`; S3 takes both. `%2B` is never meant by a `+`.
#[test]
fn m4_a_plus_in_a_query_is_the_blank_that_was_signed() {
    for forward in Forward::BOTH {
        let scene = both_versions(forward);
        for placed in Placed::BOTH {
            let target = |prefix: &str| format!("/{BUCKET}?list-type=2&prefix={prefix}");
            let request = placed.swap(Word::Aws, &target("a%20b%2Bc"), &target("a+b%2bc"));
            let seen = match forward {
                Forward::Trusted => target("a%20b%2Bc"),
                Forward::Passthrough => request.target.clone(),
            };
            scene.passes_as(&request, &seen);
            let request = placed.swap(Word::Aws, &target("a%2Bb"), &target("a+b"));
            scene.refuses(&request, 403, "SignatureDoesNotMatch");
        }
    }
}

/// M6: the Java SDK signs `amz-sdk-retry`, and others sign `Cookie`. Nodes that verify the signature get what it covers.
#[test]
fn m6_every_signed_field_reaches_nodes_that_verify() {
    let scene = both_versions(Forward::Passthrough);
    let signed = |name: &str| {
        let request =
            Request::new(Word::Aws, "GET", &format!("/{BUCKET}/k")).header(name, "0/0/500");
        Placed::Header.sign_as(request.clone(), |own| {
            own.headers = format!("{name}:0/0/500\n{}", own.headers);
            own.signed_headers = format!("{name};{}", own.signed_headers);
            let mut lines: Vec<&str> = own.headers.lines().collect();
            lines.sort_unstable();
            own.headers = lines.join("\n") + "\n";
            let mut names: Vec<&str> = own.signed_headers.split(';').collect();
            names.sort_unstable();
            own.signed_headers = names.join(";");
        })
    };
    for name in ["amz-sdk-retry", "cookie", "priority", "x-requested-with"] {
        let request = signed(name);
        let recorded = scene.passes_as(&request, &request.target);
        assert_eq!(recorded.header(name), Some("0/0/500"), "{name}");
        // Nobody vouches for the same field unsigned.
        let unsigned = Request::new(Word::Aws, "GET", &format!("/{BUCKET}/k"));
        let unsigned = Placed::Header.sign(unsigned).header(name, "1");
        let recorded = scene.passes_as(&unsigned, &unsigned.target);
        assert_eq!(recorded.header(name), None, "{name}");
    }
    for name in [
        "te",
        "keep-alive",
        "x-forwarded-host",
        "forwarded",
        "x-countersign-principal",
        "x-original-url",
        "x-minio-source-mtime",
    ] {
        let request = signed(name);
        let answer = scene.refuses(&request, 403, "AccessDenied");
        assert!(answer.text().contains(name), "{}", answer.text());
    }
}
