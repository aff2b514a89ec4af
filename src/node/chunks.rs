//! The chunks of an answer's body, taken apart (RFC 9112, section 7.1).

use bytes::{Buf, Bytes, BytesMut};

use super::fault::Malformed;

/// A size has no more digits, with its leading zeros.
const MAX_SIZE_DIGITS: u8 = 15;
/// The most that stands behind the sizes of all chunks of one body: blanks and extensions.
const MAX_EXTENSION_BYTES: usize = 16 * 1024;
/// The longest trailer section. Nothing of it goes on.
const MAX_TRAILER_BYTES: usize = 8 * 1024;
/// The most fields of a trailer section.
const MAX_TRAILER_FIELDS: usize = 64;

/// Takes the chunks of one body apart, wherever they are cut.
#[derive(Debug)]
pub(super) struct Chunks {
    state: State,
    /// The size of the chunk whose line is being read, then what is still to come of its data.
    size: u64,
    digits: u8,
    extensions: usize,
    trailer: usize,
    trailer_fields: usize,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    /// The blanks behind a size.
    Blank,
    Extension,
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

/// What came out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Some of the body.
    Piece(Bytes),
    /// The body has ended; what is left in the buffer stands behind it.
    End,
    /// Nothing is left in the buffer.
    More,
}

impl Chunks {
    pub(super) fn new() -> Self {
        Self {
            state: State::Size,
            size: 0,
            digits: 0,
            extensions: 0,
            trailer: 0,
            trailer_fields: 0,
        }
    }

    /// Takes the next piece out of the buffer, `most` bytes at most and without a copy.
    pub(super) fn take(&mut self, buffer: &mut BytesMut, most: usize) -> Result<Taken, Malformed> {
        let mut at = 0;
        while let Some(&byte) = buffer.get(at) {
            if self.state == State::Data {
                buffer.advance(at);
                let here = usize::try_from(self.size).unwrap_or(usize::MAX);
                let here = here.min(buffer.len()).min(most);
                self.size -= here as u64;
                if self.size == 0 {
                    self.state = State::DataReturn;
                }
                return Ok(Taken::Piece(buffer.split_to(here).freeze()));
            }
            self.state = self.step(byte)?;
            at += 1;
            if self.state == State::Done {
                buffer.advance(at);
                return Ok(Taken::End);
            }
        }
        buffer.clear();
        Ok(Taken::More)
    }

    /// One byte of a line.
    fn step(&mut self, byte: u8) -> Result<State, Malformed> {
        use State as S;
        Ok(match (self.state, byte) {
            (S::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if self.digits == MAX_SIZE_DIGITS {
                    return Err(Malformed::ChunkSize);
                }
                self.digits += 1;
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.size = self.size << 4 | u64::from(digit);
                S::Size
            }
            // At least one digit.
            (S::Size, _) if self.digits == 0 => return Err(Malformed::ChunkSize),
            (S::Size | S::Blank | S::Extension, b'\r') => S::SizeLineFeed,
            // Some servers fill the line up with blanks.
            (S::Size | S::Blank, b' ' | b'\t') => self.extension(S::Blank)?,
            (S::Size | S::Blank, b';') => self.extension(S::Extension)?,
            (S::Size | S::Blank, _) => return Err(Malformed::ChunkSize),
            (S::Extension, b'\t' | b' '..=b'~' | 0x80..) => self.extension(S::Extension)?,
            (S::Extension, _) => return Err(Malformed::ChunkExtension),
            (S::SizeLineFeed, b'\n') => {
                self.digits = 0;
                if self.size == 0 { S::Trailer } else { S::Data }
            }
            (S::SizeLineFeed, _) => return Err(Malformed::ChunkSize),
            (S::DataReturn, b'\r') => S::DataLineFeed,
            (S::DataLineFeed, b'\n') => S::Size,
            (S::DataReturn | S::DataLineFeed, _) => return Err(Malformed::ChunkEnd),
            (S::LastLineFeed, b'\n') => S::Done,
            (S::Trailer, b'\r') => S::LastLineFeed,
            (state, byte) => self.trailer(state, byte)?,
        })
    }

    fn extension(&mut self, next: State) -> Result<State, Malformed> {
        self.extensions += 1;
        if self.extensions > MAX_EXTENSION_BYTES {
            return Err(Malformed::ChunkExtension);
        }
        Ok(next)
    }

