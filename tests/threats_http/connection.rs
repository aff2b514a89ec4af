//! M1, M19: what a client says of its connection and of its patience.

use super::{Forward, Scene, Word, get, only_answer, signed};
use support::rec::{Answer, Rec};
use support::signer::Request;
use support::signer_v4::stamp_at;
use support::wire::Response;

/// The request as HTTP/1.0.
fn old(request: &Request) -> String {
    let bytes = String::from_utf8(request.bytes()).expect("ASCII");
    bytes.replacen("HTTP/1.1", "HTTP/1.0", 1)
}

fn with(fields: &[(&str, &str)]) -> Request {
    let add = |request: Request, field: &(&str, &str)| request.header(field.0, field.1);
    fields.iter().fold(get(), add)
}

/// What the JDK's `HttpClient`, `curl --http2`, front proxies and older clients say of their connection: the offer is
/// ignored, nothing of it goes on, and the connection is kept.
#[test]
fn m1_an_offer_of_another_protocol_is_ignored() {
    for forward in Forward::BOTH {
        let scene = Scene::new(forward);
        let mut connection = scene.gateway.connect();
        for fields in [
            &[
                ("Connection", "Upgrade, HTTP2-Settings"),
                ("Upgrade", "h2c"),
                (
                    "HTTP2-Settings",
                    "AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA",
                ),
            ][..],
            &[
                ("Connection", "HTTP2-Settings"),
                ("Connection", "upgrade"),
                ("Upgrade", "h2c"),
                ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
            ],
            &[("Connection", "Upgrade"), ("Upgrade", "websocket")],
            &[
                ("Connection", "keep-alive, Keep-Alive"),
                ("Keep-Alive", "timeout=5"),
            ],
            &[
                ("Connection", "Proxy-Connection"),
                ("Proxy-Connection", "keep-alive"),
            ],
            &[
                ("Connection", "TE, Trailer"),
                ("TE", "trailers"),
                ("Trailer", "x"),
            ],
            &[("Connection", "Trailers, Transfer-Encoding")],
            &[("Connection", "Cookie, X-Request-Id"), ("Cookie", "a=b")],
        ] {
            let case = format!("{forward:?} {fields:?}");
            let response = connection.exchange(&with(fields));
            assert_eq!(response.status, 200, "{case}: {}", response.text());
            assert_eq!(response.header("connection"), Some("keep-alive"), "{case}");
            let (_, requests) = scene.rec.take();
            assert_eq!(requests.len(), 1, "{case}");
            for (name, _) in fields {
                assert_eq!(requests[0].header(name), None, "{case}");
            }
        }
    }
}

/// Whoever obeys the name would take the field away.
#[test]
fn m1_what_is_signed_or_goes_on_is_not_named() {
    for forward in Forward::BOTH {
        let scene = Scene::new(forward);
        for option in [
            "Host",
            "Range",
            "user-agent",
            "Upgrade, HTTP2-Settings, x-amz-meta-a",
            "x-wos-acl",
            "Content-Length",
            "Expect",
            "x-forwarded-for",
            "x-countersign-request-id",
            "\"close\"",
            "close x",
            "\u{e9}",
            ":authority",
        ] {
            let request = get().header("Connection", option);
            scene.refuses_and_goes_on((option, &request), 400, "InvalidRequest");
        }
        let closing = get().header("Connection", "close, \u{e9}");
        scene.refuses_and_closes(("no token", closing.bytes()), 400, "InvalidRequest");
        // Version 4 signs what the client likes.
        let named = |option: &str| {
            let mut request = Request::new(Word::Aws, "GET", "/bucket01/key")
                .header("X-Signed", "x")
                .header("Connection", option)
                .prepared_v4(&stamp_at(0));
            let mut signing = request.signing_v4(&stamp_at(0));
            signing.headers = format!("{}x-signed:x\n", signing.headers);
            signing.signed_headers = format!("{};x-signed", signing.signed_headers);
            request = request.signed_v4_as(&signing);
            request
        };
        for option in ["x-signed", "Upgrade, X-SIGNED"] {
            scene.refuses_and_goes_on((option, &named(option)), 400, "InvalidRequest");
        }
        if forward == Forward::Trusted {
            assert_eq!(scene.gateway.exchange(&named("x-other")).status, 200);
        }
    }
}

