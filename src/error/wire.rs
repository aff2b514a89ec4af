//! The faults in the bytes of a request header or in the framing of a body.

use thiserror::Error;

use crate::answer::{Answer, S3ErrorCode};

/// Why the bytes on a connection are not a request with only one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, strum::IntoStaticStr, strum::VariantNames)]
#[strum(prefix = "Wire")]
pub enum WireFault {
    /// The header is longer than the limit.
    #[error("the request header is larger than {limit} bytes", limit = crate::error::WireFault::MAX_HEADER_BYTES)]
    HeaderTooLarge,
    /// A line is longer than the limit.
    #[error("a line of the request header is longer than {limit} bytes", limit = crate::error::WireFault::MAX_LINE_BYTES)]
    LineTooLong,
    /// There are more fields than the limit.
    #[error("the request header has more than {limit} fields", limit = crate::error::WireFault::MAX_FIELDS)]
    TooManyFields,
    /// A line ends with a line feed without a carriage return, or has a carriage return inside.
    #[error("a line of the request header does not end with CRLF")]
    LineEnd,
    /// The request line is not `method SP target SP HTTP/1.x`.
    #[error("the request line is malformed")]
    RequestLine,
    /// The method is CONNECT.
    #[error("the method CONNECT is not implemented")]
    Tunnel,
    /// The target has a character that RFC 3986 does not allow there, or a fragment; or its authority is not valid or has a
    /// user.
    #[error(
        "the request target has a malformed authority or a character that must be percent-encoded"
    )]
    Target,
    /// A field line has no name, or one that is not a token.
    #[error("a header field is malformed")]
    Field,
    /// Both Content-Length and Transfer-Encoding.
    #[error("the request has both Content-Length and Transfer-Encoding")]
    TwoLengths,
    /// Content-Length is not a single number.
    #[error("the Content-Length is not a single number")]
    ContentLength,
    /// Transfer-Encoding is not just `chunked`.
    #[error("the only supported Transfer-Encoding is chunked")]
    TransferEncoding,
    /// The size of a chunk is not a hexadecimal number.
    #[error("the size of a chunk is not a hexadecimal number of at most 15 digits")]
    ChunkSize,
    /// The text after the size of a chunk is not a valid extension (RFC 9112, section 7.1.1), or the line does not end with
    /// CRLF.
    #[error("a chunk has a malformed extension, or its first line does not end with CRLF")]
    ChunkExtension,
    /// The line of a chunk is longer than the limit, or there are too many long ones for little data.
    #[error("the extensions of the chunks are too long")]
    ChunkLineTooLong,
    /// The data of a chunk is not followed by CRLF.
    #[error("a chunk is not as long as its size says")]
    ChunkEnd,
    /// A line of the trailer section is malformed.
    #[error("the trailer section of the body is malformed")]
    Trailer,
    /// The trailer section is longer than the limit, or has more fields.
    #[error("the trailer section of the body is too large")]
    TrailerTooLarge,
    /// The header did not arrive in time.
    #[error("the request header did not arrive in time")]
    Timeout,
}

impl WireFault {
    /// The maximal length of a line of a request header.
    pub const MAX_LINE_BYTES: usize = 16 * 1024;
    /// The maximal length of a request header.
    pub const MAX_HEADER_BYTES: usize = 64 * 1024;
    /// The maximal number of fields of a request header.
    pub const MAX_FIELDS: usize = 100;
}

pub(super) fn answer(fault: &WireFault) -> Answer {
    use S3ErrorCode as Code;
    let (status, code) = match fault {
        WireFault::HeaderTooLarge
        | WireFault::LineTooLong
        | WireFault::TooManyFields
        | WireFault::TrailerTooLarge => (400, Code::RequestHeaderSectionTooLarge),
        WireFault::Timeout => (408, Code::RequestTimeout),
        WireFault::Target => (400, Code::InvalidUri),
        WireFault::TransferEncoding | WireFault::Tunnel => (501, Code::NotImplemented),
        WireFault::LineEnd
        | WireFault::RequestLine
        | WireFault::Field
        | WireFault::TwoLengths
        | WireFault::ContentLength
        | WireFault::ChunkSize
        | WireFault::ChunkExtension
        | WireFault::ChunkLineTooLong
        | WireFault::ChunkEnd
        | WireFault::Trailer => (400, Code::InvalidRequest),
    };
    let text = fault.to_string();
    let message = format!("{}{}.", text[..1].to_uppercase(), &text[1..]);
    let answer = Answer::new(status, code, message);
    match fault {
        WireFault::HeaderTooLarge => {
            answer.with("MaxSizeAllowed", WireFault::MAX_HEADER_BYTES.to_string())
        }
        WireFault::TransferEncoding => answer.with("Header", "Transfer-Encoding"),
        _ => answer,
    }
}
