//! What the gateway keeps of one request while it is in flight.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pingora::http::RequestHeader;
use pingora::protocols::SocketDigest;
use pingora::{Error, ErrorType};

use super::body::Body;
use super::form::Upload;
use super::relay::{MAX_INTERIM_ANSWERS, Relay};
use crate::address::Address;
use crate::answer::Answer;
use crate::body::SignedChunks;
use crate::cluster::Attempt;
use crate::cluster::SpentConnections;
use crate::dialect::{ChosenSyntax, DialectName};
use crate::error::{Blame, Reason, Refusal};
use crate::metrics::{Count, Metrics, NodeMetrics};
use crate::policy::Permit;
use crate::runtime::active_config::{ActiveConfig, Listener};
use crate::runtime::request_id::RequestId;
use crate::sig::Version;
use crate::sig::claimed::Claimed;
use crate::wire::connection::{Connection, ReadState};
use crate::wire::head::RequestHead;
use crate::wire::target::Target;

/// One request in flight.
pub struct Context {
    /// The configuration that it is handled with.
    pub live: Arc<ActiveConfig>,
    /// The connection it came on.
    pub connection: Arc<Connection>,
    /// The gateway's id of the request.
    pub request_id: RequestId,
    /// Its header fields.
    pub head: RequestHead,
    /// When its header had been read.
    pub started: Instant,
    /// How long the check of the signature took.
    pub verification: Option<Duration>,
    /// What it is allowed, once it has its permit.
    pub admitted: Option<Admitted>,
    /// What is known of it where it got no permit.
    pub refused: Refused,
    /// The latest attempt at a node.
    pub attempt: NodeAttempt,
    _in_flight: InFlight,
}

/// A request that may go to a node.
#[derive(Debug)]
pub struct Admitted {
    /// Leave to do so.
    pub permit: Permit,
    /// The dialect that its answer uses.
    pub response_dialect: DialectName,
    /// The fields besides the usual ones that its signature covers, where the nodes verify it themselves.
    pub signed_fields: Vec<String>,
    /// The proof of its body.
    pub body: Body,
    /// What it is besides, where it is a form upload.
    pub form: Option<Box<Upload>>,
    /// When its signature had been checked, where a node is asked right behind that.
    pub verified_at: Option<Instant>,
}

impl Admitted {
    /// Whether there is something of the body to prove that has not been.
    pub fn is_unproven(&self) -> bool {
        let form = self.form.as_ref();
        self.body.is_unproven() || form.is_some_and(|form| form.is_unproven())
    }

    /// Why the body is refused, if its proof failed.
    pub fn body_failure(&self) -> Option<Refusal> {
        self.body.failure().cloned().map(Refusal::Body)
    }

    /// Why a form upload is refused, if it turned out to be wrong while it was on its way.
    pub fn form_refusal(&self) -> Option<Refusal> {
        self.form.as_ref()?.refusal()
    }
}

/// What a request that is refused claimed to be, and what it was told.
#[derive(Debug, Default)]
pub struct Refused {
    /// Why it is refused.
    pub reason: Option<Reason>,
    /// The address, where it had one.
    pub address: Option<Address>,
    /// Who signed it by its own words, where they can be read.
    pub claimed: Option<Claimed<'static>>,
    /// The dialect that its answer uses, where that is known before it is refused.
    pub response_dialect: Option<DialectName>,
    /// Whether its signature holds, and it is refused for something else.
    pub verified: bool,
    /// The answer of the gateway's own, if it gave one.
    pub answer: Option<Answer>,
    /// Whose fault it is that it gave one.
    pub blame: Option<Blame>,
}

/// The latest attempt at a node, and which nodes were tried before.
#[derive(Debug, Default)]
pub struct NodeAttempt {
    /// The nodes that the request has tried.
    pub nodes: Attempt,
    /// When it started.
    pub started: Option<Instant>,
    /// Its connection.
    pub connection: Option<Arc<SocketDigest>>,
    /// Whether the next one needs a connection of its own.
    pub single_use: bool,
    /// When it had its connection; none where the client is still to send a body.
    pub connected: Option<Instant>,
    /// The frames that the body goes on in, where the node gets it in signed chunks.
    pub signed_chunks: Option<SignedChunks>,
    /// How many interim answers the node has given.
    pub interim_answers: u8,
    /// How long the node took to the header of its answer.
    pub duration: Option<Duration>,
    /// The node's own id of the request.
    pub node_request_id: Option<String>,
    /// What is done to the body of the node's answer.
    pub relay: Relay,
}

impl NodeAttempt {
    /// Counts an answer of the node's that is not its last.
    ///
    /// # Errors
    /// An error of the node's, where there are too many.
    pub fn count_interim_answer(&mut self) -> pingora::Result<()> {
        self.interim_answers += 1;
        if self.interim_answers > MAX_INTERIM_ANSWERS {
            let flood = "more interim answers than a node may give";
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, flood).into_up());
        }
        Ok(())
    }

    /// The node's connection is not to be used again.
    pub fn spend(&mut self, spent: &SpentConnections) {
        if let Some(connection) = self.connection.take() {
            spent.spend(&connection);
        }
    }
}

impl Context {
    /// A request whose header has just been read.
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
            attempt: NodeAttempt::default(),
            _in_flight: InFlight::new(&metrics.in_flight),
        }
    }

    /// The listener that its connection came in at.
    pub fn listener(&self) -> &Listener {
        self.connection.listener(&self.live)
    }

    /// Whether the node has been silent for too long.
    pub fn node_is_overdue(&self) -> bool {
        self.connection.state() == ReadState::Nothing
    }

    /// Whether the node has answered before it could have the whole request.
    pub fn is_answered_early(&self) -> bool {
        self.connection.state() != ReadState::Answer
    }

    /// The node that the latest attempt went to, and its counters.
    pub fn node(&self) -> Option<(&str, &NodeMetrics)> {
        let at = self.live.cluster.latest(&self.attempt.nodes)?;
        Some((
            self.live.cluster.labels().get(at)?,
            self.live.node_metrics.get(at)?,
        ))
    }

    /// What is wrong with the framing of the body, if something is.
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

    /// Reads who signed a request that got no permit, by its own words; that of a form is known already.
    pub fn note_claim(&mut self, request: &RequestHeader) {
        if self.admitted.is_some() || self.refused.claimed.is_some() {
            return;
        }
        let dialects = &self.listener().dialects;
        let query = Target::of(request).query;
        let claimed = Claimed::of(self.head.fields(), query, dialects);
        self.refused.claimed = claimed.map(Claimed::into_owned);
    }

    /// The dialect and the form of its signature, verified or claimed.
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

/// Counts the request as in flight while it lives.
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
