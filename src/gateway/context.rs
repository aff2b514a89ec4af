//! The state of one request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pingora::http::RequestHeader;

use super::body::Body;
use super::form::Upload;
use crate::address::Address;
use crate::answer::Answer;
use crate::dialect::{ChosenSyntax, DialectName};
use crate::error::{Blame, Reason, Refusal};
use crate::metrics::{Count, Metrics, NodeMetrics};
use crate::policy::Permit;
use crate::runtime::active_config::{ActiveConfig, Listener};
use crate::runtime::request_id::RequestId;
use crate::sig::Version;
use crate::sig::claimed::Claimed;
use crate::wire::connection::Connection;
use crate::wire::head::RequestHead;
use crate::wire::target::Target;

/// One request in flight.
pub struct Context {
    /// The configuration, the same one for the whole request.
    pub live: Arc<ActiveConfig>,
    /// The client connection.
    pub connection: Arc<Connection>,
    /// The gateway's id of the request.
    pub request_id: RequestId,
    /// Its header fields.
    pub head: RequestHead,
    /// When its header section had been read.
    pub started: Instant,
    /// The duration of the signature verification.
    pub verification: Option<Duration>,
    /// The permit and what belongs to it, once it is admitted.
    pub admitted: Option<Admitted>,
    /// What is known of a refused request.
    pub refused: Refused,
    /// The latest attempt.
    pub record: NodeRecord,
    _in_flight: InFlight,
}

/// A request that may be forwarded to a node.
#[derive(Debug)]
pub struct Admitted {
    /// The permission to forward it.
    pub permit: Permit,
    /// The dialect of its response.
    pub response_dialect: DialectName,
    /// The further fields that its signature covers and that nodes need to verify it themselves.
    pub signed_fields: Vec<String>,
    /// What it claims about its body.
    pub body: Body,
    /// The form, if it is a form upload.
    pub form: Option<Box<Upload>>,
    /// When its signature had been verified, if it is forwarded immediately after that.
    pub verified_at: Option<Instant>,
}

/// A refused request, and the response to it.
#[derive(Debug, Default)]
pub struct Refused {
    /// Why it is refused.
    pub reason: Option<Reason>,
    /// Its address, if it has a valid one.
    pub address: Option<Address>,
    /// The unverified identity of its signer, if it can be read.
    pub claimed: Option<Claimed<'static>>,
    /// The dialect of its response, if that is known before it is refused.
    pub response_dialect: Option<DialectName>,
    /// Whether its signature holds, and it is refused for another reason.
    pub verified: bool,
    /// The response of the gateway, if it has sent one.
    pub answer: Option<Answer>,
    /// Who caused it.
    pub blame: Option<Blame>,
}

/// The node of the latest attempt, and its response.
#[derive(Debug, Default)]
pub struct NodeRecord {
    /// The index of the node; none before the first attempt.
    at: Option<usize>,
    /// The time until the header section of its response.
    pub duration: Option<Duration>,
    /// Its request id.
    pub node_request_id: Option<String>,
}

impl NodeRecord {
    /// Starts an attempt at this node.
    pub fn begin(&mut self, at: usize) {
        *self = Self {
            at: Some(at),
            ..Self::default()
        };
    }
}

impl Context {
    /// A request whose header section has just been read.
    pub fn new(
        live: Arc<ActiveConfig>,
        connection: Arc<Connection>,
        metrics: &Metrics,
        now: Instant,
    ) -> Self {
        Self {
            live,
            connection,
            request_id: RequestId::random(),
            head: RequestHead::default(),
            started: now,
            verification: None,
            admitted: None,
            refused: Refused::default(),
            record: NodeRecord::default(),
            _in_flight: InFlight::new(&metrics.in_flight),
        }
    }

    /// The listener of its connection.
    pub fn listener(&self) -> &Listener {
        self.connection.listener(&self.live)
    }

    /// The address of the node of the latest attempt, and its metrics.
    pub fn node(&self) -> Option<(&str, &NodeMetrics)> {
        self.node_of(&self.record)
    }

    /// The same for another record of this request.
    pub fn node_of(&self, record: &NodeRecord) -> Option<(&str, &NodeMetrics)> {
        let at = record.at?;
        Some((
            self.live.cluster.labels().get(at)?,
            self.live.node_metrics.get(at)?,
        ))
    }

    /// The refusal for a fault in the framing of the body, if there was one.
    pub fn broken_body(&self) -> Option<Refusal> {
        self.connection.body_fault().map(Refusal::Wire)
    }

    /// The address of the request, permitted or refused.
    pub fn address(&self) -> Option<&Address> {
        match &self.admitted {
            Some(admitted) => Some(admitted.permit.address()),
            None => self.refused.address.as_ref(),
        }
    }

    /// Reads the unverified identity of the signer of a refused request, unless a form has given it already.
    pub fn note_claim(&mut self, request: &RequestHeader) {
        if self.admitted.is_some() || self.refused.claimed.is_some() {
            return;
        }
        let dialects = &self.listener().dialects;
        let query = Target::of(request).query;
        let claimed = Claimed::of(self.head.fields(), query, dialects);
        self.refused.claimed = claimed.map(Claimed::into_owned);
    }

    /// The dialect and the syntax of its signature, verified or claimed.
    pub fn dialect(&self) -> Option<ChosenSyntax> {
        match &self.admitted {
            Some(admitted) => Some(admitted.permit.verified().dialect()),
            None => self.refused.claimed.as_ref()?.dialect,
        }
    }

    /// The version of its signature, verified or claimed.
    pub fn version(&self) -> Option<Version> {
        match &self.admitted {
            Some(admitted) => Some(admitted.permit.verified().version()),
            None => Some(self.refused.claimed.as_ref()?.version),
        }
    }
}

/// Counts a request as in flight until it is dropped.
struct InFlight(Count);

impl InFlight {
    fn new(count: &Count) -> Self {
        count.inc();
        Self(count.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