/// On several lines the first must not hide the others: `close` wins, wherever it stands.
#[test]
fn m1_close_wins_wherever_it_stands() {
    let scene = Scene::new(Forward::Trusted);
    for values in [
        &["close"][..],
        &["keep-alive", "close"],
        &["close", "keep-alive"],
        &["keep-alive, Close"],
        &["Upgrade", "x, CLOSE ,y"],
        &["", "keep-alive", "te", "close"],
    ] {
        let fields: Vec<_> = values.iter().map(|value| ("Connection", *value)).collect();
        for bytes in [with(&fields).bytes(), old(&with(&fields)).into_bytes()] {
            let response = only_answer(&scene.gateway, bytes);
            assert_eq!(
                (response.status, response.header("connection")),
                (200, Some("close"))
            );
        }
    }
    // HTTP/1.0 asks for its connection to be kept.
    for values in [&["Keep-Alive"][..], &["upgrade", "keep-alive"]] {
        let fields: Vec<_> = values.iter().map(|value| ("Connection", *value)).collect();
        let mut connection = scene.gateway.connect();
        for _ in 0..2 {
            connection.send(old(&with(&fields)));
            let response: Response = connection.receive();
            assert_eq!(
                response.header("connection"),
                Some("keep-alive"),
                "{values:?}"
            );
        }
    }
}

fn upload(fields: &[(&str, &str)]) -> Request {
    let add = |request: Request, field: &(&str, &str)| request.header(field.0, field.1);
    let put = signed(Word::Aws, "PUT", "/bucket01/key").body("hello");
    fields.iter().fold(put, add)
}

/// RFC 9110, sections 10.1.1 and 15.2: HTTP/1.0 gets no interim answer, whatever it expects and whatever the node says.
#[test]
fn m19_http_1_0_gets_no_100() {
    let insistent = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
                     HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for forward in Forward::BOTH {
        for answer in [Answer::Ok, Answer::raw(insistent)] {
            let scene = Scene::in_front_of(forward, Rec::start(answer));
            for expectation in ["100-continue", "100-Continue", ""] {
                let request = old(&upload(&[("Expect", expectation)]));
                let response = only_answer(&scene.gateway, request);
                assert_eq!(response.status, 200, "{forward:?} {expectation:?}");
                let (_, requests) = scene.rec.take();
                assert_eq!(requests[0].body, b"hello", "{forward:?} {expectation:?}");
                if forward == Forward::Trusted {
                    assert_eq!(requests[0].header("expect"), None);
                }
            }
            // The gateway itself asks for the body of a form, and of what must be proven first.
            let unsigned = Request::new(Word::Aws, "PUT", "/bucket01/key").body("hello");
            let refused = only_answer(
                &scene.gateway,
                old(&unsigned.header("Expect", "100-continue")),
            );
            assert_eq!(refused.status, 403);
        }
    }
}

#[test]
fn m19_an_empty_expectation_is_none() {
    for forward in Forward::BOTH {
        let scene = Scene::new(forward);
        for value in ["", " ", ",", " , ,"] {
            // Nobody waits: the body comes with the header, and the connection is kept.
            let mut connection = scene.gateway.connect();
            for _ in 0..2 {
                let mut response = connection.exchange(&upload(&[("Expect", value)]));
                // In passthrough the node sees what came, and this one takes it for an expectation.
                if forward == Forward::Passthrough && response.status == 100 {
                    response = connection.receive();
                }
                assert_eq!(response.status, 200, "{forward:?} {value:?}");
            }
            let (_, requests) = scene.rec.take();
            if forward == Forward::Trusted {
                assert_eq!(requests[0].header("expect"), None, "{value:?}");
            }
        }
        for value in ["100-continue, 100-CONTINUE", "100-continue,"] {
            let mut connection = scene.gateway.connect();
            let request = upload(&[("Expect", value)]).bytes();
            connection.send(&request[..request.len() - 5]);
            assert_eq!(connection.receive().status, 100, "{value}");
            connection.send(b"hello");
            assert_eq!(connection.receive().status, 200, "{value}");
        }
        scene.rec.clear();
        for value in [
            "foo",
            "100-continue, foo",
            "100-continue; q=1",
            "100 continue",
            "200-ok",
        ] {
            for version in ["HTTP/1.1", "HTTP/1.0"] {
                let request =
                    String::from_utf8(upload(&[("Expect", value)]).bytes()).expect("ASCII");
                let request = request.replacen("HTTP/1.1", version, 1);
                let mut connection = scene.gateway.connect();
                connection.send(request);
                let response = connection.receive();
                super::assert_refused(value, &response, 417, "ExpectationFailed");
            }
        }
        scene.rec.assert_untouched();
    }
}
