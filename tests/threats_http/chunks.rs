//! L4: the framing of a body in chunks is read as strictly as a header.

use super::{Forward, Scene, assert_refused, get, signed};
use support::form::{Form, Version};
use support::signer::{Request, Word};

/// What others read otherwise, with what the refusal says.
const BROKEN: &[(&str, &str)] = &[
    ("5;\nxx\r\nhello\r\n0\r\n\r\n", "malformed extension"),
    ("\r\n\r\n", "hexadecimal"),
    ("5 \r\nhello\r\n0\r\n\r\n", "malformed extension"),
    ("5\nhello\n0\n\n", "malformed extension"),
    ("5;a=\"\r\nhello\r\n0\r\n\r\n", "malformed extension"),
    ("0x5\r\nhello\r\n0\r\n\r\n", "malformed extension"),
    ("ffffffffffffffff\r\nhello", "hexadecimal"),
    ("-1\r\nhello", "hexadecimal"),
    ("4\r\nhello\r\n0\r\n\r\n", "as long as its size"),
    ("5\r\nhello0\r\n\r\n", "as long as its size"),
    ("5\r\nhello\r\n0\r\nno colon\r\n\r\n", "trailer"),
    ("5\r\nhello\r\n0\r\nX: y\n\r\n", "trailer"),
    ("5\r\nhello\r\n0\r\n\n", "trailer"),
];

fn put() -> Request {
    signed(Word::Aws, "PUT", "/bucket01/key").header("Transfer-Encoding", "chunked")
}

#[test]
fn l4_lenient_chunks_are_refused_with_a_document() {
    for forward in Forward::BOTH {
        let scene = Scene::closing(forward);
        for (body, message) in BROKEN {
            let case = format!("{forward:?} {body:?}");
            let head = put().bytes();
            // At once, and cut where the node has the header already.
            for cut in [None, Some(0), Some(1), Some(body.len() - 1)] {
                let mut connection = scene.gateway.connect();
                match cut {
                    None => connection.send([&head[..], body.as_bytes()].concat()),
                    Some(cut) => {
                        connection.send([&head[..], &body.as_bytes()[..cut]].concat());
                        if cut == 0 {
                            scene.rec.await_heads(1);
                        }
                        connection.send(&body.as_bytes()[cut..]);
                    }
                }
                let response = connection.receive();
                assert_refused(&case, &response, 400, "InvalidRequest");
                let told = response.element("Message").unwrap_or_default();
                assert!(told.contains(message), "{case}: {told}");
                assert_eq!(response.header("connection"), Some("close"), "{case}");
                drop(connection);
                scene.rec.assert_nothing_complete(&case);
                scene.rec.clear();
            }
        }
        scene
            .gateway
            .await_log("outcome=refused code=InvalidRequest");
        scene.still_serves();
    }
}

/// What comes behind a broken chunk is read for a while, so that the client sees the answer.
#[test]
fn l4_the_document_arrives_in_the_middle_of_a_large_body() {
    let scene = Scene::closing(Forward::Trusted);
    let body = ["10000 \r\n", &"x".repeat(900_000)].concat();
    let mut connection = scene.gateway.connect();
    connection.send([put().bytes(), body.into_bytes()].concat());
    assert_refused("large", &connection.receive(), 400, "InvalidRequest");
    connection.finish_sending();
    assert!(connection.closes());
}

#[test]
fn l4_a_client_that_waits_for_100_is_told_too() {
    let scene = Scene::new(Forward::Trusted);
    let mut connection = scene.gateway.connect();
    connection.send(put().header("Expect", "100-continue").bytes());
    assert_eq!(connection.receive().status, 100);
    connection.send(b"5 \r\nhello");
    assert_refused("behind 100", &connection.receive(), 400, "InvalidRequest");
    connection.finish_sending();
    assert!(connection.closes());
}

/// Where the gateway reads the body before it asks a node.
#[test]
fn l4_forms_in_broken_chunks_are_refused() {
    let scene = Scene::new(Forward::Trusted);
    let form = Form::new(Word::Aws, Version::V2, "key").signed();
    let body = form.body();
    let request = form
        .request_of(Vec::new())
        .header("Transfer-Encoding", "chunked");
    let mut connection = scene.gateway.connect();
    let chunk = [format!("{:x} \r\n", body.len()).as_bytes(), &body].concat();
    connection.send([request.bytes(), chunk].concat());
    assert_refused("a form", &connection.receive(), 400, "InvalidRequest");
    scene.rec.assert_untouched();
}

/// The answer to a request that is refused is what it was; and what is right is taken, wherever it is cut.
#[test]
fn l4_right_chunks_arrive_wherever_they_are_cut() {
    let scene = Scene::new(Forward::Trusted);
    let body = b"5;a=\"b;c\"\r\nhello\r\n0a\r\n, world\r\n!\r\n0;last\r\nX-Trailer: x\r\n\r\n";
    let mut connection = scene.gateway.connect();
    for cut in 0..body.len() {
        connection.send([&put().bytes()[..], &body[..cut]].concat());
        connection.send(&body[cut..]);
        assert_eq!(connection.receive().status, 200, "{cut}");
        let (_, requests) = scene.rec.take();
        assert_eq!(requests[0].body, b"hello, world\r\n!", "{cut}");
    }
    assert_eq!(connection.exchange(&get()).status, 200);

    let unsigned = Request::new(Word::Aws, "PUT", "/bucket01/key");
    let mut connection = scene.gateway.connect();
    let head = unsigned.header("Transfer-Encoding", "chunked").bytes();
    connection.send([&head[..], b"5 \r\nhello\r\n0\r\n\r\n"].concat());
    assert_refused("unsigned", &connection.receive(), 403, "AccessDenied");
}
