//! Reads the bytes of a request header, and checks them before Pingora's parser sees them.
//!
//! Pingora's parser is lenient where a signature gateway must not be: it re-encodes an invalid request line, drops a
//! fragment, accepts a bare line feed as a line end, and drops Content-Length if there is also Transfer-Encoding. A header with
//! two possible readings is refused here, so that all later code sees what the client sent. The fields are parsed only here:
//! Pingora sees only the framing fields.

use http::uri::Authority;
use memchr::{memchr, memchr_iter};
use pingora::protocols::http::authority::{
    RawTargetAuthority, is_http_family_scheme, raw_target_authority,
};

use super::head::{RequestHead, Span};
use crate::error::WireFault;

/// The initial capacities for the fields of a header, and for the bytes of their names: enough for most headers.
const USUAL_FIELDS: usize = 12;
const USUAL_NAMES: usize = 192;

/// The length of the header that `bytes` start with, with its empty line; none while it is not complete. The search starts at
/// `from`.
pub fn header_length(bytes: &[u8], from: usize) -> Option<usize> {
    // The empty line may begin before `from`.
    let start = from.saturating_sub(3);
    memchr_iter(b'\n', &bytes[start..])
        .map(|at| start + at)
        .find_map(|end| match bytes[end + 1..] {
            [b'\n', ..] => Some(end + 2),
            [b'\r', b'\n', ..] => Some(end + 3),
            _ => None,
        })
}

/// Checks an incomplete header as far as possible. The bytes before `from` have been checked already.
///
/// # Errors
/// [`WireFault`], if it can be found without the rest of the header.
pub fn check_partial(bytes: &[u8], from: usize) -> Result<(), WireFault> {
    let line = memchr::memrchr(b'\n', bytes).map_or(bytes.len(), |end| bytes.len() - end - 1);
    if bytes.len() > WireFault::MAX_HEADER_BYTES {
        return Err(WireFault::HeaderTooLarge);
    }
    if line > WireFault::MAX_LINE_BYTES + 1 {
        return Err(WireFault::LineTooLong);
    }
    let start = from.saturating_sub(1);
    let lone = |at: usize| bytes.get(start + at + 1).is_some_and(|next| *next != b'\n');
    if memchr_iter(b'\r', &bytes[start..]).any(lone) {
        return Err(WireFault::LineEnd);
    }
    match memchr(b'\n', bytes) {
        Some(end) if end >= from => {
            let line = next_line(&mut &bytes[..=end])?;
            line.map_or(Ok(()), |line| check_request_line(line).map(|_minor| ()))
        }
        // Answers at once a client that sends something other than HTTP, such as TLS.
        None if from == 0 && !all(TOKEN, &bytes[..1]) => Err(WireFault::RequestLine),
        _ => Ok(()),
    }
}

/// Reads the header that `bytes` start with; none while it is not complete.
///
/// # Errors
/// [`WireFault`].
pub fn read(bytes: &[u8]) -> Result<Option<RequestHead>, WireFault> {
    let mut rest = bytes;
    let Some(request_line) = next_line(&mut rest)? else {
        return Ok(None);
    };
    let (minor, target_is_raw) = check_request_line(request_line)?;
    let mut names = Vec::with_capacity(USUAL_NAMES);
    let mut spans = Vec::with_capacity(USUAL_FIELDS);
    let mut framing = FramingFields::of(minor);
    loop {
        let start = bytes.len() - rest.len();
        let Some(line) = next_line(&mut rest)? else {
            check_names(&names)?;
            return Ok(None);
        };
        if line.is_empty() {
            break;
        }
        if spans.len() == WireFault::MAX_FIELDS {
            return Err(WireFault::TooManyFields);
        }
        let (name, value) = field(line)?;
        let before = names.len();
        names.extend(name.iter().map(|byte| NAME[usize::from(*byte)]));
        // Removes spaces and tabs: any other whitespace is a control character, for which the header is refused below.
        let value = value.trim_ascii_start();
        let value_start = start + (line.len() - value.len());
        let mut value = value.trim_ascii_end();
        let value_end = value_start + value.len();
        let is_framing = framing.is_framing(&names[before..], &mut value, spans.len())?;
        spans.push(Span {
            name: before..names.len(),
            line: start..bytes.len() - rest.len(),
            value: value_end - value.len()..value_end,
            is_framing,
        });
    }
    if let Some(at) = framing.overruled() {
        spans[at].is_framing = false;
    }
    let length = bytes.len() - rest.len();
    if length > WireFault::MAX_HEADER_BYTES {
        return Err(WireFault::HeaderTooLarge);
    }
    // Each line ends with two control characters, and usually there are no others.
    if controls(&bytes[..length]) != 2 * (spans.len() + 2) {
        check_controls(&bytes[..length])?;
    }
    let body_length = framing.body_length()?;
    check_names(&names)?;
    // The table maps to ASCII only.
    let names = String::from_utf8(names).map_err(|_no_token| WireFault::Field)?;
    Ok(Some(RequestHead::new(
        bytes[..length].to_vec(),
        names,
        spans,
        body_length,
        target_is_raw,
    )))
}

