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
/// The characters of one in base64.
const HMAC_SHA1_TEXT_LENGTH: usize = 28;

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

    /// Whether the key's signature over one of the spellings of the text is the one provided. What is compared is the text
    /// in base64, so one spelling of a signature counts: padded, no whitespace, no stray bits.
    pub(super) fn confirms(&self, text: &StringToSign<'_>, provided: &str) -> bool {
        text.spellings().any(|spelling| {
            let computed = mac_of(self.hmac_sha1.clone(), text, spelling);
            equal(&in_base64(&computed), provided.as_bytes())
        })
    }

    /// Whether the key's signature over the policy of a form, as it stands there in base64, is the one provided.
    pub(super) fn confirms_policy(&self, policy: &str, provided: &str) -> bool {
        let mut hmac = self.hmac_sha1.clone();
        hmac.update(policy.as_bytes());
        let computed = hmac.finalize().into_bytes().into();
        equal(&in_base64(&computed), provided.as_bytes())
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

fn in_base64(mac: &[u8; HMAC_SHA1_LENGTH]) -> [u8; HMAC_SHA1_TEXT_LENGTH] {
    let mut text = [0; HMAC_SHA1_TEXT_LENGTH];
    let written = STANDARD.encode_slice(mac, &mut text);
    debug_assert_eq!(written, Ok(HMAC_SHA1_TEXT_LENGTH));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_of_a_signature_counts() {
        let identity = Identity {
            access_key_id: "AK".into(),
            principal: "alice".into(),
            domains: None,
        };
        // RFC 2202, section 3, test case 2, in base64.
        let key = VerifyingKey::new(identity, &Secret::new("Jefe".into()));
        let confirms = |provided| key.confirms_policy("what do ya want for nothing?", provided);
        assert!(confirms("7/zfauXrL6LSdBbV8YTfnCWafHk="));
        for other in [
            "7/zfauXrL6LSdBbV8YTfnCWafHl=",
            "7/zfauXrL6LSdBbV8YTfnCWafHk",
            "7/zfauXrL6LSdBbV8YTfnCWafHk==",
            "7/zfauXrL6LSdBbV8YTfnCWafHk= ",
            " 7/zfauXrL6LSdBbV8YTfnCWafHk=",
            "7/zfauXrL6LSdBbV8YTfnCWafHk%3D",
            "7_zfauXrL6LSdBbV8YTfnCWafHk=",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            "",
        ] {
            assert!(!confirms(other), "{other}");
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
