//! What the gateway is told.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::address::HostNames;
use crate::dialect::DialectName;
use crate::socket_address::SocketAddress;

/// Whose words the answers use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerAs {
    /// The dialect that the request used.
    Request,
    /// Always AWS.
    Aws,
    /// Always WOS.
    Wos,
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
            dialects: vec![DialectName::Aws, DialectName::Wos],
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