/// Checks that names are tokens: the table [`NAME`] maps every other byte to 0.
fn check_names(names: &[u8]) -> Result<(), WireFault> {
    match memchr(0, names) {
        Some(_) => Err(WireFault::Field),
        None => Ok(()),
    }
}

/// Removes the first line and returns it without its CRLF; none while its end has not arrived.
fn next_line<'h>(rest: &mut &'h [u8]) -> Result<Option<&'h [u8]>, WireFault> {
    let Some(end) = memchr(b'\n', rest) else {
        return Ok(None);
    };
    let line = rest[..end].strip_suffix(b"\r").ok_or(WireFault::LineEnd)?;
    if line.len() > WireFault::MAX_LINE_BYTES {
        return Err(WireFault::LineTooLong);
    }
    *rest = &rest[end + 1..];
    Ok(Some(line))
}

/// Checks `method SP target SP HTTP/1.x` (RFC 9112, section 3). Returns the minor version, and whether the target has UTF-8
/// characters, which stand for their percent-encoding: some clients and nodes use an IRI as a URI (RFC 3987, section 3.1).
fn check_request_line(line: &[u8]) -> Result<(u8, bool), WireFault> {
    let minor = |version: &[u8]| match version {
        b" HTTP/1.1" => Some(1),
        b" HTTP/1.0" => Some(0),
        _ => None,
    };
    let reading = line.split_last_chunk::<9>().and_then(|(rest, version)| {
        let method_end = rest.iter().position(|byte| !TOKEN[usize::from(*byte)])?;
        let (method, target) = rest.split_at(method_end);
        let target = target.strip_prefix(b" ")?;
        let one_reading = target.starts_with(b"/") || has_one_reading(target);
        let target_is_raw = !all(TARGET, target);
        let characters_hold = !target_is_raw || is_iri(target);
        let holds = !method.is_empty() && one_reading && characters_hold;
        // Pingora would answer CONNECT without an error document.
        let minor = minor(version).filter(|_| holds && method != b"CONNECT")?;
        Some((minor, target_is_raw))
    });
    reading.ok_or_else(|| request_line_fault(line))
}

/// Whether a target is valid except for UTF-8 characters.
fn is_iri(target: &[u8]) -> bool {
    let ascii = |byte: &u8| !byte.is_ascii() || TARGET[usize::from(*byte)];
    target.iter().all(ascii) && std::str::from_utf8(target).is_ok()
}

/// Whether a target that is not in origin form has only one reading. Pingora would refuse the others without an error
/// document.
fn has_one_reading(target: &[u8]) -> bool {
    match raw_target_authority(target) {
        RawTargetAuthority::None => !target.is_empty(),
        RawTargetAuthority::AmbiguousAuthority => false,
        RawTargetAuthority::Absolute {
            scheme, authority, ..
        } => {
            is_http_family_scheme(scheme)
                && memchr(b'@', authority).is_none()
                && Authority::try_from(authority).is_ok()
        }
    }
}

/// The fault of an invalid request line.
fn request_line_fault(line: &[u8]) -> WireFault {
    if memchr(b'\r', line).is_some() {
        return WireFault::LineEnd;
    }
    let mut parts = line.splitn(2, |byte| *byte == b' ');
    let method = parts.next().unwrap_or_default();
    let mut rest = parts
        .next()
        .unwrap_or_default()
        .rsplitn(2, |byte| *byte == b' ');
    let (version, target) = (
        rest.next().unwrap_or_default(),
        rest.next().unwrap_or_default(),
    );
    if method.is_empty()
        || !all(TOKEN, method)
        || target.is_empty()
        || !matches!(version, b"HTTP/1.1" | b"HTTP/1.0")
    {
        WireFault::RequestLine
    } else if method == b"CONNECT" {
        WireFault::Tunnel
    } else {
        WireFault::Target
    }
}

/// The fields about the framing of the message and about the connection.
struct FramingFields<'h> {
    /// The minor version of HTTP/1.
    minor: u8,
    content_length: Option<&'h [u8]>,
    transfer_encoding: Option<&'h [u8]>,
    /// The first `Connection: keep-alive` of an HTTP/1.0 request.
    keep_alive: Option<usize>,
    /// Whether a `Connection` field has the option `close`.
    close: bool,
}

impl<'h> FramingFields<'h> {
    fn of(minor: u8) -> Self {
        Self {
            minor,
            content_length: None,
            transfer_encoding: None,
            keep_alive: None,
            close: false,
        }
    }

    /// Records field number `at`, and returns whether Pingora has to see it. Pingora cannot act on a field that it does not see.
    fn is_framing(
        &mut self,
        name: &[u8],
        value: &mut &'h [u8],
        at: usize,
    ) -> Result<bool, WireFault> {
        match name {
            b"content-length" => {
                *value = without_zeros(value);
                match self.content_length.replace(value) {
                    None => Ok(true),
                    Some(_) => Err(WireFault::ContentLength),
                }
            }
            b"transfer-encoding" => match self.transfer_encoding.replace(value) {
                None => Ok(true),
                Some(_) => Err(WireFault::TransferEncoding),
            },
            b"connection" => Ok(self.connection(value, at)),
            // HTTP/1.0 has no Expect, and an empty one has no effect (RFC 9110, section 10.1.1).
            b"expect" => Ok(self.minor > 0 && members(value).next().is_some()),
            _ => Ok(false),
        }
    }

