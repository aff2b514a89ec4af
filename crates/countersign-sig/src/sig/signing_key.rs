//! The signing key of version 4: derived once for a day, region and service, and valid for all their requests and chunks.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// An HMAC-SHA256 (RFC 2104).
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

impl CredentialScope<'_> {
    /// The scope as text, `date/region/service/terminator`, as `Display` gives it.
    pub(super) fn text(self) -> String {
        [self.date, self.region, self.service, self.terminator].join("/")
    }
}

impl fmt::Display for CredentialScope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// A SigningKey (Amazon S3 API Reference, "Calculating a signature", task 3), as its HMAC state. Clones share the state.
#[derive(Clone)]
pub struct SigningKey(Arc<Hmac<Sha256>>);

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
        Self(Arc::new(key))
    }

    /// The HMAC state after the start of a text.
    pub(crate) fn begun(&self, start: &[u8]) -> Self {
        let mut hmac = Hmac::clone(&self.0);
        hmac.update(start);
        Self(Arc::new(hmac))
    }

    /// The HMAC-SHA256 of a text.
    pub(crate) fn mac(&self, text: &[u8]) -> [u8; HMAC_SHA256_LENGTH] {
        let mut hmac = Hmac::clone(&self.0);
        hmac.update(text);
        hmac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

/// The most signing keys that are kept of one secret: presigned requests may be a week old at AWS, and a day may be used in
/// two dialects.
const MAX_SIGNING_KEYS: usize = 16;

/// The signing keys of one secret, each derived once. It is a part of what holds the secret, so it cannot give the key of
/// another secret.
#[derive(Default)]
pub(super) struct SigningKeys(RwLock<Vec<Derived>>);

struct Derived {
    seed: &'static str,
    scope: String,
    key: SigningKey,
}

impl SigningKeys {
    /// The key of a scope, given as its text; derived if it is not kept yet. If there are too many, the oldest is dropped.
    pub(super) fn of(
        &self,
        seed: &'static str,
        scope: &str,
        derive: impl FnOnce() -> SigningKey,
    ) -> SigningKey {
        // A thread that panicked left the list valid: an entry is complete or absent.
        let found = |kept: &[Derived]| {
            let found = kept
                .iter()
                .rev()
                .find(|found| found.seed == seed && found.scope == scope)?;
            Some(found.key.clone())
        };
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = found(&kept) {
            return key;
        }
        drop(kept);
        let key = derive();
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if found(&kept).is_none() {
            if kept.len() >= MAX_SIGNING_KEYS {
                kept.remove(0);
            }
            kept.push(Derived {
                seed,
                scope: scope.to_owned(),
                key: key.clone(),
            });
        }
        key
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length (RFC 2104)")
}

#[cfg(test)]
mod tests {
    use super::super::encode::equal;
    use super::*;

    fn scope<'s>(date: &'s str, region: &'s str) -> CredentialScope<'s> {
        CredentialScope {
            date,
            region,
            service: "s3",
            terminator: "aws4_request",
        }
    }

    fn mac(key: &SigningKey) -> [u8; HMAC_SHA256_LENGTH] {
        key.mac(b"text")
    }

    #[test]
    fn d8_a_key_is_derived_once_for_its_day_and_never_serves_another() {
        let secret = Secret::new(String::from("secret"));
        let keys = SigningKeys::default();
        let mut derived = 0;
        let mut of = |seed, scope: CredentialScope<'_>| {
            let key = keys.of(seed, &scope.text(), || {
                derived += 1;
                SigningKey::derive(seed, &secret, scope)
            });
            let fresh = SigningKey::derive(seed, &secret, scope);
            assert!(equal(&mac(&key), &mac(&fresh)));
            derived
        };
        let today = scope("20261122", "us-east-1");
        assert_eq!(of("AWS4", today), 1);
        assert_eq!(of("AWS4", today), 1);
        assert_eq!(of("AWS4", scope("20261121", "us-east-1")), 2);
        assert_eq!(of("AWS4", scope("20261122", "us-east-2")), 3);
        // The same text, divided otherwise.
        assert_eq!(of("AWS4", scope("20261122/us-east-1", "s3")), 4);
        assert_eq!(of("WOS", today), 5);
        assert_eq!(of("AWS4", today), 5);
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let secret = Secret::new(String::from("secret"));
        let keys = SigningKeys::default();
        for day in 0..3 * MAX_SIGNING_KEYS {
            let date = day.to_string();
            let scope = scope(&date, "r");
            keys.of("AWS4", &scope.text(), || {
                SigningKey::derive("AWS4", &secret, scope)
            });
        }
        let kept = keys.0.read().unwrap();
        assert_eq!(kept.len(), MAX_SIGNING_KEYS);
        let latest = scope("47", "r").text();
        assert_eq!(kept[MAX_SIGNING_KEYS - 1].scope, latest);
    }
}
