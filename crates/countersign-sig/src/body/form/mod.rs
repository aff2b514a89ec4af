//! The body of a form upload: multipart/form-data (RFC 7578, RFC 2046 section 5.1) with fields and one file.
//!
//! ```text
//! Content-Type ─ Boundary::of ─▶ HeadReader ─ push ─▶ FormHead ─ FormBody::of ─▶ FormBody ─ verifier ─▶ FormBodyVerifier
//! ```
//!
//! The fields stand before the file, so they are known before the node is asked. How long the file is stands nowhere in a
//! form: fields may follow it, which do not count. A form that is short enough to be held ([`MAX_WHOLE_FORM`]) is read
//! whole, so that the node can be told the length. A longer one streams, and its file ends where its boundary stands: the
//! last piece of the file has not been passed on until everything behind it, at most [`MAX_TAIL_LENGTH`] bytes, has been
//! read and found to be right. A node that has to be told a length ahead gets the one that follows from the Content-Length
//! where nothing but the usual closing line stands behind the file; a form that ends otherwise is refused then.
//!
//! Where readers are known to differ the form is refused: padding behind a boundary, a line feed alone, a second
//! Content-Disposition, an escaped quotation mark, a transfer encoding, a value that is not the same in UTF-8.

mod boundary;
mod file;
mod head;
mod parameters;
mod part;

use thiserror::Error;

pub use boundary::{Boundary, MAX_BOUNDARY_LENGTH};
pub use file::{FormBody, FormBodyVerifier};
pub use head::{FormHead, HeadReader, MAX_FIELDS};
pub use part::{Filename, MAX_PART_HEADER_LENGTH};

use super::MAX_HELD;

/// The most bytes in front of the file's first: fields, their part headers and boundaries. AWS bounds them by 20 KB
/// (Amazon S3 API Reference, "POST Object").
pub const MAX_HEAD_LENGTH: usize = 20 * 1024;
/// The most bytes behind the file: its boundary, fields that do not count, the closing line, and what may follow that. As
/// many as in front of the file, of which AWS says nothing.
pub const MAX_TAIL_LENGTH: usize = MAX_HEAD_LENGTH;
/// The longest form that is read whole before a node is asked. What a client sends at once behind it is held too.
pub const MAX_WHOLE_FORM: usize = MAX_HELD - 16 * 1024;

/// Why a body is no form that has one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, strum::IntoStaticStr, strum::VariantNames)]
#[strum(prefix = "Form")]
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
    /// What follows the file takes up too much room.
    #[error("more than {MAX_TAIL_LENGTH} bytes follow the form's file")]
    TailTooLong,
    /// Nothing says how long a form is that is too long to be held, and the node has to be told.
    #[error("the form has no Content-Length")]
    NoLength,
    /// A long form does not end with its file and the usual closing line, and the node had to be told a length.
    #[error("the form does not end with its file and a closing line")]
    NotTheLast,
}
