//! Nodes that refuse, die, or are silent.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::{assert_no_failure, get, in_front_of, put, signed};
use support::rec::{Answer, Cue, Rec, nobody};
use support::refusal::assert_refused;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn requests_go_round_the_nodes() {
    let nodes = [Rec::start(Answer::Ok), Rec::start(Answer::Ok)];
    let gateway = in_front_of(&[nodes[0].address(), nodes[1].address()], "");
    let mut connection = gateway.connect();
    for _ in 0..5 {
        assert_eq!(connection.exchange(&get()).status, 200);
        assert_eq!(connection.exchange(&put("hello")).status, 200);
    }
    for node in &nodes {
        assert_eq!(node.requests().len(), 5);
        assert_eq!(node.connections(), 1, "the connection is kept");
    }
}

/// A client is woken once for a small answer, and not for its header and again for its body.
#[test]
fn a_small_answer_leaves_in_one_packet() {
    let node = Rec::start(Answer::raw(OK));
    let gateway = in_front_of(&[node.address()], "");
    let mut client = TcpStream::connect(gateway.address()).expect("the gateway listens");
    client
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a timeout above zero");
    for _ in 0..20 {
        client.write_all(&get().bytes()).expect("a request");
        let mut answer = [0; 4096];
        let count = client.read(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer[..count]);
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    }
}

#[test]
fn a_node_that_refuses_is_skipped_for_the_next() {
    let (absent, node) = (nobody(), Rec::start(Answer::raw(OK)));
    let gateway = in_front_of(&[&absent, node.address()], "");
    let large = vec![b'x'; 256 * 1024];
    for request in [
        get(),
        put("hello"),
        put(large.clone()),
        signed("POST", "/bucket01/key?uploads"),
        signed("DELETE", "/bucket01/key"),
    ] {
        for _ in 0..2 {
            let response = gateway.exchange(&request);
            assert_eq!((response.status, response.text().as_str()), (200, "hello"));
        }
    }
    let requests = node.requests();
    assert_eq!(requests.len(), 10);
    assert!(requests[4].body == large && requests[5].body == large);
    gateway.await_metric(&format!(
        "countersign_node_failures_total{{node=\"{absent}\"}} 5"
    ));
    let line = gateway.await_log("a node failed");
    assert!(
        line.contains(&absent) && line.contains("the node refuses connections"),
        "{line}"
    );
}

#[test]
fn without_a_node_the_answer_is_503() {
    let (one, other) = (nobody(), nobody());
    let gateway = in_front_of(&[&one, &other], "");
    for request in [
        get(),
        put("hello"),
        put(vec![b'x'; 256 * 1024]),
        signed("POST", "/bucket01/key?uploads"),
    ] {
        let mut connection = gateway.connect();
        assert_refused(
            "no node",
            &connection.exchange(&request),
            503,
            "ServiceUnavailable",
        );
        assert!(connection.closes());
    }
    for node in [one, other] {
        gateway.await_metric(&format!(
            "countersign_node_failures_total{{node=\"{node}\"}} 4"
        ));
    }
    gateway.await_metric(
        "countersign_refusals_total{code=\"ServiceUnavailable\",reason=\"NoNode\"} 4",
    );
    let line = gateway.await_log("status=503");
    assert!(
        line.contains("outcome=failed code=ServiceUnavailable"),
        "{line}"
    );
}

/// An address that takes no connection and refuses none: its queue is full.
fn blackhole() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let mut waiting = Vec::new();
    loop {
        match TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            Ok(stream) => waiting.push(stream),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
                return (listener, waiting);
            }
        }
    }
}

#[test]
fn a_node_that_does_not_connect_in_time_is_skipped_for_the_next() {
    let (silent, _waiting) = blackhole();
    let silent = silent.local_addr().expect("a bound socket").to_string();
    let node = Rec::start(Answer::Ok);
    let gateway = in_front_of(&[&silent, node.address()], "connect_timeout = \"200ms\"");
    for _ in 0..2 {
        assert_eq!(gateway.exchange(&put("hello")).status, 200);
    }
    assert_eq!(node.requests().len(), 2);

    let gateway = in_front_of(&[&silent], "connect_timeout = \"200ms\"");
    assert_refused(
        "no connection",
        &gateway.exchange(&get()),
        503,
        "ServiceUnavailable",
    );
}

