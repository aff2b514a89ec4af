//! The body of a request in one attempt at a node: verified, and with the framing for the node.

use bytes::Bytes;

use super::body::BodyProof;
use super::context::Admitted;
use super::form::FormProof;
use crate::body::{End, SignedChunks};
use crate::error::Refusal;

/// The body of a request in one attempt. Another attempt needs another one, which starts with the first byte.
pub struct Payload<'a> {
    form: Option<FormProof<'a>>,
    proof: BodyProof,
    signed_chunks: Option<SignedChunks>,
}

impl<'a> Payload<'a> {
    /// The body of an admitted request, with chunk signatures if `signed_chunks` is given.
    pub fn new(admitted: &'a Admitted, signed_chunks: Option<SignedChunks>) -> Self {
        Self {
            form: admitted.form.as_ref().map(|form| form.proof()),
            proof: admitted.body.proof(),
            signed_chunks,
        }
    }

    /// Takes a part of the client's body and returns the bytes for the node. The last part is withheld until the whole body
    /// is verified.
    ///
    /// # Errors
    /// [`Refusal`]: the body is not the one that was signed.
    pub fn push(&mut self, mut piece: Bytes, end: End) -> Result<Bytes, Refusal> {
        if let Some(form) = &mut self.form {
            piece = form.push(piece, end)?;
        }
        piece = self.proof.push(piece, end).map_err(Refusal::Body)?;
        if let Some(chunks) = &mut self.signed_chunks {
            piece = chunks.push(piece, end);
        }
        Ok(piece)
    }

    /// Whether the body is not yet verified to its end.
    pub fn is_unproven(&self) -> bool {
        self.proof.is_open() || self.form.as_ref().is_some_and(|form| form.is_open())
    }
}
