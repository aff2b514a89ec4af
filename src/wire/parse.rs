//! The bytes of a request header, checked before the HTTP parser sees them.
//!
//! Pingora's parser is lenient where a signature gateway must not be: it re-encodes a broken request line, drops a
//! fragment, takes a bare line feed for a line's end, and takes Content-Length away where Transfer-Encoding stands too.
//! Whatever has two readings is refused here, so that everything behind sees what the client sent. The fields are read here
//! and nowhere else: Pingora gets to see those that steer HTTP itself.

use http::uri::Authority;
use memchr::{memchr, memchr_iter};
use pingora::protocols::http::authority::{
    RawTargetAuthority, is_http_family_scheme, raw_target_authority,
};

use super::head::{RequestHead, Span};
use crate::error::WireFault;

/// The fields that most headers have at most, and the bytes of their names.
const USUAL_FIELDS: usize = 12;
const USUAL_NAMES: usize = 192;

/// The length of the header that `bytes` start with, its empty line included; none while it is not complete. `from` is
/// where to go on looking.
pub fn header_length(bytes: &[u8], from: usize) -> Option<usize> {
    // The empty line may have begun before the place where we go on.
    let start = from.saturating_sub(3);
    memchr_iter(b'\n', &bytes[start..])
        .map(|at| start + at)
        .find_map(|end| match bytes[end + 1..] {
            [b'\n', ..] => Some(end + 2),
            [b'\r', b'\n', ..] => Some(end + 3),
            _ => None,
        })
}

/// Checks what has arrived of a header that is not complete, as far as that tells. `from` is what was checked before.
///
/// # Errors
/// [`WireFault`], but for what only a complete header tells.
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
        // Whoever speaks TLS here, for one, is told at once.
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
        // Blanks alone go: with any other control character the header is refused below.
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
    if let Some(at) = framing.outvoted() {
        spans[at].is_framing = false;
    }
    let length = bytes.len() - rest.len();
    if length > WireFault::MAX_HEADER_BYTES {
        return Err(WireFault::HeaderTooLarge);
    }
    // Each line ends with two control characters, and mostly there are no others.
    if controls(&bytes[..length]) != 2 * (spans.len() + 2) {
        check_controls(&bytes[..length])?;
    }
    let body_length = framing.body_length()?;
    check_names(&names)?;
    // What is in the table is ASCII.
    let names = String::from_utf8(names).map_err(|_no_token| WireFault::Field)?;
    Ok(Some(RequestHead::new(
        bytes[..length].to_vec(),
        names,
        spans,
        body_length,
        target_is_raw,
    )))
}

/// Checks that names, made of the table's bytes, are tokens.
fn check_names(names: &[u8]) -> Result<(), WireFault> {
    match memchr(0, names) {
        Some(_) => Err(WireFault::Field),
        None => Ok(()),
    }
}

/// Takes a line off, without its CRLF; none where its end has not arrived.
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

/// Checks `method SP target SP HTTP/1.x` (RFC 9112, section 3). Gives the minor version, and whether the target has
/// characters in UTF-8, which mean their percent form: many a client and node takes an IRI for a URI (RFC 3987, section 3.1).
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
        // Pingora would answer the tunnel without a document.
        let minor = minor(version).filter(|_| holds && method != b"CONNECT")?;
        Some((minor, target_is_raw))
    });
    reading.ok_or_else(|| request_line_fault(line))
}

/// Whether a target is what it must be but for characters in UTF-8.
fn is_iri(target: &[u8]) -> bool {
    let ascii = |byte: &u8| !byte.is_ascii() || TARGET[usize::from(*byte)];
    target.iter().all(ascii) && std::str::from_utf8(target).is_ok()
}

/// Whether a target that is no origin form can be taken in one way only. Pingora would refuse the others without a
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

/// What is wrong with a request line.
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

/// What a header says about its message and its connection.
struct FramingFields<'h> {
    /// The minor version of HTTP/1.
    minor: u8,
    content_length: Option<&'h [u8]>,
    transfer_encoding: Option<&'h [u8]>,
    /// The first `Connection` field that asks for the connection to be kept.
    keeps: Option<usize>,
    /// Whether a `Connection` field asks for its end.
    closes: bool,
}

impl<'h> FramingFields<'h> {
    fn of(minor: u8) -> Self {
        Self {
            minor,
            content_length: None,
            transfer_encoding: None,
            keeps: None,
            closes: false,
        }
    }

    /// Notes what the field number `at` says, and whether Pingora has to see it: what it does not see it cannot act upon.
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
            // HTTP/1.0 knows no expectation, and an empty one is none (RFC 9110, section 10.1.1).
            b"expect" => Ok(self.minor > 0 && members(value).next().is_some()),
            _ => Ok(false),
        }
    }

    /// Pingora obeys the first `Connection` field alone, so it sees those alone that change something: each that closes
    /// and, from HTTP/1.0, the first that keeps.
    fn connection(&mut self, value: &[u8], at: usize) -> bool {
        let keeps =
            self.minor == 0 && self.keeps.is_none() && value.eq_ignore_ascii_case(b"keep-alive");
        if keeps {
            self.keeps = Some(at);
        }
        let closes = members(value).any(|option| option.eq_ignore_ascii_case(b"close"));
        self.closes |= closes;
        keeps || closes
    }

    /// The field that Pingora must not see after all: `close` wins over `keep-alive`, whichever comes first (RFC 9112,
    /// section 9.3).
    fn outvoted(&self) -> Option<usize> {
        self.keeps.filter(|_| self.closes)
    }

    /// The length of the body; none where it comes in chunks.
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

/// The members of a list (RFC 9110, section 5.6.1), without those that are empty.
pub fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let members = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    members.filter(|member| !member.is_empty())
}

/// Whether this byte may stand in a token.
pub fn is_tchar(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// Whether this is a token (RFC 9110, section 5.6.2).
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && all(TOKEN, text)
}

/// A Content-Length in its one spelling: some take `010` for 8.
fn without_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    // A zero alone stays.
    &digits[zeros.min(digits.len().saturating_sub(1))..]
}

/// Reads a Content-Length: digits, and no more of them than any body needs.
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

/// Divides a field line into its name and what stands behind the colon (RFC 9112, section 5). Whether the name is a token
/// is for whoever looks at its bytes: that of a line that goes on the one before (obs-fold) is none.
fn field(line: &[u8]) -> Result<(&[u8], &[u8]), WireFault> {
    let colon = memchr(b':', line).filter(|at| *at > 0);
    let (name, rest) = line.split_at(colon.ok_or(WireFault::Field)?);
    Ok((name, &rest[1..]))
}

/// How many control characters there are. Without a branch and in counts that fit a byte, so that the compiler takes many
/// bytes at once.
fn controls(header: &[u8]) -> usize {
    let is_control = |byte: u8| (byte < b' ') | (byte == 0x7f);
    let count = |piece: &[u8]| {
        let add = |sum: u8, byte: &u8| sum + u8::from(is_control(*byte));
        usize::from(piece.iter().fold(0, add))
    };
    header.chunks(240).map(count).sum()
}

/// Says what is wrong: a control character that is no tab, or a carriage return or a line feed that is no line's end.
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

/// Which bytes belong to a set.
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

/// The characters of a URI reference but `#` (RFC 3986, section 2).
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
