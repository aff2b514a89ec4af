//! What precedes the file: the fields, and the header of the file's part.

use super::boundary::Boundary;
use super::parameters::Charset;
use super::part::{Filename, PartHeader};
use super::{FormFault, MAX_HEAD_LENGTH, MAX_PART_HEADER_LENGTH};

/// The most fields before the file. The longest form that AWS documents has about forty.
pub const MAX_FIELDS: usize = 100;

const AFTER_BOUNDARY: FormFault =
    FormFault::Malformed("a boundary is followed by neither a line end nor '--'");

const NO_BOUNDARY: FormFault = FormFault::Malformed("its boundary stands nowhere in it");

const LINE_END: usize = 2;
/// A part that ends with its header.
pub(super) const EMPTY_PART: FormFault = FormFault::Malformed("a part has no body");

/// The fields before the file, as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormHead {
    /// Names and values in the order of the form.
    pub fields: Vec<(String, String)>,
    /// The file name in the header of the file's part.
    pub filename: Filename,
    /// How many bytes of the body precede the file.
    pub length: usize,
}

/// Reads the head of a form from the pieces of a body.
#[derive(Debug)]
pub struct HeadReader<'b> {
    boundary: &'b Boundary,
    held: Vec<u8>,
    /// How many bytes of the buffer have been read.
    at: usize,
    expected: Expected,
    fields: Vec<(String, String)>,
}

#[derive(Debug)]
enum Expected {
    /// Before the first boundary. What precedes it is ignored (RFC 2046, section 5.1.1: the preamble).
    Opening,
    /// After a boundary.
    LineEnd,
    Header,
    /// In the value of the field with this name, in this character set.
    Value(String, Charset),
}

/// What follows the boundary at the end of a part.
pub(super) enum Next {
    Part,
    End,
}

impl<'b> HeadReader<'b> {
    /// Reads a form with this boundary.
    pub fn new(boundary: &'b Boundary) -> Self {
        Self {
            boundary,
            held: Vec::new(),
            at: 0,
            expected: Expected::Opening,
            fields: Vec::new(),
        }
    }

    /// Takes the next piece, and gives the head once it is complete: the same one wherever the pieces begin and end.
    ///
    /// # Errors
    /// [`FormFault`].
    pub fn push(&mut self, piece: &[u8]) -> Result<Option<FormHead>, FormFault> {
        let room = MAX_HEAD_LENGTH + 1 - self.held.len().min(MAX_HEAD_LENGTH + 1);
        self.held.extend_from_slice(&piece[..piece.len().min(room)]);
        while let Some(read) = self.step()? {
            if let Step::File { filename } = read {
                if self.at > MAX_HEAD_LENGTH {
                    break;
                }
                return Ok(Some(FormHead {
                    fields: std::mem::take(&mut self.fields),
                    filename,
                    length: self.at,
                }));
            }
        }
        match self.expected {
            _ if self.held.len() <= MAX_HEAD_LENGTH => Ok(None),
            Expected::Opening => Err(NO_BOUNDARY),
            _ => Err(FormFault::HeadTooLong),
        }
    }

    /// What is wrong with a form that ends here, before its head is complete.
    pub fn cut(&self) -> FormFault {
        match self.expected {
            Expected::Opening => NO_BOUNDARY,
            _ => FormFault::Malformed("it ends in front of its file"),
        }
    }

    /// Reads the next complete element.
    fn step(&mut self) -> Result<Option<Step>, FormFault> {
        let rest = &self.held[self.at..];
        match &mut self.expected {
            Expected::Opening => {
                let opening = self.boundary.opening();
                let Some(found) = memchr::memmem::find(rest, opening) else {
                    return Ok(None);
                };
                // After a bare line feed it would be a boundary for some readers but not for others.
                if found != 0 && !rest[..found].ends_with(b"\r\n") {
                    return Err(FormFault::Malformed(
                        "its first boundary stands at no line's start",
                    ));
                }
                self.at += found + opening.len();
                self.expected = Expected::LineEnd;
            }
            Expected::LineEnd => match next(rest)? {
                None => return Ok(None),
                Some(Next::End) => return Err(FormFault::NoFile),
                Some(Next::Part) => {
                    self.at += LINE_END;
                    self.expected = Expected::Header;
                }
            },
            Expected::Header => {
                let Some((header, length)) = header(rest)? else {
                    return Ok(None);
                };
                self.at += length;
                if header.is_file() {
                    let filename = header.filename;
                    return Ok(Some(Step::File { filename }));
                }
                if self.fields.len() == MAX_FIELDS {
                    return Err(FormFault::Malformed("it has too many fields"));
                }
                let charset = header.charset.unwrap_or(self.boundary.charset());
                self.expected = Expected::Value(header.name, charset);
            }
            Expected::Value(name, charset) => {
                // The line end of the header may be a part of the delimiter, as some readers have it: the value may not be `--boundary`.
                let Some(found) = self.boundary.find(&self.held[self.at - LINE_END..]) else {
                    return Ok(None);
                };
                let length = found.checked_sub(LINE_END).ok_or(EMPTY_PART)?;
                let value = charset
                    .text(&rest[..length])
                    .ok_or(FormFault::Malformed("a field is not in UTF-8"))?;
                self.fields.push((std::mem::take(name), value.to_owned()));
                self.at += length + self.boundary.delimiter().len();
                self.expected = Expected::LineEnd;
            }
        }
        Ok(Some(Step::Field))
    }
}

enum Step {
    Field,
    File { filename: Filename },
}

/// What follows a boundary; none while it has not arrived.
pub(super) fn next(bytes: &[u8]) -> Result<Option<Next>, FormFault> {
    match bytes {
        [b'\r', b'\n', ..] => Ok(Some(Next::Part)),
        [b'-', b'-', ..] => Ok(Some(Next::End)),
        [] | [b'\r' | b'-'] => Ok(None),
        _ => Err(AFTER_BOUNDARY),
    }
}

/// The header at the start of the bytes, and its length with the empty line; none while it is not complete.
pub(super) fn header(bytes: &[u8]) -> Result<Option<(PartHeader, usize)>, FormFault> {
    const END: &[u8] = b"\r\n\r\n";
    let within = &bytes[..bytes.len().min(MAX_PART_HEADER_LENGTH)];
    match memchr::memmem::find(within, END) {
        Some(end) => Ok(Some((PartHeader::read(&bytes[..end])?, end + END.len()))),
        None if bytes.len() >= MAX_PART_HEADER_LENGTH => {
            Err(FormFault::Malformed("a part's header is too long"))
        }
        None => Ok(None),
    }
}

#[cfg(test)]
#[path = "head/tests.rs"]
mod tests;
