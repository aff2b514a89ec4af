//! The framing of a body in chunks (`aws-chunked`).
//!
//! ```text
//! signed     10000;chunk-signature=64 digits CR LF  65,536 bytes CR LF  …  0;chunk-signature=64 digits CR LF  trailer CR LF
//! unsigned   10000 CR LF                            65,536 bytes CR LF  …  0 CR LF                            trailer CR LF
//! ```
//!
//! Source: Amazon S3 API Reference, "Transferring payload in multiple chunks" and "… with trailing headers". One grammar:
//! a size of 1 to 16 hexadecimal digits, lines that end with CR LF, exactly one extension where chunks are signed and
//! none where they are not. As S3 does, it accepts spaces around the parts of a signed chunk's header, and a body that ends
//! without the last CR LF or with more than one: each has only one meaning.

use std::borrow::Cow;
use std::ops::Range;

use sha2::{Digest as _, Sha256};

use super::BodyOptions;
use super::failure::BodyFailure;
use super::trailer::{MAX_TRAILER_LENGTH, Trailer, TrailerRule, trimmed};
use crate::sig::payload::ChunkChain;

/// The most digits of a size: those of a 64-bit number.
const MAX_SIZE_DIGITS: usize = 16;
/// The name of the only extension of a chunk.
const SIGNATURE_EXTENSION: &[u8] = b"chunk-signature";
/// The hexadecimal digits of a signature.
const SIGNATURE_DIGITS: usize = 64;
/// The longest header of a chunk, with its CR LF, in bytes. Without spaces it has at most 99.
pub(super) const MAX_CHUNK_HEADER_LENGTH: usize = 128;
const _: () =
    assert!(MAX_SIZE_DIGITS + 1 + SIGNATURE_EXTENSION.len() + 1 + SIGNATURE_DIGITS + 2 <= 99);

/// The chunks of a framed body.
#[derive(Debug, Clone)]
pub(super) struct Chunks {
    pub decoded_length: u64,
    /// None where chunks are not signed.
    pub chain: Option<ChunkChain>,
    pub trailer: TrailerRule,
}

/// Where in the framing the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a chunk's header.
    Header,
    /// In a chunk's data, of which so many bytes are left, at least one.
    Data { left: u64 },
    /// At the CR behind the data.
    DataCr,
    /// At the LF behind the data.
    DataLf,
    /// Behind the header of the last chunk.
    Trailer,
}

/// Removes the framing of a body, and verifies the signatures of its chunks.
#[derive(Debug)]
pub(super) struct ChunkDecoder {
    state: State,
    line: PartialLine,
    chain: Option<ChunkChain>,
    /// The signature in the header of the current chunk.
    provided: [u8; SIGNATURE_DIGITS],
    /// The data of the current chunk, hashed so far.
    hash: Sha256,
    chunks: u64,
    size_before: Option<u64>,
    announced: u64,
    decoded_length: u64,
    min: u64,
    /// Of a signed chunk.
    max: u64,
    trailer: Trailer,
}

impl ChunkDecoder {
    pub fn of(chunks: &Chunks, options: &BodyOptions) -> Self {
        Self {
            state: State::Header,
            line: PartialLine::default(),
            chain: chunks.chain.clone(),
            provided: [0; SIGNATURE_DIGITS],
            hash: Sha256::new(),
            chunks: 0,
            size_before: None,
            announced: 0,
            decoded_length: chunks.decoded_length,
            min: options.min_chunk,
            max: options.max_signed_chunk,
            trailer: Trailer::of(&chunks.trailer),
        }
    }

    /// Reads the next piece of the body. `data` gets the ranges of `piece` that are data, in order.
    pub fn decode(
        &mut self,
        piece: &[u8],
        mut data: impl FnMut(Range<usize>),
    ) -> Result<(), BodyFailure> {
        let mut at = 0;
        while let Some(rest) = piece.get(at..).filter(|rest| !rest.is_empty()) {
            at += match self.state {
                State::Header => self.header(rest)?,
                State::Data { left } => {
                    let used = self.data(rest, left)?;
                    data(at..at + used);
                    used
                }
                State::DataCr => self.expect(rest, b'\r', State::DataLf)?,
                State::DataLf => self.expect(rest, b'\n', State::Header)?,
                State::Trailer => self.trailer(rest)?,
            };
        }
        Ok(())
    }

