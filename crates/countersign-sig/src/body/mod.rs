//! Bodies: whether the bytes that follow a header are the ones that it declares. Pure: bytes in, bytes out.
//!
//! ```text
//! RequestView + PayloadClaim ─ BodyPlan::of ─▶ BodyPlan ─ verifier ─▶ BodyVerifier ─ push(piece, end) ─▶ bytes for the node
//! ```
//!
//! The plan is per request; a verifier is per attempt, so that a body that is sent again is proven again. A verifier
//! holds the last piece back until everything that was declared is verified: the payload hash, Content-MD5, a checksum in
//! the header or the trailer, every signature of the chunks and of the trailer, the length of the data. Whoever
//! receives the bytes never has a complete body that is not the declared one.
//!
//! The [`PayloadClaim`](crate::sig::payload::PayloadClaim) alone decides whether a body is framed in chunks.
//!
//! Sources: Amazon S3 API Reference, "Transferring payload in multiple chunks" and "… with trailing headers"; Amazon S3
//! User Guide, "Checking object integrity".

mod checksum;
mod chunked;
mod digest;
mod failure;
pub mod form;
mod pieces;
mod plan;
mod signed_chunks;
mod trailer;
mod verifier;

pub use checksum::ChecksumAlgorithm;
pub use failure::BodyFailure;
pub use plan::{BodyPlan, ForwardedEncoding, Unwrapping, VerifyOrder};
pub use signed_chunks::SignedChunks;
pub use verifier::BodyVerifier;

/// The most data that is held back for one body, in bytes.
pub const MAX_HELD: usize = 64 * 1024;

/// How the body is forwarded to the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// As received, chunk headers and trailer included.
    AsReceived,
    /// The data alone.
    Plain,
}

/// Whether a piece is the last one. An empty piece that is not the last one ends nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// More may follow.
    More,
    /// Nothing follows.
    Last,
}

/// The limits of bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyOptions {
    /// The most bytes of data in one body.
    pub max_body: u64,
    /// The fewest bytes in a chunk that is not the last one with data.
    pub min_chunk: u64,
    /// The most bytes in a signed chunk.
    pub max_signed_chunk: u64,
}

impl BodyOptions {
    /// The most data of one upload: 5 GiB (Amazon S3 User Guide, "Uploading objects").
    pub const MAX_BODY: u64 = 5 << 30;
    /// The smallest chunk but the last one: 8 KiB (Amazon S3 API Reference, "Transferring payload in multiple chunks"). S3 applies
    /// it to unsigned chunks too.
    pub const MIN_CHUNK: u64 = 8 << 10;
    /// The largest signed chunk: 16 MiB. Today's SDKs sign 64 KiB or 128 KiB at a time; a chunk is verified only when all of
    /// it has arrived.
    pub const MAX_SIGNED_CHUNK: u64 = 16 << 20;
}

impl Default for BodyOptions {
    fn default() -> Self {
        Self {
            max_body: Self::MAX_BODY,
            min_chunk: Self::MIN_CHUNK,
            max_signed_chunk: Self::MAX_SIGNED_CHUNK,
        }
    }
}