/// The node had the head, so that nobody knows what it did: no other node gets the request.
#[test]
fn a_node_that_dies_after_the_head_is_not_followed_by_another() {
    for cue in [Cue::Head, Cue::Accept] {
        for request in [
            get(),
            put("hello"),
            put(vec![b'x'; 256 * 1024]),
            signed("POST", "/bucket01/key?uploads"),
            signed("DELETE", "/bucket01/key"),
        ] {
            let nodes = [
                Rec::scripted([Answer::Die(cue.clone()), Answer::Ok]),
                Rec::start(Answer::Ok),
            ];
            let gateway = in_front_of(&[nodes[0].address(), nodes[1].address()], "");
            let mut connection = gateway.connect();
            assert_refused(
                &request.method,
                &connection.exchange(&request),
                502,
                "BadGateway",
            );
            assert!(connection.closes());
            nodes[0].await_closed(1);
            assert_eq!(nodes[0].requests().len(), 0, "{cue:?} {}", request.method);
            nodes[1].assert_untouched();
            // The broken connection is not used again.
            for _ in 0..2 {
                assert_eq!(gateway.exchange(&get()).status, 200);
            }
            assert_eq!(
                (nodes[0].requests().len(), nodes[1].requests().len()),
                (1, 1)
            );
        }
    }
}

#[test]
fn a_node_that_dies_in_the_middle_of_a_body_gets_it_once() {
    let node = Rec::scripted([Answer::Die(Cue::Body(100_000)), Answer::Ok]);
    let gateway = in_front_of(&[node.address()], "");
    let mut connection = gateway.connect();
    let response = {
        connection.send(put(vec![b'x'; 1_000_000]).bytes());
        connection.receive()
    };
    assert_refused("a body cut by the node", &response, 502, "BadGateway");
    assert!(connection.closes());
    node.await_closed(1);
    assert_eq!((node.connections(), node.requests().len()), (1, 0));
    assert_eq!(gateway.exchange(&get()).status, 200);
    assert_eq!(node.requests()[0].connection, 1);
    gateway.await_metric(&format!(
        "countersign_node_failures_total{{node=\"{}\"}} 1",
        node.address()
    ));
}

#[test]
fn an_answer_that_breaks_off_never_ends_well() {
    let half = "0123456789".repeat(1000);
    for (framing, part) in [
        ("Content-Length: 20000", half.clone()),
        ("Transfer-Encoding: chunked", format!("2710\r\n{half}\r\n")),
        ("Transfer-Encoding: chunked", format!("4e20\r\n{half}")),
        (
            "Content-Type: application/xml\r\nContent-Length: 20000",
            format!("<?xml version=\"1.0\"?><List>{half}"),
        ),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{part}");
        let node = Rec::start(Answer::Die(Cue::Response(answer.into_bytes())));
        let gateway = in_front_of(&[node.address()], "");
        for request in [get(), signed("GET", "/bucket01")] {
            let mut connection = gateway.connect();
            connection.send(request.bytes());
            let error = connection
                .try_receive("GET")
                .expect_err("half an answer is none")
                .kind();
            assert!(
                matches!(error, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset),
                "{framing}: {error}"
            );
        }
        let line = gateway.await_log("status=200");
        assert!(
            line.contains("outcome=failed") || line.contains("outcome=aborted"),
            "{line}"
        );
        let sent = line
            .split(' ')
            .find_map(|field| field.strip_prefix("sent="));
        assert!(
            sent.is_some_and(|sent| sent.parse::<usize>().is_ok_and(|sent| sent > 0)),
            "{line}"
        );
        assert_eq!(
            node.connections(),
            2,
            "a broken connection is not used again"
        );
    }
}

