//! Threats to the body of a request: what is not proven must not complete at the node, and frames must not be stored as
//! data. Each test bears the name of its threat.

mod chunks;
mod claims;
mod connections;
mod framing;
mod hashes;
mod lengths;
mod memory;
mod schemes;
mod trailers;

use support::scene::Scene;
use support::upload::Upload;

/// Bytes that repeat in no obvious period, so that a piece that is lost or moved shows.
fn object(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// An upload in this mode, of three chunks of 64 KiB and a shorter one.
fn upload(mode: &str) -> Upload {
    Upload::new(mode, object(200_000))
}
