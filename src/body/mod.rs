//! Bodies: whether the bytes that follow a header are the ones that were claimed. Pure: bytes in, bytes out.

pub mod form;

/// The most data that is held back for one body.
pub const MAX_HELD: usize = 64 * 1024;

/// How the body goes on to the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// As it came, chunk headers and trailer included.
    AsReceived,
    /// The data alone.
    Plain,
}

/// Whether a piece is the last one. An empty piece that is not the last one ends nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// More may follow.
    No,
    /// Nothing follows.
    Yes,
}
