//! A: what a signature does not cover changes nothing, or is removed, or is refused.

use crate::{appended, everywhere, styles};
use support::refusal::{Refused, mismatch};
use support::scene::{Forward, Scene, listener};
use support::signer::{ACCESS_KEY_ID, DOMAIN, Request, Word, now, unix_time};

#[test]
fn a7_forwarded_hosts_and_paths_change_nothing_that_is_verified() {
    let told = [
        ("X-Forwarded-Host", "bucket01.s3.example.com"),
        ("X-Forwarded-Port", "80"),
        ("X-Forwarded-Prefix", "/bucket01"),
        ("X-Forwarded-Server", "bucket01.s3.example.com"),
        ("X-Host", "bucket01.s3.example.com"),
        ("X-Original-Host", "bucket01.s3.example.com"),
        ("X-Original-URL", "/bucket01/k"),
        ("X-Rewrite-URL", "/bucket01/k"),
        ("proxy_path", "/bucket01/k"),
        ("Forwarded", "host=bucket01.s3.example.com"),
    ];
    everywhere("GET", "/k", |scene, request| {
        let signed = request.date(&now()).signed();
        let elsewhere = [
            (
                "the host",
                signed.clone().host(&format!("bucket02.{DOMAIN}")),
            ),
            (
                "the path",
                Request {
                    target: "/bucket02/other".into(),
                    ..signed.clone()
                },
            ),
            (
                "the key",
                Request {
                    target: format!("{}2", signed.target),
                    ..signed.clone()
                },
            ),
        ];
        for (_, sent) in elsewhere {
            let all = told
                .iter()
                .fold(sent.clone(), |sent, (name, value)| sent.header(name, value));
            let each = told
                .iter()
                .map(|(name, value)| sent.clone().header(name, value));
            for sent in each.chain([all]) {
                scene.refuses_with(&sent, mismatch(sent.word));
            }
        }
    });
}

/// Names that some store, proxy or gateway trusts.
const TRUSTED_SOMEWHERE: [&str; 36] = [
    "X-Countersign-Principal",
    "X-Countersign-Access-Key-Id",
    "X-Countersign-Request-Id",
    "X-Countersign-Anything",
    "X-SeaweedFS-Principal",
    "X-SeaweedFS-Session-Token",
    "X-Minio-Replication-Server-Side-Encryption-Sealed-Key",
    "X-Minio-Replication-Ssec-Crc",
    "X-Minio-Source-Mtime",
    "X-Minio-Internal-Replication",
    "X-Copy-From",
    "X-Copy-From-Account",
    "X-Symlink-Target",
    "X-Symlink-Target-Account",
    "X-Object-Manifest",
    "X-Static-Large-Object",
    "X-Auth-Token",
    "X-Service-Token",
    "X-Identity-Status",
    "X-Backend-Storage-Policy-Index",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "X-Client-IP",
    "True-Client-IP",
    "Forwarded",
    "Via",
    "X-Envoy-Internal",
    "X-Envoy-Original-Path",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Accel-Redirect",
    "X-Remote-User",
    "Remote-User",
    "Cookie",
];

#[test]
fn a8_trust_headers_of_a_client_do_not_reach_the_node() {
    everywhere("PUT", "/k", |scene, request| {
        let word = request.word;
        let meta = format!("{}meta-a", word.header_prefix());
        let mut request = request
            .date(&now())
            .header(&meta, "b")
            .body("body")
            .signed();
        for name in TRUSTED_SOMEWHERE {
            request = request.header(name, "smuggled");
            request = request.header(&name.replace('-', "_"), "smuggled");
        }
        let vendor = word.header_prefix().replace('-', "_");
        request = request
            .header(&format!("{vendor}acl"), "smuggled")
            .header(&format!("{vendor}copy_source"), "smuggled");
        let seen = scene.serves(&request);
        let raw = String::from_utf8_lossy(&seen.head.raw).into_owned();
        assert!(!raw.contains("smuggled"), "{raw}");
        assert_eq!(seen.body, b"body");
        assert_eq!(seen.head.all("x-forwarded-for"), ["127.0.0.1"]);

        let mut names: Vec<String> = seen
            .head
            .headers
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect();
        names.sort();
        let expected = match scene.forward {
            Forward::Trusted => {
                assert_eq!(seen.header("x-countersign-principal"), Some("alice"));
                assert_eq!(
                    seen.header("x-countersign-access-key-id"),
                    Some(ACCESS_KEY_ID)
                );
                vec![
                    "content-length",
                    "date",
                    "host",
                    "x-amz-meta-a",
                    "x-countersign-access-key-id",
                    "x-countersign-principal",
                    "x-countersign-request-id",
                    "x-forwarded-for",
                ]
            }
            Forward::Passthrough => {
                let mut names = vec!["authorization", "content-length", "date", "host"];
                names.extend([&*meta, "x-countersign-request-id", "x-forwarded-for"]);
                names.sort_unstable();
                names
            }
        };
        assert_eq!(names, expected, "{raw}");
    });
}

