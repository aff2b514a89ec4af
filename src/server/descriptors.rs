//! File descriptors: how many the process may have, and who gets them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the process needs whatever comes: its files, its listeners, its log, and the connections of the admin listener.
const OWN: usize = 64;
/// What the event loop of a thread needs.
const EACH_THREAD: usize = 4;

/// Raises the limit of file descriptors as far as the system lets everybody, and gives it. The low soft limit is there
/// for programs that use `select`, which these are not.
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
    // No limit at all is as good as a very high one.
    limit.map_or(usize::MAX / 4, |limit| {
        usize::try_from(limit).map_or(usize::MAX / 4, |limit| limit.min(usize::MAX / 4))
    })
}

/// How the descriptors are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// For connections from clients, of all listeners together.
    pub clients: usize,
    /// For idle connections to nodes, for each thread.
    pub idle_nodes: usize,
}

impl Shares {
    /// Shares out `limit` descriptors: each thread is to keep `idle_nodes` connections to nodes. Of what is left, two
    /// parts are for clients and one for the nodes that their requests are sent to, since most connections wait for the
    /// next request.
    pub fn of(limit: usize, threads: usize, idle_nodes: usize) -> Self {
        let threads = threads.max(1);
        let left = limit.saturating_sub(OWN + threads * EACH_THREAD);
        let idle_nodes = idle_nodes.min(left / 4 / threads);
        Self {
            clients: (left - idle_nodes * threads) / 3 * 2,
            idle_nodes,
        }
    }

    /// The most connections for each listener, by what each one was told. At least one each.
    pub fn ceilings(&self, told: &[usize]) -> Vec<usize> {
        let sum: u128 = told.iter().map(|told| *told as u128).sum();
        let share = |told: &usize| {
            let share = self.clients as u128 * *told as u128 / sum.max(1);
            usize::try_from(share).unwrap_or(usize::MAX).max(1)
        };
        told.iter().map(share).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_what_another_one_has() {
        for limit in [0, 64, 100, 256, 1024, 20_000, 1 << 20, usize::MAX / 4] {
            for threads in [1, 2, 64, 1024] {
                for idle_nodes in [0, 1, 128, 4096] {
                    let shares = Shares::of(limit, threads, idle_nodes);
                    let nodes = shares.clients / 2 + shares.idle_nodes * threads;
                    let all = shares.clients + nodes + OWN + threads * EACH_THREAD;
                    assert!(
                        all <= limit.max(OWN + threads * EACH_THREAD),
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
