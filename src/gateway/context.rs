//! What the gateway keeps of one request while it is in flight.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use pingora::http::RequestHeader;
use pingora::protocols::SocketDigest;
use pingora::{Error, ErrorType, OrErr};
use prometheus::IntGauge;
use rand::RngExt;
use rand::rngs::SmallRng;

use super::admit::Target;
use super::body::Body;
use super::connection::{Awaited, Connection};
use super::form::Upload;
use super::listener::Listener;
use super::live::Live;
use super::received::Received;
use super::relay::{MAX_INTERIM_ANSWERS, Relay};
use super::reuse::Spent;
use crate::address::Address;
use crate::body::SignedChunks;
use crate::cluster::Attempt;
use crate::error::{Answer, Reason, Refusal};
use crate::metrics::{Metrics, NodeMetrics};
use crate::policy::Permit;
use crate::sig::Version;
use crate::sig::claimed::Claimed;
use crate::sig::dialect::{DialectForm, DialectName};

/// One request in flight.
pub struct Context {
    /// The configuration that it is handled with.
    pub live: Arc<Live>,
    /// The connection it came on; always there once the header was read.
    pub connection: Option<Arc<Connection>>,
    /// The gateway's id of the request.
    pub request_id: RequestId,
    /// Its header fields.
    pub received: Received,
    /// When its header had been read.
    pub started: Instant,
    /// Whose words its answer uses.
    pub words: Option<DialectName>,
    /// Leave to go on to a node, once it has one.
    pub permit: Option<Permit>,
    /// The fields besides the usual ones that its signature covers, where the nodes verify it themselves.
    pub signed_fields: Vec<String>,
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
    /// When it ended, where a node is asked right behind it.
    pub verified_at: Option<Instant>,
    /// When the latest attempt at a node started.
    pub node_started: Option<Instant>,
    /// The connection of the latest attempt.
    pub node_connection: Option<Arc<SocketDigest>>,
    /// Whether the next attempt needs a connection of its own.
    pub single: bool,
    /// How many interim answers the node has given.
    pub interim_answers: u8,
    /// When it had its connection; none where the client is still to send a body.
    pub connected: Option<Instant>,
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
    /// Why it is refused.
    pub reason: Option<Reason>,
    /// The address, where it had one.
    pub address: Option<Address>,
    /// Who signed it by its own words, where they can be read.
    pub claimed: Option<Claimed<'static>>,
    /// Whether its signature holds, and it is refused for something else.
    pub verified: bool,
}

impl Context {
    /// A request whose header has just been read.
    pub fn new(live: Arc<Live>, metrics: &Metrics, now: Instant) -> Self {
        Self {
            live,
            connection: None,
            request_id: RequestId::random(),
            received: Received::default(),
            started: now,
            words: None,
            permit: None,
            signed_fields: Vec::new(),
            body: Body::default(),
            form: None,
            signed_chunks: None,
            attempt: Attempt::default(),
            refused: Refused::default(),
            answer: None,
            verification: None,
            verified_at: None,
            node_started: None,
            node_connection: None,
            single: false,
            interim_answers: 0,
            connected: None,
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

    /// Whether the node has been silent for too long.
    pub fn node_is_overdue(&self) -> bool {
        let connection = self.connection.as_ref();
        connection.is_some_and(|connection| connection.awaited() == Awaited::Nothing)
    }

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

    /// Whether the node has answered before it could have the whole request.
    pub fn is_answered_early(&self) -> bool {
        let connection = self.connection.as_ref();
        connection.is_none_or(|connection| connection.awaited() != Awaited::Answer)
    }

    /// The node's connection is not to be used again.
    pub fn spend(&mut self, spent: &Spent) {
        if let Some(connection) = self.node_connection.take() {
            spent.spend(&connection);
        }
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

    /// Why a form upload is refused, if it turned out to be wrong while it was on its way.
    pub fn form_refusal(&self) -> Option<Refusal> {
        self.form.as_ref()?.refusal()
    }

    /// What is wrong with the framing of the body, if something is.
    pub fn broken_body(&self) -> Option<Refusal> {
        let fault = self.connection.as_ref()?.body_fault();
        fault.map(Refusal::Wire)
    }

    /// The address of the request, permitted or refused.
    pub fn address(&self) -> Option<&Address> {
        match &self.permit {
            Some(permit) => Some(permit.address()),
            None => self.refused.address.as_ref(),
        }
    }

    /// Reads who signed a request that got no permit, by its own words; that of a form is known already.
    pub fn note_claim(&mut self, request: &RequestHeader) {
        if self.permit.is_some() || self.refused.claimed.is_some() {
            return;
        }
        let dialects = self.site().map(|(_, listener)| &listener.dialects[..]);
        let query = Target::of(request).query;
        let claimed = Claimed::of(self.received.fields(), query, dialects.unwrap_or(&[]));
        self.refused.claimed = claimed.map(Claimed::into_owned);
    }

    /// The dialect and the form of its signature, verified or claimed.
    pub fn dialect(&self) -> Option<DialectForm> {
        match &self.permit {
            Some(permit) => Some(permit.verified().dialect()),
            None => self.refused.claimed.as_ref()?.dialect,
        }
    }

    /// The version of its signature, verified or claimed.
    pub fn version(&self) -> Option<Version> {
        match &self.permit {
            Some(permit) => Some(permit.verified().version()),
            None => Some(self.refused.claimed.as_ref()?.version),
        }
    }
}

thread_local! {
    static IDS: RefCell<SmallRng> = RefCell::new(rand::make_rng());
}

/// The id of a request: 32 hexadecimal digits.
#[derive(Clone, Copy)]
pub struct RequestId([u8; 32]);

impl RequestId {
    /// A new one: 128 random bits, so that the ids of several gateways do not meet. An id is no secret, and who has seen
    /// some can tell the next: a generator for secrets takes ten times as long.
    pub fn random() -> Self {
        Self(hexadecimal(IDS.with_borrow_mut(|ids| ids.random())))
    }

    /// As a value of a header.
    ///
    /// # Errors
    /// None: digits are a header value.
    pub fn value(&self) -> pingora::Result<HeaderValue> {
        HeaderValue::from_bytes(&self.0).or_err(ErrorType::InvalidHTTPHeader, "the request id")
    }
}

impl Deref for RequestId {
    type Target = str;

    fn deref(&self) -> &str {
        str::from_utf8(&self.0).expect("the digits are ASCII")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// 128 bits that nobody can tell.
pub fn unguessable() -> String {
    String::from_utf8_lossy(&hexadecimal(rand::random())).into_owned()
}

/// Two digits for each byte, four bytes at once: every request has an id.
fn hexadecimal(bits: u128) -> [u8; 32] {
    let mut text = [0; 32];
    for (digits, at) in text.as_chunks_mut().0.iter_mut().zip([96, 64, 32, 0]) {
        let word = u64::from((bits >> at) as u32);
        // Each half of a byte into a byte of its own.
        let word = (word << 16 | word) & 0x0000_ffff_0000_ffff;
        let word = (word << 8 | word) & 0x00ff_00ff_00ff_00ff;
        let halves = (word << 4 | word) & 0x0f0f_0f0f_0f0f_0f0f;
        // 1 in each byte of 10 and more, which are letters.
        let letters = (halves + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
        let own = halves + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10);
        *digits = own.to_be_bytes();
    }
    text
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

#[cfg(test)]
mod tests {
    use super::hexadecimal;

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for bits in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210] {
            let text = format!("{bits:032x}");
            assert_eq!(hexadecimal(bits), text.as_bytes());
        }
    }
}
