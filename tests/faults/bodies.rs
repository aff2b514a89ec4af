//! What happens while a body is on its way: early answers, clients that go away, `Expect: 100-continue`.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::{assert_no_failure, get, in_front_of, put, signed};
use support::gateway::{Config, Gateway};
use support::rec::{Answer, Cue, Rec};
use support::refusal::assert_refused;
use support::signer::{Request, Word, now};

const EARLY: &str = "HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 5\r\n\r\nearly";

/// The node answers when it has seen the head: the client gets that answer while it still has a body to send.
#[test]
fn an_early_answer_reaches_the_client_in_the_middle_of_its_upload() {
    for status in [507, 403, 200] {
        let answer = EARLY.replacen("507", &status.to_string(), 1).into_bytes();
        let node = Rec::scripted([Answer::Early(answer), Answer::Ok]);
        let gateway = in_front_of(&[node.address()], "");
        let bytes = put(vec![b'x'; 200_000]).bytes();
        let mut connection = gateway.connect();
        connection.send(&bytes[..bytes.len() / 2]);
        let response = connection.receive();
        assert_eq!(
            (response.status, response.text().as_str()),
            (status, "early")
        );
        // Whoever stops here has said all that there is to say.
        drop(connection);
        node.await_closed(1);
        assert_eq!(node.requests().len(), 0);
        assert_eq!(gateway.exchange(&get()).status, 200);
        assert_eq!(
            node.requests()[0].connection,
            1,
            "the connection with half a body is not used again"
        );
    }
}

/// The rest of the body goes where the beginning went, and the connections are whole again.
#[test]
fn an_upload_goes_on_behind_an_early_answer() {
    let node = Rec::scripted([Answer::Early(EARLY.into()), Answer::Ok]);
    let gateway = in_front_of(&[node.address()], "");
    let bytes = put(vec![b'x'; 200_000]).bytes();
    let (start, rest) = bytes.split_at(bytes.len() / 2);
    let mut connection = gateway.connect();
    connection.send(start);
    assert_eq!(connection.receive().status, 507);
    connection.send(rest);
    assert_eq!(node.await_requests(1)[0].body.len(), 200_000);
    assert_eq!(gateway.exchange(&get()).status, 200);
    assert_eq!(node.requests().len(), 2);
}

#[test]
fn a_client_that_goes_away_in_the_middle_of_its_upload_leaves_nothing() {
    let node = Rec::start(Answer::Ok);
    let gateway = in_front_of(&[node.address()], "");
    let chunked = signed("PUT", "/bucket01/key")
        .header("Transfer-Encoding", "chunked")
        .body(format!("186a0\r\n{}", "x".repeat(100_000)));
    for (count, upload) in [put(vec![b'x'; 200_000]), chunked].iter().enumerate() {
        let mut bytes = upload.bytes();
        bytes.truncate(bytes.len() - 10);
        let mut connection = gateway.connect();
        connection.send(bytes);
        node.await_heads(count + 1);
        drop(connection);
        node.await_closed(count + 1);
        assert_eq!(node.requests().len(), 0);
        gateway.await_metric(&format!(
            "operation=\"PutObject\",outcome=\"aborted\",version=\"v2\"}} {}",
            count + 1
        ));
    }
    let line = gateway.await_log("outcome=aborted");
    assert!(
        line.contains("received=") && !line.contains("code="),
        "{line}"
    );
    assert_eq!(gateway.exchange(&get()).status, 200);
}

/// A client that is gone while the node works: the node's connection ends too.
#[test]
fn a_client_that_goes_away_before_its_answer_frees_the_node() {
    let node = Rec::scripted([Answer::Stall, Answer::Ok]);
    let gateway = in_front_of(&[node.address()], "");
    let mut connection = gateway.connect();
    connection.send(get().bytes());
    node.await_requests(1);
    drop(connection);
    node.await_closed(1);
    gateway.await_log("outcome=aborted");
    gateway.await_metric("countersign_requests_in_flight 0");
    assert_eq!(gateway.exchange(&get()).status, 200);
}

