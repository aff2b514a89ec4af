//! Signatures, the keys that verify them, and the one comparison.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::signing_key::{CredentialScope, SigningKey, SigningKeys};
use super::v2::{Spelling, StringToSign};
use crate::secret::Secret;

/// The bytes of an HMAC-SHA1 (RFC 2104).
const HMAC_SHA1_LENGTH: usize = 20;

/// Who a key belongs to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Identity {
    /// The AccessKeyId.
    pub access_key_id: String,
    /// The principal that the key stands for.
    pub principal: String,
    /// The listener domains that the key is good for; none for all of them. Lower-case.
    pub domains: Option<Vec<String>>,
}

/// A SecretAccessKey made ready to verify, with the identity it proves. The keyed state of the HMAC is computed once.
#[derive(Clone)]
pub struct VerifyingKey {
    identity: Arc<Identity>,
    hmac_sha1: Hmac<Sha1>,
    /// Shared by all copies of the key, so that one derivation serves them all.
    v4: Arc<V4Key>,
}

struct V4Key {
    secret: Secret<String>,
    session_token: Option<Secret<String>>,
    signing_keys: SigningKeys,
}

impl VerifyingKey {
    /// Prepares a secret.
    pub fn new(identity: Identity, secret: &Secret<String>) -> Self {
        Self {
            identity: Arc::new(identity),
            hmac_sha1: keyed(secret),
            v4: Arc::new(V4Key {
                secret: secret.clone(),
                session_token: None,
                signing_keys: SigningKeys::default(),
            }),
        }
    }

    /// The same key, good only together with this session token.
    #[must_use]
    pub fn with_session_token(self, token: &Secret<String>) -> Self {
        Self {
            v4: Arc::new(V4Key {
                secret: self.v4.secret.clone(),
                session_token: Some(token.clone()),
                signing_keys: SigningKeys::default(),
            }),
            ..self
        }
    }

    /// The signing key of version 4, derived at the first request of a day, region and service.
    pub fn signing_key(&self, seed: &'static str, scope: CredentialScope<'_>) -> SigningKey {
        let derive = || SigningKey::derive(seed, &self.v4.secret, scope);
        self.v4.signing_keys.of(seed, scope, derive)
    }

    /// Whether the token of a request is the one of the key. A key without a token is good only without one, and a key
    /// with one only with it.
    pub(super) fn admits_token(&self, provided: Option<&[u8]>) -> bool {
        match (&self.v4.session_token, provided) {
            (None, None) => true,
            (Some(own), Some(provided)) => equal(own.expose().as_bytes(), provided),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// Who the key belongs to.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// Whether the key's signature over one of the spellings of the text is the one provided. Takes the same time
    /// wherever the first difference stands.
    pub(super) fn confirms(
        &self,
        text: &StringToSign<'_>,
        provided: &ProvidedSignature<'_>,
    ) -> bool {
        // A signature that is not 20 bytes in base64 is compared too, so that its answer takes as long.
        let provided_mac = provided.hmac_sha1().unwrap_or([0; HMAC_SHA1_LENGTH]);
        let readable = provided.hmac_sha1().is_some();
        let equal = text.spellings().any(|spelling| {
            let computed = mac_of(self.hmac_sha1.clone(), text, spelling);
            equal(&computed, &provided_mac)
        });
        equal && readable
    }

    /// Whether the key's signature over the policy of a form, as it stands there in base64, is the one provided.
    pub(super) fn confirms_policy(&self, policy: &str, provided: &ProvidedSignature<'_>) -> bool {
        let provided_mac = provided.hmac_sha1().unwrap_or([0; HMAC_SHA1_LENGTH]);
        let mut hmac = self.hmac_sha1.clone();
        hmac.update(policy.as_bytes());
        let computed: [u8; HMAC_SHA1_LENGTH] = hmac.finalize().into_bytes().into();
        equal(&computed, &provided_mac) && provided.hmac_sha1().is_some()
    }
}

/// The one comparison of signatures: it takes the same time wherever the first difference stands.
pub(super) fn equal(computed: &[u8], provided: &[u8]) -> bool {
    computed.ct_eq(provided).into()
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.identity.access_key_id)
    }
}

fn keyed(secret: &Secret<String>) -> Hmac<Sha1> {
    Hmac::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes keys of any length (RFC 2104)")
}

fn mac_of(
    mut hmac: Hmac<Sha1>,
    text: &StringToSign<'_>,
    spelling: Spelling,
) -> [u8; HMAC_SHA1_LENGTH] {
    text.write(spelling, |piece| hmac.update(piece));
    hmac.finalize().into_bytes().into()
}

/// Signs a text: `base64(hmac-sha1(secret, StringToSign))`. For clients; the gateway only ever compares.
pub fn sign_v2(secret: &Secret<String>, text: &StringToSign<'_>) -> String {
    STANDARD.encode(mac_of(keyed(secret), text, Spelling::USUAL))
}

/// The signature that a request carries.
#[derive(Debug, Clone)]
pub struct ProvidedSignature<'v> {
    text: std::borrow::Cow<'v, str>,
    hmac_sha1: Option<[u8; HMAC_SHA1_LENGTH]>,
}

impl<'v> ProvidedSignature<'v> {
    /// Reads a signature in base64. Only the canonical spelling counts: padded, no whitespace, no stray bits.
    pub fn of(text: std::borrow::Cow<'v, str>) -> Self {
        // One byte more than an HMAC-SHA1, since base64 decodes three at a time.
        let mut decoded = [0; HMAC_SHA1_LENGTH + 1];
        let length = STANDARD.decode_slice(text.as_bytes(), &mut decoded).ok();
        let mac = length.filter(|length| *length == HMAC_SHA1_LENGTH);
        Self {
            hmac_sha1: mac.and_then(|length| decoded[..length].try_into().ok()),
            text,
        }
    }

    /// The text as it was provided.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn hmac_sha1(&self) -> Option<[u8; HMAC_SHA1_LENGTH]> {
        self.hmac_sha1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_of_a_signature_counts() {
        let readable = |text: &str| ProvidedSignature::of(text.into()).hmac_sha1().is_some();
        assert!(readable("qgk2+6Sv9/oM7G3qLEjTH1a1l1g="));
        for other in [
            "qgk2+6Sv9/oM7G3qLEjTH1a1l1h=",
            "qgk2+6Sv9/oM7G3qLEjTH1a1l1g",
            "qgk2+6Sv9/oM7G3qLEjTH1a1l1g==",
            "qgk2+6Sv9/oM7G3qLEjTH1a1l1g= ",
            " qgk2+6Sv9/oM7G3qLEjTH1a1l1g=",
            "qgk2+6Sv9/oM7G3qLEjTH1a1l1g%3D",
            "qgk2-6Sv9_oM7G3qLEjTH1a1l1g=",
            "VGhpcyBtZXNzYWdlIHNpZ25lZGGieSRlbHZpbmc=",
            "",
        ] {
            assert!(!readable(other), "{other}");
        }
    }

    #[test]
    fn a_key_prints_no_secret() {
        let identity = Identity {
            access_key_id: "AK".into(),
            principal: "alice".into(),
            domains: None,
        };
        let key = VerifyingKey::new(identity, &Secret::new("canary-secret".into()));
        assert_eq!(format!("{key:?}"), "VerifyingKey(AK)");
    }
}
