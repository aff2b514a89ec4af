//! The idle connections of each thread: no lock, no task and no timer.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::socket_address::SocketAddress;

/// How long a connection may wait for its next request. Below the 60 s or more after which common servers close an idle
/// one: a request must not meet that.
pub const IDLE_SPAN: Duration = Duration::from_secs(50);

thread_local! {
    static IDLE: RefCell<IdleConnections> = const { RefCell::new(IdleConnections::new()) };
}

/// A connection of this thread to the address, if one waits and is in order. See [`IdleConnections::take`].
pub fn take(address: &SocketAddress, now: Instant) -> Option<Connection> {
    of_this_thread(|idle| idle.take(address, now)).flatten()
}

/// Lets a connection wait in this thread, wherever it was opened. See [`IdleConnections::push`].
pub fn give_back(connection: Connection, most: usize, now: Instant) {
    of_this_thread(|idle| idle.push(connection, most, now));
}

/// Ends the connections of this thread that have waited too long. The server calls it now and then: a thread may get no more
/// requests.
pub fn sweep(now: Instant) {
    of_this_thread(|idle| idle.sweep(now));
}

/// None where the thread is at its end.
fn of_this_thread<T>(work: impl FnOnce(&mut IdleConnections) -> T) -> Option<T> {
    let done = IDLE.try_with(|idle| idle.try_borrow_mut().ok().map(|mut idle| work(&mut idle)));
    done.ok().flatten()
}

/// Connections that wait.
#[derive(Debug, Default)]
pub struct IdleConnections {
    /// Few: a thread goes through them for each request.
    nodes: Vec<Node>,
    /// Which of them is looked at next for what has waited too long.
    next: usize,
}

/// Those to one node, the one that was used last at the end.
#[derive(Debug)]
struct Node {
    address: SocketAddress,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    connection: Connection,
    since: Instant,
}

impl Waiting {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= IDLE_SPAN
    }
}

impl Node {
    /// Ends what has waited too long: it stands in front.
    fn sweep(&mut self, now: Instant) {
        while self
            .waiting
            .pop_front_if(|first| first.is_over(now))
            .is_some()
        {}
    }
}

impl IdleConnections {
    /// None.
    pub const fn new() -> Self {
        Self {
            nodes: Vec::new(),
            next: 0,
        }
    }

    /// How many wait.
    pub fn count(&self) -> usize {
        self.nodes.iter().map(|node| node.waiting.len()).sum()
    }

    /// The connection to the address that was used last. Those on which the node has said something, or which it has ended,
    /// are dropped, and so are those that have waited for [`IDLE_SPAN`].
    pub fn take(&mut self, address: &SocketAddress, now: Instant) -> Option<Connection> {
        let mut nodes = self.nodes.iter_mut();
        let node = nodes.find(|node| node.address == *address)?;
        loop {
            let waiting = node.waiting.pop_back()?;
            if waiting.is_over(now) {
                node.sweep(now);
                return None;
            }
            if waiting.connection.is_quiet() {
                return Some(waiting.connection);
            }
        }
    }

    /// Keeps an idle connection. `most` is the limit for all nodes together: above it, the connections that have been idle
    /// longest are closed. Each call also closes the connections to one other node that have been idle for too long, so that
    /// a node that is no longer used keeps none for long.
    pub fn push(&mut self, connection: Connection, most: usize, now: Instant) {
        self.sweep_next(now);
        let Some(room) = most.checked_sub(1) else {
            self.nodes.clear();
            return;
        };
        let address = connection.address();
        let known = self.nodes.iter().position(|node| node.address == *address);
        let at = known.unwrap_or_else(|| {
            self.nodes.push(Node {
                address: address.clone(),
                waiting: VecDeque::new(),
            });
            self.nodes.len() - 1
        });
        self.nodes[at].sweep(now);
        while self.count() > room {
            self.close_longest_idle();
        }
        self.nodes[at].waiting.push_back(Waiting {
            connection,
            since: now,
        });
    }

    fn close_longest_idle(&mut self) {
        let nodes = self.nodes.iter_mut();
        let first = nodes.filter_map(|node| Some((node.waiting.front()?.since, node)));
        if let Some((_, node)) = first.min_by_key(|(since, _)| *since) {
            node.waiting.pop_front();
        }
    }

    /// Ends all that have waited too long.
    pub fn sweep(&mut self, now: Instant) {
        for node in &mut self.nodes {
            node.sweep(now);
        }
        self.nodes.retain(|node| !node.waiting.is_empty());
    }

    fn sweep_next(&mut self, now: Instant) {
        self.next = self.next.wrapping_add(1);
        if self.next >= self.nodes.len() {
            self.next = 0;
        }
        let Some(node) = self.nodes.get_mut(self.next) else {
            return;
        };
        node.sweep(now);
        if node.waiting.is_empty() {
            self.nodes.swap_remove(self.next);
        }
    }
}
