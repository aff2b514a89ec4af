//! The options of listeners and of the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::address::HostNames;
use crate::dialect::{DIALECTS, DialectName};
use crate::socket_address::SocketAddress;

/// The dialect of the responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerAs {
    /// The dialect of the request.
    Request,
    /// Always this dialect.
    Dialect(DialectName),
}

impl AnswerAs {
    /// The name of [`AnswerAs::Request`].
    pub const REQUEST: &'static str = "request";

    /// All names: [`AnswerAs::REQUEST`], and those of the dialects.
    pub const WORDS: &'static [&'static str] = &{
        let mut words = [Self::REQUEST; DialectName::WORDS.len() + 1];
        let mut at = 0;
        while at < DialectName::WORDS.len() {
            words[at + 1] = DialectName::WORDS[at];
            at += 1;
        }
        words
    };

    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => Self::REQUEST,
            Self::Dialect(name) => name.as_str(),
        }
    }

    /// Reads a name; none if it is unknown.
    pub fn of(word: &str) -> Option<Self> {
        if word == Self::REQUEST {
            return Some(Self::Request);
        }
        let mut names = DIALECTS.iter().map(|dialect| dialect.name);
        names.find(|name| name.as_str() == word).map(Self::Dialect)
    }
}

impl Serialize for AnswerAs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'d> Deserialize<'d> for AnswerAs {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::of(&word).ok_or_else(|| D::Error::unknown_variant(&word, Self::WORDS))
    }
}

/// The connection limits of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In total; at least 1. The limit of file descriptors may reduce it.
    pub connections: usize,
    /// From one network, which is an IPv4 address or the first 64 bits of an IPv6 address; none for no limit.
    pub per_network: Option<usize>,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            per_network: None,
        }
    }
}

/// The lowest transfer rate of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinRate {
    /// Bytes per second; 0 for no minimum.
    pub bytes: u64,
    /// The time of waiting for the client over which the rate is averaged.
    pub window: Duration,
}

impl Default for MinRate {
    fn default() -> Self {
        Self {
            bytes: 256,
            window: Duration::from_secs(60),
        }
    }
}

/// One `[[listener]]`.
#[derive(Debug, Clone)]
pub struct ListenerOptions {
    /// The address to listen on: port 0 uses a free port, and a Unix socket gets the mode 0660.
    pub address: SocketAddress,
    /// The host names of the gateway and of buckets.
    pub hosts: HostNames,
    /// The signature dialects accepted here, the preferred one first.
    pub dialects: Vec<DialectName>,
    /// The dialect of the responses.
    pub answer_as: AnswerAs,
    /// The longest time from the first byte of a request header to its end.
    pub header_timeout: Duration,
    /// The longest time a keep-alive connection waits for its next request.
    pub idle_timeout: Duration,
    /// The longest time in which a client sends no byte of a request body, or reads no byte of a response.
    pub body_timeout: Duration,
    /// The lowest rate of a client that sends a body or reads a response.
    pub min_rate: MinRate,
    /// The connection limits.
    pub limits: ConnectionLimits,
}

/// On a free port of the loopback address.
impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            address: SocketAddress::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            hosts: HostNames::default(),
            dialects: DIALECTS.iter().map(|dialect| dialect.name).collect(),
            answer_as: AnswerAs::Request,
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            min_rate: MinRate::default(),
            limits: ConnectionLimits::default(),
        }
    }
}

/// `[server]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerOptions {
    /// Worker threads; at least 1.
    pub threads: usize,
    /// How long requests in flight may take to end when the gateway stops.
    pub grace_period: Duration,
}

/// With a thread for each core.
impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            grace_period: Duration::from_secs(30),
        }
    }
}
