//! J1 to J4, J7, J8: where one message ends and the next one begins.

use super::{Forward, Scene, get, only_answer, signed};
use support::rec::{Answer, Rec};
use support::signer::{DOMAIN, Request, Word, now};

/// A second request, which must never be taken for one. It is signed, so that nothing but its place keeps it back.
fn smuggled() -> Vec<u8> {
    signed(Word::Aws, "DELETE", "/bucket01/smuggled").bytes()
}

/// A signed PUT whose framing is what the case says.
fn put(framing: &str, body: &[u8]) -> Vec<u8> {
    let request = Request::new(Word::Aws, "PUT", "/bucket01/key")
        .date(&now())
        .signed();
    let head = String::from_utf8(request.bytes()).expect("ASCII");
    let head = head.strip_suffix("\r\n").expect("an empty line");
    [head.as_bytes(), framing.as_bytes(), b"\r\n", body].concat()
}

#[test]
fn j1_content_length_beside_transfer_encoding_is_refused() {
    let scene = Scene::new(Forward::Trusted);
    let smuggled = smuggled();
    let cl_te = [b"0\r\n\r\n".as_slice(), &smuggled].concat();
    let te_cl = [
        format!("{:x}\r\n", smuggled.len()).as_bytes(),
        &smuggled,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    for (length, body) in [(cl_te.len(), &cl_te), (4, &te_cl), (0, &cl_te)] {
        let (length, encoding) = (
            format!("Content-Length: {length}\r\n"),
            "Transfer-Encoding: chunked\r\n",
        );
        for framing in [format!("{length}{encoding}"), format!("{encoding}{length}")] {
            scene.refuses_and_closes((&framing, put(&framing, body)), 400, "InvalidRequest");
        }
    }
    scene.still_serves();
}

#[test]
fn j2_a_content_length_is_one_number() {
    let scene = Scene::new(Forward::Trusted);
    for value in [
        "+5",
        "-1",
        "5,5",
        "5, 5",
        "5, 6",
        "0x5",
        "5 5",
        "",
        "five",
        "5;",
        "18446744073709551616",
        "18446744073709551621",
        "9223372036854775808",
        "5.0",
        "\u{665}",
    ] {
        scene.refuses_and_closes(
            (
                value,
                put(&format!("Content-Length: {value}\r\n"), b"hello"),
            ),
            400,
            "InvalidRequest",
        );
    }
    for (first, second) in [(5, 5), (5, 6), (6, 5), (0, 5)] {
        let framing = format!("Content-Length: {first}\r\ncontent-length: {second}\r\n");
        scene.refuses_and_closes((&framing, put(&framing, b"hello")), 400, "InvalidRequest");
    }
    for framing in [
        "Content-Length: 5\r\n",
        "content-length:5\r\n",
        "CONTENT-LENGTH: \t5 \t\r\n",
        "Content-Length: 005\r\n",
    ] {
        let mut connection = scene.gateway.connect();
        connection.send(put(framing, b"hello"));
        assert_eq!(connection.receive().status, 200, "{framing}");
        let request = &scene.rec.await_requests(1)[0];
        assert_eq!(request.head.all("content-length").len(), 1, "{framing}");
        assert_eq!(
            (request.header("transfer-encoding"), request.body.as_slice()),
            (None, b"hello".as_slice())
        );
        assert_eq!(
            connection.exchange(&get()).status,
            200,
            "{framing}: the next request"
        );
        scene.rec.clear();
    }
}

#[test]
fn j3_no_other_transfer_encoding_than_chunked() {
    let scene = Scene::new(Forward::Trusted);
    let body = [b"0\r\n\r\n".as_slice(), &smuggled()].concat();
    for value in [
        "chunked, identity",
        "identity, chunked",
        "identity",
        "xchunked",
        "chunkedx",
        "chunked;x=1",
        "chunked,",
        ",chunked",
        "gzip",
        "gzip, chunked",
        "chunked, chunked",
        "\"chunked\"",
        "",
        "chu nked",
        "\u{a0}chunked",
    ] {
        scene.refuses_and_closes(
            (
                value,
                put(&format!("Transfer-Encoding: {value}\r\n"), &body),
            ),
            501,
            "NotImplemented",
        );
    }
    for framing in [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
    ] {
        scene.refuses_and_closes((framing, put(framing, &body)), 501, "NotImplemented");
    }
    for framing in [
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "Transfer\tEncoding: chunked\r\n",
    ] {
        scene.refuses_and_closes((framing, put(framing, &body)), 400, "InvalidRequest");
    }
    let old = String::from_utf8(put("Transfer-Encoding: chunked\r\n", &body)).expect("ASCII");
    scene.refuses_and_closes(
        ("HTTP/1.0", old.replacen("HTTP/1.1", "HTTP/1.0", 1)),
        501,
        "NotImplemented",
    );
}

/// Every odd byte at every seam of the field: the gateway and the node behind it never read two messages where one was sent.
#[test]
fn j3_odd_bytes_around_transfer_encoding_never_hide_a_second_request() {
    let scene = Scene::new(Forward::Trusted);
    let body = [b"0\r\n\r\n".as_slice(), &smuggled()].concat();
    let field = b"Transfer-Encoding: chunked";
    let seams = [0, 8, 17, 18, 19, 22, field.len()];
    let odd = (0..=32).chain([
        b'_', b'"', b'\'', b',', b';', b':', b'-', b'.', 0x7f, 0x80, 0x85, 0xa0, 0xff,
    ]);
    let mut tried = 0;
    for byte in odd {
        for seam in seams {
            let (before, after) = field.split_at(seam);
            let mut bytes = put("", b"");
            bytes.truncate(bytes.len() - 2);
            bytes.extend([before, &[byte], after, b"\r\n\r\n", &body].concat());
            let response = only_answer(&scene.gateway, bytes);
            let requests = scene.rec.requests();
            match response.status {
                200 => {
                    assert_eq!(requests.len(), 1, "{byte:#x} at {seam}");
                    assert_eq!(
                        (requests[0].target(), requests[0].body.len()),
                        ("/bucket01/key", 0),
                        "{byte:#x} at {seam}"
                    );
                    scene.rec.clear();
                }
                400 | 501 => scene.rec.assert_untouched(),
                other => panic!("{byte:#x} at {seam}: {other}"),
            }
            tried += 1;
        }
    }
    assert_eq!(tried, 46 * 7);
    scene.still_serves();
}

#[test]
fn j3_what_is_chunked_arrives_as_one_message() {
    for forward in Forward::BOTH {
        let scene = Scene::new(forward);
        for value in ["chunked", "Chunked", "CHUNKED", "\tchunked \t"] {
            let mut connection = scene.gateway.connect();
            connection.send(put(
                &format!("Transfer-Encoding: {value}\r\n"),
                b"5;a=b\r\nhello\r\n001\r\n!\r\n0\r\nX-Trailer: x\r\n\r\n",
            ));
            assert_eq!(connection.receive().status, 200, "{forward:?}, {value}");
            let requests = scene.rec.await_requests(1);
            assert_eq!(requests[0].body, b"hello!", "{forward:?}, {value}");
            assert_eq!(requests[0].header("content-length"), None);
            assert_eq!(
                requests[0].head.all("transfer-encoding").len(),
                1,
                "{forward:?}, {value}"
            );
            assert_eq!(
                connection.exchange(&get()).status,
                200,
                "{forward:?}, {value}: the next request"
            );
            scene.rec.clear();
        }
    }
}

#[test]
fn j4_http_1_0_is_framed_as_it_says_or_refused() {
    let chunked =
        Answer::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    let scene = Scene::in_front_of(Forward::Trusted, Rec::start(chunked));
    let old = |request: &Request| {
        String::from_utf8(request.bytes())
            .expect("ASCII")
            .replacen("HTTP/1.1", "HTTP/1.0", 1)
    };

    let response = only_answer(&scene.gateway, old(&get()));
    assert_eq!((response.status, response.text().as_str()), (200, "hello"));
    // RFC 9112, section 6.1: chunked is not for whoever speaks 1.0.
    assert_eq!(response.header("transfer-encoding"), None);
    assert_eq!(
        scene.rec.await_requests(1)[0].head.line,
        "GET /bucket01/key HTTP/1.1"
    );
    scene.rec.clear();

    // Without a length there is no body: what follows is not read until the end of the connection, nor taken for a request.
    for method in ["PUT", "POST"] {
        let target = if method == "PUT" {
            "/bucket01/key"
        } else {
            "/bucket01/key?uploads"
        };
        let request = signed(Word::Aws, method, target);
        let response = only_answer(
            &scene.gateway,
            [old(&request).as_bytes(), &smuggled()].concat(),
        );
        assert_eq!(response.status, 200);
        let requests = scene.rec.requests();
        assert_eq!(
            (requests.len(), requests[0].target(), requests[0].body.len()),
            (1, target, 0)
        );
        scene.rec.clear();
    }
    let sized = signed(Word::Aws, "PUT", "/bucket01/key").body("hello");
    assert_eq!(only_answer(&scene.gateway, old(&sized)).status, 200);
    assert_eq!(scene.rec.await_requests(1)[0].body, b"hello");
    scene.rec.clear();

    let hostless = old(&get()).replace(&format!("Host: {DOMAIN}\r\n"), "");
    let mut connection = scene.gateway.connect();
    connection.send(hostless);
    let response = connection.receive();
    super::assert_refused("no Host", &response, 400, "InvalidRequest");
    assert!(connection.closes());
    scene.rec.assert_untouched();
}

#[test]
fn j4_http_1_0_keeps_a_connection_only_where_it_asks_for_it() {
    let scene = Scene::new(Forward::Trusted);
    let kept = get().header("Connection", "keep-alive");
    let kept = String::from_utf8(kept.bytes())
        .expect("ASCII")
        .replacen("HTTP/1.1", "HTTP/1.0", 1);
    let mut connection = scene.gateway.connect();
    for _ in 0..2 {
        connection.send(&kept);
        let response = connection.receive();
        assert_eq!(
            (response.status, response.header("connection")),
            (200, Some("keep-alive"))
        );
    }
    assert_eq!(scene.rec.await_requests(2).len(), 2);
}

#[test]
fn j7_a_bare_line_feed_ends_no_line() {
    let scene = Scene::new(Forward::Trusted);
    let whole = String::from_utf8(get().bytes()).expect("ASCII");
    let ends: Vec<usize> = whole.match_indices("\r\n").map(|(at, _)| at).collect();
    for &end in &ends {
        let mut bare = whole.clone();
        bare.remove(end);
        scene.refuses_and_closes((&bare, &bare), 400, "InvalidRequest");
        // A carriage return alone.
        let mut bare = whole.clone();
        bare.insert(end, '\r');
        scene.refuses_and_closes((&bare, &bare), 400, "InvalidRequest");
    }
    scene.refuses_and_closes(
        ("every line", whole.replace("\r\n", "\n")),
        400,
        "InvalidRequest",
    );
    for empty in ["\r\n", "\n", "\r\n\r\n"] {
        scene.refuses_and_closes(
            (
                "an empty line before the request",
                format!("{empty}{whole}"),
            ),
            400,
            "InvalidRequest",
        );
    }
    assert_eq!(ends.len(), 5);
}

#[test]
fn j8_what_follows_a_request_in_one_segment_is_never_a_second_one() {
    let scene = Scene::new(Forward::Trusted);
    let unsigned = Request::new(Word::Aws, "DELETE", "/bucket01/key").bytes();
    let upload = signed(Word::Aws, "PUT", "/bucket01/key").body("hello");
    let chunked = put("Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n");
    for first in [get().bytes(), upload.bytes(), chunked] {
        for second in [
            unsigned.clone(),
            smuggled(),
            b"\r\n".to_vec(),
            b"x".to_vec(),
        ] {
            assert_eq!(
                only_answer(&scene.gateway, [first.clone(), second].concat()).status,
                200
            );
            assert_eq!(scene.rec.await_requests(1).len(), 1);
            scene.rec.clear();
        }
    }
    // Behind a refusal too.
    let response = only_answer(&scene.gateway, [unsigned, get().bytes()].concat());
    super::assert_refused("unsigned", &response, 403, "AccessDenied");
    scene.rec.assert_untouched();
}

/// What comes while the node has the request waits for its turn, and is checked like any other.
#[test]
fn j8_what_comes_ahead_of_its_time_is_a_request_of_its_own() {
    let scene = Scene::new(Forward::Trusted);
    let upload = signed(Word::Aws, "PUT", "/bucket01/key")
        .body("hello")
        .bytes();
    let (start, rest) = upload.split_at(upload.len() - 2);
    let unsigned = Request::new(Word::Aws, "DELETE", "/bucket01/key").bytes();
    for (second, status) in [(unsigned, 403), (smuggled(), 200)] {
        let mut connection = scene.gateway.connect();
        connection.send(start);
        scene.rec.await_heads(1);
        connection.send([rest, &second].concat());
        assert_eq!(connection.receive().status, 200);
        assert_eq!(connection.receive().status, status);
        assert_eq!(connection.exchange(&get()).status, 200);
        let requests = scene.rec.requests();
        assert_eq!(requests.len(), if status == 200 { 3 } else { 2 });
        assert_eq!(requests[0].body, b"hello");
        scene.rec.clear();
    }
}

/// The node never answers: what came meanwhile ends with the connection.
#[test]
fn j8_what_comes_ahead_of_its_time_never_reaches_the_node_with_the_first() {
    let scene = Scene::with(Forward::Trusted, Rec::start(Answer::Stall), |config| {
        config.line("cluster", "read_timeout = \"300ms\"")
    });
    let mut connection = scene.gateway.connect();
    connection.send(get().bytes());
    scene.rec.await_requests(1);
    connection.send(smuggled());
    let response = connection.receive();
    super::assert_refused("no answer", &response, 504, "GatewayTimeout");
    assert!(connection.closes());
    scene.rec.await_closed(1);
    assert_eq!(scene.rec.requests().len(), 1);
}
