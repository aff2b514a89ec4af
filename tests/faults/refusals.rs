//! What becomes of a connection and of a body when the request is refused.

use super::in_front_of;
use super::{get, put};
use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec};
use support::refusal::assert_refused;
use support::signer::{Request, Word, now};

/// A PUT whose signature is over something else.
fn refused(body: Vec<u8>) -> Request {
    let request = Request::new(Word::Aws, "PUT", "/bucket01/key")
        .date(&now())
        .body(body);
    let mut signing = request.signing();
    signing.resource = "/bucket01/other".into();
    request.signed_as(&signing)
}

fn chunked(size: usize) -> Request {
    let request = refused(format!("{size:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(size)).into_bytes());
    request.header("Transfer-Encoding", "chunked")
}

/// The body is read to its end, so that the next request begins where it begins.
#[test]
fn a_small_body_leaves_the_connection_as_it_was() {
    let node = Rec::start(Answer::Ok);
    let gateway = in_front_of(&[node.address()], "");
    for size in [0, 1, 5, 4096, 10_000, 64 * 1024] {
        let body = get().bytes().repeat(1 + size / 100)[..size].to_vec();
        let bytes = refused(body).bytes();
        let mut connection = gateway.connect();
        for start in [bytes.len(), bytes.len() - size, bytes.len() - size / 2] {
            connection.send(&bytes[..start]);
            connection.send(&bytes[start..]);
            let response = connection.receive();
            assert_refused(&size.to_string(), &response, 403, "SignatureDoesNotMatch");
            assert_eq!(response.header("connection"), Some("keep-alive"));
            assert!(node.requests().is_empty());
            assert_eq!(
                connection.exchange(&put("hello")).status,
                200,
                "the next request after {size} bytes"
            );
            assert_eq!(node.await_requests(1)[0].body, b"hello");
            node.clear();
        }
    }
}

/// The client has sent everything before it reads: the answer is there, and no reset.
#[test]
fn a_large_body_gets_its_answer_and_the_connection_ends() {
    let node = Rec::start(Answer::Ok);
    let gateway = in_front_of(&[node.address()], "");
    for request in [
        refused(vec![b'x'; 64 * 1024 + 1]),
        refused(vec![b'x'; 900_000]),
        chunked(5),
        chunked(900_000),
    ] {
        let mut connection = gateway.connect();
        let response = connection.exchange(&request);
        assert_refused("a large body", &response, 403, "SignatureDoesNotMatch");
        assert_eq!(response.header("connection"), Some("close"));
        assert!(connection.closes());
    }
    node.assert_untouched();
}

/// More than the gateway reads of it: the answer is there before the body is.
#[test]
fn a_huge_body_gets_its_answer_at_once() {
    let node = Rec::start(Answer::Ok);
    let gateway = in_front_of(&[node.address()], "");
    let unsent = Request::new(Word::Aws, "PUT", "/bucket01/key")
        .date(&now())
        .signed();
    for framing in [
        ("Content-Length", "5368709120"),
        ("Transfer-Encoding", "chunked"),
    ] {
        let request = unsent
            .clone()
            .keys("AKNOBODY", "")
            .header(framing.0, framing.1);
        let request = Request {
            headers: request
                .headers
                .into_iter()
                .filter(|(name, _)| name != "Authorization")
                .collect(),
            ..unsent.clone()
        };
        let mut connection = gateway.connect();
        connection.send(request.bytes());
        connection.send("10000\r\n".to_owned() + &"x".repeat(0x10000));
        assert_refused(framing.0, &connection.receive(), 403, "AccessDenied");
    }
    node.assert_untouched();
}

/// A small body that does not come: the answer does.
#[test]
fn a_small_body_that_stalls_gets_its_answer() {
    let node = Rec::start(Answer::Ok);
    let gateway =
        Gateway::start(&Config::new(node.address()).line("listener", "body_timeout = \"300ms\""));
    let bytes = refused(b"hello".to_vec()).bytes();
    let mut connection = gateway.connect();
    connection.send(&bytes[..bytes.len() - 1]);
    let response = connection.receive();
    assert_refused("a stalled body", &response, 403, "SignatureDoesNotMatch");
    assert_eq!(response.header("connection"), Some("close"));
    assert!(connection.closes());
    node.assert_untouched();
}

/// HEAD has no body in its answer, also where the answer is a refusal.
#[test]
fn a_refused_head_leaves_the_connection_as_it_was() {
    let node = Rec::start(Answer::Ok);
    let gateway = in_front_of(&[node.address()], "");
    let head = Request::new(Word::Aws, "HEAD", "/bucket01/key");
    let mut connection = gateway.connect();
    for _ in 0..3 {
        let response = connection.exchange(&head);
        assert_eq!(
            (response.status, response.header("content-type")),
            (403, Some("application/xml"))
        );
    }
    assert_eq!(connection.exchange(&get()).status, 200);
    assert_eq!(node.requests().len(), 1);
}
