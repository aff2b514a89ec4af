//! The end of the process: what is in flight ends well, what is idle ends now, and whoever insists is obeyed.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{get, put};
use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec};

fn with_grace(node: &Rec, grace_period: &str) -> Gateway {
    let server = format!("[server]\nthreads = 1\ngrace_period = \"{grace_period}\"");
    Gateway::start(&Config::new(node.address()).section("server", &server))
}

#[test]
fn requests_in_flight_end_and_idle_connections_are_closed() {
    for signal in ["TERM", "INT"] {
        let node = Rec::start(Answer::Ok);
        let mut gateway = with_grace(&node, "30s");
        let address = gateway.address().to_owned();
        let mut fresh = gateway.connect();
        let mut idle = gateway.connect();
        assert_eq!(idle.exchange(&get()).status, 200);
        let bytes = put("0123456789").bytes();
        let (start, rest) = bytes.split_at(bytes.len() - 5);
        let mut uploading = gateway.connect();
        uploading.send(start);
        node.await_heads(2);

        gateway.signal(signal);
        gateway.await_log("stopping; waiting for requests in flight");
        assert!(fresh.closes() && idle.closes(), "idle connections");
        assert!(TcpStream::connect(&address).is_err(), "new connections");
        assert_eq!(
            (
                gateway.admin_get("/readyz").status,
                gateway.admin_get("/healthz").status
            ),
            (503, 200)
        );
        gateway.await_metric("countersign_requests_in_flight 1");
        uploading.send(rest);
        let response = uploading.receive();
        assert_eq!(
            (response.status, response.header("connection")),
            (200, Some("close"))
        );
        assert!(uploading.closes());
        let (status, log) = gateway.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        assert_eq!(node.requests()[1].body, b"0123456789");
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!(
            lines
                .iter()
                .filter(|line| line.contains("status=200"))
                .count(),
            2,
            "{log}"
        );
        assert!(
            lines.last().is_some_and(|line| line.ends_with("stopped")),
            "{log}"
        );
    }
}

/// From the moment on in which it says that it is ready.
#[test]
fn a_gateway_at_rest_stops_at_once() {
    let node = Rec::start(Answer::Ok);
    for _ in 0..10 {
        let gateway = with_grace(&node, "30s");
        let started = Instant::now();
        let (status, log) = gateway.stop();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(started.elapsed() < Duration::from_secs(10), "{log}");
    }
}

#[test]
fn the_grace_period_ends_what_does_not_end_by_itself() {
    let node = Rec::start(Answer::Stall);
    let gateway = with_grace(&node, "300ms");
    let mut connection = gateway.connect();
    connection.send(get().bytes());
    node.await_requests(1);
    let (status, log) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(
        log.contains(
            "the grace period is over; closing connections with requests in flight requests=1"
        ),
        "{log}"
    );
    assert!(connection.closes());
    node.await_closed(1);
}

#[test]
fn a_second_signal_ends_everything_now() {
    for (first, second) in [("TERM", "TERM"), ("INT", "INT"), ("TERM", "INT")] {
        let node = Rec::start(Answer::Stall);
        let mut gateway = with_grace(&node, "30s");
        let mut connection = gateway.connect();
        connection.send(get().bytes());
        node.await_requests(1);
        gateway.signal(first);
        gateway.await_log("stopping");
        gateway.signal(second);
        let (status, log) = gateway.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(log.contains("second signal to stop"), "{log}");
        assert!(connection.closes());
    }
}
