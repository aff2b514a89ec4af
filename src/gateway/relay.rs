//! Translates a node's response into the client's dialect: header names, the XML declaration and the namespace of the root
//! element. Object bodies are never changed.

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::response::Parts;
use http::{Method, StatusCode};
use pingora::{ErrorType, OrErr};
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::address::Operation;
use crate::body::End;
use crate::dialect::{Dialect, DialectName, Documents};

/// The part of an XML declaration that only some vendors write.
const STANDALONE: &str = " standalone=\"yes\"";
/// How much of a document is searched for its root element. A longer prologue is forwarded unchanged.
const MAX_PROLOGUE: usize = 8 * 1024;

mod framing;
mod identity;
mod own_key;

pub use framing::frame;
use identity::Identified;
use own_key::HeldRefusal;

/// The translation of a response body.
#[derive(Debug, Default)]
pub enum Relay {
    /// The body is forwarded unchanged.
    #[default]
    AsIs,
    /// The body is discarded: the gateway writes its own or none.
    Nothing,
    /// A document whose root element is not complete.
    Pending(Translation),
    /// The rest of a document. This much white space follows it, to fill its announced length.
    Padded(usize),
    /// A refusal that may be about the gateway's signature.
    Held(Box<HeldRefusal>),
    /// A document that is or may be an error document, whose ids are replaced with those of the gateway.
    Identified(Box<Identified>),
}

/// The ids that the client gets.
#[derive(Debug, Clone)]
pub struct Identity<'g> {
    /// The gateway's request id.
    pub request_id: HeaderValue,
    /// The id of this gateway.
    pub host_id: &'g str,
}

/// The translation of a document from one dialect to another.
#[derive(Debug)]
pub struct Translation {
    /// The documents of the client's vendor.
    wanted: &'static Documents,
    /// The namespaces of the node's vendor.
    known: &'static [&'static str],
    held: BytesMut,
    /// By how much the announced length exceeds the node's; none if no length is announced.
    growth: Option<usize>,
}

/// Translates the header section of a node's response into `dialect`, with the ids of the gateway. Returns the translation of
/// the body and the node's request id. `own_refusal` makes the document for the client if the node refuses the gateway's
/// signature; none if the node gets the client's signature.
///
/// # Errors
/// Pingora's, if the gateway makes an invalid header value.
pub fn head(
    answer: &mut Parts,
    dialect: DialectName,
    cluster: DialectName,
    method: &Method,
    operation: Operation,
    ids: Identity<'_>,
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
            && let Ok(abort_status) = StatusCode::from_u16(abort_status)
        {
            answer.status = abort_status;
            answer.headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
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
        relay = identified(answer, method, operation, dialect, relay, &ids)?;
    }
    answer
        .headers
        .insert(wanted.request_id_header.clone(), ids.request_id);
    Ok((relay, node_request_id))
}

/// Whether S3 sends status 200 before it knows whether the operation succeeds (Amazon S3 API Reference,
/// "CompleteMultipartUpload", "CopyObject"): the document may be an error document.
fn answers_late(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::CompleteMultipartUpload | Operation::CopyObject | Operation::UploadPartCopy
    )
}

/// Replaces the node's ids with those of the gateway, in the header section of an error and in its document.
fn identified(
    answer: &mut Parts,
    method: &Method,
    operation: Operation,
    dialect: DialectName,
    relay: Relay,
    ids: &Identity<'_>,
) -> pingora::Result<Relay> {
    let is_error = !answer.status.is_success();
    let host_id_header = format!("{}id-2", Dialect::named(dialect).syntaxes[0].header_prefix);
    if is_error && answer.headers.contains_key(&host_id_header) {
        let name = HeaderName::try_from(host_id_header);
        let name = name.or_err(ErrorType::InvalidHTTPHeader, "a name of the dialect's")?;
        let value = HeaderValue::from_str(ids.host_id);
        let value = value.or_err(ErrorType::InvalidHTTPHeader, "the id of the gateway")?;
        answer.headers.insert(name, value);
    }
    if !is_document(answer, method, operation) {
        return Ok(relay);
    }
    let length = length_of(answer);
    if let Some(length) = length {
        answer
            .headers
            .insert(CONTENT_LENGTH, HeaderValue::from(length + identity::GROWTH));
    }
    let request_id = Bytes::copy_from_slice(ids.request_id.as_bytes());
    let identified = Identified::new(relay, request_id, ids.host_id, length.is_some(), is_error);
    Ok(Relay::Identified(Box::new(identified)))
}

/// Whether a refusal with this status may be about a signature.
fn refuses(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    )
}

