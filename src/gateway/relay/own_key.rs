//! A node's refusal of the gateway's own signature. The client does not get it: it is not about the client's signature, and may
//! contain what the gateway signs. The client gets another error document, and the log has the node's code.

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use super::{Relay, Translation};
use crate::body::End;

/// The codes of refusals that concern the signature of a request or its key (Amazon S3 API Reference, "Error responses").
const CODES: &[&str] = &[
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidSecurity",
    "InvalidToken",
    "MissingSecurityHeader",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];
/// The longest document that is searched for its code. Those of S3 are shorter than a tenth of it.
const MAX_DOCUMENT: usize = 64 * 1024;

/// A node's refusal that is buffered until its code is known.
#[derive(Debug)]
pub struct HeldRefusal {
    held: BytesMut,
    /// The document for the client if the refusal is about the gateway's signature.
    document: Bytes,
    /// The translation of the refusal if it is not, if it needs one.
    otherwise: Option<Translation>,
    /// By how much the announced length exceeds the node's; none if no length is announced.
    growth: Option<usize>,
}

impl HeldRefusal {
    /// A refusal before its body is read. `length` is the announced length of the node's document, if any.
    pub fn new(document: Bytes, otherwise: Option<Translation>, length: Option<usize>) -> Self {
        let translated = otherwise
            .as_ref()
            .and_then(|translation| translation.growth)
            .unwrap_or(0);
        Self {
            growth: length.map(|length| translated.max(document.len().saturating_sub(length))),
            held: BytesMut::new(),
            document,
            otherwise,
        }
    }

    /// By how much the announced length must exceed the node's.
    pub fn growth(&self) -> Option<usize> {
        self.growth
    }

    /// Takes a part of the body. Once the code is known, returns the bytes for the client, the relay for the rest, and the code
    /// if the refusal is about the gateway's signature.
    pub fn push(&mut self, piece: Bytes, end: End) -> Option<(Bytes, Relay, Option<&'static str>)> {
        self.held.extend_from_slice(&piece);
        if end == End::More && self.held.len() <= MAX_DOCUMENT {
            return None;
        }
        let held = self.held.split().freeze();
        if let Some(code) = code(&held).filter(|_| end == End::Last) {
            // The whole document is here, so its length is known.
            let announced = self.growth.map(|growth| held.len() + growth);
            let padding = announced.map_or(0, |length| length.saturating_sub(self.document.len()));
            return Some((self.document.clone(), Relay::Padded(padding), Some(code)));
        }
        let rest = match self.otherwise.take() {
            Some(translation) => Relay::Pending(Translation {
                growth: self.growth,
                ..translation
            }),
            None => Relay::Padded(self.growth.unwrap_or(0)),
        };
        Some((held, rest, None))
    }
}

/// The code of a document, if it is in [`CODES`].
fn code(document: &[u8]) -> Option<&'static str> {
    let start = memmem::find(document, b"<Code>")? + "<Code>".len();
    let length = memmem::find(&document[start..], b"</Code>")?;
    let written = document[start..start + length].trim_ascii();
    CODES
        .iter()
        .find(|code| code.as_bytes() == written)
        .copied()
}
