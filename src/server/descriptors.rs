//! File descriptors: how many the process may open, and how they are divided.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Reserved for the process: its files, its listeners, its log, and the connections of the admin listener.
const RESERVED: usize = 64;
/// Reserved for the event loop of each thread.
const EACH_THREAD: usize = 4;

/// Raises the soft limit of file descriptors to the hard one and returns it. The low soft limit protects programs that use
/// `select`; this one does not.
pub fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files could not be raised");
            current
        }
    };
    // No limit is treated as a very high one.
    limit.map_or(usize::MAX / 4, |limit| {
        usize::try_from(limit).map_or(usize::MAX / 4, |limit| limit.min(usize::MAX / 4))
    })
}

/// How the descriptors are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// For client connections, of all listeners together.
    pub clients: usize,
    /// For idle connections to nodes, per thread.
    pub idle_nodes: usize,
}

impl Shares {
    /// Divides `limit` descriptors. Each thread may keep `idle_nodes` idle connections to nodes. Of the rest, two thirds are for
    /// client connections and one third for the connections that their requests are sent on: most client connections are idle.
    pub fn of(limit: usize, threads: usize, idle_nodes: usize) -> Self {
        let threads = threads.max(1);
        let left = limit.saturating_sub(RESERVED + threads * EACH_THREAD);
        let idle_nodes = idle_nodes.min(left / 4 / threads);
        Self {
            clients: (left - idle_nodes * threads) / 3 * 2,
            idle_nodes,
        }
    }

    /// The most connections of each listener, in proportion to its configured limit. At least one each.
    pub fn ceilings(&self, configured: &[usize]) -> Vec<usize> {
        let sum: u128 = configured.iter().map(|limit| *limit as u128).sum();
        let share = |limit: &usize| {
            let share = self.clients as u128 * *limit as u128 / sum.max(1);
            usize::try_from(share).unwrap_or(usize::MAX).max(1)
        };
        configured.iter().map(share).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_do_not_exceed_the_limit() {
        for limit in [0, 64, 100, 256, 1024, 20_000, 1 << 20, usize::MAX / 4] {
            for threads in [1, 2, 64, 1024] {
                for idle_nodes in [0, 1, 128, 4096] {
                    let shares = Shares::of(limit, threads, idle_nodes);
                    let nodes = shares.clients / 2 + shares.idle_nodes * threads;
                    let all = shares.clients + nodes + RESERVED + threads * EACH_THREAD;
                    assert!(
                        all <= limit.max(RESERVED + threads * EACH_THREAD),
                        "{limit} {threads} {idle_nodes}: {shares:?}"
                    );
                }
            }
        }
        let (clients, idle_nodes) = (94, 47);
        let few = Shares {
            clients,
            idle_nodes,
        };
        assert_eq!(Shares::of(256, 1, 128), few);
        assert_eq!(few.ceilings(&[16_384]), [94]);
        assert_eq!(few.ceilings(&[200, 100]), [62, 31]);
        assert_eq!(few.ceilings(&[1, 1_000_000]), [1, 93]);
    }
}
