//! What comes back from a node, in the words that the client is to read: header names, the XML declaration and the
//! namespace of the root element. Object bodies are never touched.

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::response::Parts;
use http::{Method, StatusCode};
use pingora::http::ResponseHeader;
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::address::Operation;
use crate::dialect::{Dialect, DialectName, Documents};

/// What some vendors' documents have in their XML declaration.
const STANDALONE: &str = " standalone=\"yes\"";
/// How much of a document is looked at for its root element. A longer prologue passes as it is.
const MAX_PROLOGUE: usize = 8 * 1024;

mod framing;
mod identity;
mod own_key;

pub use framing::{MAX_INTERIM_ANSWERS, settle};
use identity::Identified;
use own_key::HeldRefusal;

/// What is done to the body of an answer.
#[derive(Debug, Default)]
pub enum Relay {
    /// It passes as it is.
    #[default]
    AsIs,
    /// Nothing of it passes: the gateway answers for itself.
    Nothing,
    /// It is a document whose root element has not arrived whole.
    Pending(Translation),
    /// Its root element has passed; so many spaces are to follow the document, so that its announced length holds.
    Padded(usize),
    /// It is a refusal that may concern the gateway's own signature.
    Held(Box<HeldRefusal>),
    /// It is an error document, or may be one, whose ids become the gateway's.
    Identified(Box<Identified>),
}

/// Who the gateway is towards the client.
#[derive(Debug, Clone)]
pub struct Identity<'g> {
    /// The gateway's id of the request.
    pub request_id: HeaderValue,
    /// The id of this gateway.
    pub host_id: &'g str,
}

/// A document on its way from one dialect's words into another's.
#[derive(Debug)]
pub struct Translation {
    /// How the client's vendor writes documents.
    wanted: &'static Documents,
    /// The namespaces of the node's vendor.
    known: &'static [&'static str],
    held: BytesMut,
    /// By how much the announced length exceeds the node's; none where no length is announced.
    growth: Option<usize>,
}

/// Puts the header of a node's answer into `dialect`, under the gateway's own request id, and says what is to be done to
/// the body. Gives the node's own request id too. `own_refusal` is what the client is told where the node refuses the
/// gateway's own signature; none where the signature is the client's.
///
/// # Errors
/// Pingora's, where a value is no header value; none of ours is.
pub fn head(
    answer: &mut ResponseHeader,
    dialect: DialectName,
    cluster: DialectName,
    method: &Method,
    operation: Operation,
    own: Identity<'_>,
    own_refusal: Option<&dyn Fn() -> Vec<u8>>,
) -> pingora::Result<(Relay, Option<String>)> {
    let (sent, wanted) = (
        Dialect::named(cluster).syntaxes[0],
        Dialect::named(dialect).syntaxes[0],
    );
    let mut fields = answer.headers.iter();
    let node_request_id = fields
        .find(|(name, _)| name.as_str() == sent.request_id_header)
        .and_then(|(_, value)| value.to_str().ok())
        .map(str::to_owned);
    let mut relay = Relay::AsIs;
    if dialect != cluster {
        rename(answer, sent.header_prefix, wanted.header_prefix)?;
        let abort_status = Dialect::named(dialect).abort_status;
        if operation == Operation::AbortMultipartUpload
            && answer.status == StatusCode::NO_CONTENT
            && abort_status != answer.status.as_u16()
        {
            answer.set_status(abort_status)?;
            answer.insert_header(CONTENT_LENGTH, 0)?;
        } else if is_document(answer, method, operation) {
            let growth = announce(answer, dialect, cluster)?;
            relay = Relay::Pending(Translation {
                wanted: &Dialect::named(dialect).documents,
                known: Dialect::named(cluster).documents.namespaces,
                held: BytesMut::new(),
                growth,
            });
        }
    }
    if let Some(own_refusal) = own_refusal
        && refuses(answer.status)
        && is_document(answer, method, operation)
    {
        relay = held_refusal(answer, relay, own_refusal().into())?;
    }
    if !answer.status.is_success() || answers_late(operation) {
        relay = identified(answer, method, operation, dialect, relay, &own)?;
    }
    set_last(answer, wanted.request_id_header.clone(), own.request_id)?;
    Ok((relay, node_request_id))
}

/// Whether S3 says 200 before it knows whether the operation succeeds (Amazon S3 API Reference,
/// "CompleteMultipartUpload", "CopyObject"): the document may be that of an error.
fn answers_late(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::CompleteMultipartUpload | Operation::CopyObject | Operation::UploadPartCopy
    )
}