#[test]
fn a8_trust_headers_as_trailers_do_not_reach_the_node() {
    everywhere("PUT", "/k", |scene, request| {
        let trailers: String = TRUSTED_SOMEWHERE
            .iter()
            .chain(&["x-amz-acl", "Authorization", "Host", "Content-Length"])
            .map(|name| format!("{name}: smuggled\r\n"))
            .collect();
        let request = request
            .date(&now())
            .header("Transfer-Encoding", "chunked")
            .header("Trailer", "x-countersign-principal, x-amz-acl")
            .header("TE", "trailers")
            .body(format!("4\r\nbody\r\n0\r\n{trailers}\r\n"))
            .signed();
        let seen = scene.serves(&request);
        assert_eq!(seen.body, b"body");
        assert_eq!((seen.header("trailer"), seen.header("te")), (None, None));
        let everything = String::from_utf8_lossy(&scene.rec.bytes()).into_owned();
        assert!(!everything.contains("smuggled"), "{everything}");
    });
}

/// Two tenants' domains; the first key is bound to the first of them.
fn two_tenants(forward: Forward) -> Scene {
    let mut scene = Scene::configured(forward, |config| {
        let tenants = listener("").replace(
            &format!("domains = [\"{DOMAIN}\"]"),
            "domains = [\"a.example.com\", \"b.example.com\"]\ncustom_domains = [\"static.example.net\"]",
        );
        config
            .section("listener", &tenants)
            .line("credentials", "domains = [\"a.example.com\"]")
            .line(
                "credentials",
                "[[credentials.key]]\naccess_key_id = \"UNBOUND\"\nsecret_access_key = \"unbound\"",
            )
    });
    scene.next = scene.next.host("a.example.com");
    scene
}

#[test]
fn a9_a_bound_key_is_no_good_on_another_tenants_host() {
    let other = Refused(
        403,
        "AccessDenied",
        "The access key is not valid for the host that the request was sent to.",
    );
    for scene in Forward::BOTH.map(two_tenants) {
        for word in Word::BOTH {
            for signed in [
                Request::new(word, "GET", "/bucket01/k")
                    .date(&now())
                    .signed(),
                Request::new(word, "GET", "/bucket01/k").presigned(unix_time(600)),
            ] {
                for own in ["a.example.com", "A.Example.com:80"] {
                    scene.serves(&signed.clone().host(own));
                }
                for host in [
                    "b.example.com",
                    "b.example.com:8080",
                    "127.0.0.1",
                    "[::1]:80",
                    "localhost",
                    "xa.example.com",
                ] {
                    scene.refuses_with(&signed.clone().host(host), other);
                }
            }
            let mut virtual_host = Request::new(word, "GET", "/k");
            virtual_host.bucket = Some("bucket01".into());
            let signed = virtual_host.date(&now()).signed();
            scene.serves(&signed.clone().host("bucket01.a.example.com"));
            scene.refuses_with(&signed.host("bucket01.b.example.com"), other);
            let custom = Request::new(word, "GET", "/k").custom_domain("static.example.net");
            scene.refuses_with(&custom.date(&now()).signed(), other);

            // A key without a binding is good everywhere, as its owner has it.
            let unbound = Request::new(word, "GET", "/bucket01/k").keys("UNBOUND", "unbound");
            let signed = unbound.date(&now()).signed();
            for host in ["a.example.com", "b.example.com", "127.0.0.1"] {
                scene.serves(&signed.clone().host(host));
            }
        }
    }
}

