//! A body on its way: what may go on, and what is held back.

use bytes::{BufMut, Bytes, BytesMut};

use super::digest::DataState;
use super::failure::BodyFailure;
use super::plan::BodyPlan;
use super::{End, MAX_HELD};

/// How far a body has come.
#[derive(Debug)]
enum Verdict {
    Open,
    Proven,
    Failed(BodyFailure),
}

/// One attempt at a body.
///
/// A piece goes on when the next one has come and nothing is wrong so far, so no byte is copied that does not have to be.
#[derive(Debug)]
pub struct BodyVerifier {
    plan: BodyPlan,
    data: DataState,
    received: u64,
    held: Bytes,
    verdict: Verdict,
}

impl BodyVerifier {
    pub(super) fn of(plan: &BodyPlan) -> Self {
        Self {
            data: DataState::of(&plan.0.data),
            plan: plan.clone(),
            received: 0,
            held: Bytes::new(),
            verdict: Verdict::Open,
        }
    }

    /// Takes the next piece as it was received, and gives what may go on to the node now: perhaps nothing. With the last
    /// piece everything that was claimed is proven, and everything goes on.
    ///
    /// # Errors
    /// The second group of [`BodyFailure`], and [`BodyFailure::TooLarge`]. From then on every call fails in the same way.
    pub fn push(&mut self, piece: Bytes, end: End) -> Result<Bytes, BodyFailure> {
        match &self.verdict {
            Verdict::Failed(failure) => return Err(failure.clone()),
            Verdict::Proven if piece.is_empty() => return Ok(Bytes::new()),
            Verdict::Proven | Verdict::Open => {}
        }
        let released = self.advance(piece, end);
        if let Err(failure) = &released {
            self.verdict = Verdict::Failed(failure.clone());
            self.held = Bytes::new();
        }
        released
    }

    fn advance(&mut self, piece: Bytes, end: End) -> Result<Bytes, BodyFailure> {
        self.count(&piece)?;
        self.data.update(&piece);
        match end {
            End::No => Ok(self.hold(piece)),
            End::Yes => {
                self.finish()?;
                self.verdict = Verdict::Proven;
                Ok(joined(std::mem::take(&mut self.held), piece))
            }
        }
    }

    /// Counts what is received against what was announced.
    fn count(&mut self, piece: &Bytes) -> Result<(), BodyFailure> {
        // No piece has more bytes than 64 bits count.
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.received = self.received.saturating_add(length);
        let planned = &self.plan.0;
        let behind_the_end = matches!(self.verdict, Verdict::Proven);
        match planned.content_length {
            Some(declared) if self.received > declared || behind_the_end => {
                Err(BodyFailure::Length {
                    declared,
                    received: self.received,
                })
            }
            None if behind_the_end => Err(BodyFailure::MalformedChunk("bytes behind the end")),
            None if planned.chunks.is_none() && self.received > planned.options.max_body => {
                Err(BodyFailure::TooLarge {
                    proposed: self.received,
                    max: planned.options.max_body,
                })
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), BodyFailure> {
        let planned = &self.plan.0;
        if let Some(declared) = planned.content_length.filter(|own| *own != self.received) {
            return Err(BodyFailure::Length {
                declared,
                received: self.received,
            });
        }
        self.data.clone().prove(&planned.data, None)
    }

    /// Holds a piece back in place of the one before, which goes on.
    fn hold(&mut self, mut piece: Bytes) -> Bytes {
        if piece.is_empty() {
            return Bytes::new();
        }
        let before = std::mem::take(&mut self.held);
        if piece.len() <= MAX_HELD {
            self.held = piece;
            return before;
        }
        // A copy: a slice would hold on to all of the piece.
        self.held = Bytes::copy_from_slice(&piece.split_off(piece.len() - MAX_HELD));
        joined(before, piece)
    }
}

/// One after the other, copied only where both have something.
fn joined(first: Bytes, second: Bytes) -> Bytes {
    if first.is_empty() {
        return second;
    }
    if second.is_empty() {
        return first;
    }
    let mut both = BytesMut::with_capacity(first.len() + second.len());
    both.put(first);
    both.put(second);
    both.freeze()
}
