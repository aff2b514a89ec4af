//! A client's connection: reads and checks request headers and body framing, with deadlines.
//!
//! | file | what it does |
//! |---|---|
//! | `guard`, `connection` | withholds a request header from Pingora until it is complete and checked; the state of a connection |
//! | `parse`, `h2`, `head`, `target` | checks the bytes of a header, or the fields of HTTP/2; header fields; request target |
//! | `chunks` | checks the framing of a chunked body |
//! | `fault_response` | writes the response to an invalid header |
//! | `activity`, `rate_meter` | the idle time of a connection; the transfer rate of its client |

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

use std::time::Duration;

use crate::error::WireFault;
pub use activity::Activity;
pub use guard::GuardedStream;

/// The most that is read of a refused message after its response (a lingering close), so that the client gets the response
/// before the connection closes.
pub const MAX_LINGER_BYTES: usize = 1024 * 1024;
/// The longest time of a lingering close.
pub const LINGER: Duration = Duration::from_secs(2);
/// The read size for a request header, or for the fields of a form before its file. Most headers fit.
pub const PIECE: usize = 4096;

/// Checks the bytes of a request header as the guard does.
///
/// # Errors
/// [`WireFault`].
pub fn check_header(bytes: &[u8]) -> Result<(), WireFault> {
    parse::read(bytes).map(drop)
}
