//! Every kind of client, through every kind of signature, to every kind of addressing.

use crate::scene::{Addressing, BUCKET, NODE_DOMAIN, Resigning, SignWith, both_versions};
use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec};
use support::signer::{DOMAIN, Request, Word, now, unix_time};
use support::signer_v4::target_as_signed_v4;

/// A request of each shape: to the service, a bucket, a key; with a body, a sub-resource, a listing's parameters, a source.
fn requests(word: Word, in_host: bool) -> Vec<Request> {
    let request = |method, rest: &str| {
        if in_host {
            Request::new(word, method, &format!("/{rest}")).virtual_host(BUCKET)
        } else {
            Request::new(word, method, &format!("/{BUCKET}/{rest}"))
        }
    };
    let prefix = word.header_prefix();
    let mut requests = vec![
        request("GET", "a/k%20%C3%A9"),
        request("HEAD", "k"),
        request("DELETE", "k?versionId=a%2Bb/c"),
        request("GET", "?list-type=2&prefix=a%2Fb%20c&delimiter=%2F"),
        request("GET", "?acl"),
        request("POST", "k?uploads="),
        request("PUT", "k")
            .header("Content-Type", "text/plain")
            .header(&format!("{prefix}meta-m"), "two  blanks")
            .header(&format!("{prefix}storage-class"), "STANDARD")
            .body("body"),
        request("PUT", "k?partNumber=2&uploadId=u%2F1").body(vec![7; 70_000]),
        request("PUT", "copy").header(
            &format!("{prefix}copy-source"),
            "/bucket02/a%20k?versionId=3",
        ),
        request("PUT", "empty").body(""),
    ];
    if !in_host {
        requests.push(Request::new(word, "GET", "/"));
        requests.push(Request::new(word, "GET", &format!("/{BUCKET}?location")));
    }
    requests
}

