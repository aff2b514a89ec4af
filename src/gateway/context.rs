//! What the gateway keeps of one request while it is in flight.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::IntGauge;

use super::body::Body;
use super::connection::Connection;
use super::form::Upload;
use super::listener::Listener;
use super::live::Live;
use super::relay::Relay;
use crate::address::Address;
use crate::body::SignedChunks;
use crate::body::form::FormFault;
use crate::cluster::Attempt;
use crate::error::Answer;
use crate::metrics::{Metrics, NodeMetrics};
use crate::policy::Permit;
use crate::sig::Version;
use crate::sig::authorization::DialectForm;
use crate::sig::dialect::DialectName;

/// One request in flight.
pub struct Context {
    /// The configuration that it is handled with.
    pub live: Arc<Live>,
    /// The connection it came on; always there once the header was read.
    pub connection: Option<Arc<Connection>>,
    /// The gateway's id of the request: 32 hexadecimal digits.
    pub request_id: String,
    /// When its header had been read.
    pub started: Instant,
    /// Whose words its answer uses.
    pub words: Option<DialectName>,
    /// Leave to go on to a node, once it has one.
    pub permit: Option<Permit>,
    /// The proof of its body.
    pub body: Body,
    /// What it is besides, where it is a form upload.
    pub form: Option<Box<Upload>>,
    /// The frames that its body goes on in, for the attempt under way, where the node gets it in signed chunks.
    pub signed_chunks: Option<SignedChunks>,
    /// The nodes it has tried.
    pub attempt: Attempt,
    /// What is known of a request that got no permit.
    pub refused: Refused,
    /// The answer of the gateway's own, if it gave one.
    pub answer: Option<Answer>,
    /// How long the check of the signature took.
    pub verification: Option<Duration>,
    /// When the latest attempt at a node started.
    pub node_started: Option<Instant>,
    /// How long the node took to the header of its answer.
    pub node_duration: Option<Duration>,
    /// The node's own id of the request.
    pub node_request_id: Option<String>,
    /// What is done to the body of the node's answer.
    pub relay: Relay,
    _in_flight: InFlight,
}

/// What a request that is refused claimed to be, for the log and the metrics alone.
#[derive(Debug, Default)]
pub struct Refused {
    /// The address, where it had one.
    pub address: Option<Address>,
    /// The dialect and the form of its signature, where it was understood.
    pub dialect: Option<DialectForm>,
    /// The version of its signature, where it was understood.
    pub version: Option<Version>,
    /// The AccessKeyId that it claimed.
    pub access_key_id: Option<String>,
}

impl Context {
    /// A request whose header has just been read.
    pub fn new(live: Arc<Live>, metrics: &Metrics, now: Instant) -> Self {
        Self {
            live,
            connection: None,
            request_id: request_id(),
            started: now,
            words: None,
            permit: None,
            body: Body::default(),
            form: None,
            signed_chunks: None,
            attempt: Attempt::default(),
            refused: Refused::default(),
            answer: None,
            verification: None,
            node_started: None,
            node_duration: None,
            node_request_id: None,
            relay: Relay::default(),
            _in_flight: InFlight::new(&metrics.in_flight),
        }
    }

    /// The connection it came on, and the listener of that.
    pub fn site(&self) -> Option<(&Connection, &Listener)> {
        let connection = self.connection.as_deref()?;
        let listener = self.live.listeners.get(connection.listener())?;
        Some((connection, listener))
    }

    /// The node that the latest attempt went to, and its counters.
    pub fn node(&self) -> Option<(&str, &NodeMetrics)> {
        let at = self.live.cluster.latest(&self.attempt)?;
        Some((
            self.live.cluster.labels().get(at)?,
            self.live.node_metrics.get(at)?,
        ))
    }

    /// Whether there is something of the body to prove that has not been.
    pub fn is_unproven(&self) -> bool {
        self.body.is_unproven() || self.form.as_ref().is_some_and(|form| form.is_unproven())
    }

    /// What is wrong with the body of a form upload, if something is.
    pub fn form_fault(&self) -> Option<FormFault> {
        self.form.as_ref()?.fault()
    }

    /// The address of the request, permitted or refused.
    pub fn address(&self) -> Option<&Address> {
        match &self.permit {
            Some(permit) => Some(permit.address()),
            None => self.refused.address.as_ref(),
        }
    }

    /// The dialect and the form of its signature, verified or claimed.
    pub fn dialect(&self) -> Option<DialectForm> {
        match &self.permit {
            Some(permit) => Some(permit.verified().dialect()),
            None => self.refused.dialect,
        }
    }

    /// The version of its signature, verified or claimed.
    pub fn version(&self) -> Option<Version> {
        match &self.permit {
            Some(permit) => Some(permit.verified().version()),
            None => self.refused.version,
        }
    }

    /// Its AccessKeyId, verified or claimed.
    pub fn access_key_id(&self) -> Option<&str> {
        match &self.permit {
            Some(permit) => Some(&permit.verified().identity().access_key_id),
            None => self.refused.access_key_id.as_deref(),
        }
    }
}

/// A new id for a request: 128 random bits, so that the ids of several gateways do not meet.
pub fn request_id() -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut id = vec![0; 32];
    let bytes = rand::random::<u128>().to_le_bytes();
    for (pair, byte) in id.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    String::from_utf8(id).expect("the digits are ASCII")
}

/// Counts the request as in flight while it lives.
struct InFlight(IntGauge);

impl InFlight {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
