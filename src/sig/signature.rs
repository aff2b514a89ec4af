//! Signatures, the keys that verify them, and the one comparison.

use std::fmt;
use std::hint::black_box;
use std::ops::Deref;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::signing_key::{SigningKey, SigningKeys};
use super::v2::{Spelling, StringToSign};
use super::v4::Credential;
use crate::secret::Secret;

/// The bytes of an HMAC-SHA1 (RFC 2104).
const HMAC_SHA1_LENGTH: usize = 20;
/// The characters of one in base64.
const HMAC_SHA1_TEXT_LENGTH: usize = 28;

/// Who a key belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The AccessKeyId.
    pub access_key_id: String,
    /// The principal that the key stands for.
    pub principal: String,
    /// The listener domains that the key is good for; none for all of them. Lower-case.
    pub domains: Option<Vec<String>>,
}

/// An identity with its names made ready once for the headers of all its requests.
#[derive(Debug)]
pub struct KnownIdentity {
    identity: Identity,
    access_key_id_value: Option<HeaderValue>,
    principal_value: Option<HeaderValue>,
}

impl KnownIdentity {
    fn new(identity: Identity) -> Self {
        Self {
            access_key_id_value: HeaderValue::from_str(&identity.access_key_id).ok(),
            principal_value: HeaderValue::from_str(&identity.principal).ok(),
            identity,
        }
    }

    /// The AccessKeyId as a value of a header; none where it cannot be one.
    pub fn access_key_id_value(&self) -> Option<&HeaderValue> {
        self.access_key_id_value.as_ref()
    }

    /// The principal as a value of a header; none where it cannot be one.
    pub fn principal_value(&self) -> Option<&HeaderValue> {
        self.principal_value.as_ref()
    }
}

impl Deref for KnownIdentity {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

/// A SecretAccessKey made ready to verify, with the identity it proves. The keyed state of the HMAC is computed once, and
/// all copies of the key share it, as they share what is derived from it for version 4.
#[derive(Clone)]
pub struct VerifyingKey(Arc<Key>);

struct Key {
    identity: Arc<KnownIdentity>,
    secret: Secret<String>,
    session_token: Option<Secret<String>>,
    hmac_sha1: Hmac<Sha1>,
    signing_keys: SigningKeys,
}

impl VerifyingKey {
    /// Prepares a secret.
    pub fn new(identity: Identity, secret: &Secret<String>) -> Self {
        Self::of(Arc::new(KnownIdentity::new(identity)), secret, None)
    }

    /// The same key, good only together with this session token.
    #[must_use]
    pub fn with_session_token(self, token: &Secret<String>) -> Self {
        Self::of(Arc::clone(&self.0.identity), &self.0.secret, Some(token))
    }

    fn of(
        identity: Arc<KnownIdentity>,
        secret: &Secret<String>,
        session_token: Option<&Secret<String>>,
    ) -> Self {
        Self(Arc::new(Key {
            identity,
            secret: secret.clone(),
            session_token: session_token.cloned(),
            hmac_sha1: keyed(secret),
            signing_keys: SigningKeys::default(),
        }))
    }

    /// The signing key of version 4, derived at the first request of a day, region and service.
    pub fn signing_key(&self, seed: &'static str, credential: &Credential<'_>) -> SigningKey {
        let derive = || SigningKey::derive(seed, &self.0.secret, credential.scope());
        let keys = &self.0.signing_keys;
        keys.of(seed, credential.scope_text(), derive)
    }

    /// Whether the token of a request is the one of the key. A key without a token is good only without one, and a key
    /// with one only with it.
    pub(super) fn admits_token(&self, provided: Option<&[u8]>) -> bool {
        match (&self.0.session_token, provided) {
            (None, None) => true,
            (Some(own), Some(provided)) => equal(own.expose().as_bytes(), provided),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// Who the key belongs to.
    pub fn identity(&self) -> &Arc<KnownIdentity> {
        &self.0.identity
    }

    /// The spelling of the text over which the key's signature is the one provided. What is compared is the text in base64,
    /// so one spelling of a signature counts: padded, no whitespace, no stray bits.
    pub(super) fn confirms(&self, text: &StringToSign<'_>, provided: &str) -> Option<Spelling> {
        text.spellings().find(|spelling| {
            let computed = mac_of(self.0.hmac_sha1.clone(), &text.to_bytes(*spelling));
            equal(&in_base64(&computed), provided.as_bytes())
        })
    }

    /// Whether the key's signature over the policy of a form, as it stands there in base64, is the one provided.
    pub(super) fn confirms_policy(&self, policy: &str, provided: &str) -> bool {
        let computed = mac_of(self.0.hmac_sha1.clone(), policy.as_bytes());
        equal(&in_base64(&computed), provided.as_bytes())
    }
}

/// The one comparison of signatures: it takes the same time wherever the first difference stands. It goes by words of
/// eight bytes, and the compiler does not see what they come to, so it cannot stop at the first that differs.
pub(super) fn equal(computed: &[u8], provided: &[u8]) -> bool {
    let ((ours, our_rest), (theirs, their_rest)) = (computed.as_chunks(), provided.as_chunks());
    // Lengths are no secret.
    let as_long = (ours.len(), our_rest.len()) == (theirs.len(), their_rest.len());
    let words = ours.iter().zip(theirs);
    let differ = words.fold(0, |differ, (own, other)| {
        black_box(differ | (u64::from_ne_bytes(*own) ^ u64::from_ne_bytes(*other)))
    });
    let rest = our_rest.iter().zip(their_rest);
    let differ = rest.fold(differ, |differ, (own, other)| {
        black_box(differ | u64::from(own ^ other))
    });
    as_long && differ.ct_eq(&0).into()
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.0.identity.access_key_id)
    }
}

fn keyed(secret: &Secret<String>) -> Hmac<Sha1> {
    Hmac::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes keys of any length (RFC 2104)")
}

fn mac_of(mut hmac: Hmac<Sha1>, text: &[u8]) -> [u8; HMAC_SHA1_LENGTH] {
    hmac.update(text);
    hmac.finalize().into_bytes().into()
}

/// Signs a text: `base64(hmac-sha1(secret, StringToSign))`. For clients; the gateway only ever compares.
pub fn sign_v2(secret: &Secret<String>, text: &StringToSign<'_>) -> String {
    STANDARD.encode(mac_of(keyed(secret), &text.to_bytes(Spelling::USUAL)))
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
    fn a_difference_is_seen_wherever_it_stands() {
        for length in 0..=70 {
            let text = vec![b'a'; length];
            assert!(equal(&text, &text), "{length}");
            for at in 0..length {
                let mut other = text.clone();
                other[at] ^= 1;
                assert!(!equal(&text, &other), "{length}, {at}");
                assert!(!equal(&text, &text[..at]), "{length}, {at}");
                assert!(!equal(&text[..at], &text), "{length}, {at}");
            }
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
