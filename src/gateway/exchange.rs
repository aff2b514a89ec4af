//! Forwarding of an admitted request: to a node, to the next one if the first accepts no connection, and once more on a new
//! connection if an idle one turns out to be closed.

use std::time::Instant;

use http::Method;

use super::attempt::Attempt;
use super::client::Client;
use super::context::NodeRecord;
use super::forward::{self, ForwardInfo};
use super::forwarding::{Failure, Forwarding};
use super::payload::Payload;
use crate::clock::instant;
use crate::cluster::{Node, TriedNodes};
use crate::error::Refusal;
use crate::metrics::NodeConnection;
use crate::node::Connection;

/// The memory for the response bodies of all requests together, for clients that do not read theirs.
const ANSWERS: usize = 8 * 1024 * 1024;

/// Forwards a request and sends the response. What is known of the node is written to `record`.
///
/// # Errors
/// [`Failure`].
pub async fn forward(
    forwarding: &Forwarding<'_>,
    client: &mut Client<'_>,
    record: &mut NodeRecord,
) -> Result<(), Failure> {
    let cluster = &forwarding.context.live.cluster;
    let mut tried = TriedNodes::default();
    let mut started = forwarding.admitted.verified_at.unwrap_or_else(instant);
    while let Some(node) = cluster.next_node(&forwarding.admitted.permit, &mut tried) {
        record.begin(node.at());
        let mut connection = node.idle(started);
        loop {
            let connected = match connection.take() {
                Some(idle) => idle,
                // Boxed, because it would make the future of every request larger.
                None => match Box::pin(node.open()).await {
                    Ok(new) => new,
                    Err(fault) => {
                        forwarding.note_failure(record, &fault);
                        break;
                    }
                },
            };
            match forwarding
                .attempt(client, record, node, connected, started)
                .await
            {
                Err(Failure::Node(fault))
                    if fault.is_stale() && forwarding.is_replayable(client) => {}
                Err(Failure::Node(fault)) => {
                    forwarding.note_failure(record, &fault);
                    return Err(Failure::Node(fault));
                }
                other => return other,
            }
        }
        started = instant();
    }
    Err(Failure::Refused(Refusal::NoNode))
}

impl Forwarding<'_> {
    /// One attempt, on this connection.
    async fn attempt(
        &self,
        client: &mut Client<'_>,
        record: &mut NodeRecord,
        node: Node<'_>,
        connection: Connection,
        started: Instant,
    ) -> Result<(), Failure> {
        self.count(record, &connection);
        let (request, head) = match self.admitted.form.as_ref().and_then(|form| form.put()) {
            Some(put) => (&put.request, &put.fields),
            None => (client.request(), &self.context.head),
        };
        let info = ForwardInfo {
            body: &self.admitted.body,
            request_id: &self.context.request_id,
            peer: self.context.connection.peer(),
            node: node.label(),
            clock: &*self.runtime.clock,
            signed_fields: &self.admitted.signed_fields,
        };
        let cluster = &self.context.live.cluster;
        let head = forward::compose(request, head, &self.admitted.permit, cluster, info);
        let head = head.map_err(Failure::Own)?;
        if connection.is_reused() && self.is_idempotent(client) {
            client.keep_what_is_read();
        }
        let mut exchange = connection.start(head.bytes, head.body, head.is_head);
        exchange.limit_pieces(ANSWERS / self.runtime.metrics.in_flight.get().max(1));
        let payload = Payload::new(self.admitted, head.signed_chunks);
        let attempt = Attempt::new(self, client, record, payload, started, &mut exchange);
        attempt.run(&mut exchange).await?;
        if !head.single_use
            && let Some(connection) = exchange.into_connection()
        {
            node.keep(connection, instant());
        }
        Ok(())
    }

    /// Whether the request may reach a node twice: a form is a PUT.
    fn is_idempotent(&self, client: &Client<'_>) -> bool {
        let method: &Method = &client.request().method;
        method.is_idempotent() || self.admitted.form.is_some()
    }

    /// Whether the request can be sent again: nothing has been answered, and all that was read of its body is kept.
    fn is_replayable(&self, client: &Client<'_>) -> bool {
        self.is_idempotent(client) && client.keeps_all() && client.status() == 0
    }

    fn count(&self, record: &NodeRecord, connection: &Connection) {
        let state = match connection.is_reused() {
            true => NodeConnection::Reused,
            false => NodeConnection::New,
        };
        if let Some((_, metrics)) = self.context.node_of(record) {
            metrics.connection(state);
        }
    }
}