    /// Whether all data has been read: what follows may tell a node that the body is complete.
    pub fn is_ending(&self) -> bool {
        self.state == State::Trailer
    }

    /// The checksum in the trailer of a complete body.
    pub fn finish(&self) -> Result<Option<&str>, BodyFailure> {
        match (self.state, self.line.is_empty()) {
            (State::Trailer, true) if self.trailer.may_end() => Ok(self.trailer.checksum()),
            (State::Trailer, false) if self.trailer.is_over() => Err(BodyFailure::BEHIND_THE_END),
            _ => Err(BodyFailure::Truncated),
        }
    }

    fn expect(&mut self, rest: &[u8], byte: u8, then: State) -> Result<usize, BodyFailure> {
        if rest.first() != Some(&byte) {
            return Err(BodyFailure::MalformedChunk(
                "a chunk's data does not end with CR LF",
            ));
        }
        self.state = then;
        Ok(1)
    }

    fn header(&mut self, rest: &[u8]) -> Result<usize, BodyFailure> {
        const TOO_LONG: BodyFailure = BodyFailure::MalformedChunk("a chunk's header is too long");
        let Read { used, line } = self.line.read(rest, MAX_CHUNK_HEADER_LENGTH, TOO_LONG)?;
        if let Some(line) = line {
            self.state = self.begin(&line)?;
        }
        Ok(used)
    }

    /// Reads a chunk's header.
    fn begin(&mut self, line: &[u8]) -> Result<State, BodyFailure> {
        let line = line.strip_suffix(b"\r\n");
        let line = line.ok_or(BodyFailure::MalformedChunk(
            "a line does not end with CR LF",
        ))?;
        let size = match &self.chain {
            None => line,
            Some(_) => {
                let (size, provided) = signed_header(line)?;
                self.provided = *provided;
                size
            }
        };
        let size = chunk_size(size).ok_or(BodyFailure::MalformedChunk(
            "a chunk's size is not a hexadecimal number",
        ))?;
        self.chunks = self.chunks.saturating_add(1);
        self.check_size(size)?;
        self.size_before = Some(size);
        // A sum beyond 64 bits is beyond any declared length.
        self.announced = self.announced.saturating_add(size);
        let fits = self.announced <= self.decoded_length && self.announced < u64::MAX;
        if size > 0 && fits {
            return Ok(State::Data { left: size });
        }
        if size == 0 {
            self.confirm()?;
        }
        if size > 0 || self.announced != self.decoded_length {
            return Err(BodyFailure::Length {
                declared: self.decoded_length,
                received: self.announced,
            });
        }
        Ok(State::Trailer)
    }

    fn check_size(&self, size: u64) -> Result<(), BodyFailure> {
        let small = self.size_before.filter(|before| *before < self.min);
        if let (Some(before), 1..) = (small, size) {
            return Err(BodyFailure::ChunkTooSmall {
                chunk: self.chunks,
                size: before,
                min: self.min,
            });
        }
        if size > self.max && self.chain.is_some() {
            return Err(BodyFailure::ChunkTooLarge {
                chunk: self.chunks,
                size,
                max: self.max,
            });
        }
        Ok(())
    }

    fn data(&mut self, rest: &[u8], left: u64) -> Result<usize, BodyFailure> {
        let used = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
        if self.chain.is_some() {
            self.hash.update(&rest[..used]);
        }
        // Not more than is left: `used` is the smaller of the two.
        let left = left.saturating_sub(u64::try_from(used).unwrap_or(left));
        self.state = State::Data { left };
        if left == 0 {
            self.confirm()?;
            self.state = State::DataCr;
        }
        Ok(used)
    }