#[test]
fn what_is_no_answer_is_502() {
    for answer in [
        "",
        "hello\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
    ] {
        let node = Rec::start(Answer::Die(Cue::Response(answer.into())));
        let gateway = in_front_of(&[node.address()], "");
        let mut connection = gateway.connect();
        assert_refused(answer, &connection.exchange(&get()), 502, "BadGateway");
        assert!(connection.closes(), "{answer}");
        assert_eq!(node.requests().len(), 1, "{answer}");
    }
}

#[test]
fn a_slow_node_is_504_at_the_read_timeout_and_slows_nobody_else() {
    let node = Rec::scripted([Answer::Stall, Answer::Ok]);
    let gateway = in_front_of(&[node.address()], "read_timeout = \"500ms\"");
    let started = Instant::now();
    let mut slow = gateway.connect();
    slow.send(get().bytes());
    node.await_requests(1);
    for _ in 0..10 {
        assert_eq!(gateway.exchange(&get()).status, 200);
    }
    assert_refused("silence", &slow.receive(), 504, "GatewayTimeout");
    assert!(started.elapsed() >= Duration::from_millis(500));
    assert!(slow.closes());
    node.await_closed(1);
    assert_eq!(node.requests().len(), 11);
}

/// A connection of the pool that has gone stale: the node closes it just when a request comes on it.
#[test]
fn a_stale_connection_is_made_anew_without_the_client_seeing_it() {
    for request in [
        get(),
        signed("HEAD", "/bucket01/key"),
        put("x".repeat(10_000)),
        signed("DELETE", "/bucket01/key"),
    ] {
        let node = Rec::scripted([Answer::Ok, Answer::Die(Cue::Head), Answer::Ok]);
        let gateway = in_front_of(&[node.address()], "");
        let mut connection = gateway.connect();
        assert_eq!(connection.exchange(&get()).status, 200);
        assert_eq!(
            connection.exchange(&request).status,
            200,
            "{}",
            request.method
        );
        assert_eq!(connection.exchange(&get()).status, 200);
        let requests = node.requests();
        let connections: Vec<usize> = requests.iter().map(|request| request.connection).collect();
        assert_eq!(connections, [0, 1, 1], "{}", request.method);
        assert_eq!(requests[1].body, request.body.unwrap_or_default());
        gateway.await_metric("state=\"reused\"} 2");
        assert_no_failure(&gateway, &node);
    }
}

/// A POST may have been done, and a body that is no longer there cannot be sent again.
#[test]
fn a_stale_connection_is_an_error_where_the_request_cannot_be_repeated() {
    for request in [
        signed("POST", "/bucket01/key?uploads"),
        put(vec![b'x'; 256 * 1024]),
    ] {
        let node = Rec::scripted([
            Answer::Ok,
            Answer::Die(Cue::Body(if request.method == "POST" {
                0
            } else {
                200_000
            })),
            Answer::Ok,
        ]);
        let gateway = in_front_of(&[node.address()], "");
        assert_eq!(gateway.exchange(&get()).status, 200);
        let response = gateway.exchange(&request);
        assert_refused(&request.method, &response, 502, "BadGateway");
        node.await_closed(1);
        assert_eq!(
            (node.connections(), node.requests().len()),
            (1, 1),
            "{}",
            request.method
        );
        assert_eq!(gateway.exchange(&get()).status, 200);
    }
}

/// A node that stops between two requests is not an error for anybody.
#[test]
fn a_connection_that_the_node_has_closed_is_not_used() {
    let closing =
        Answer::raw("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    let node = Rec::start(closing);
    let gateway = in_front_of(&[node.address()], "");
    let mut connection = gateway.connect();
    for count in 1..=3 {
        let response = connection.exchange(&signed("POST", "/bucket01/key?uploads"));
        assert_eq!((response.status, response.text().as_str()), (200, "hello"));
        assert_eq!(response.header("connection"), Some("keep-alive"));
        node.await_closed(count);
    }
    assert_eq!(node.connections(), 3);
}
