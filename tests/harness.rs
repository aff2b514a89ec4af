//! The tests' own tools: the signer gives the published values, the raw client and the recording node understand each other.

use std::io::ErrorKind;

use support::gateway::Config;
use support::rec::{Answer, Cue, Rec, nobody};
use support::signer::{self, Request, SECRET_ACCESS_KEY, Signing, Word};
use support::vectors::{self, Vector};
use support::wire::{Connection, Head};

/// The request of a vector without its signature, as a client would hand it to the signer.
fn unsigned(vector: &Vector) -> Request {
    let head = Head::read(&mut vector.request.as_slice())
        .expect("a request")
        .expect("a request");
    let word = if vector.key.dialect == "wos" {
        Word::Wos
    } else {
        Word::Aws
    };
    let mut line = head.line.split(' ').map(ToOwned::to_owned);
    let (method, target) = (
        line.next().expect("a method"),
        line.next().expect("a target"),
    );
    let mut request = Request::new(word, &method, &target);
    request.headers = head
        .headers
        .iter()
        .filter(|(name, _)| name != "Authorization")
        .cloned()
        .collect();
    let host = head
        .header("host")
        .expect("a Host")
        .split(':')
        .next()
        .expect("a host name")
        .to_owned();
    let virtual_host = vector
        .key
        .domains
        .iter()
        .find_map(|domain| host.strip_suffix(&format!(".{domain}")));
    request.bucket = virtual_host.map(ToOwned::to_owned).or(vector
        .key
        .custom_domains
        .contains(&host)
        .then_some(host));
    request
}

#[test]
fn the_signer_gives_the_published_strings_and_signatures() {
    let vectors = vectors::v2();
    assert_eq!(vectors.len(), 15);
    for vector in &vectors {
        let name = &vector.name;
        let computed = signer::signature(&vector.key.secret_access_key, &vector.string_to_sign);
        assert_eq!(
            computed == vector.signature,
            vector.key.reproduces,
            "{name}: {computed}"
        );
        let sent = String::from_utf8_lossy(&vector.request);
        let mut signing = unsigned(vector).signing();
        match vector.key.form.as_str() {
            "header" => assert!(
                sent.contains(&format!(":{}\r\n", vector.signature)),
                "{name}"
            ),
            "query" => {
                assert!(
                    sent.contains(&format!("Signature={}", signer::encode(&vector.signature))),
                    "{name}"
                );
                let (_, expires) = sent.split_once("Expires=").expect("the parameter");
                signing.date = expires
                    .split([' ', '&'])
                    .next()
                    .expect("a value")
                    .to_owned();
            }
            // A POST policy is signed as it is: there is nothing to canonicalise.
            form => {
                assert_eq!(form, "form", "{name}");
                continue;
            }
        }
        let same = signing.string_to_sign() == vector.string_to_sign;
        assert_eq!(same, vector.key.follows_the_rules, "{name}: {signing:?}");
    }
    assert_eq!(
        vectors
            .iter()
            .filter(|vector| vector.key.verifies())
            .count(),
        9
    );
}

#[test]
fn the_signer_canonicalises_each_dialect_in_its_own_words() {
    let aws = Request::new(
        Word::Aws,
        "PUT",
        "/b01/a%20b?uploadId=x%2By&acl&UPLOADS&partNumber=2&prefix=p",
    )
    .header("x-amz-meta-b", " two ")
    .header("X-Amz-Meta-A", "1")
    .header("x-amz-meta-b", "three")
    .header("x-wos-meta", "unsigned here")
    .date("Tue, 27 Mar 2007 19:36:42 GMT");
    let aws_text = "PUT\n\n\nTue, 27 Mar 2007 19:36:42 GMT\nx-amz-meta-a:1\nx-amz-meta-b:two,three\n\
                    /b01/a%20b?acl&partNumber=2&uploadId=x+y";
    assert_eq!(aws.signing().string_to_sign(), aws_text);
    let wos = Request::new(Word::Wos, "POST", "/key?UPLOADS")
        .virtual_host("b01")
        .date("a date that x-wos-date replaces")
        .header("x-wos-date", "Tue, 27 Mar 2007 19:36:42 GMT");
    let wos_text = "POST\n\n\n\nx-wos-date:Tue, 27 Mar 2007 19:36:42 GMT\n/b01/key?UPLOADS";
    assert_eq!(wos.signing().string_to_sign(), wos_text);
    assert_eq!(
        Request::new(Word::Aws, "GET", "/b01?prefix=x")
            .signing()
            .resource,
        "/b01/"
    );
    assert_eq!(Request::new(Word::Aws, "GET", "/").signing().resource, "/");
    assert_eq!(
        Request::new(Word::Aws, "GET", "/")
            .custom_domain("static.example.net")
            .signing()
            .resource,
        "/static.example.net/"
    );
}