    /// Records a `Connection` field. Pingora reads only the first one, so it sees only those with an effect: each with `close`,
    /// and in HTTP/1.0 the first `keep-alive`.
    fn connection(&mut self, value: &[u8], at: usize) -> bool {
        let keep_alive = self.minor == 0
            && self.keep_alive.is_none()
            && value.eq_ignore_ascii_case(b"keep-alive");
        if keep_alive {
            self.keep_alive = Some(at);
        }
        let close = members(value).any(|option| option.eq_ignore_ascii_case(b"close"));
        self.close |= close;
        keep_alive || close
    }

    /// The `keep-alive` field that Pingora must not see, because `close` has priority over it in any order (RFC 9112, section
    /// 9.3).
    fn overruled(&self) -> Option<usize> {
        self.keep_alive.filter(|_| self.close)
    }

    /// The length of the body; none where it is chunked.
    fn body_length(&self) -> Result<Option<u64>, WireFault> {
        let announced = self.content_length.map(number).transpose()?;
        let Some(encoding) = self.transfer_encoding else {
            return Ok(announced.or(Some(0)));
        };
        if self.content_length.is_some() {
            Err(WireFault::TwoLengths)
        } else if self.minor == 0 || !encoding.eq_ignore_ascii_case(b"chunked") {
            Err(WireFault::TransferEncoding)
        } else {
            Ok(None)
        }
    }
}

/// The members of a list (RFC 9110, section 5.6.1), without empty ones.
pub fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let members = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    members.filter(|member| !member.is_empty())
}

/// Whether this byte may occur in a token.
pub fn is_tchar(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// Whether this is a token (RFC 9110, section 5.6.2).
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && all(TOKEN, text)
}

/// A Content-Length without leading zeros: some parsers read `010` as 8.
fn without_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    // Keeps a single zero.
    &digits[zeros.min(digits.len().saturating_sub(1))..]
}

/// Reads a Content-Length: 1 to 18 digits.
///
/// # Errors
/// [`WireFault::ContentLength`].
pub fn number(text: &[u8]) -> Result<u64, WireFault> {
    if text.is_empty() || text.len() > 18 {
        return Err(WireFault::ContentLength);
    }
    text.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Ok(number * 10 + u64::from(digit - b'0')),
        _ => Err(WireFault::ContentLength),
    })
}

/// Splits a field line at the colon (RFC 9112, section 5). The caller checks that the name is a token: that of a folded line
/// (obs-fold) is not.
fn field(line: &[u8]) -> Result<(&[u8], &[u8]), WireFault> {
    let colon = memchr(b':', line).filter(|at| *at > 0);
    let (name, rest) = line.split_at(colon.ok_or(WireFault::Field)?);
    Ok((name, &rest[1..]))
}

/// The number of control characters. Without branches and with counts that fit into a byte, so that the compiler vectorizes
/// it (`benches/wrk`, instructions).
fn controls(header: &[u8]) -> usize {
    let is_control = |byte: u8| (byte < b' ') | (byte == 0x7f);
    let count = |piece: &[u8]| {
        let add = |sum: u8, byte: &u8| sum + u8::from(is_control(*byte));
        usize::from(piece.iter().fold(0, add))
    };
    header.chunks(240).map(count).sum()
}

/// Finds the fault: a control character other than a tab, or a carriage return or line feed that is not part of a CRLF.
fn check_controls(header: &[u8]) -> Result<(), WireFault> {
    let (mut control, mut lone) = (0, 0);
    // The last byte is the line feed that ends the header.
    for (&byte, &next) in header.iter().zip(&header[1..]) {
        let (returns, ends) = (byte == b'\r', byte == b'\n');
        let other = (byte < b' ') & (byte != b'\t') & !returns & !ends;
        control |= u8::from(other) | u8::from(byte == 0x7f);
        lone |= u8::from(returns != (next == b'\n'));
    }
    if lone != 0 {
        Err(WireFault::LineEnd)
    } else if control != 0 {
        Err(WireFault::Field)
    } else {
        Ok(())
    }
}

/// A set of bytes.
type Set = [bool; 256];

fn all(set: &Set, bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| set[usize::from(byte)])
}

const fn set(members: &[u8]) -> Set {
    let mut set = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        set[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < members.len() {
        set[members[at] as usize] = true;
        at += 1;
    }
    set
}

/// The characters of a URI reference except `#` (RFC 3986, section 2).
static TARGET: &Set = &set(b"-._~:/?[]@!$&'()*+,;=%");
/// tchar (RFC 9110, section 5.6.2).
static TOKEN: &Set = &set(b"!#$%&'*+-.^_`|~");
/// Each byte of a token in lower case, and 0 for every other byte.
static NAME: &[u8; 256] = &{
    let mut name = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if TOKEN[byte] {
            name[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    name
};

#[cfg(test)]
mod tests;