/// Puts the gateway's ids in the place of the node's, in the header of an error and in its document.
fn identified(
    answer: &mut ResponseHeader,
    method: &Method,
    operation: Operation,
    dialect: DialectName,
    relay: Relay,
    own: &Identity<'_>,
) -> pingora::Result<Relay> {
    let is_error = !answer.status.is_success();
    let host_id_header = format!("{}id-2", Dialect::named(dialect).syntaxes[0].header_prefix);
    if is_error && answer.headers.contains_key(&host_id_header) {
        answer.insert_header(host_id_header, own.host_id)?;
    }
    if !is_document(answer, method, operation) {
        return Ok(relay);
    }
    let length = length_of(answer);
    if let Some(length) = length {
        answer.insert_header(CONTENT_LENGTH, length + identity::GROWTH)?;
    }
    let request_id = Bytes::copy_from_slice(own.request_id.as_bytes());
    let identified = Identified::new(relay, request_id, own.host_id, length.is_some(), is_error);
    Ok(Relay::Identified(Box::new(identified)))
}

/// Whether a refusal with this status may concern a signature.
fn refuses(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    )
}

/// Holds a refusal until it says what it is about. What else was to happen to it happens behind that.
fn held_refusal(answer: &mut ResponseHeader, relay: Relay, own: Bytes) -> pingora::Result<Relay> {
    let otherwise = match relay {
        Relay::Pending(translation) => Some(translation),
        _ => None,
    };
    // A translation has announced its own growth already.
    let announced = otherwise
        .as_ref()
        .and_then(|translation| translation.growth);
    let length = length_of(answer).map(|length| length.saturating_sub(announced.unwrap_or(0)));
    let judgement = HeldRefusal::new(own, otherwise, length);
    if let (Some(length), Some(growth)) = (length, judgement.growth()) {
        answer.insert_header(CONTENT_LENGTH, length + growth)?;
    }
    Ok(Relay::Held(Box::new(judgement)))
}

fn length_of(answer: &ResponseHeader) -> Option<usize> {
    let length = answer.headers.get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// What Pingora adds to an answer behind us: `Date` and `Connection`.
const PINGORAS_FIELDS: usize = 2;

/// Sets the last of our fields. Pingora's second map, of the names as the node spelled them, is left behind: to put three
/// more fields into two maps that are full costs more than all else that is done to an answer.
fn set_last(
    answer: &mut ResponseHeader,
    name: HeaderName,
    value: HeaderValue,
) -> pingora::Result<()> {
    let phrase = answer.get_reason_phrase();
    let phrase = (phrase != answer.status.canonical_reason())
        .then(|| phrase.map(str::to_owned))
        .flatten();
    let (nothing, ()) = http::Response::new(()).into_parts();
    let mut parts = Parts::from(std::mem::replace(answer, ResponseHeader::from(nothing)));
    parts.headers.reserve(1 + PINGORAS_FIELDS);
    parts.headers.insert(name, value);
    *answer = ResponseHeader::from(parts);
    match phrase {
        Some(phrase) => answer.set_reason_phrase(Some(&phrase)),
        None => Ok(()),
    }
}

fn rename(answer: &mut ResponseHeader, from: &str, to: &str) -> pingora::Result<()> {
    let own: Vec<HeaderName> = answer
        .headers
        .keys()
        .filter(|name| name.as_str().starts_with(from))
        .cloned()
        .collect();
    for name in own {
        let values: Vec<_> = answer.headers.get_all(&name).iter().cloned().collect();
        let translated = format!("{to}{}", &name.as_str()[from.len()..]);
        answer.remove_header(&name);
        for value in values {
            answer.append_header(translated.clone(), value)?;
        }
    }
    Ok(())
}

/// Whether the answer's body is a document of the S3 API, and no object.
fn is_document(answer: &ResponseHeader, method: &Method, operation: Operation) -> bool {
    let object = matches!(
        operation,
        Operation::GetObject | Operation::GetObjectTorrent | Operation::SelectObjectContent
    );
    let xml = answer.headers.get(CONTENT_TYPE).is_some_and(|value| {
        let value = value.as_bytes().to_ascii_lowercase();
        value.starts_with(b"application/xml") || value.starts_with(b"text/xml")
    });
    // Some nodes call nothing at all XML, and nothing is no document: no padding could follow it.
    let nothing = matches!(
        answer.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    ) || answer
        .headers
        .get(CONTENT_LENGTH)
        .is_some_and(|length| length == "0");
    *method != Method::HEAD
        && !nothing
        && !(object && answer.status.is_success())
        && xml
        && !answer.headers.contains_key(CONTENT_ENCODING)
}

/// Announces the longest length that the translated document can have. Where it comes out shorter, white space after
/// the root element makes it up (XML 1.0, section 2.8: "Misc").
fn announce(
    answer: &mut ResponseHeader,
    dialect: DialectName,
    cluster: DialectName,
) -> pingora::Result<Option<usize>> {
    let [wanted, known] = [dialect, cluster].map(|name| &Dialect::named(name).documents);
    let declaration = match (wanted.standalone, known.standalone) {
        (true, false) => STANDALONE.len(),
        _ => 0,
    };
    let written = wanted.namespaces[0].len();
    let shortest = known.namespaces.iter().map(|name| name.len()).min();
    let namespace = written as isize - shortest.unwrap_or(written) as isize;
    // An error document has no namespace: nothing of it shrinks.
    let namespace = match answer.status.is_success() {
        true => namespace,
        false => namespace.max(0),
    };
    let growth = declaration.saturating_add_signed(namespace);
    let Some(length) = length_of(answer) else {
        return Ok(None);
    };
    answer.insert_header(CONTENT_LENGTH, length + growth)?;
    Ok(Some(growth))
}

impl Relay {
    /// Passes a piece of the body. `Some` of nothing holds it back; only the end may be `None`. Gives the node's code once
    /// it turns out to have refused the gateway's own signature.
    pub fn body(&mut self, piece: &mut Option<Bytes>, end: bool) -> Option<&'static str> {
        if let Self::Identified(identified) = self {
            return identified.body(piece, end);
        }
        let mut refused = None;
        if let Self::Nothing = self {
            *piece = Some(Bytes::new()).filter(|_| !end);
        }
        if let Self::Held(judgement) = self {
            let Some((passed, rest, code)) = judgement.push(piece.take().unwrap_or_default(), end)
            else {
                *piece = Some(Bytes::new());
                return None;
            };
            *piece = Some(passed);
            *self = rest;
            refused = code;
        }
        if let Self::Pending(translation) = self {
            if let Some(arrived) = piece.take() {
                translation.held.extend_from_slice(&arrived);
            }
            match translation.finish(end) {
                Some((document, padding)) => {
                    *piece = Some(document);
                    *self = Self::Padded(padding);
                }
                None => *piece = Some(Bytes::new()),
            }
        }
        if end && let Self::Padded(padding @ 1..) = *self {
            let mut last = BytesMut::from(piece.take().unwrap_or_default());
            last.resize(last.len() + padding, b'\n');
            *piece = Some(last.freeze());
            *self = Self::Padded(0);
        }
        refused
    }
}