#[test]
fn what_is_sent_can_differ_from_what_is_signed() {
    let request = Request::new(Word::Wos, "POST", "/b01/k").date("today");
    let signing = Signing {
        resource: "/b01/k?uploads".into(),
        ..request.signing()
    };
    let bytes = String::from_utf8(request.clone().signed_as(&signing).bytes()).expect("ASCII");
    let signature = signing.signature(SECRET_ACCESS_KEY);
    let line = format!("Authorization: WOS AKIAIOSFODNN7EXAMPLE:{signature}\r\n\r\n");
    assert_eq!(
        bytes,
        format!("POST /b01/k HTTP/1.1\r\nHost: s3.example.com\r\nDate: today\r\n{line}")
    );
    let presigned = request.presigned(1_141_889_120);
    assert!(
        presigned.target.starts_with(
            "/b01/k?WOSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1141889120&Signature="
        )
    );
}

#[test]
fn the_recording_node_records_and_keeps_the_connection() {
    let rec = Rec::scripted([
        Answer::Ok,
        Answer::raw(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: 1\r\n\r\n",
        ),
        Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        Answer::raw(
            "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n<Error><Code>AccessDenied</Code></Error>",
        ),
    ]);
    rec.assert_untouched();
    let mut connection = Connection::open(rec.address());
    let put = Request::new(Word::Aws, "PUT", "/b01/%6b?x=1")
        .header("X-Odd", " a  b ")
        .body("body");
    let first = connection.exchange(&put);
    assert_eq!((first.status, first.body.len()), (200, 0));
    assert_eq!(
        connection
            .exchange(&Request::new(Word::Aws, "GET", "/2"))
            .text(),
        "abcde"
    );
    assert_eq!(
        connection
            .exchange(&Request::new(Word::Aws, "HEAD", "/3"))
            .header("content-length"),
        Some("5")
    );
    let chunked = Request::new(Word::Aws, "PUT", "/4")
        .header("Transfer-Encoding", "chunked")
        .header("Expect", "100-continue")
        .body("2\r\nxy\r\n0\r\n\r\n");
    assert_eq!(connection.exchange(&chunked).status, 100);
    let refusal = connection.receive();
    assert_eq!(
        (refusal.status, refusal.element("Code").as_deref()),
        (403, Some("AccessDenied"))
    );
    assert!(connection.closes());

    let requests = rec.await_requests(4);
    assert_eq!(requests[0].head.line, "PUT /b01/%6b?x=1 HTTP/1.1");
    assert_eq!(
        (requests[0].target(), requests[0].body.as_slice()),
        ("/b01/%6b?x=1", b"body".as_slice())
    );
    assert_eq!(requests[0].header("x-odd"), Some("a  b"));
    assert_eq!(requests[3].body, b"xy");
    assert!(
        requests
            .iter()
            .all(|request| request.connection == requests[0].connection)
    );
    let sent: Vec<u8> = requests[..3]
        .iter()
        .flat_map(|r| [r.head.raw.clone(), r.body.clone()].concat())
        .collect();
    assert!(rec.bytes().starts_with(&sent));
    rec.await_closed(1);
    rec.clear();
    rec.assert_untouched();
}

#[test]
fn the_recording_node_dies_on_cue() {
    let part = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec();
    let early = b"HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\n\r\n".to_vec();
    let rec = Rec::scripted([
        Answer::Die(Cue::Accept),
        Answer::Die(Cue::Head),
        Answer::Die(Cue::Body(2)),
        Answer::Die(Cue::Response(part)),
        Answer::Early(early),
        Answer::Stall,
    ]);
    let put = Request::new(Word::Aws, "PUT", "/b01/k").body("body");
    for complete in [0, 0, 0, 1] {
        let mut connection = Connection::open(rec.address());
        connection.send(put.bytes());
        let error = connection
            .try_receive("PUT")
            .expect_err("a cut answer")
            .kind();
        assert!(
            matches!(error, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset),
            "{error}"
        );
        assert_eq!(rec.requests().len(), complete);
    }
    let mut connection = Connection::open(rec.address());
    let bytes = put.bytes();
    connection.send(&bytes[..bytes.len() - 4]);
    assert_eq!(connection.receive().status, 507);
    connection.send("body");
    rec.await_requests(2);

    let mut stalled = Connection::open(rec.address());
    stalled.send(put.bytes());
    rec.await_requests(3);
    drop(rec);
    assert!(stalled.closes());
    assert!(std::net::TcpStream::connect(nobody()).is_err());
}

#[test]
fn the_configuration_is_toml_whatever_is_replaced() {
    let config = Config::new("127.0.0.1:9000")
        .section(
            "signature",
            "[signature]\nversions = [\"v2\"]\ndiagnostics = true\n",
        )
        .section("admin", "")
        .line("credentials", "domains = [\"s3.example.com\"]");
    let table: toml::Table = config.text().parse().expect("TOML");
    assert_eq!(table["signature"]["diagnostics"].as_bool(), Some(true));
    assert_eq!(
        table["credentials"]["key"][0]["domains"][0].as_str(),
        Some("s3.example.com")
    );
    assert_eq!(
        table["cluster"][0]["nodes"][0].as_str(),
        Some("127.0.0.1:9000")
    );
    assert!(!table.contains_key("admin"));
}