#[test]
fn a9_a_request_without_a_host_is_refused() {
    let expected = Refused(
        400,
        "InvalidRequest",
        "The request has no Host header; send exactly one.",
    );
    everywhere("GET", "/k", |scene, request| {
        for mut request in [
            request.clone().date(&now()).signed(),
            request.presigned(unix_time(600)),
        ] {
            request.headers.remove(0);
            scene.refuses_with(&request, expected);
            let old = String::from_utf8(request.bytes())
                .expect("ASCII")
                .replace("HTTP/1.1\r\n", "HTTP/1.0\r\n");
            scene.refuses_with(old.as_bytes(), expected);
        }
    });
}

#[test]
fn a9_a_presigned_url_takes_no_further_parameters() {
    everywhere("GET", "/k", |scene, request| {
        let word = request.word;
        let presigned = request.presigned(unix_time(600));
        scene.serves(&presigned);
        for (further, name) in [
            ("x=1", "x"),
            ("legal-hold", "legal-hold"),
            ("%61ttributes", "attributes"),
            ("Expires2=1", "Expires2"),
        ] {
            let message = format!(
                "The query parameter '{name}' is not covered by signature version 2, so it is not accepted with it."
            );
            let expected = Refused(403, "AccessDenied", &message);
            scene.refuses_with(&appended(presigned.clone(), further), expected);
        }
        for further in ["acl", "versionId=x", "uploadId=x", "%61cl", "torrent="] {
            scene.refuses_with(&appended(presigned.clone(), further), mismatch(word));
        }
    });
}

#[test]
fn a10_response_headers_are_overridden_by_a_signature_alone() {
    let anonymous = Refused(
        400,
        "InvalidRequest",
        "Request specific response headers cannot be used for anonymous GET requests.",
    );
    everywhere("GET", "/k", |scene, request| {
        let word = request.word;
        let presigned = request.clone().presigned(unix_time(600));
        let signed = request.clone().date(&now()).signed();
        for further in [
            "response-content-type=text/html",
            "response-content-disposition=inline",
            "response-content-encoding=gzip",
            "response-content-language=de",
            "response-cache-control=public",
            "response-expires=0",
            "%72esponse-content-type=text/html",
        ] {
            for method in ["GET", "HEAD"] {
                let unsigned = Request {
                    method: method.into(),
                    ..request.clone()
                };
                scene.refuses_with(&appended(unsigned, further), anonymous);
            }
            scene.refuses_with(&appended(presigned.clone(), further), mismatch(word));
            scene.refuses_with(&appended(signed.clone(), further), mismatch(word));

            // Signed by its decoded name, forwarded as it was signed.
            let sent = appended(request.clone(), further).date(&now());
            let decoded = Request {
                target: sent.target.replace("%72", "r"),
                ..sent.clone()
            };
            let request = sent.clone().signed_as(&decoded.signing());
            match scene.forward {
                Forward::Trusted => {
                    let seen = scene.serves(&request);
                    assert_eq!(seen.target(), sent.target_as_signed());
                }
                Forward::Passthrough if sent.target.contains("%72") => {
                    let spelled = "The parameter '%72esponse-content-type' must be spelled 'response-content-type'.";
                    scene.refuses_with(&request, Refused(400, "InvalidArgument", spelled));
                }
                Forward::Passthrough => {
                    let seen = scene.serves(&request);
                    assert_eq!(seen.target(), sent.target);
                }
            }
        }
        scene.refuses_with(&request, Refused(403, "AccessDenied", "Access Denied"));
    });
    let [path, _] = styles(Word::Aws, "PUT", "/k?response-content-type=text/html");
    let scene = Scene::configured(Forward::Trusted, |config| config);
    scene.refuses_with(&path, Refused(403, "AccessDenied", "Access Denied"));
}
