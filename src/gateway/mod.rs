//! The gateway: the Pingora glue, and the only room with a `ProxyHttp`.
//!
//! | file | what it does, in the order of a request |
//! |---|---|
//! | `socket`, `listener`, `connection`, `guard`, `refusing`, `wire`, `chunks`, `received` | takes a connection, reads each request header and checks the framing of each body |
//! | `crowd`, `descriptors`, `progress`, `alarm` | how many connections there may be, and how slow a client |
//! | `proxy`, `context` | Pingora's callbacks, and what is kept of one request |
//! | `admit` | the check: from the header to a `Permit` |
//! | `body` | the proof of the request's body while it streams |
//! | `form` | form uploads: the check of their fields, the PUT that they become, the answer |
//! | `forward` | the request that goes on to the node |
//! | `relay`, `reuse` | the node's answer in the client's words and framing; what becomes of the node's connection |
//! | `respond` | the answer to a refusal |
//! | `observe` | one access line, one set of metrics |
//! | `admin` | `/metrics`, `/healthz`, `/readyz` |
//! | `run`, `live` | sockets, threads, signals; the configuration in use |

mod admin;
mod admit;
mod alarm;
mod body;
mod chunks;
mod connection;
mod context;
mod crowd;
mod descriptors;
mod form;
mod forward;
mod guard;
mod listener;
mod live;
mod observe;
pub mod options;
mod progress;
mod proxy;
mod received;
mod refusing;
mod relay;
mod respond;
mod reuse;
mod run;
mod socket;
mod wire;

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::clock::Clock;
use crate::error::WireFault;
use crate::logs::Log;
use crate::metrics::Metrics;
use live::Live;

pub use live::{LiveOptions, Reload};
pub use run::{Addresses, RunOptions, Running, start};
pub use socket::ListenError;

/// Whether the gateway lets a request header through: the bytes alone, as they are on the wire.
///
/// # Errors
/// [`WireFault`].
pub fn check_header(bytes: &[u8]) -> Result<(), WireFault> {
    wire::read(bytes).map(drop)
}

/// What every request needs.
pub struct Gateway {
    live: ArcSwap<Live>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    /// Random for each process: it tells gateways apart and says nothing about them.
    host_id: String,
    log: Log,
    /// Connections to nodes that are not to be used again.
    spent: reuse::Spent,
}

impl Gateway {
    /// How many requests have been read and not yet been answered whole.
    fn requests(&self) -> usize {
        usize::try_from(self.metrics.in_flight.get()).unwrap_or(0)
    }
}
