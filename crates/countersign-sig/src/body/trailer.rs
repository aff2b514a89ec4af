//! The trailer after the last chunk: nothing, or the announced checksum and its signature.
//!
//! ```text
//! x-amz-checksum-crc32c:sOO8/Q== CR LF
//! x-amz-trailer-signature:64 digits CR LF      where the chunks are signed
//! CR LF                                         once, more than once, or not at all
//! ```
//!
//! Source: Amazon S3 API Reference, "Transferring payload in multiple chunks with trailing headers". A client that follows
//! that page to the letter (minio-go) ends the checksum's line with LF CR LF, where others write CR LF: both are accepted.

use sha2::{Digest as _, Sha256};

use super::checksum::ChecksumAlgorithm;
use super::failure::BodyFailure;
use crate::sig::payload::ChunkChain;

/// The most bytes after the header of the last chunk. The longest checksum and a signature need less than 220.
pub(super) const MAX_TRAILER_LENGTH: usize = 1024;

/// What may follow the last chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TrailerRule {
    /// Nothing.
    None,
    /// The announced checksum, then a signature if the chunks are signed.
    Allowed {
        /// The checksum that was announced.
        announced: Option<Announced>,
        /// The full name of the signature's line, `x-amz-trailer-signature`.
        signature: String,
        /// Whether there has to be a signature.
        signed: bool,
    },
}

/// A checksum that `x-amz-trailer` announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Announced {
    pub algorithm: ChecksumAlgorithm,
    /// The full name, lower-case.
    pub name: String,
}

/// What the next line may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Anything that was announced.
    Lines,
    /// The CR LF that ends the checksum's line, which had an LF already.
    LineEnd,
    /// The end: the signature was the last line.
    Signed,
    /// Empty lines alone.
    Over,
}

/// The trailer of one body. It has at most one checksum, as at AWS.
#[derive(Debug)]
pub(super) struct Trailer {
    rule: TrailerRule,
    state: State,
    checksum: Option<String>,
    /// The SHA-256 of the lines that the signature covers.
    hash: Sha256,
    length: usize,
}

impl Trailer {
    pub fn of(rule: &TrailerRule) -> Self {
        Self {
            rule: rule.clone(),
            state: State::Lines,
            checksum: None,
            hash: Sha256::new(),
            length: 0,
        }
    }

    /// The length of the lines that were read, in bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Whether the body may end here: all required lines have been read. The empty line after them may be missing.
    pub fn may_end(&self) -> bool {
        match (self.state, &self.rule) {
            (State::Over | State::Signed, _) => true,
            (State::LineEnd, _) => false,
            (State::Lines, TrailerRule::None) => true,
            (
                State::Lines,
                TrailerRule::Allowed {
                    announced, signed, ..
                },
            ) => !signed && announced.is_some() == self.checksum.is_some(),
        }
    }

    /// Whether the last line was read.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// The checksum, in canonical base64.
    pub fn checksum(&self) -> Option<&str> {
        self.checksum.as_deref()
    }

    /// Reads a line with its LF. `chain` is that of the chunks, if they are signed.
    pub fn read(&mut self, line: &[u8], chain: Option<&mut ChunkChain>) -> Result<(), BodyFailure> {
        self.length = self.length.saturating_add(line.len());
        let is_empty = line == b"\r\n";
        let malformed = |why| Err(BodyFailure::MalformedTrailer(why));
        match self.state {
            State::LineEnd if is_empty => self.state = State::Lines,
            State::LineEnd => return malformed("a line does not end with CR LF"),
            State::Lines if is_empty => return self.end(chain.as_deref()),
            State::Lines => return self.field(line, chain),
            State::Signed | State::Over if is_empty => self.state = State::Over,
            State::Signed => return malformed("its signature is not the last line"),
            State::Over => return Err(BodyFailure::BEHIND_THE_END),
        }
        Ok(())
    }

    /// Reads the empty line that ends a trailer without a signature.
    fn end(&mut self, chain: Option<&ChunkChain>) -> Result<(), BodyFailure> {
        let TrailerRule::Allowed { announced, .. } = &self.rule else {
            self.state = State::Over;
            return Ok(());
        };
        if announced.is_some() && self.checksum.is_none() {
            return Err(BodyFailure::MalformedTrailer(
                "the announced line is missing",
            ));
        }
        if chain.is_some() {
            return Err(BodyFailure::TrailerSignature);
        }
        self.state = State::Over;
        Ok(())
    }

    fn field(&mut self, line: &[u8], chain: Option<&mut ChunkChain>) -> Result<(), BodyFailure> {
        let malformed = |why| Err(BodyFailure::MalformedTrailer(why));
        let (content, then) = match (line.strip_suffix(b"\r\n"), line.strip_suffix(b"\n")) {
            (Some(content), _) => (content, State::Lines),
            (None, Some(content)) => (content, State::LineEnd),
            (None, None) => return malformed("a line has no end"),
        };
        let Some((name, value)) = split(content) else {
            return malformed("a line is no name and value");
        };
        let TrailerRule::Allowed {
            announced,
            signature,
            ..
        } = &self.rule
        else {
            return malformed("none was announced");
        };
        match (announced, chain) {
            (Some(announced), _) if name.eq_ignore_ascii_case(announced.name.as_bytes()) => {
                if self.checksum.is_some() {
                    return malformed("a line stands twice");
                }
                self.checksum = Some(checksum(announced, value)?);
                let parts: [&[u8]; 4] = [announced.name.as_bytes(), b":", value, b"\n"];
                parts.iter().for_each(|part| self.hash.update(part));
                self.state = then;
                Ok(())
            }
            (_, Some(chain)) if name.eq_ignore_ascii_case(signature.as_bytes()) => {
                if self.checksum.is_none() {
                    return malformed("the announced line is missing");
                }
                if then == State::LineEnd {
                    return malformed("a line does not end with CR LF");
                }
                if !chain.confirm_trailer(value, &self.hash.finalize_reset().into()) {
                    return Err(BodyFailure::TrailerSignature);
                }
                self.state = State::Signed;
                Ok(())
            }
            _ => malformed("a line was not announced"),
        }
    }
}

/// The name of a line, and its value without the whitespace around it.
fn split(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = content.iter().position(|byte| *byte == b':')?;
    let (name, value) = content.split_at_checked(colon)?;
    let value = trimmed(value.get(1..)?);
    let graphic = !value.is_empty() && value.iter().all(u8::is_ascii_graphic);
    graphic.then_some((name, value))
}

/// The text without the whitespace around it.
pub(super) fn trimmed(text: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().position(|byte| !blank(byte));
    let end = text.iter().rposition(|byte| !blank(byte));
    match (start, end) {
        (Some(start), Some(end)) => &text[start..=end],
        _ => &[],
    }
}

fn checksum(announced: &Announced, value: &[u8]) -> Result<String, BodyFailure> {
    if announced.algorithm.reads(value) {
        Ok(String::from_utf8_lossy(value).into())
    } else {
        Err(BodyFailure::BadTrailerChecksum(announced.name.clone()))
    }
}