impl Translation {
    /// The translated beginning of the document and the padding that it needs, once the root element's tag has arrived.
    fn finish(&mut self, end: bool) -> Option<(Bytes, usize)> {
        let found = prologue(&self.held);
        if found.is_none() && !end && self.held.len() < MAX_PROLOGUE {
            return None;
        }
        let held = std::mem::take(&mut self.held).freeze();
        let Some(found) = found else {
            return Some((held, self.growth.unwrap_or(0)));
        };
        let mut changes: Vec<(usize, usize, &str)> = Vec::new();
        let spelled = |names: &[&str]| {
            let root = std::str::from_utf8(&held[found.root.clone()]).ok()?;
            names.iter().find_map(|name| {
                let at = root
                    .find(&format!("xmlns=\"{name}\""))
                    .or_else(|| root.find(&format!("xmlns='{name}'")))?;
                let start = found.root.start + at + "xmlns='".len();
                Some((start, start + name.len()))
            })
        };
        let written = self.wanted.namespaces[0];
        let namespace = spelled(self.known);
        let mut grown = namespace.map_or(0, |(start, stop)| {
            written.len() as isize - (stop - start) as isize
        });
        if let (true, Some(at)) = (self.wanted.standalone, found.standalone_belongs_at) {
            let wanted = grown + STANDALONE.len() as isize;
            if self.growth.is_none_or(|growth| wanted <= growth as isize) {
                changes.push((at, at, STANDALONE));
                grown += STANDALONE.len() as isize;
            }
        }
        changes.extend(namespace.map(|(start, stop)| (start, stop, written)));
        let mut translated = BytesMut::with_capacity(held.len() + STANDALONE.len() + written.len());
        let mut done = 0;
        for (start, stop, text) in changes {
            translated.extend_from_slice(&held[done..start]);
            translated.extend_from_slice(text.as_bytes());
            done = stop;
        }
        translated.extend_from_slice(&held[done..]);
        // Without an announced length nothing has to be made up.
        let padding = self.growth.map_or(0, |growth| growth as isize - grown);
        Some((translated.freeze(), usize::try_from(padding).unwrap_or(0)))
    }
}

/// Where a document's root element stands.
struct Prologue {
    root: std::ops::Range<usize>,
    standalone_belongs_at: Option<usize>,
}

/// Reads a document up to the end of its root element's tag; none while that has not arrived.
fn prologue(bytes: &[u8]) -> Option<Prologue> {
    let mut reader = Reader::from_reader(bytes);
    let mut standalone_belongs_at = None;
    loop {
        let start = usize::try_from(reader.buffer_position()).ok()?;
        match reader.read_event().ok()? {
            Event::Decl(declaration) => {
                let end = usize::try_from(reader.buffer_position()).ok()?;
                if declaration.standalone().is_none() {
                    standalone_belongs_at = end.checked_sub("?>".len());
                }
            }
            Event::Start(_) | Event::Empty(_) => {
                let end = usize::try_from(reader.buffer_position()).ok()?;
                return Some(Prologue {
                    root: start..end,
                    standalone_belongs_at,
                });
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
