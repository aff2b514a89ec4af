//! A node's refusal of the gateway's own signature. Told as it came, it would blame the client for a signature that is not
//! the client's, and show it what the gateway signs; so the client is told something else, and the operator the truth.

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use super::{Relay, Translation};

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
/// The longest document that is looked at. Those of S3 have less than a tenth of that.
const MAX_DOCUMENT: usize = 64 * 1024;

/// A node's refusal that is held until its code has arrived.
#[derive(Debug)]
pub struct HeldRefusal {
    held: BytesMut,
    /// What the client is told where the refusal concerns the gateway.
    own: Bytes,
    /// What happens to the refusal where it does not.
    otherwise: Option<Translation>,
    /// By how much the announced length exceeds the node's; none where no length is announced.
    growth: Option<usize>,
}

impl HeldRefusal {
    /// A refusal that is to come. `length` is that of the node's document, where it is announced.
    pub fn new(own: Bytes, otherwise: Option<Translation>, length: Option<usize>) -> Self {
        let translated = otherwise
            .as_ref()
            .and_then(|translation| translation.growth)
            .unwrap_or(0);
        Self {
            growth: length.map(|length| translated.max(own.len().saturating_sub(length))),
            held: BytesMut::new(),
            own,
            otherwise,
        }
    }

    /// By how much the announced length must exceed the node's.
    pub fn growth(&self) -> Option<usize> {
        self.growth
    }

    /// Takes a piece in. Once it is decided, gives what goes on now, what happens to the rest, and the code where the
    /// refusal concerns the gateway.
    pub fn push(
        &mut self,
        piece: Bytes,
        end: bool,
    ) -> Option<(Bytes, Relay, Option<&'static str>)> {
        self.held.extend_from_slice(&piece);
        if !end && self.held.len() <= MAX_DOCUMENT {
            return None;
        }
        let held = self.held.split().freeze();
        if let Some(code) = code(&held).filter(|_| end) {
            // The whole document is here, and so is its length.
            let announced = self.growth.map(|growth| held.len() + growth);
            let padding = announced.map_or(0, |length| length.saturating_sub(self.own.len()));
            return Some((self.own.clone(), Relay::Padded(padding), Some(code)));
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

/// The code of a document, if it is one of those above.
fn code(document: &[u8]) -> Option<&'static str> {
    let start = memmem::find(document, b"<Code>")? + "<Code>".len();
    let length = memmem::find(&document[start..], b"</Code>")?;
    let written = document[start..start + length].trim_ascii();
    CODES
        .iter()
        .find(|code| code.as_bytes() == written)
        .copied()
}
