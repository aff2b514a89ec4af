//! An admitted request that is being forwarded, and why that may fail.

use pingora::{Error, ErrorType};
use tokio::sync::watch;

use super::context::{Admitted, Context, NodeRecord};
use crate::error::Refusal;
use crate::node::NodeFault;
use crate::runtime::Runtime;

/// An admitted request, with what is needed to forward it.
pub struct Forwarding<'r> {
    pub runtime: &'r Runtime,
    pub context: &'r Context,
    pub admitted: &'r Admitted,
    pub stopping: &'r watch::Receiver<bool>,
}

impl<'r> Forwarding<'r> {
    /// None for a request that has not been admitted.
    pub fn of(
        runtime: &'r Runtime,
        context: &'r Context,
        stopping: &'r watch::Receiver<bool>,
    ) -> Option<Self> {
        let admitted = context.admitted.as_ref()?;
        Some(Self {
            runtime,
            context,
            admitted,
            stopping,
        })
    }

    /// Counts and logs a failure of a node.
    pub fn note_failure(&self, record: &NodeRecord, fault: &NodeFault) {
        let Some((node, metrics)) = self.context.node_of(record) else {
            return;
        };
        metrics.failure();
        tracing::warn!(
            request_id = &*self.context.request_id,
            node,
            error = %fault,
            "a node failed"
        );
    }
}

/// Why an admitted request has no complete response of a node.
#[derive(Debug)]
pub enum Failure {
    /// It is refused after all: the client gets an error document.
    Refused(Refusal),
    /// The node has failed.
    Node(NodeFault),
    /// The connection to the client has failed.
    Client(Box<Error>),
    /// The gateway has failed: it made an invalid header value.
    Own(Box<Error>),
}

impl From<NodeFault> for Failure {
    fn from(fault: NodeFault) -> Self {
        Self::Node(fault)
    }
}

impl From<Failure> for Box<Error> {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Client(error) | Failure::Own(error) => error,
            Failure::Node(fault) => Error::because(ErrorType::ReadError, "a node", fault),
            Failure::Refused(_) => Error::explain(ErrorType::InternalError, "refused too late"),
        }
    }
}
