//! Which connections to nodes are not used again.
//!
//! Pingora keeps a connection once it has sent the whole request and read the whole answer, with nothing behind it. That is
//! not enough where the node may have left the body of the request unread: what is left of it would be its next request. No
//! one can see what a node has read, so a connection is not used again where it had no reason to read on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use pingora::protocols::{Digest, SocketDigest};

/// Connections to nodes that are not to be used again. Pingora decides on its own what goes into its pool, so each is
/// looked up here when it comes out.
#[derive(Debug, Default)]
pub struct SpentConnections {
    connections: Mutex<Vec<Weak<SocketDigest>>>,
    /// How many there are: mostly none, and then nothing is locked.
    count: AtomicUsize,
}

impl SpentConnections {
    /// A connection is not to be used again.
    pub fn spend(&self, connection: &Arc<SocketDigest>) {
        let mut connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Those that have ended are forgotten, so that there are never more than there are open ones.
        connections.retain(|spent| spent.strong_count() > 0);
        connections.push(Arc::downgrade(connection));
        self.count.store(connections.len(), Ordering::Release);
    }

    /// Whether a connection is one of them.
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

/// The group of connections that are made for one request. None of them comes back.
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
        // The number of a socket says nothing: it is given anew.
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
