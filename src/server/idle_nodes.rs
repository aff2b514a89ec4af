//! Closes connections to nodes that have been idle for too long, in every thread that serves clients.

use std::cell::Cell;
use std::time::Duration;

use pingora::prelude::sleep as fast_sleep;

use crate::clock::instant;
use crate::node::{self, IDLE_SPAN};

/// How often a thread looks for them. An idle connection is open for this much longer than [`IDLE_SPAN`] at most.
const SWEEP_INTERVAL: Duration = IDLE_SPAN.checked_div(2).unwrap();

thread_local! {
    static SWEPT: Cell<bool> = const { Cell::new(false) };
}

/// Starts the task that closes idle connections of this thread. Only the first call in a thread starts one. A thread that
/// has never served a client has no such connection.
pub fn sweep_this_thread() {
    if !SWEPT.replace(true) {
        tokio::spawn(sweep_every(SWEEP_INTERVAL));
    }
}

/// Uses Pingora's timer: with a tokio timer, tokio reads the clock twice more each time it waits.
async fn sweep_every(interval: Duration) {
    loop {
        fast_sleep(interval).await;
        node::sweep(instant());
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::UnixStream;

    use super::*;
    use crate::node::{Connection, Stream, give_back, take};
    use crate::socket_address::SocketAddress;

    /// An idle connection to this address, and the node's end of it.
    fn idle(path: &str, since: std::time::Instant) -> UnixStream {
        let (own, node) = UnixStream::pair().unwrap();
        let address = SocketAddress::Unix(path.to_owned());
        give_back(Connection::of(Stream::Unix(own), address), 8, since);
        node
    }

    #[tokio::test]
    async fn a_node_sees_its_idle_connection_closed_without_another_request() {
        let now = instant();
        let mut old = idle("old", now - IDLE_SPAN);
        let mut older = idle("of a node that was removed", now - 2 * IDLE_SPAN);
        let _new = idle("new", now);
        let sweeper = tokio::spawn(sweep_every(Duration::from_millis(1)));
        for node in [&mut old, &mut older] {
            assert_eq!(node.read(&mut [0]).await.unwrap(), 0, "the end");
        }
        sweeper.abort();
        let new = SocketAddress::Unix("new".to_owned());
        assert!(take(&new, now).is_some());
    }

    #[test]
    fn no_idle_connection_outlives_its_span_by_another_one() {
        assert!(SWEEP_INTERVAL < IDLE_SPAN && !SWEEP_INTERVAL.is_zero());
    }
}