fn expecting(body: &[u8]) -> Request {
    signed("PUT", "/bucket01/key")
        .header("Content-Length", &body.len().to_string())
        .header("Expect", "100-continue")
}

#[test]
fn a_good_upload_gets_the_nodes_100_and_is_completed() {
    let node = Rec::start(Answer::Ok);
    let gateway = in_front_of(&[node.address()], "");
    let body = vec![b'x'; 300_000];
    let mut connection = gateway.connect();
    for _ in 0..2 {
        let interim = connection.exchange(&expecting(&body));
        assert_eq!((interim.status, interim.head.headers.len()), (100, 0));
        connection.send(&body);
        let response = connection.receive();
        assert_eq!(
            (response.status, response.header("connection")),
            (200, Some("keep-alive"))
        );
    }
    // A client need not wait.
    connection.send([expecting(b"hello").bytes(), b"hello".to_vec()].concat());
    let mut response = connection.receive();
    if response.status == 100 {
        response = connection.receive();
    }
    assert_eq!(response.status, 200);
    let requests = node.requests();
    let lengths: Vec<usize> = requests.iter().map(|request| request.body.len()).collect();
    assert_eq!(lengths, [body.len(), body.len(), 5]);
    assert!(
        requests
            .iter()
            .all(|request| request.header("expect") == Some("100-continue"))
    );
}

/// The refusal comes first, and no 100: the upload is never sent.
#[test]
fn a_refused_upload_is_refused_before_any_100() {
    let node = Rec::start(Answer::Ok);
    let gateway = in_front_of(&[node.address()], "");
    let unsigned = Request::new(Word::Aws, "PUT", "/bucket01/key").date(&now());
    for length in [
        "Content-Length: 5",
        "Content-Length: 5368709120",
        "Transfer-Encoding: chunked",
    ] {
        let (name, value) = length.split_once(": ").expect("a field");
        let request = unsigned
            .clone()
            .header(name, value)
            .header("Expect", "100-continue");
        let mut connection = gateway.connect();
        assert_refused(length, &connection.exchange(&request), 403, "AccessDenied");
        assert!(connection.closes(), "{length}");
    }
    node.assert_untouched();
}

#[test]
fn an_expectation_without_a_body_holds_nobody_up() {
    let node = Rec::start(Answer::raw(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ));
    let gateway = in_front_of(&[node.address()], "");
    let mut connection = gateway.connect();
    for request in [
        get(),
        signed("PUT", "/bucket01/key").header("Content-Length", "0"),
    ] {
        let mut response = connection.exchange(&request.header("Expect", "100-Continue"));
        if response.status == 100 {
            response = connection.receive();
        }
        assert_eq!((response.status, response.text().as_str()), (200, "hello"));
    }
    assert_eq!(node.requests().len(), 2);
}

/// A node that refuses without asking for the body: its answer is passed on, and the connection with a body that was never
/// sent is not used again, on either side.
#[test]
fn a_node_that_refuses_instead_of_100_is_heard() {
    let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: 39\r\n\r\n<Error><Code>AccessDenied</Code></Error>";
    let refusal = refusal.replace(
        "39",
        &"<Error><Code>AccessDenied</Code></Error>".len().to_string(),
    );
    let node = Rec::scripted([Answer::Early(refusal.into_bytes()), Answer::Ok]);
    let gateway = in_front_of(&[node.address()], "");
    let mut connection = gateway.connect();
    let response = connection.exchange(&expecting(&[b'x'; 1000]));
    assert_eq!(
        (response.status, response.element("Code").as_deref()),
        (403, Some("AccessDenied"))
    );
    drop(connection);
    node.await_closed(1);
    assert_eq!(gateway.exchange(&get()).status, 200);
    assert_eq!(
        (node.requests().len(), node.requests()[0].connection),
        (1, 1)
    );
}

