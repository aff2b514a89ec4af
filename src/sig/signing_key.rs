//! The key that signs a day's requests in one region: derived once, good for every request and every chunk of a body.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// The bytes of an HMAC-SHA256 (RFC 2104).
pub const HMAC_SHA256_LENGTH: usize = 32;

/// What a signing key is derived for: the credential scope without the AccessKeyId.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialScope<'s> {
    /// The day, `YYYYMMDD`.
    pub date: &'s str,
    /// The region.
    pub region: &'s str,
    /// The service.
    pub service: &'s str,
    /// The last component, `aws4_request` at AWS.
    pub terminator: &'s str,
}

impl fmt::Display for CredentialScope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{}",
            self.date, self.region, self.service, self.terminator
        )
    }
}

/// A SigningKey (Amazon S3 API Reference, "Calculating a signature", task 3), as the keyed state of its HMAC.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Derives the key from a secret: `HMAC(HMAC(HMAC(HMAC(seed + secret, date), region), service), terminator)`.
    pub fn derive(seed: &str, secret: &Secret<String>, scope: CredentialScope<'_>) -> Self {
        let seeded = Secret::new([seed.as_bytes(), secret.expose().as_bytes()].concat());
        let mut key = keyed(seeded.expose());
        for part in [scope.date, scope.region, scope.service, scope.terminator] {
            key.update(part.as_bytes());
            let next = Secret::new(<[u8; HMAC_SHA256_LENGTH]>::from(
                key.finalize().into_bytes(),
            ));
            key = keyed(next.expose());
        }
        Self(key)
    }

    /// The HMAC-SHA256 of a text that is written in pieces.
    pub(crate) fn mac_of(
        &self,
        write: impl FnOnce(&mut dyn FnMut(&[u8])),
    ) -> [u8; HMAC_SHA256_LENGTH] {
        let mut hmac = self.0.clone();
        write(&mut |piece| hmac.update(piece));
        hmac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length (RFC 2104)")
}
