//! What stands in front of the file: the fields, and the header of the file's part.

use super::boundary::Boundary;
use super::part::PartHeader;
use super::{FormFault, MAX_HEAD_LENGTH, MAX_PART_HEADER_LENGTH};

/// The most fields in front of the file. The longest form that AWS documents has about forty.
pub const MAX_FIELDS: usize = 100;

const AFTER_BOUNDARY: FormFault =
    FormFault::Malformed("a boundary is followed by neither a line end nor '--'");

const LINE_END: usize = 2;
/// A part that ends with its header.
pub(super) const EMPTY_PART: FormFault = FormFault::Malformed("a part has no body");

/// The fields in front of the file, as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormHead {
    /// Names and values in the order of the form.
    pub fields: Vec<(String, String)>,
    /// What the file's part says is its name; empty where it says none.
    pub filename: String,
    /// How many bytes of the body stand in front of the file's first.
    pub length: usize,
}

/// Reads the head of a form from the pieces of a body.
#[derive(Debug)]
pub struct HeadReader<'b> {
    boundary: &'b Boundary,
    held: Vec<u8>,
    /// How much of what is held is read.
    at: usize,
    expected: Expected,
    fields: Vec<(String, String)>,
}

#[derive(Debug)]
enum Expected {
    /// The first boundary; a line end may stand before it.
    Opening,
    /// What follows a boundary.
    LineEnd,
    Header,
    /// The value of the field with this name.
    Value(String),
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
        if self.held.len() > MAX_HEAD_LENGTH {
            return Err(FormFault::HeadTooLong);
        }
        Ok(None)
    }

    /// Reads the next thing that is complete.
    fn step(&mut self) -> Result<Option<Step>, FormFault> {
        let rest = &self.held[self.at..];
        match &mut self.expected {
            Expected::Opening => {
                let opening = self.boundary.opening();
                let found = starts_with(rest, opening).or_else(|| {
                    let delimiter = self.boundary.delimiter();
                    rest.starts_with(b"\r")
                        .then(|| starts_with(rest, delimiter))?
                });
                match found {
                    Some(Start::Whole(length)) => {
                        self.at += length;
                        self.expected = Expected::LineEnd;
                    }
                    Some(Start::Part) => return Ok(None),
                    None => {
                        return Err(FormFault::Malformed("it does not begin with its boundary"));
                    }
                }
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
                    let filename = header.filename.unwrap_or_default();
                    return Ok(Some(Step::File { filename }));
                }
                if header.filename.is_some() {
                    return Err(FormFault::SeveralFiles);
                }
                if self.fields.len() == MAX_FIELDS {
                    return Err(FormFault::Malformed("it has too many fields"));
                }
                self.expected = Expected::Value(header.name);
            }
            Expected::Value(name) => {
                // The header's own line end counts, since for some readers it does: `--boundary` may not be the value.
                let Some(found) = self.boundary.find(&self.held[self.at - LINE_END..]) else {
                    return Ok(None);
                };
                let length = found.checked_sub(LINE_END).ok_or(EMPTY_PART)?;
                let value = std::str::from_utf8(&rest[..length])
                    .map_err(|_not_utf8| FormFault::Malformed("a field is not in UTF-8"))?;
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
    File { filename: String },
}

enum Start {
    Whole(usize),
    Part,
}

/// Whether bytes start with a text, or are the beginning of it.
fn starts_with(bytes: &[u8], text: &[u8]) -> Option<Start> {
    if bytes.starts_with(text) {
        Some(Start::Whole(text.len()))
    } else {
        text.starts_with(bytes).then_some(Start::Part)
    }
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

/// The header that bytes start with, and its length with the empty line; none while it is not complete.
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
