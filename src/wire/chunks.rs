//! The framing of a body in chunks (RFC 9112, section 7.1), checked before the HTTP parser sees it.
//!
//! Pingora's parser reads an empty size as 0, takes blanks behind a size and anything at all in an extension and in a
//! trailer. Others read such bytes otherwise, so they are refused here as they are in a header.

use std::io;
use std::ops::ControlFlow;

use super::MAX_LINGER_BYTES;
use super::connection::Connection;
use super::parse::is_tchar;
use crate::error::WireFault;

/// The longest line of a chunk: its size, its extensions and the blanks between them.
pub const MAX_SIZE_LINE_BYTES: usize = 1024;
/// By how much the lines around the chunks may exceed what the chunks hold, over the whole body. A line of a few bytes around
/// each byte of data is within it for the first chunks of a body, and long extensions around nothing are not.
pub const MAX_OVERHEAD_BYTES: usize = 64 * 1024;
/// The longest trailer section. Nothing of it goes on.
pub const MAX_TRAILER_BYTES: usize = 8 * 1024;
/// A size has no more digits, with its leading zeros.
const MAX_SIZE_DIGITS: u8 = 15;
/// What a chunk costs without an extension: two line ends and a size. This much is not counted as overhead.
const USUAL_LINE_BYTES: usize = 16;

/// What is known of the framing of a connection's latest body.
#[derive(Debug)]
pub enum Chunks {
    /// It does not come in chunks.
    None,
    /// It does, and is right so far.
    Right(ChunkCheck),
    /// It is broken: so much of what followed was left.
    Broken(usize),
}

impl Chunks {
    /// The framing of a body of this length; none where it comes in chunks.
    pub fn of(length: Option<u64>) -> Self {
        match length {
            Some(_) => Self::None,
            None => Self::Right(ChunkCheck::new()),
        }
    }

    /// Checks a piece, and tells the connection of a fault.
    ///
    /// # Errors
    /// The fault: the connection cannot go on.
    pub fn check(&mut self, piece: &[u8], connection: &Connection) -> io::Result<()> {
        let Self::Right(check) = self else {
            return Ok(());
        };
        check.push(piece).map_err(|fault| {
            connection.break_body(fault);
            *self = Self::Broken(0);
            io::Error::new(io::ErrorKind::InvalidData, fault)
        })
    }

    /// Whether the end of the body cannot be found any more.
    pub fn are_broken(&self) -> bool {
        matches!(self, Self::Broken(_))
    }

    /// Counts what was read of a broken body and left; none is the end of the connection. It is a break where no more is to
    /// be read.
    pub fn leave(&mut self, count: usize) -> ControlFlow<()> {
        match self {
            Self::Broken(left) if count > 0 && *left < MAX_LINGER_BYTES => {
                *left += count;
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(()),
        }
    }
}

/// Reads the framing of one body, piece by piece, wherever the pieces are cut.
#[derive(Debug)]
pub struct ChunkCheck {
    state: State,
    /// The size of the chunk whose line is being read, then what is still to come of its data.
    size: u64,
    digits: u8,
    /// The bytes of the line, or of the trailer section, so far.
    read: usize,
    /// The fields of the trailer section so far.
    fields: usize,
    overhead: usize,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    /// The blanks behind a size, a name or a value; only an extension may follow them.
    Blank,
    /// The blanks behind a semicolon.
    BeforeName,
    Name,
    /// The blanks behind a name; an equals sign or the next extension follows.
    AfterName,
    /// The blanks behind an equals sign.
    BeforeValue,
    Value,
    Quoted,
    /// Behind a backslash in a quoted string.
    Escaped,
    AfterQuoted,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    /// The beginning of a trailer line, or the end of the body.
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
    /// A body that is about to come.
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

    /// Takes a piece in. What stands behind the end of the body is not looked at.
    ///
    /// # Errors
    /// [`WireFault`], with the first byte that cannot stand where it does.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), WireFault> {
        let mut rest = piece;
        while let [byte, behind @ ..] = rest {
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
                    rest = behind;
                }
            }
        }
        Ok(())
    }

    /// Whether the end of the body has come.
    #[cfg(test)]
    fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// One byte of a line.
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
            // At least one digit.
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

    /// The line of a chunk has ended: its data follows, or behind the last one the trailer section.
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