#[test]
fn every_client_reaches_every_node() {
    let mut count = 0;
    for sign_with in SignWith::ALL {
        for addressing in Addressing::ALL {
            let mut scene = Resigning::new(sign_with, addressing);
            if addressing == Addressing::AsReceived {
                // The client's own Host goes on.
                scene.node.domain = DOMAIN.into();
            }
            for word in Word::BOTH {
                for in_host in [false, true] {
                    for request in requests(word, in_host) {
                        let signed = [
                            request.clone().date(&now()).signed(),
                            request.clone().presigned(unix_time(600)),
                            request.clone().unsigned_payload().signed_v4(),
                            request.clone().signed_v4(),
                            request.clone().presigned_v4(600),
                        ];
                        for signed in signed {
                            check(&scene, sign_with, addressing, in_host, &signed, &request);
                            count += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(count, 4 * 3 * 2 * (10 + 12) * 5);
}

/// The node reads what the client meant, where the addressing says.
fn check(
    scene: &Resigning,
    sign_with: SignWith,
    addressing: Addressing,
    in_host: bool,
    signed: &Request,
    meant: &Request,
) {
    let (recorded, read) = scene.passes(signed);
    let what = format!(
        "{sign_with:?} {addressing:?} {} {}",
        meant.method, meant.target
    );
    assert_eq!(read.version, sign_with.version, "{what}");
    let (path, query) = meant.target.split_once('?').unwrap_or((&meant.target, ""));
    let (bucket, key) = if in_host {
        (BUCKET, &path[1..])
    } else {
        path[1..].split_once('/').unwrap_or((&path[1..], ""))
    };
    let meant_key = support::verifier::decoded(key);
    assert_eq!(
        (read.bucket.as_str(), read.key),
        (bucket, meant_key),
        "{what}"
    );
    let meant_names: Vec<&str> = query
        .split('&')
        .map(|pair| pair.split('=').next().unwrap_or(pair))
        .filter(|name| !name.is_empty())
        .collect();
    let names: Vec<&String> = read.parameters.keys().collect();
    assert_eq!(names.len(), meant_names.len(), "{what}: {names:?}");
    for name in meant_names {
        assert!(read.parameters.contains_key(name), "{what}: {name}");
    }
    let node_in_host = match addressing {
        Addressing::AsReceived => in_host,
        Addressing::Path => false,
        Addressing::VirtualHost => !bucket.is_empty(),
    };
    let domain = match addressing {
        Addressing::AsReceived => DOMAIN.to_owned(),
        _ => format!("{NODE_DOMAIN}:9000"),
    };
    let host = if node_in_host {
        format!("{BUCKET}.{domain}")
    } else {
        domain
    };
    assert_eq!(recorded.header("host"), Some(host.as_str()), "{what}");
    assert_eq!(
        read.content,
        meant.body.clone().unwrap_or_default(),
        "{what}"
    );
    let (from, to) = (meant.word.header_prefix(), sign_with.word.header_prefix());
    for (name, value) in &meant.headers[1..] {
        let name = name.replace(from, to);
        assert_eq!(
            recorded.header(&name),
            Some(value.as_str()),
            "{what}: {name}"
        );
        assert!(
            read.signed_headers.contains(&name.to_lowercase()),
            "{what}: {name}"
        );
    }
}

#[test]
fn a_bucket_that_no_host_name_can_hold_stays_in_the_path() {
    let scene = Resigning::new(SignWith::AWS_V4, Addressing::VirtualHost);
    for bucket in [
        "Upper-Case",
        "under_score",
        "a.-b",
        "10.0.0.1",
        &"l".repeat(64),
    ] {
        let request = Request::new(Word::Aws, "GET", &format!("/{bucket}/k"));
        let (recorded, read) = scene.passes(&request.date(&now()).signed());
        assert_eq!(recorded.target(), format!("/{bucket}/k"));
        assert_eq!(recorded.header("host"), Some("s3.internal:9000"));
        assert_eq!(read.bucket, bucket);
    }
    for bucket in ["a.b", "abc", &"l".repeat(63)] {
        let request = Request::new(Word::Aws, "GET", &format!("/{bucket}"));
        let (recorded, read) = scene.passes(&request.date(&now()).signed());
        assert_eq!(recorded.target(), "/");
        assert_eq!(
            recorded.header("host"),
            Some(&*format!("{bucket}.s3.internal:9000"))
        );
        assert_eq!(read.bucket, bucket);
    }
}

#[test]
fn a_host_of_the_cluster_keeps_the_style_that_was_received() {
    let lines = format!("host = \"{NODE_DOMAIN}\"");
    let scene = Resigning::with(SignWith::AWS_V4, &lines);
    let in_path = Request::new(Word::Aws, "GET", "/bucket01/k");
    let (recorded, _) = scene.passes(&in_path.date(&now()).signed());
    assert_eq!(recorded.header("host"), Some(NODE_DOMAIN));
    assert_eq!(recorded.target(), "/bucket01/k");
    let in_host = Request::new(Word::Aws, "GET", "/k").virtual_host(BUCKET);
    let (recorded, read) = scene.passes(&in_host.date(&now()).signed());
    assert_eq!(recorded.header("host"), Some("bucket01.s3.internal"));
    assert_eq!((recorded.target(), read.bucket.as_str()), ("/k", BUCKET));
}

#[test]
fn each_client_is_signed_with_its_own_key_at_the_nodes() {
    let lines = "node_keys = [{ client = \"bob-1\", access_key_id = \"BOBATTHENODES\", secret_access_key = \"bobs\" }]";
    let rec = Rec::start(Answer::Ok);
    let credentials = |config: Config| {
        config.line(
            "credentials",
            "[[credentials.key]]\naccess_key_id = \"bob-1\"\nsecret_access_key = \"bobs secret\"",
        )
    };
    for sign_with in SignWith::ALL {
        let cluster = sign_with.cluster(rec.address(), lines);
        let config = Config::new(rec.address()).section("cluster", &cluster);
        let gateway = Gateway::start(&credentials(config));
        let request = || Request::new(Word::Aws, "GET", "/bucket01/k").date(&now());
        let common = sign_with.node();
        let mut bobs = sign_with.node();
        bobs.access_key_id = "BOBATTHENODES".into();
        bobs.secret_access_key = "bobs".into();
        for (request, node) in [
            (request().signed(), &common),
            (request().keys("bob-1", "bobs secret").signed(), &bobs),
            (request().signed(), &common),
        ] {
            assert_eq!(gateway.exchange(&request).status, 200);
            node.reads(&rec.requests()[0]);
            rec.clear();
        }
    }
}

/// H4: the bucket that the Host names is read in one way.
#[test]
fn h4_a_host_that_names_a_bucket_is_read_in_one_way() {
    for sign_with in SignWith::ALL {
        let mut scene = Resigning::new(sign_with, Addressing::AsReceived);
        scene.node.domain = DOMAIN.into();
        for host in ["BUCKET01.s3.example.com", "Bucket01.S3.Example.COM:8080"] {
            let mut request = Request::new(Word::Aws, "GET", "/k").virtual_host(BUCKET);
            request = request.host(host).date(&now()).signed();
            let (recorded, read) = scene.passes(&request);
            assert_eq!(recorded.header("host"), Some(&*host.to_lowercase()));
            assert_eq!(read.bucket, BUCKET);
        }
        // A Host that names none is whatever the client says, byte for byte.
        for host in ["S3.Example.COM:80", "192.0.2.1", "[::1]:9000"] {
            let request = Request::new(Word::Aws, "GET", "/bucket01/k").host(host);
            let (recorded, _) = scene.passes(&request.date(&now()).signed());
            assert_eq!(recorded.header("host"), Some(host));
        }
        // A name that is nobody's here may be a bucket's to a node, and version 2 does not sign it.
        for host in [
            "victim-bucket",
            "Elsewhere.test",
            "bucket02.s3.internal:9000",
        ] {
            let request = Request::new(Word::Aws, "GET", "/bucket01/k").host(host);
            let (recorded, read) = scene.passes(&request.date(&now()).signed());
            assert_eq!(recorded.header("host"), Some(scene.rec.address()));
            assert_eq!(read.bucket, BUCKET);
        }
    }
}

/// In trusted mode the bucket's name moves, too, and every byte of the key goes on as it was signed: version 2 signs it as it
/// was sent, and the tests' signer of version 4 encodes it anew.
#[test]
fn a_trusted_node_gets_the_key_as_it_was_sent() {
    let key = "a%2f+%7e*//%C3%a9/";
    for (addressing, host, target) in [
        (
            Addressing::Path,
            "s3.internal:9000",
            format!("/{BUCKET}/{key}"),
        ),
        (
            Addressing::VirtualHost,
            "bucket01.s3.internal:9000",
            format!("/{key}"),
        ),
    ] {
        let rec = Rec::start(Answer::Ok);
        let config = both_versions(Config::new(rec.address())).line("cluster", &addressing.lines());
        let gateway = Gateway::start(&config);
        let in_path = Request::new(Word::Aws, "GET", &format!("/{BUCKET}/{key}?acl="));
        let in_host = Request::new(Word::Aws, "GET", &format!("/{key}?acl=")).virtual_host(BUCKET);
        for request in [in_path, in_host] {
            let version_2 = format!("{target}?acl");
            let version_4 = target_as_signed_v4(&format!("{target}?acl="));
            for (signed, target) in [
                (request.clone().date(&now()).signed(), &version_2),
                (request.clone().presigned(unix_time(600)), &version_2),
                (request.signed_v4(), &version_4),
            ] {
                let response = gateway.exchange(&signed);
                assert_eq!(response.status, 200, "{}", response.text());
                let recorded = rec.requests().remove(0);
                assert_eq!(recorded.target(), target);
                assert_eq!(recorded.header("host"), Some(host));
                assert_eq!(recorded.header("x-countersign-principal"), Some("alice"));
                assert_eq!(recorded.header("authorization"), None);
                rec.clear();
            }
        }
    }
}