    fn trailer(&mut self, state: State, byte: u8) -> Result<State, Malformed> {
        use State as S;
        self.trailer += 1;
        let next = match (state, byte) {
            (S::Trailer | S::TrailerName, byte) if is_tchar(byte) => S::TrailerName,
            (S::TrailerName, b':') => S::TrailerValue,
            (S::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => S::TrailerValue,
            (S::TrailerValue, b'\r') => S::TrailerLineFeed,
            (S::TrailerLineFeed, b'\n') => {
                self.trailer_fields += 1;
                S::Trailer
            }
            _ => return Err(Malformed::Trailer),
        };
        if self.trailer > MAX_TRAILER_BYTES || self.trailer_fields > MAX_TRAILER_FIELDS {
            return Err(Malformed::Trailer);
        }
        Ok(next)
    }
}

/// RFC 9110, section 5.6.2.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of a body that arrives in pieces of this size: its data, and what is left behind its end.
    fn taken(body: &[u8], piece: usize) -> Result<(Vec<u8>, Option<Vec<u8>>), Malformed> {
        let (mut chunks, mut buffer, mut data) = (Chunks::new(), BytesMut::new(), Vec::new());
        let mut rest = body.chunks(piece);
        loop {
            match chunks.take(&mut buffer, 4)? {
                Taken::Piece(bytes) => {
                    assert!(!bytes.is_empty() && bytes.len() <= 4);
                    data.extend_from_slice(&bytes);
                }
                Taken::End => {
                    let rest = rest.flatten().copied();
                    return Ok((data, Some(buffer.into_iter().chain(rest).collect())));
                }
                Taken::More => {
                    assert!(buffer.is_empty());
                    match rest.next() {
                        Some(piece) => buffer.extend_from_slice(piece),
                        None => return Ok((data, None)),
                    }
                }
            }
        }
    }

    #[test]
    fn chunks_come_apart_wherever_they_are_cut() {
        let body = b"5\r\nhello\r\n001;a=\"b\";c \r\n!\r\nA \t\r\n0123456789\r\n0\r\nX-A: b\r\nc:\r\n\r\nbehind";
        for piece in 1..=body.len() {
            let whole = (b"hello!0123456789".to_vec(), Some(b"behind".to_vec()));
            assert_eq!(taken(body, piece), Ok(whole), "{piece}");
        }
        for length in 0..body.len() - b"\r\nbehind".len() {
            let (data, end) = taken(&body[..length], 7).unwrap();
            assert!(b"hello!0123456789".starts_with(&data), "{length}");
            assert_eq!(end, None, "{length}");
        }
    }

    #[test]
    fn what_others_could_read_otherwise_is_refused() {
        use Malformed as M;
        let long = |count, end| [b"0;", &b"x".repeat(count)[..], end].concat();
        let many = |count| [b"0\r\n", &b"a:\r\n".repeat(count)[..], b"\r\n"].concat();
        for (body, fault) in [
            (&b"\r\n"[..], M::ChunkSize),
            (b" 5\r\nhello\r\n", M::ChunkSize),
            (b";a\r\n", M::ChunkSize),
            (b"+5\r\nhello\r\n", M::ChunkSize),
            (b"-5\r\nhello\r\n", M::ChunkSize),
            (b"0x5\r\nhello\r\n", M::ChunkSize),
            (b"g\r\n", M::ChunkSize),
            (b"5 5\r\n", M::ChunkSize),
            (b"5\nhello\r\n", M::ChunkSize),
            (b"5\r\rhello\r\n", M::ChunkSize),
            (b"0000000000000005\r\nhello\r\n", M::ChunkSize),
            (b"fffffffffffffffff\r\n", M::ChunkSize),
            (b"5;a\nhello\r\n", M::ChunkExtension),
            (b"5;a\0\r\nhello\r\n", M::ChunkExtension),
            (b"5;a\x7f\r\nhello\r\n", M::ChunkExtension),
            (b"5\r\nhello!\r\n", M::ChunkEnd),
            (b"5\r\nhello\n", M::ChunkEnd),
            (b"5\r\nhello\r\r", M::ChunkEnd),
            (b"0\r\n\n", M::Trailer),
            (b"0\r\n\r\r", M::Trailer),
            (b"0\r\n a: b\r\n\r\n", M::Trailer),
            (b"0\r\n: b\r\n\r\n", M::Trailer),
            (b"0\r\na\r\n\r\n", M::Trailer),
            (b"0\r\na : b\r\n\r\n", M::Trailer),
            (b"0\r\na: b\nc: d\r\n\r\n", M::Trailer),
            (b"0\r\na: b\0\r\n\r\n", M::Trailer),
            (&long(MAX_EXTENSION_BYTES, b"\r\n\r\n"), M::ChunkExtension),
            (
                &b"0\r\na: "
                    .iter()
                    .chain(&[b'x'; MAX_TRAILER_BYTES])
                    .copied()
                    .collect::<Vec<_>>(),
                M::Trailer,
            ),
            (&many(MAX_TRAILER_FIELDS + 1), M::Trailer),
        ] {
            for piece in [1, 2, body.len()] {
                assert_eq!(taken(body, piece), Err(fault), "{}", body.escape_ascii());
            }
        }
        for body in [
            long(MAX_EXTENSION_BYTES - 1, b"\r\n\r\n"),
            many(MAX_TRAILER_FIELDS),
        ] {
            assert_eq!(taken(&body, 4096), Ok((Vec::new(), Some(Vec::new()))));
        }
        let largest = b"fffffffffffffff\r\nhello";
        assert_eq!(taken(largest, 64), Ok((b"hello".to_vec(), None)));
    }
}
