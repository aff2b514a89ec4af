//! The head of an answer, from its bytes (RFC 9112, sections 4 and 5).

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use httparse::{ParserConfig, Status};
use memchr::memchr_iter;

use super::fault::Malformed;
use super::framing::{Framing, Said};

/// The longest head of an answer, interim or final. Storage nodes send some hundred bytes, and at most 8 KiB of an object's
/// own fields.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The most fields of a head.
pub const MAX_FIELDS: usize = 256;

/// How many fields a proxy adds before it passes an answer on: a map that has to grow costs as much as all of them
/// (`benches/wrk`).
const ADDED_FIELDS: usize = 4;

/// What every answer begins with (RFC 9112, section 4). Another major version is another protocol.
const BEGINNING: &[u8] = b"HTTP/1.";
/// Where the reason stands in a status line: `HTTP/1.1 200 OK`.
const REASON_AT: usize = "HTTP/1.1 200 ".len();

/// The head of an answer, be it interim or final.
#[derive(Debug, Clone)]
pub struct AnswerHead {
    /// The status. An interim one (1xx) is followed by another answer.
    pub status: StatusCode,
    /// The words behind the status, where they are not the usual ones.
    pub reason: Option<Bytes>,
    /// The fields as they came, in their order under each name. Their values are slices of what was read.
    pub headers: HeaderMap,
    /// Where the body ends.
    pub framing: Framing,
    /// The length that the fields say, be there a body or not, in whatever spelling; none beside a transfer coding, which
    /// overrides it (RFC 9112, section 6.3).
    pub length: Option<u64>,
}

/// A head, and whether its connection can go on behind the answer.
#[derive(Debug)]
pub(super) struct Parsed {
    pub head: AnswerHead,
    pub goes_on: bool,
}

/// Whether these can be the first bytes of an answer.
pub(super) fn can_begin(bytes: &[u8]) -> bool {
    let length = bytes.len().min(BEGINNING.len());
    bytes[..length] == BEGINNING[..length]
}

/// The length of the head that the bytes begin with, its empty line included; none while it is not complete. `from` is
/// where to go on looking. A line may end with a line feed alone (RFC 9112, section 2.2).
pub(super) fn length(bytes: &[u8], from: usize) -> Option<usize> {
    // The empty line may have begun before the place where we go on.
    let start = from.saturating_sub(2);
    memchr_iter(b'\n', &bytes[start..])
        .map(|at| start + at)
        .find_map(|end| match bytes[end + 1..] {
            [b'\n', ..] => Some(end + 2),
            [b'\r', b'\n', ..] => Some(end + 3),
            _ => None,
        })
}

/// Reads a whole head. `is_head` says whether the request was HEAD.
pub(super) fn parse(bytes: &Bytes, is_head: bool) -> Result<Parsed, Malformed> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut answer = httparse::Response::new(&mut []);
    // Blanks in front of a colon are taken away (RFC 9112, section 5.1). A folded line is not unfolded but refused, as
    // section 5.2 lets a gateway do.
    let mut config = ParserConfig::default();
    config.allow_spaces_after_header_name_in_responses(true);
    let parsed = config.parse_response_with_uninit_headers(&mut answer, bytes, &mut fields);
    match parsed {
        Ok(Status::Complete(length)) if length == bytes.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Malformed::TooManyFields),
        Err(httparse::Error::Version | httparse::Error::Status) => {
            return Err(Malformed::StatusLine);
        }
        _ => return Err(Malformed::Field),
    }
    let version = match answer.version {
        Some(0) => Version::HTTP_10,
        _ => Version::HTTP_11,
    };
    let status =
        StatusCode::from_u16(answer.code.unwrap_or_default()).map_err(|_| Malformed::StatusLine)?;
    let mut said = Said::default();
    let mut headers = HeaderMap::with_capacity(answer.headers.len() + ADDED_FIELDS);
    for field in answer.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Malformed::Field)?;
        said.add(&name, field.value)?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value))
            .map_err(|_| Malformed::Field)?;
        headers.append(name, value);
    }
    let settled = said.settle(version, status, is_head)?;
    let head = AnswerHead {
        status,
        reason: reason(bytes, status),
        headers,
        framing: settled.framing,
        length: said.length(),
    };
    Ok(Parsed {
        head,
        goes_on: settled.goes_on,
    })
}

/// The parser gives no reason where it is not ASCII; the bytes have it.
fn reason(bytes: &Bytes, status: StatusCode) -> Option<Bytes> {
    let usual = status.canonical_reason().unwrap_or_default().as_bytes();
    let behind = bytes.get(REASON_AT - 1..)?;
    if let Some(rest) = behind.get(1..).and_then(|rest| rest.strip_prefix(usual))
        && rest.starts_with(b"\r\n")
    {
        return None;
    }
    let line = &behind[..memchr::memchr(b'\n', behind)?];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let reason = line.strip_prefix(b" ").unwrap_or(line);
    (reason != usual).then(|| bytes.slice_ref(reason))
}