    /// Checks the signature of the chunk that is complete.
    fn confirm(&mut self) -> Result<(), BodyFailure> {
        let Some(chain) = &mut self.chain else {
            return Ok(());
        };
        let hash = self.hash.finalize_reset().into();
        if chain.confirm_chunk(&self.provided, &hash) {
            Ok(())
        } else {
            Err(BodyFailure::ChunkSignature)
        }
    }

    fn trailer(&mut self, rest: &[u8]) -> Result<usize, BodyFailure> {
        let too_long = if self.trailer.is_over() {
            BodyFailure::BEHIND_THE_END
        } else {
            BodyFailure::MalformedTrailer("it is too long")
        };
        let room = MAX_TRAILER_LENGTH.saturating_sub(self.trailer.length());
        let Read { used, line } = self.line.read(rest, room, too_long)?;
        if let Some(line) = line {
            self.trailer.read(&line, self.chain.as_mut())?;
        }
        Ok(used)
    }
}

/// The size and the signature in the header of a signed chunk.
fn signed_header(line: &[u8]) -> Result<(&[u8], &[u8; SIGNATURE_DIGITS]), BodyFailure> {
    const NO_SIGNATURE: BodyFailure = BodyFailure::MalformedChunk("a chunk has no signature");
    let cut = |text: &'_ [u8], at| memchr::memchr(at, text).ok_or(NO_SIGNATURE);
    let semicolon = cut(line, b';')?;
    let (size, extension) = (&line[..semicolon], &line[semicolon + 1..]);
    let equals = cut(extension, b'=')?;
    let (name, value) = (&extension[..equals], trimmed(&extension[equals + 1..]));
    if value.is_empty() {
        return Err(NO_SIGNATURE);
    }
    if trimmed(name) != SIGNATURE_EXTENSION {
        return Err(BodyFailure::ChunkSignature);
    }
    if value.contains(&b';') {
        let more = "a chunk has more than one extension";
        return Err(BodyFailure::MalformedChunk(more));
    }
    // Anything else cannot be a signature.
    let provided: Option<&[u8; SIGNATURE_DIGITS]> = value.try_into().ok();
    let provided = provided.ok_or(BodyFailure::ChunkSignature)?;
    // No early exit, so that the compiler can vectorize.
    let digits = provided.iter().fold(true, |digits, byte| {
        digits & matches!(byte, b'0'..=b'9' | b'a'..=b'f')
    });
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
    let behind = size.iter().rev().take_while(blank).count();
    let size = &size[..size.len() - behind];
    digits
        .then_some((size, provided))
        .ok_or(BodyFailure::ChunkSignature)
}

/// A size: hexadecimal digits and nothing else.
fn chunk_size(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > MAX_SIZE_DIGITS {
        return None;
    }
    digits.iter().try_fold(0_u64, |size, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        size.checked_mul(16)?.checked_add(digit.into())
    })
}

/// A line that may arrive in pieces.
#[derive(Debug, Default)]
struct PartialLine(Vec<u8>);

/// What was read of a line.
struct Read<'r> {
    /// How many bytes of the input belong to it.
    used: usize,
    /// The line with its LF, if it is complete.
    line: Option<Cow<'r, [u8]>>,
}

impl PartialLine {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads from `rest` up to the end of the line. A line of more than `most` bytes is a failure.
    fn read<'r>(
        &mut self,
        rest: &'r [u8],
        most: usize,
        too_long: BodyFailure,
    ) -> Result<Read<'r>, BodyFailure> {
        let room = most.saturating_sub(self.0.len());
        let window = rest.get(..room).unwrap_or(rest);
        let Some(end) = memchr::memchr(b'\n', window) else {
            if rest.len() >= room {
                return Err(too_long);
            }
            self.0.extend_from_slice(window);
            let used = window.len();
            return Ok(Read { used, line: None });
        };
        let end_of_line = &window[..=end];
        let line = if self.0.is_empty() {
            end_of_line.into()
        } else {
            let mut line = std::mem::take(&mut self.0);
            line.extend_from_slice(end_of_line);
            line.into()
        };
        Ok(Read {
            used: end_of_line.len(),
            line: Some(line),
        })
    }
}
