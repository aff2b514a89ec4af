//! The body of a POST upload: multipart/form-data (RFC 7578, RFC 2046 section 5.1) with fields and one file.
//!
//! ```text
//! Content-Type ─ Boundary::of ─▶ HeadReader ─ push ─▶ FormHead ─ FormBody::of ─▶ FormBody ─ verifier ─▶ FormBodyVerifier
//! ```
//!
//! The fields precede the file, so they are known before anything is forwarded. A form does not say how long its file is:
//! fields that are ignored may follow it. A short form (up to [`MAX_WHOLE_FORM`] bytes) is read whole, so that the length of the
//! file is known. A longer one streams, and its file ends at the next boundary: the last piece of the file is held back until
//! everything after it, at most [`MAX_TAIL_LENGTH`] bytes, has been read and checked. If the node needs a length in advance, it
//! gets the one that follows from Content-Length if only the usual closing line follows the file; a form that ends otherwise is
//! then refused.
//!
//! A form that known readers parse differently is refused: padding after a boundary, a bare line feed, a second
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

/// The most bytes before the file: fields, their part headers and boundaries. AWS limits them to 20 KB (Amazon S3 API
/// Reference, "POST Object").
pub const MAX_HEAD_LENGTH: usize = 20 * 1024;
/// The most bytes after the file: its boundary, fields that are ignored, the closing line, and what may follow that. AWS
/// documents no limit; it is the same as before the file.
pub const MAX_TAIL_LENGTH: usize = MAX_HEAD_LENGTH;
/// The longest form that is read whole before anything is forwarded, in bytes.
pub const MAX_WHOLE_FORM: usize = MAX_HELD - 16 * 1024;

/// Why the body of a POST upload is refused as a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, strum::IntoStaticStr, strum::VariantNames)]
#[strum(prefix = "Form")]
pub enum FormFault {
    /// The body is not well-formed or not unambiguous multipart/form-data; why.
    #[error("the form is malformed: {0}")]
    Malformed(&'static str),
    /// The fields take up more than [`MAX_HEAD_LENGTH`] bytes.
    #[error("the form's fields take up more than {MAX_HEAD_LENGTH} bytes")]
    HeadTooLong,
    /// There is no file.
    #[error("the form has no file")]
    NoFile,
    /// There is more than one file.
    #[error("the form has more than one file")]
    SeveralFiles,
    /// More than [`MAX_TAIL_LENGTH`] bytes follow the file.
    #[error("more than {MAX_TAIL_LENGTH} bytes follow the form's file")]
    TailTooLong,
    /// The node needs a length in advance, and the form is too long to be read whole and has no Content-Length.
    #[error("the form has no Content-Length")]
    NoLength,
    /// The node was told a length in advance, and the form does not end with its file and the usual closing line.
    #[error("the form does not end with its file and a closing line")]
    NotTheLast,
}
