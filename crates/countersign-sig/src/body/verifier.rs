//! The verification of a body while it streams: what may be forwarded, and what is held back.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use super::chunked::ChunkDecoder;
use super::digest::DataState;
use super::failure::BodyFailure;
use super::pieces::concat;
use super::plan::BodyPlan;
use super::{End, Framing, MAX_HELD};

/// How far a body has come.
#[derive(Debug)]
enum Verdict {
    Open,
    Proven,
    Failed(BodyFailure),
}

/// Verifies one transmission of a body.
///
/// A piece is released when the next one has arrived and nothing is wrong so far; so nothing is copied but short pieces.
#[derive(Debug)]
pub struct BodyVerifier {
    plan: BodyPlan,
    decoder: Option<ChunkDecoder>,
    data: DataState,
    received: u64,
    held: Bytes,
    verdict: Verdict,
}

impl BodyPlan {
    /// A verifier of the whole body: a new one for each transmission.
    pub fn verifier(&self) -> BodyVerifier {
        BodyVerifier::of(self)
    }
}

impl BodyVerifier {
    fn of(plan: &BodyPlan) -> Self {
        let planned = &plan.0;
        let chunks = planned.chunks.as_ref();
        Self {
            decoder: chunks.map(|chunks| ChunkDecoder::of(chunks, &planned.options)),
            data: DataState::of(&planned.data),
            plan: plan.clone(),
            received: 0,
            held: Bytes::new(),
            verdict: Verdict::Open,
        }
    }

    /// Takes the next piece as received, and gives what may be forwarded now, which may be nothing. With the last piece everything
    /// that was declared is verified, and everything that was held back is given.
    ///
    /// # Errors
    /// The variants of [`BodyFailure`] that concern the bytes, and [`BodyFailure::TooLarge`]. Every later call fails in the same
    /// way.
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
        let forwarded = self.read(piece)?;
        match end {
            End::More => Ok(self.hold(forwarded)),
            End::Last => {
                self.finish()?;
                self.verdict = Verdict::Proven;
                Ok(concat(std::mem::take(&mut self.held), forwarded))
            }
        }
    }

    /// Checks what is received, and gives the part of it that is to be forwarded.
    fn read(&mut self, piece: Bytes) -> Result<Bytes, BodyFailure> {
        let state = &mut self.data;
        let Some(decoder) = &mut self.decoder else {
            state.update(&piece);
            return Ok(piece);
        };
        match self.plan.0.framing {
            Framing::AsReceived => {
                decoder.decode(&piece, |range| state.update(&piece[range]))?;
                Ok(piece)
            }
            Framing::Plain => {
                let mut data = Gathered::None;
                decoder.decode(&piece, |range| data.add(&piece, range))?;
                let data = data.of(&piece);
                // All at once: every update of a digest has a cost of its own.
                state.update(&data);
                Ok(data)
            }
        }
    }

    /// Counts what is received against the declared length.
    fn count(&mut self, piece: &Bytes) -> Result<(), BodyFailure> {
        // The length of a piece fits into 64 bits.
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
            None if behind_the_end => Err(BodyFailure::BEHIND_THE_END),
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
        if let Some(declared) = planned
            .content_length
            .filter(|length| *length != self.received)
        {
            return Err(BodyFailure::Length {
                declared,
                received: self.received,
            });
        }
        if let Some(declared) = planned
            .decoded_length
            .filter(|length| *length != self.received)
        {
            return Err(BodyFailure::Length {
                declared,
                received: self.received,
            });
        }
        let trailer = match &self.decoder {
            None => None,
            Some(decoder) => decoder.finish()?,
        };
        self.data.clone().prove(&planned.data, trailer)
    }

    /// Holds a piece back in place of the one before, which is released.
    fn hold(&mut self, mut piece: Bytes) -> Bytes {
        if piece.is_empty() {
            return piece;
        }
        let mut before = std::mem::take(&mut self.held);
        // A node that reads the framing itself may take the last chunk for the end: everything from there on is held.
        let ending = self.decoder.as_ref().is_some_and(ChunkDecoder::is_ending);
        if ending && self.plan.0.framing == Framing::AsReceived {
            piece = concat(std::mem::take(&mut before), piece);
        }
        if piece.len() > MAX_HELD {
            before = concat(before, piece.split_to(piece.len() - MAX_HELD));
            // A copy: a slice would keep all of the piece in memory.
            piece = Bytes::copy_from_slice(&piece);
        }
        self.held = piece;
        before
    }
}

/// The data in one piece.
enum Gathered {
    None,
    /// A part of the piece: nothing is copied.
    One(Range<usize>),
    Several(BytesMut),
}

impl Gathered {
    fn add(&mut self, piece: &Bytes, range: Range<usize>) {
        match self {
            Self::None => *self = Self::One(range),
            Self::One(first) => {
                let mut data = BytesMut::with_capacity(piece.len() - first.start);
                data.put_slice(&piece[first.clone()]);
                data.put_slice(&piece[range]);
                *self = Self::Several(data);
            }
            Self::Several(data) => data.put_slice(&piece[range]),
        }
    }

    fn of(self, piece: &Bytes) -> Bytes {
        match self {
            Self::None => Bytes::new(),
            // A small slice of a large piece would keep all of it in memory.
            Self::One(range) if range.len() < piece.len() / 2 => {
                Bytes::copy_from_slice(&piece[range])
            }
            Self::One(range) => piece.slice(range),
            Self::Several(data) => data.freeze(),
        }
    }
}
