//! What the gateway is told.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::address::HostNames;
use crate::dialect::{DIALECTS, DialectName};
use crate::socket_address::SocketAddress;

/// The dialect that the answers use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerAs {
    /// The one that the request used.
    Request,
    /// Always this one.
    Dialect(DialectName),
}

impl AnswerAs {
    /// The word for the dialect of the request.
    pub const REQUEST: &'static str = "request";

    /// Every word: [`AnswerAs::REQUEST`], and those of the dialects.
    pub const WORDS: &'static [&'static str] = &{
        let mut words = [Self::REQUEST; DialectName::WORDS.len() + 1];
        let mut at = 0;
        while at < DialectName::WORDS.len() {
            words[at + 1] = DialectName::WORDS[at];
            at += 1;
        }
        words
    };

    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => Self::REQUEST,
            Self::Dialect(name) => name.as_str(),
        }
    }

    /// Reads a word; none where it is another one.
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

/// How many connections a listener may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Altogether; at least 1. Fewer where there are not enough file descriptors.
    pub connections: usize,
    /// From one network, which is an IPv4 address or the first 64 bits of an IPv6 address; none where that is not limited.
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

/// The slowest pace that a client may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinRate {
    /// Bytes in a second; 0 for as slow as it likes.
    pub bytes: u64,
    /// The time of waiting for the client over which they are averaged.
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
    /// Where it listens: port 0 takes a free one, and a Unix socket is made with mode 0660.
    pub address: SocketAddress,
    /// Which host names stand for what.
    pub hosts: HostNames,
    /// The signature dialects accepted here, the preferred one first.
    pub dialects: Vec<DialectName>,
    /// Whose words the answers use.
    pub answer_as: AnswerAs,
    /// The longest time from the first byte of a request header to its end.
    pub header_timeout: Duration,
    /// The longest time between two requests of one connection.
    pub idle_timeout: Duration,
    /// The longest silence in the middle of a request body, and the longest time in which a client takes nothing of an
    /// answer.
    pub body_timeout: Duration,
    /// How slow a client may be with a request body or an answer.
    pub min_rate: MinRate,
    /// How many connections it may have.
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
    /// The longest wait for requests in flight when the gateway stops.
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
