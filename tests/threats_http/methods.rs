//! J5, J15, K9, K10: upgrades, methods, and values of ours that a client has a hand in.

use super::{Forward, Scene, assert_refused, get, only_answer, signed};
use support::rec::{Answer, Rec};
use support::signer::{DOMAIN, Request, SECRET_ACCESS_KEY, Word, now, unix_time};

#[test]
fn j5_no_upgrade_reaches_the_node() {
    for forward in Forward::BOTH {
        let scene = Scene::new(forward);
        for protocol in ["websocket", "h2c", "foo", "TLS/1.0, websocket"] {
            let request = get()
                .header("Connection", "Upgrade")
                .header("Upgrade", protocol)
                .header("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA")
                .header("Sec-WebSocket-Key", "x");
            let admin = Request::new(Word::Aws, "GET", "/admin").bytes();
            let response = only_answer(&scene.gateway, [request.bytes(), admin].concat());
            assert_eq!(response.status, 200, "{protocol}");
            let requests = scene.rec.requests();
            assert_eq!(requests.len(), 1, "{protocol}");
            assert_eq!(requests[0].target(), "/bucket01/key");
            for name in ["upgrade", "http2-settings", "sec-websocket-key"] {
                assert_eq!(requests[0].header(name), None, "{protocol}");
            }
            let connection = requests[0].header("connection").unwrap_or_default();
            assert!(
                !connection.to_ascii_lowercase().contains("upgrade"),
                "{connection}"
            );
            scene.rec.clear();
        }
    }
}

#[test]
fn j5_a_node_that_switches_protocols_has_failed() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let scene = Scene::in_front_of(Forward::Trusted, Rec::start(Answer::raw(switch)));
    let upgrade = get()
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket");
    for request in [upgrade, get(), signed(Word::Aws, "HEAD", "/bucket01/key")] {
        let mut connection = scene.gateway.connect();
        let response = connection.exchange(&request);
        assert_eq!(response.status, 502, "{request:?}");
        if request.method != "HEAD" {
            assert_refused("101", &response, 502, "BadGateway");
        }
        assert!(connection.closes());
    }
    assert_eq!(scene.rec.await_requests(3).len(), 3);
    scene.rec.await_closed(3);
}

/// What breaks a line stays encoded, or never gets past the check: one message to the node, one line in the log.
#[test]
fn j15_nothing_that_a_client_names_splits_a_message_or_a_line() {
    for format in ["text", "json"] {
        let log = format!("[log]\nformat = \"{format}\"");
        let scene = Scene::with(Forward::Trusted, Rec::start(Answer::Ok), |config| {
            config.section("log", &log)
        });
        let expires = unix_time(600);
        let mut sent = 0;
        for odd in ["\r\nx-evil: 1", "\n", "\r", "\0", " ", "\u{2028}"] {
            let id = format!("AK{odd}");
            let request = Request::new(Word::Aws, "GET", "/bucket01/key")
                .keys(&id, SECRET_ACCESS_KEY)
                .presigned(expires);
            scene.refuses_and_goes_on(("access key id", &request), 403, "InvalidAccessKeyId");
            let bucket = Request::new(
                Word::Aws,
                "GET",
                &format!("/bucket{}01/key", support::signer::encode(odd)),
            );
            let code = if odd == "\0" {
                "InvalidURI"
            } else {
                "InvalidBucketName"
            };
            scene.refuses_and_goes_on(("bucket", &bucket.date(&now()).signed()), 400, code);
            sent += 4;
        }
        // A header holds none of these; what is left of one is refused as a whole.
        for odd in ["\n", "\r", "\0"] {
            let name = Request::new(Word::Aws, "GET", "/bucket01/key")
                .keys(&format!("AK{odd}"), SECRET_ACCESS_KEY)
                .date(&now());
            scene.refuses_and_closes(
                ("Authorization", name.signed().bytes()),
                400,
                "InvalidRequest",
            );
            let host = get().host(&format!("bucket01{odd}.{DOMAIN}"));
            scene.refuses_and_closes(("Host", host.bytes()), 400, "InvalidRequest");
            let target = String::from_utf8(get().bytes()).expect("ASCII").replacen(
                "/key",
                &format!("/k{odd}y"),
                1,
            );
            let code = if odd == "\0" {
                "InvalidURI"
            } else {
                "InvalidRequest"
            };
            scene.refuses_and_closes(("target", target), 400, code);
            sent += 3;
        }
        scene.refuses_and_goes_on(
            ("key", &signed(Word::Aws, "PUT", "/bucket01/k%00")),
            400,
            "InvalidURI",
        );
        sent += 2;
        let key = "/bucket01/%0d%0ax-evil:%201%0A%20%E2%80%A8k%C3%A9y";
        assert_eq!(
            scene
                .gateway
                .exchange(&signed(Word::Aws, "PUT", key))
                .status,
            200
        );
        sent += 1;
        let requests = scene.rec.requests();
        assert_eq!((requests.len(), requests[0].target()), (1, key));
        assert_eq!(requests[0].header("x-evil"), None);
        let (status, log) = scene.gateway.stop();
        assert!(status.success());
        let lines: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("request_id"))
            .collect();
        assert_eq!(lines.len(), sent, "{log}");
        let start = if format == "json" {
            "{\"time\":\""
        } else {
            "time="
        };
        assert!(lines.iter().all(|line| line.starts_with(start)), "{log}");
    }
}

