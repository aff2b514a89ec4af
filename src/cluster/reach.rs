//! Checks whether a node can be reached, by connecting to it without sending anything.

use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::socket_address::SocketAddress;

/// The most nodes that one check tries. With more nodes, the next round tries the next ones.
pub const MAX_PROBES: usize = 64;

/// Whether one of the nodes accepts a connection within this time. The other attempts are dropped as soon as one succeeds.
pub(super) async fn any(nodes: &[SocketAddress], within: Duration, round: usize) -> bool {
    let first = round.wrapping_mul(MAX_PROBES) % nodes.len().max(1);
    let mut probes = JoinSet::new();
    for node in nodes
        .iter()
        .cycle()
        .skip(first)
        .take(nodes.len().min(MAX_PROBES))
    {
        probes.spawn(accepts_connections(node.clone()));
    }
    let answer = timeout(within, async {
        while let Some(taken) = probes.join_next().await {
            if matches!(taken, Ok(true)) {
                return true;
            }
        }
        false
    });
    answer.await.unwrap_or(false)
}

async fn accepts_connections(node: SocketAddress) -> bool {
    match node {
        SocketAddress::Tcp(address) => TcpStream::connect(address).await.is_ok(),
        SocketAddress::Unix(path) => UnixStream::connect(path).await.is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn bound() -> (TcpListener, SocketAddress) {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = SocketAddress::Tcp(socket.local_addr().unwrap());
        (socket, address)
    }

    #[tokio::test]
    async fn one_node_of_many_is_enough_and_none_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("node.sock");
        let unix = SocketAddress::Unix(path.to_str().unwrap().to_owned());
        let ((absent, gone), (_socket, here)) = (bound(), bound());
        drop(absent);
        for (nodes, reached) in [
            (vec![here.clone()], true),
            (vec![gone.clone(), here.clone()], true),
            (vec![gone.clone(), unix.clone()], false),
            (vec![], false),
        ] {
            assert_eq!(any(&nodes, SOON, 0).await, reached, "{nodes:?}");
        }
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(any(&[gone, unix], SOON, 0).await);
    }

    #[tokio::test]
    async fn of_many_nodes_each_round_tries_the_next_ones() {
        let ((absent, gone), (_socket, here)) = (bound(), bound());
        drop(absent);
        let mut nodes = vec![gone; 2 * MAX_PROBES];
        nodes[MAX_PROBES] = here;
        assert!(!any(&nodes, SOON, 0).await);
        assert!(any(&nodes, SOON, 1).await);
        assert!(!any(&nodes, SOON, 2).await);
    }
}
