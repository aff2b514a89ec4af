//! The body of a form upload: multipart/form-data (RFC 7578, RFC 2046 section 5.1) with fields and one file.
//!
//! ```text
//! Content-Type ─ Boundary::of ─▶ HeadReader ─ push ─▶ FormHead ─ FormBody::of ─▶ FormBody ─ verifier ─▶ FormBodyVerifier
//! ```
//!
//! The fields stand before the file, so they are known before the node is asked. Towards the node the file is an object of
//! known length, and the length of the file is nowhere in a form: it is what is left of the Content-Length without what
//! stands around the file. A form that is short enough to be held ([`MAX_WHOLE_FORM`]) is read whole and may end in any way
//! that RFC 2046 allows, fields behind the file included, which do not count. A longer one has to end with its file and the
//! closing line that every client writes, `CRLF--boundary--CRLF`; where it turns out not to, the file's last piece has not
//! been passed on and the form is refused.
//!
//! Where readers are known to differ the form is refused: padding behind a boundary, a line feed alone, a second
//! Content-Disposition, an escaped quotation mark, `filename*`, a transfer encoding, another character set than UTF-8.

mod boundary;
mod file;
mod head;
mod part;

use thiserror::Error;

pub use boundary::{Boundary, MAX_BOUNDARY_LENGTH};
pub use file::{FormBody, FormBodyVerifier};
pub use head::{FormHead, HeadReader, MAX_FIELDS};
pub use part::MAX_PART_HEADER_LENGTH;

use super::MAX_HELD;

/// The most bytes in front of the file's first: fields, their part headers and boundaries. AWS bounds them by 20 KB
/// (Amazon S3 API Reference, "POST Object").
pub const MAX_HEAD_LENGTH: usize = 20 * 1024;
/// The longest form that is read whole before a node is asked. What a client sends at once behind it is held too.
pub const MAX_WHOLE_FORM: usize = MAX_HELD - 16 * 1024;

/// Why a body is no form that has one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FormFault {
    /// The body is not multipart/form-data as it should be.
    #[error("the form is malformed: {0}")]
    Malformed(&'static str),
    /// The fields take up too much room.
    #[error("the form's fields take up more than {MAX_HEAD_LENGTH} bytes")]
    HeadTooLong,
    /// There is no file.
    #[error("the form has no file")]
    NoFile,
    /// There is more than one file.
    #[error("the form has more than one file")]
    SeveralFiles,
    /// Nothing says how long a form is that is too long to be held.
    #[error("the form has no Content-Length")]
    NoLength,
    /// A long form does not end with its file and the usual closing line.
    #[error("the form does not end with its file and a closing line")]
    NotTheLast,
}

impl FormFault {
    /// The body ends before its file begins.
    pub const CUT: Self = Self::Malformed("it ends in front of its file");
}
