//! From the bytes of a connection to the head of a request, and the time that they may take.
//!
//! | file | what it does |
//! |---|---|
//! | `guard`, `connection` | holds a request header back until it is complete and checked; what is awaited on the connection |
//! | `parse`, `h2`, `head`, `target` | checks the bytes of a header, or the fields of HTTP/2; its fields; its target |
//! | `chunks` | checks the framing of a body in chunks |
//! | `fault_response` | answers what is no request |
//! | `activity`, `rate_meter`, `timer` | since when a connection is idle; how slow its client is; a timer |

mod activity;
mod chunks;
pub mod connection;
mod fault_response;
mod guard;
pub mod h2;
pub mod head;
pub mod parse;
mod rate_meter;
pub mod target;
mod timer;

use std::time::Duration;

use crate::error::WireFault;
pub use activity::Activity;
pub use guard::GuardedStream;

/// The most that is read of a refused message after its answer, so that the client sees the answer before the end.
pub const MAX_LINGER_BYTES: usize = 1024 * 1024;
/// How long it is read.
pub const LINGER: Duration = Duration::from_secs(2);
/// How much is read at once while a header or the head of a form is awaited. Most headers fit.
pub const PIECE: usize = 4096;

/// Whether the gateway lets a request header through: the bytes alone, as they are on the wire.
///
/// # Errors
/// [`WireFault`].
pub fn check_header(bytes: &[u8]) -> Result<(), WireFault> {
    parse::read(bytes).map(drop)
}