#[test]
fn k9_a_preflight_never_reaches_an_object() {
    let scene = Scene::new(Forward::Trusted);
    for target in ["/", "*", "/bucket01", "/bucket01/key", "/bucket01/key?acl"] {
        let preflight = Request::new(Word::Aws, "OPTIONS", target)
            .header("Origin", "https://example.com")
            .header("Access-Control-Request-Method", "DELETE");
        scene.refuses_and_goes_on((target, &preflight), 403, "AccessDenied");
        scene.refuses_and_goes_on(
            (target, &preflight.clone().date(&now()).signed()),
            403,
            "AccessDenied",
        );
        for name in [
            "X-HTTP-Method-Override",
            "X-HTTP-Method",
            "X-Method-Override",
        ] {
            let overridden = preflight.clone().header(name, "DELETE");
            scene.refuses_and_goes_on((name, &overridden), 501, "NotImplemented");
        }
    }
}

#[test]
fn k10_only_the_methods_of_s3_are_forwarded() {
    let scene = Scene::new(Forward::Trusted);
    for method in [
        "get", "Get", "PATCH", "TRACE", "PROPFIND", "MKCOL", "COPY", "LOCK", "PRI", "GETX", "G!T",
        "put", "X",
    ] {
        for target in ["/bucket01/key", "/bucket01", "/"] {
            let request = signed(Word::Aws, method, target);
            let mut connection = scene.gateway.connect();
            let response = connection.exchange(&request);
            assert_refused(method, &response, 405, "MethodNotAllowed");
            assert_eq!(
                response.header("allow"),
                Some("GET, HEAD, PUT, POST, DELETE"),
                "{method}"
            );
            scene.rec.assert_untouched();
            assert_eq!(
                connection.exchange(&get()).status,
                200,
                "{method}: the next request"
            );
            scene.rec.clear();
        }
    }
    for name in [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "x-http-method-override",
    ] {
        for method in ["GET", "HEAD", "PUT", "DELETE"] {
            let request = signed(Word::Aws, method, "/bucket01/key").header(name, "DELETE");
            scene.refuses_and_goes_on((name, &request), 501, "NotImplemented");
        }
    }
    // The signature is over the method on the wire.
    let signing = Request::new(Word::Aws, "GET", "/bucket01/key")
        .date(&now())
        .signing();
    for method in ["PUT", "DELETE", "HEAD"] {
        let request = Request::new(Word::Aws, method, "/bucket01/key")
            .header("Date", &signing.date)
            .signed_as(&signing);
        scene.refuses_and_goes_on((method, &request), 403, "SignatureDoesNotMatch");
    }
}

#[test]
fn k10_a_request_line_has_three_words() {
    let scene = Scene::new(Forward::Trusted);
    let whole = |line: &str| {
        String::from_utf8(get().bytes()).expect("ASCII").replacen(
            "GET /bucket01/key HTTP/1.1",
            line,
            1,
        )
    };
    for line in ["PUT  /bucket01/key HTTP/1.1", "PUT /bucket01/key  HTTP/1.1"] {
        scene.refuses_and_closes((line, whole(line)), 400, "InvalidURI");
    }
    for line in [
        "PUT\t/bucket01/key HTTP/1.1",
        " GET /bucket01/key HTTP/1.1",
        "GET /bucket01/key",
        "GET HTTP/1.1",
        "GET /bucket01/key HTTP/1.2",
        "GET /bucket01/key HTTP/0.9",
        "GET /bucket01/key HTTP/2.0",
        "GET /bucket01/key http/1.1",
        "GET /bucket01/key HTTP/1.1 ",
        "PRI * HTTP/2.0",
        "G\u{e9}T /bucket01/key HTTP/1.1",
        "GET: /bucket01/key HTTP/1.1",
        "GET /bucket01/key HTTP/01.1",
    ] {
        scene.refuses_and_closes((line, whole(line)), 400, "InvalidRequest");
    }
    for target in [
        format!("{DOMAIN}:443"),
        "/bucket01/key".into(),
        format!("http://{DOMAIN}/bucket01/key"),
    ] {
        let tunnel = signed(Word::Aws, "CONNECT", &target);
        scene.refuses_and_closes((&target, tunnel.bytes()), 501, "NotImplemented");
    }
}
