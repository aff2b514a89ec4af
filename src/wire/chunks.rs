//! The framing of a chunked body (RFC 9112, section 7.1), checked before Pingora's parser sees it.
//!
//! Pingora's parser reads an empty chunk size as 0, and accepts whitespace after a size and any bytes in an extension or a
//! trailer. Other parsers read such bytes differently, so they are refused here.

use std::io;
use std::ops::ControlFlow;

use super::MAX_LINGER_BYTES;
use super::connection::Connection;
use super::parse::is_tchar;
use crate::error::WireFault;

/// The longest line of a chunk: its size, its extensions and the whitespace between them.
pub const MAX_SIZE_LINE_BYTES: usize = 1024;
/// By how much the bytes of chunk lines, beyond [`USUAL_LINE_BYTES`] each, may exceed the data of the chunks, over the whole
/// body. This bounds the work for long extensions with little data.
pub const MAX_OVERHEAD_BYTES: usize = 64 * 1024;
/// The longest trailer section, which is not forwarded.
pub const MAX_TRAILER_BYTES: usize = 8 * 1024;
/// The most digits of a chunk size, with leading zeros.
const MAX_SIZE_DIGITS: u8 = 15;
/// The framing of a chunk without an extension: two line ends and a size. It does not count as overhead.
const USUAL_LINE_BYTES: usize = 16;

/// The framing of a connection's latest body.
#[derive(Debug)]
pub enum Chunks {
    /// It is not chunked.
    None,
    /// It is chunked, and valid so far.
    Valid(ChunkCheck),
    /// It is invalid; the bytes after the fault that were discarded.
    Invalid(usize),
}

impl Chunks {
    /// The framing of a body of this length; none for a chunked body.
    pub fn of(length: Option<u64>) -> Self {
        match length {
            Some(_) => Self::None,
            None => Self::Valid(ChunkCheck::new()),
        }
    }

    /// Checks a part of the body, and records a fault at the connection.
    ///
    /// # Errors
    /// The fault; the connection has to close.
    pub fn check(&mut self, piece: &[u8], connection: &Connection) -> io::Result<()> {
        let Self::Valid(check) = self else {
            return Ok(());
        };
        check.push(piece).map_err(|fault| {
            connection.break_body(fault);
            *self = Self::Invalid(0);
            io::Error::new(io::ErrorKind::InvalidData, fault)
        })
    }

    /// Whether the framing has a fault, so that the end of the body is unknown.
    pub fn are_invalid(&self) -> bool {
        matches!(self, Self::Invalid(_))
    }

    /// Counts bytes that were discarded after a fault; 0 is the end of the connection. `Break` if no more are to be read.
    pub fn discard(&mut self, count: usize) -> ControlFlow<()> {
        match self {
            Self::Invalid(discarded) if count > 0 && *discarded < MAX_LINGER_BYTES => {
                *discarded += count;
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(()),
        }
    }
}

/// Reads the framing of one body, in parts of any size.
#[derive(Debug)]
pub struct ChunkCheck {
    state: State,
    /// The size of the chunk whose line is being read; then the rest of its data.
    size: u64,
    digits: u8,
    /// The bytes of the line, or of the trailer section, so far.
    read: usize,
    /// The fields of the trailer section so far.
    fields: usize,
    overhead: usize,
}

/// The next expected part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    /// Whitespace after a size or a value; only an extension may follow it.
    Blank,
    /// Whitespace after a semicolon.
    BeforeName,
    Name,
    /// Whitespace after a name; an equals sign or the next extension follows.
    AfterName,
    /// Whitespace after an equals sign.
    BeforeValue,
    Value,
    Quoted,
    /// After a backslash in a quoted string.
    Escaped,
    AfterQuoted,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    /// The start of a trailer line, or the end of the body.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    LastLineFeed,
    Done,
}

impl State {
    fn is_trailer(self) -> bool {
        matches!(
            self,
            Self::Trailer
                | Self::TrailerName
                | Self::TrailerValue
                | Self::TrailerLineFeed
                | Self::LastLineFeed
        )
    }
}

impl ChunkCheck {
    /// The start of a body.
    pub fn new() -> Self {
        Self {
            state: State::Size,
            size: 0,
            digits: 0,
            read: 0,
            fields: 0,
            overhead: 0,
        }
    }