/// A client that waits for a node that never says 100 is told so, not left alone.
#[test]
fn a_node_that_never_says_100_is_504() {
    let node = Rec::start(Answer::Die(Cue::Body(1)));
    let gateway = in_front_of(&[node.address()], "read_timeout = \"300ms\"");
    let mut connection = gateway.connect();
    let response = connection.exchange(&expecting(&[b'x'; 1000]));
    assert_refused("no 100", &response, 504, "GatewayTimeout");
    assert!(connection.closes());
    node.await_closed(1);
}

/// The time of the node starts again with each thing that it says, and with the end of the body, which may be one of
/// nothing in chunks.
#[test]
fn a_node_that_takes_its_time_twice_is_waited_for_twice() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = in_front_of(
        &[&socket.local_addr().unwrap().to_string()],
        "read_timeout = \"600ms\"",
    );
    // Together they are longer than the gateway's patience.
    let silence = Duration::from_millis(400);
    let node = thread::spawn(move || {
        let (mut stream, _) = socket.accept().unwrap();
        read_until(&mut stream, b"\r\n\r\n");
        assert_silent(&mut stream, silence);
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        read_until(&mut stream, b"0\r\n\r\n");
        assert_silent(&mut stream, silence);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).unwrap();
    });
    let mut connection = gateway.connect();
    let request = signed("PUT", "/bucket01/key")
        .header("Transfer-Encoding", "chunked")
        .header("Expect", "100-continue");
    let interim = connection.exchange(&request);
    assert_eq!(interim.status, 100);
    connection.send(b"0\r\n\r\n");
    assert_eq!(connection.receive().status, 200);
    node.join().unwrap();
}

/// For so long nothing comes, not even the end.
fn assert_silent(stream: &mut TcpStream, time: Duration) {
    stream.set_read_timeout(Some(time)).unwrap();
    let nothing = stream.read(&mut [0]).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    stream.set_read_timeout(None).unwrap();
}

fn read_until(stream: &mut TcpStream, end: &[u8]) {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        read.push(byte[0]);
    }
}

/// Nor is it the client's fault where our patience with bodies is the shorter one.
#[test]
fn a_client_that_waits_for_100_is_not_blamed_for_its_silence() {
    let node = Rec::start(Answer::Die(Cue::Body(1)));
    let config = Config::new(node.address()).line("listener", "body_timeout = \"300ms\"");
    let gateway = Gateway::start(&config);
    let mut connection = gateway.connect();
    let response = connection.exchange(&expecting(&[b'x'; 1000]));
    assert_refused("no 100", &response, 504, "GatewayTimeout");
    assert!(connection.closes());
    node.await_closed(1);
}

/// The stalled upload of one client is its own fault, also where the node's patience is the shorter one: that begins when
/// the node has the whole request.
#[test]
fn a_client_that_stalls_is_told_that_it_was_the_client() {
    let node = Rec::start(Answer::Ok);
    let config = Config::new(node.address())
        .line("cluster", "read_timeout = \"100ms\"")
        .line("listener", "body_timeout = \"600ms\"");
    let gateway = Gateway::start(&config);
    let bytes = put("hello").bytes();
    let mut connection = gateway.connect();
    connection.send(&bytes[..bytes.len() - 1]);
    assert_refused(
        "a stalled upload",
        &connection.receive(),
        400,
        "RequestTimeout",
    );
    assert!(connection.closes());
    node.await_closed(1);
    assert_eq!(node.requests().len(), 0);
}

/// A download that the client breaks off is no failure of the node.
#[test]
fn a_client_that_breaks_its_download_off_is_no_failure_of_the_node() {
    let size = 32 * 1024 * 1024;
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + size, b'x');
    let node = Rec::scripted([Answer::Raw(answer), Answer::Ok]);
    let gateway = in_front_of(&[node.address()], "");
    let mut connection = gateway.connect();
    connection.send(get().bytes());
    node.await_requests(1);
    drop(connection);
    node.await_closed(1);
    gateway.await_log("outcome=aborted");
    assert_no_failure(&gateway, &node);
    assert_eq!(gateway.exchange(&get()).status, 200);
}
