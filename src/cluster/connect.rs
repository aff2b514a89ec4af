//! Connections to nodes: the only maker, and it needs a [`Permit`].

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Cluster, TriedNodes};
use crate::node::{self, Connection, NodeFault};
use crate::policy::Permit;
use crate::socket_address::SocketAddress;

impl Cluster {
    /// Chooses the next node for a permitted request: round-robin over the requests, and for one request each node once.
    /// None when every node was tried.
    ///
    /// A claim reaches no node, nor does a signature that holds. This does not compile:
    ///
    /// ```compile_fail,E0308
    /// use countersign::{cluster::{Cluster, TriedNodes}, sig::{Claim, Verified}};
    /// fn open(cluster: &Cluster, claim: &Claim<'_>, verified: &Verified, tried: &mut TriedNodes) {
    ///     cluster.next_node(claim, tried);
    ///     cluster.next_node(verified, tried);
    /// }
    /// ```
    ///
    /// and this, its twin, does:
    ///
    /// ```
    /// use countersign::{cluster::{Cluster, TriedNodes}, policy::Permit};
    /// fn open(cluster: &Cluster, permit: &Permit, tried: &mut TriedNodes) {
    ///     cluster.next_node(permit, tried);
    /// }
    /// ```
    pub fn next_node(&self, _permit: &Permit, tried: &mut TriedNodes) -> Option<Node<'_>> {
        let nodes = &self.options.nodes;
        if tried.count == nodes.len() {
            return None;
        }
        let first = *tried
            .first
            .get_or_insert_with(|| self.next.fetch_add(1, Ordering::Relaxed) % nodes.len());
        let at = (first + tried.count) % nodes.len();
        tried.count += 1;
        Some(Node { cluster: self, at })
    }
}

/// A node that a permitted request may go to.
#[derive(Debug, Clone, Copy)]
pub struct Node<'c> {
    cluster: &'c Cluster,
    at: usize,
}

impl Node<'_> {
    /// Its place among the nodes of the cluster.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Its address, as it stands in the configuration.
    pub fn label(&self) -> &str {
        &self.cluster.labels[self.at]
    }

    /// A connection of this thread that waits for a request, if there is one.
    pub fn idle(&self, now: Instant) -> Option<Connection> {
        node::take(self.address(), now)
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// [`NodeFault`].
    pub async fn open(&self) -> Result<Connection, NodeFault> {
        let within = self.cluster.options.connect_timeout;
        Connection::open(self.address().clone(), within).await
    }

    /// Lets a connection wait for another request.
    pub fn keep(&self, connection: Connection, now: Instant) {
        node::give_back(connection, self.cluster.options.upstream_keepalive, now);
    }

    fn address(&self) -> &SocketAddress {
        &self.cluster.options.nodes[self.at]
    }
}