    /// Checks a part of the body. Bytes after the end of the body are ignored.
    ///
    /// # Errors
    /// [`WireFault`], at the first invalid byte.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), WireFault> {
        let mut rest = piece;
        while let [byte, after @ ..] = rest {
            match self.state {
                State::Done => return Ok(()),
                State::Data => {
                    let here =
                        usize::try_from(self.size).map_or(rest.len(), |size| size.min(rest.len()));
                    self.size -= here as u64;
                    self.overhead = self.overhead.saturating_sub(here);
                    if self.size == 0 {
                        self.state = State::DataReturn;
                    }
                    rest = &rest[here..];
                }
                _ => {
                    self.state = self.step(*byte)?;
                    rest = after;
                }
            }
        }
        Ok(())
    }

    /// Whether the body has ended.
    #[cfg(test)]
    fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Reads one byte of a line.
    fn step(&mut self, byte: u8) -> Result<State, WireFault> {
        use State as S;
        let next = match (self.state, byte) {
            (S::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if self.digits == MAX_SIZE_DIGITS {
                    return Err(WireFault::ChunkSize);
                }
                self.digits += 1;
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.size = self.size << 4 | u64::from(digit);
                S::Size
            }
            // At least one digit is required.
            (S::Size, _) if self.digits == 0 => return Err(WireFault::ChunkSize),
            (S::Size | S::Name | S::AfterName | S::Value | S::AfterQuoted | S::Blank, b';') => {
                S::BeforeName
            }
            (S::Size | S::Name | S::Value | S::AfterQuoted, b'\r') => S::SizeLineFeed,
            (S::Size | S::Value | S::AfterQuoted | S::Blank, b' ' | b'\t') => S::Blank,
            (S::BeforeName, b' ' | b'\t') => S::BeforeName,
            (S::Name | S::AfterName, b' ' | b'\t') => S::AfterName,
            (S::BeforeName | S::Name, byte) if is_tchar(byte) => S::Name,
            (S::Name | S::AfterName, b'=') => S::BeforeValue,
            (S::BeforeValue, b' ' | b'\t') => S::BeforeValue,
            (S::BeforeValue, b'"') => S::Quoted,
            (S::BeforeValue | S::Value, byte) if is_tchar(byte) => S::Value,
            (S::Quoted, b'"') => S::AfterQuoted,
            (S::Quoted, b'\\') => S::Escaped,
            (S::Quoted | S::Escaped, b'\t' | b' '..=b'~' | 0x80..) => S::Quoted,
            (S::SizeLineFeed, b'\n') => return self.data(),
            (S::DataReturn, b'\r') => S::DataLineFeed,
            (S::DataLineFeed, b'\n') => S::Size,
            (S::Trailer, b'\r') => S::LastLineFeed,
            (S::Trailer | S::TrailerName, byte) if is_tchar(byte) => S::TrailerName,
            (S::TrailerName, b':') => S::TrailerValue,
            (S::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => S::TrailerValue,
            (S::TrailerValue, b'\r') => S::TrailerLineFeed,
            (S::TrailerLineFeed, b'\n') => {
                self.fields += 1;
                S::Trailer
            }
            (S::LastLineFeed, b'\n') => return Ok(S::Done),
            (S::DataReturn | S::DataLineFeed, _) => return Err(WireFault::ChunkEnd),
            (state, _) if state.is_trailer() => return Err(WireFault::Trailer),
            _ => return Err(WireFault::ChunkExtension),
        };
        self.read += 1;
        if !next.is_trailer() && self.read > MAX_SIZE_LINE_BYTES {
            return Err(WireFault::ChunkLineTooLong);
        }
        if self.read > MAX_TRAILER_BYTES || self.fields > WireFault::MAX_FIELDS {
            return Err(WireFault::TrailerTooLarge);
        }
        Ok(next)
    }

    /// The end of a chunk's line: its data follows, or the trailer section after the last chunk.
    fn data(&mut self) -> Result<State, WireFault> {
        self.overhead += self.read.saturating_sub(USUAL_LINE_BYTES);
        if self.overhead > MAX_OVERHEAD_BYTES {
            return Err(WireFault::ChunkLineTooLong);
        }
        (self.read, self.digits) = (0, 0);
        Ok(if self.size == 0 {
            State::Trailer
        } else {
            State::Data
        })
    }
}

#[cfg(test)]
mod tests;
