//! Which connections are used again, and for how long they wait.

use std::io::Read;
use std::time::{Duration, Instant};

use countersign::clock::instant;
use countersign::node::{Connection, IDLE_SPAN, IdleConnections, Stream, give_back, sweep, take};
use countersign::socket_address::SocketAddress;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use super::{address, asked, read};

/// A connection that has served one request, and the node's end of it.
async fn used(address: SocketAddress) -> (Connection, UnixStream) {
    let (own, mut node) = UnixStream::pair().expect("two sockets");
    let connection = Connection::of(Stream::Unix(own), address);
    let mut exchange = asked(connection, &mut node, false).await;
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    node.write_all(answer).await.expect("room");
    assert_eq!(read(&mut exchange).await.expect("an answer").status, 204);
    (exchange.into_connection().expect("in order"), node)
}

/// Whether this is the other end of the connection.
async fn is_of(connection: Connection, node: &mut UnixStream) -> bool {
    let mut exchange = asked(connection, node, false).await;
    node.write_all(b"HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n")
        .await
        .expect("room");
    read(&mut exchange)
        .await
        .is_ok_and(|answer| answer.status == 299)
}

fn after(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[tokio::test]
async fn the_connection_that_was_used_last_is_used_first() {
    let (mut idle, now) = (IdleConnections::new(), instant());
    let (first, mut first_node) = used(address("a")).await;
    let (second, mut second_node) = used(address("a")).await;
    idle.push(first, 8, now);
    idle.push(second, 8, now);
    assert_eq!(idle.count(), 2);
    let taken = idle.take(&address("a"), now).expect("one waits");
    assert!(is_of(taken, &mut second_node).await);
    let taken = idle.take(&address("a"), now).expect("one waits");
    assert!(is_of(taken, &mut first_node).await);
    assert!(idle.take(&address("a"), now).is_none());
}

#[tokio::test]
async fn a_connection_serves_its_own_address_alone() {
    let (mut idle, now) = (IdleConnections::new(), instant());
    let tcp = |port| SocketAddress::Tcp(([127, 0, 0, 1], port).into());
    let addresses = [address("a"), address("b"), tcp(80), tcp(81)];
    let mut nodes = Vec::new();
    for address in addresses.clone() {
        let (connection, node) = used(address).await;
        idle.push(connection, 8, now);
        nodes.push(node);
    }
    assert!(idle.take(&address("c"), now).is_none());
    for (address, node) in addresses.iter().zip(&mut nodes) {
        let taken = idle.take(address, now).expect("one waits");
        assert!(is_of(taken, node).await);
        assert!(idle.take(address, now).is_none());
    }
    assert_eq!(idle.count(), 0);
}

#[tokio::test]
async fn a_connection_on_which_the_node_did_something_is_dropped() {
    for speaks in [false, true] {
        let (mut idle, now) = (IdleConnections::new(), instant());
        let (good, mut good_node) = used(address("a")).await;
        let (bad, mut bad_node) = used(address("a")).await;
        idle.push(good, 8, now);
        idle.push(bad, 8, now);
        if speaks {
            bad_node
                .write_all(b"HTTP/1.1 408 X\r\n\r\n")
                .await
                .expect("room");
        } else {
            drop(bad_node);
        }
        // The driver hears of it.
        tokio::task::yield_now().await;
        let taken = idle.take(&address("a"), now).expect("the good one");
        assert!(is_of(taken, &mut good_node).await);
        assert_eq!(idle.count(), 0);
    }
}

#[tokio::test]
async fn no_connection_waits_for_longer_than_the_span() {
    let span = IDLE_SPAN.as_secs();
    for (seconds, waits) in [
        (0, true),
        (span - 1, true),
        (span, false),
        (span + 1, false),
    ] {
        let (mut idle, start) = (IdleConnections::new(), instant());
        let (older, _older_node) = used(address("a")).await;
        let (newer, _newer_node) = used(address("a")).await;
        idle.push(older, 8, start);
        idle.push(newer, 8, after(start, 1));
        let now = after(start, 1 + seconds);
        assert_eq!(idle.take(&address("a"), now).is_some(), waits, "{seconds}");
        if !waits {
            assert_eq!(idle.count(), 0, "the older ones go too");
        }
    }
}

#[tokio::test]
async fn what_has_waited_too_long_goes_when_another_one_comes() {
    let (mut idle, start) = (IdleConnections::new(), instant());
    let mut nodes = Vec::new();
    for seconds in [0, 1] {
        for name in ["a", "b"] {
            let (connection, node) = used(address(name)).await;
            idle.push(connection, 8, after(start, seconds));
            nodes.push(node);
        }
    }
    assert_eq!(idle.count(), 4);
    // Its own node's, and those of the one other node whose turn it is.
    let (connection, _node) = used(address("a")).await;
    idle.push(connection, 8, after(start, 1 + IDLE_SPAN.as_secs()));
    assert_eq!(idle.count(), 1);
}

#[tokio::test]
async fn so_many_wait_and_no_more() {
    let now = instant();
    for most in [0, 1, 3] {
        let mut idle = IdleConnections::new();
        let mut nodes = Vec::new();
        for _ in 0..5 {
            let (connection, node) = used(address("a")).await;
            idle.push(connection, most, now);
            nodes.push(node);
            assert!(idle.count() <= most);
        }
        assert_eq!(idle.count(), most.min(5));
        if let Some(taken) = idle.take(&address("a"), now) {
            assert!(is_of(taken, nodes.last_mut().expect("five")).await);
        }
        // One more under a smaller limit, as after a reload.
        let (connection, _node) = used(address("a")).await;
        idle.push(connection, 1, now);
        assert_eq!(idle.count(), 1);
    }
}

#[tokio::test]
async fn the_limit_is_for_all_nodes_together() {
    let (mut idle, start) = (IdleConnections::new(), instant());
    let mut nodes = Vec::new();
    for (seconds, name) in [(0, "a"), (1, "b"), (2, "a"), (3, "c")] {
        let (connection, node) = used(address(name)).await;
        idle.push(connection, 2, after(start, seconds));
        nodes.push(node);
    }
    assert_eq!(idle.count(), 2);
    let now = after(start, 3);
    assert!(idle.take(&address("b"), now).is_none());
    for (name, at) in [("a", 2), ("c", 3)] {
        let taken = idle.take(&address(name), now).expect("one waits");
        assert!(is_of(taken, &mut nodes[at]).await);
    }
}

#[tokio::test]
async fn a_limit_of_none_ends_what_waited() {
    let (mut idle, now) = (IdleConnections::new(), instant());
    let mut nodes = Vec::new();
    for most in [8, 8, 0] {
        let (connection, node) = used(address("a")).await;
        idle.push(connection, most, now);
        nodes.push(node);
    }
    assert_eq!(idle.count(), 0);
}

#[tokio::test]
async fn a_node_that_is_used_no_more_keeps_none() {
    let (mut idle, start) = (IdleConnections::new(), instant());
    let mut nodes = Vec::new();
    for name in ["a", "b", "c", "d"] {
        for _ in 0..3 {
            let (connection, node) = used(address(name)).await;
            idle.push(connection, 16, start);
            nodes.push(node);
        }
    }
    assert_eq!(idle.count(), 12);
    // As many requests to another node as there are nodes.
    let now = after(start, IDLE_SPAN.as_secs());
    let (mut connection, _node) = used(address("e")).await;
    for _ in 0..6 {
        idle.push(connection, 8, now);
        connection = idle.take(&address("e"), now).expect("it waits");
    }
    assert_eq!(idle.count(), 0);

    idle.push(connection, 8, now);
    idle.sweep(after(now, 1));
    assert_eq!(idle.count(), 1);
    idle.sweep(after(now, IDLE_SPAN.as_secs()));
    assert_eq!(idle.count(), 0);
}

#[tokio::test]
async fn each_thread_has_its_own_and_takes_those_of_others() {
    let now = instant();
    let (connection, mut node) = used(address("thread")).await;
    give_back(connection, 8, now);
    let other = std::thread::spawn(move || take(&address("thread"), now).is_none());
    assert!(
        other.join().expect("the thread"),
        "nothing of another thread's"
    );
    let taken = take(&address("thread"), now).expect("it waits");
    // Made here, given back and taken there, and used here again: it stays with the driver that made it.
    let other = std::thread::spawn(move || {
        give_back(taken, 8, now);
        take(&address("thread"), now)
    });
    let taken = other.join().expect("the thread").expect("it waits");
    assert!(is_of(taken, &mut node).await);

    let (connection, _node) = used(address("thread")).await;
    give_back(connection, 8, now);
    sweep(after(now, IDLE_SPAN.as_secs()));
    assert!(take(&address("thread"), now).is_none());
}

/// Behind the end of its runtime too.
#[test]
fn the_end_of_a_thread_ends_what_waits_there() {
    let (say, said) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (connection, node) = used(address("thread")).await;
            give_back(connection, 8, instant());
            say.send(node.into_std().expect("a socket")).expect("heard");
        });
        drop(runtime);
    });
    thread.join().expect("no panic");
    let mut node = said.recv().expect("the node's end");
    node.set_nonblocking(false).expect("a socket");
    let mut rest = Vec::new();
    node.read_to_end(&mut rest).expect("the end");
    assert_eq!(rest, b"");
}
