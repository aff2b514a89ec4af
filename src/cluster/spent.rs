//! Connections to nodes that must not be reused.
//!
//! Pingora reuses a connection once it has sent the whole request and read the whole response, with no bytes after it. That is
//! not enough if the node may not have read the body of the request: it would read the rest as the next request. The gateway
//! cannot see what a node has read, so it does not reuse a connection where the node had no reason to read the body.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use pingora::protocols::{Digest, SocketDigest};

/// The connections that must not be reused. The gateway cannot keep a connection out of Pingora's pool, so each one is looked up
/// here when it is taken from the pool.
#[derive(Debug, Default)]
pub struct SpentConnections {
    connections: Mutex<Vec<Weak<SocketDigest>>>,
    /// The number of connections: usually 0, and then the mutex is not locked.
    count: AtomicUsize,
}

impl SpentConnections {
    /// Marks a connection as not reusable.
    pub fn spend(&self, connection: &Arc<SocketDigest>) {
        let mut connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Removes closed connections, so that the list is never longer than the number of open ones.
        connections.retain(|spent| spent.strong_count() > 0);
        connections.push(Arc::downgrade(connection));
        self.count.store(connections.len(), Ordering::Release);
    }

    /// Whether a connection is marked.
    pub fn contains(&self, connection: &Digest) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        let Some(connection) = &connection.socket_digest else {
            return false;
        };
        let connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let same =
            |spent: &Weak<SocketDigest>| std::ptr::eq(spent.as_ptr(), Arc::as_ptr(connection));
        connections.iter().any(same)
    }
}

/// The group key of connections for a single request, which are never reused.
pub const SINGLE: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(fd: i32) -> Digest {
        Digest {
            socket_digest: Some(Arc::new(SocketDigest::from_raw_fd(fd))),
            ..Digest::default()
        }
    }

    #[test]
    fn l1_a_spent_connection_is_known_while_it_is_open() {
        let spent = SpentConnections::default();
        // The file descriptor does not identify a connection: its number is reused.
        let (one, other) = (digest(7), digest(7));
        assert!(!spent.contains(&one));
        spent.spend(one.socket_digest.as_ref().unwrap());
        assert!(spent.contains(&one) && spent.contains(&one.clone()));
        assert!(!spent.contains(&other) && !spent.contains(&Digest::default()));
        drop(one);
        spent.spend(other.socket_digest.as_ref().unwrap());
        assert_eq!(spent.connections.lock().unwrap().len(), 1);
    }
}