/// Buffers a refusal until its code is known. After that its other translation is applied.
fn held_refusal(answer: &mut Parts, relay: Relay, document: Bytes) -> pingora::Result<Relay> {
    let otherwise = match relay {
        Relay::Pending(translation) => Some(translation),
        _ => None,
    };
    // A translation has increased the announced length already.
    let announced = otherwise
        .as_ref()
        .and_then(|translation| translation.growth);
    let length = length_of(answer).map(|length| length.saturating_sub(announced.unwrap_or(0)));
    let refusal = HeldRefusal::new(document, otherwise, length);
    if let (Some(length), Some(growth)) = (length, refusal.growth()) {
        answer
            .headers
            .insert(CONTENT_LENGTH, HeaderValue::from(length + growth));
    }
    Ok(Relay::Held(Box::new(refusal)))
}

fn length_of(answer: &Parts) -> Option<usize> {
    let length = answer.headers.get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn rename(answer: &mut Parts, from: &str, to: &str) -> pingora::Result<()> {
    let names: Vec<HeaderName> = answer
        .headers
        .keys()
        .filter(|name| name.as_str().starts_with(from))
        .cloned()
        .collect();
    for name in names {
        let values: Vec<_> = answer.headers.get_all(&name).iter().cloned().collect();
        let translated = HeaderName::try_from(format!("{to}{}", &name.as_str()[from.len()..]));
        let translated = translated.or_err(ErrorType::InvalidHTTPHeader, "a name of the node's")?;
        answer.headers.remove(&name);
        for value in values {
            answer.headers.append(translated.clone(), value);
        }
    }
    Ok(())
}

/// Whether the body is a document of the S3 API and not an object.
fn is_document(answer: &Parts, method: &Method, operation: Operation) -> bool {
    let object = matches!(
        operation,
        Operation::GetObject | Operation::GetObjectTorrent | Operation::SelectObjectContent
    );
    let xml = answer.headers.get(CONTENT_TYPE).is_some_and(|value| {
        let value = value.as_bytes().to_ascii_lowercase();
        value.starts_with(b"application/xml") || value.starts_with(b"text/xml")
    });
    // Some nodes send an XML content type without a body: there is no document that padding could follow.
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

/// Announces the longest length that the translated document can have. If it is shorter, white space after the root element
/// fills the rest (XML 1.0, section 2.8: "Misc").
fn announce(
    answer: &mut Parts,
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
    // An error document has no namespace that could become shorter.
    let namespace = match answer.status.is_success() {
        true => namespace,
        false => namespace.max(0),
    };
    let growth = declaration.saturating_add_signed(namespace);
    let Some(length) = length_of(answer) else {
        return Ok(None);
    };
    answer
        .headers
        .insert(CONTENT_LENGTH, HeaderValue::from(length + growth));
    Ok(Some(growth))
}

impl Relay {
    /// Takes a part of the node's body and returns the bytes for the client, if any yet. Also returns the node's error code,
    /// once it is known that the node has refused the gateway's signature.
    pub fn push(&mut self, piece: Bytes, end: End) -> (Bytes, Option<&'static str>) {
        match self {
            Self::AsIs => (piece, None),
            Self::Nothing => (Bytes::new(), None),
            Self::Padded(_) => (self.pad(piece, end), None),
            Self::Identified(identified) => identified.push(piece, end),
            Self::Held(held) => {
                let Some((passed, rest, code)) = held.push(piece, end) else {
                    return (Bytes::new(), None);
                };
                *self = rest;
                (self.push(passed, end).0, code)
            }
            Self::Pending(translation) => {
                translation.held.extend_from_slice(&piece);
                let Some((document, padding)) = translation.finish(end) else {
                    return (Bytes::new(), None);
                };
                *self = Self::Padded(padding);
                (self.pad(document, end), None)
            }
        }
    }

    /// Adds the padding after the last part of a document.
    fn pad(&mut self, piece: Bytes, end: End) -> Bytes {
        match *self {
            Self::Padded(padding @ 1..) if end == End::Last => {
                *self = Self::Padded(0);
                let mut last = BytesMut::from(piece);
                last.resize(last.len() + padding, b'\n');
                last.freeze()
            }
            _ => piece,
        }
    }
}

impl Translation {
    /// The translated beginning of the document and its padding, once the tag of the root element is complete.
    fn finish(&mut self, end: End) -> Option<(Bytes, usize)> {
        let found = prologue(&self.held);
        if found.is_none() && end == End::More && self.held.len() < MAX_PROLOGUE {
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
        // Without an announced length there is nothing to fill.
        let padding = self.growth.map_or(0, |growth| growth as isize - grown);
        Some((translated.freeze(), usize::try_from(padding).unwrap_or(0)))
    }
}

/// The position of a document's root element.
struct Prologue {
    root: std::ops::Range<usize>,
    standalone_belongs_at: Option<usize>,
}

/// Reads a document up to the end of the tag of its root element; none if that is not complete.
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
