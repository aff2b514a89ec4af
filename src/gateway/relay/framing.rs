//! Where a node's answer ends, for the client that gets it (RFC 9112, sections 6.1 and 6.3; RFC 9110, section 8.6).

use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::{Method, StatusCode, Version};
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorType, Result};

/// The most interim answers (1xx) that a node may give to one request. More are no answer but a flood.
pub const MAX_INTERIM_ANSWERS: u8 = 32;

/// What is to be done besides, once the framing of an answer is settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settled {
    /// Its end is that of the client's connection.
    pub until_close: bool,
    /// Its body is not for the client.
    pub no_body: bool,
    /// The node announces a body that nobody reads: its connection is not to be used again.
    pub out_of_step: bool,
}

/// Makes the fields that frame an answer those that its client understands. `version` is the client's.
///
/// # Errors
/// An error of the node's, where its answer has no single end.
pub fn settle(answer: &mut ResponseHeader, method: &Method, version: Version) -> Result<Settled> {
    let (mut length, mut codings) = (Length::None, 0);
    for (name, value) in &answer.headers {
        if name == CONTENT_LENGTH {
            length = length.and(value.as_bytes());
        }
        codings += usize::from(name == TRANSFER_ENCODING);
    }
    let has_body = has_body(answer.status, method);
    let mut settled = Settled::default();
    if codings > 0 {
        check_coding(answer, has_body)?;
        // It tells of what the body would be (RFC 9112, section 6.1), which some clients wait for.
        settled.until_close = has_body && version == Version::HTTP_10;
        if !has_body || settled.until_close {
            answer.remove_header(&TRANSFER_ENCODING);
        }
    }
    if length == Length::Odd {
        settle_length(answer)?;
    }
    if answer.status.is_informational() || answer.status == StatusCode::NO_CONTENT {
        let length = answer.remove_header(&CONTENT_LENGTH);
        let announced = codings > 0 || length.is_some_and(|length| length != "0");
        settled.out_of_step = announced && !answer.status.is_informational();
    }
    if answer.status == StatusCode::RESET_CONTENT && has_body {
        // It has no content (RFC 9110, section 15.3.6), and clients differ in whether they read one.
        answer.remove_header(&TRANSFER_ENCODING);
        answer.insert_header(CONTENT_LENGTH, 0)?;
        (settled.no_body, settled.until_close) = (true, false);
    }
    Ok(settled)
}

/// Whether an answer has a body, be it one of nothing (RFC 9112, section 6.3).
fn has_body(status: StatusCode, method: &Method) -> bool {
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    !bodiless && !status.is_informational() && method != Method::HEAD
}

/// No client has asked for another coding than chunks, and without those the end is anywhere.
fn check_coding(answer: &ResponseHeader, has_body: bool) -> Result<()> {
    let mut codings = answer.headers.get_all(TRANSFER_ENCODING).iter();
    let coding = codings.next().map_or(&b""[..], HeaderValue::as_bytes);
    let is_chunked = coding.eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
    // HTTP/1.0 has no chunks (RFC 9112, section 6.1).
    if has_body && (!is_chunked || answer.version == Version::HTTP_10) {
        return Err(refused("the framing of an answer is faulty"));
    }
    Ok(())
}

/// What an answer says of its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    None,
    /// It says it once, as it is to go on.
    Plain,
    /// It says it several times, or in another spelling.
    Odd,
}

impl Length {
    /// The same with one field more.
    fn and(self, value: &[u8]) -> Self {
        let is_plain =
            value.iter().all(u8::is_ascii_digit) && (value.len() == 1 || !value.starts_with(b"0"));
        match self {
            Self::None if is_plain && !value.is_empty() => Self::Plain,
            _ => Self::Odd,
        }
    }
}

/// Pingora has refused lengths that differ; the same one said twice goes on once (RFC 9110, section 8.6).
fn settle_length(answer: &mut ResponseHeader) -> Result<()> {
    let first = answer.headers.get(CONTENT_LENGTH);
    let first = first.map_or(&b""[..], HeaderValue::as_bytes);
    let first = first.split(|&byte| byte == b',').next().unwrap_or_default();
    let length = str::from_utf8(first.trim_ascii()).ok();
    let length: Option<u64> = length.and_then(|length| length.parse().ok());
    let length = length.ok_or_else(|| refused("the length of an answer is no number"))?;
    answer.insert_header(CONTENT_LENGTH, length)
}

fn refused(why: &'static str) -> Box<Error> {
    Error::explain(ErrorType::InvalidHTTPHeader, why).into_up()
}
