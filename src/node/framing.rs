//! Where the body of an answer ends (RFC 9112, section 6), and whether its connection can go on behind it (section 9.3).

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderName, StatusCode, Version};

use super::fault::Malformed;

/// Where the body of an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Nothing,
    /// Behind so many bytes.
    Length(u64),
    /// Behind the last chunk.
    Chunks,
    /// With the connection.
    Close,
}

/// A length above this is no length: no body has it, and whoever counts in signed numbers reads it otherwise.
const MAX_LENGTH: u64 = i64::MAX as u64;

/// What the fields of a head say of its framing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    length: Option<u64>,
    codings: u8,
    chunked: bool,
    close: bool,
    keep_alive: bool,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    pub framing: Framing,
    /// Whether the node lets the connection go on behind this answer, and is in step with whoever reads it.
    pub goes_on: bool,
}

impl Said {
    /// One field more. Lengths are read whatever the answer: they go on to the client even where there is no body.
    pub(super) fn add(&mut self, name: &HeaderName, value: &[u8]) -> Result<(), Malformed> {
        if name == CONTENT_LENGTH {
            // The same length said several times has one meaning (RFC 9110, section 8.6).
            for one in value.split(|&byte| byte == b',') {
                let length = length(one.trim_ascii()).ok_or(Malformed::Length)?;
                if self.length.is_some_and(|other| other != length) {
                    return Err(Malformed::Lengths);
                }
                self.length = Some(length);
            }
        } else if name == TRANSFER_ENCODING {
            self.codings = self.codings.saturating_add(1);
            self.chunked = value.eq_ignore_ascii_case(b"chunked");
        } else if name == CONNECTION {
            for option in value.split(|&byte| byte == b',') {
                let option = option.trim_ascii();
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        }
        Ok(())
    }

    /// The length, where no transfer coding overrides it.
    pub(super) fn length(&self) -> Option<u64> {
        self.length.filter(|_| self.codings == 0)
    }

    /// Decides, in the order of RFC 9112, section 6.3. `is_head` says whether the request was HEAD.
    pub(super) fn settle(
        &self,
        version: Version,
        status: StatusCode,
        is_head: bool,
    ) -> Result<Settled, Malformed> {
        let goes_on = !self.close && (version == Version::HTTP_11 || self.keep_alive);
        let nothing = |goes_on| {
            Ok(Settled {
                framing: Framing::Nothing,
                goes_on,
            })
        };
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Malformed::Upgrade);
        }
        if status.is_informational() {
            // What an interim answer says of a body is nothing (RFC 9110, section 15.2).
            return nothing(goes_on);
        }
        if is_head || status == StatusCode::NOT_MODIFIED {
            // The fields tell of what the body would be.
            return nothing(goes_on);
        }
        if status == StatusCode::NO_CONTENT {
            // Who announces a body here may send it: then it is out of step with everybody.
            return nothing(goes_on && self.codings == 0 && self.length.unwrap_or(0) == 0);
        }
        let framing = match (self.codings, self.length) {
            (0, Some(length)) => Framing::Length(length),
            (0, None) => Framing::Close,
            // No one has asked for another coding, and without chunks the end is anywhere. HTTP/1.0 has no chunks
            // (RFC 9112, section 6.1).
            (1, _) if !self.chunked || version == Version::HTTP_10 => {
                return Err(Malformed::Coding);
            }
            // "Ought to be handled as an error" (RFC 9112, section 6.3).
            (1, Some(_)) => return Err(Malformed::LengthAndChunks),
            (1, None) => Framing::Chunks,
            _ => return Err(Malformed::Coding),
        };
        Ok(Settled {
            framing,
            goes_on: goes_on && framing != Framing::Close,
        })
    }
}

/// Digits alone, however many zeros stand in front (RFC 9110, section 8.6).
fn length(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |length, byte| {
        let digit = byte.wrapping_sub(b'0');
        let length = length.checked_mul(10)?.checked_add(u64::from(digit))?;
        (digit < 10 && length <= MAX_LENGTH).then_some(length)
    })
}
