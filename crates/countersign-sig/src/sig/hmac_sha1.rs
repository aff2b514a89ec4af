//! HMAC-SHA1 (RFC 2104), which makes the signatures of version 2.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::encode::in_base64;
use crate::secret::Secret;

/// The HMAC state of a secret, computed once.
pub(super) struct HmacSha1(Hmac<Sha1>);

impl HmacSha1 {
    /// Prepares a secret.
    pub fn of(secret: &Secret<String>) -> Self {
        let hmac = Hmac::new_from_slice(secret.expose().as_bytes());
        Self(hmac.expect("HMAC takes keys of any length (RFC 2104)"))
    }

    /// The signature over a text, in base64.
    pub fn sign(&self, text: &[u8]) -> [u8; 28] {
        let mut hmac = self.0.clone();
        hmac.update(text);
        in_base64(&hmac.finalize().into_bytes().into())
    }
}
