//! Verifying keys, and whose they are.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use http::HeaderValue;

use super::encode::equal;
use super::hmac_sha1::HmacSha1;
use super::signing_key::{CredentialScope, SigningKey, SigningKeys};
use crate::secret::Secret;

/// Who a key belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The AccessKeyId.
    pub access_key_id: String,
    /// The name of the key's owner.
    pub principal: String,
    /// The domains at which the key is valid, lower-case; none for all of them.
    pub domains: Option<Vec<String>>,
}

/// An identity with its names as header values, made once for all its requests.
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

/// A SecretAccessKey prepared for verification, with the identity that it proves. Clones share the HMAC state and the
/// signing keys of version 4, which are computed once.
#[derive(Clone)]
pub struct VerifyingKey(Arc<Key>);

struct Key {
    identity: Arc<KnownIdentity>,
    secret: Secret<String>,
    session_token: Option<Secret<String>>,
    hmac_sha1: HmacSha1,
    signing_keys: SigningKeys,
}

impl VerifyingKey {
    /// Prepares a secret.
    pub fn new(identity: Identity, secret: &Secret<String>) -> Self {
        Self::of(Arc::new(KnownIdentity::new(identity)), secret, None)
    }

    /// The same key, valid only with this session token.
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
            hmac_sha1: HmacSha1::of(secret),
            signing_keys: SigningKeys::default(),
        }))
    }

    /// The signing key of version 4, derived at the first request of a day, region and service. `text` is the text of the
    /// scope; `scope` is called for a new key alone.
    pub(super) fn signing_key<'s>(
        &self,
        seed: &'static str,
        text: &str,
        scope: impl FnOnce() -> CredentialScope<'s>,
    ) -> SigningKey {
        let derive = || SigningKey::derive(seed, &self.0.secret, scope());
        self.0.signing_keys.of(seed, text, derive)
    }

    /// Whether the session token of a request is that of the key: a key without a token is valid only without one, a key with a
    /// token only with it.
    pub(super) fn admits_token(&self, provided: Option<&[u8]>) -> bool {
        match (&self.0.session_token, provided) {
            (None, None) => true,
            (Some(expected), Some(provided)) => equal(expected.expose().as_bytes(), provided),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// Who the key belongs to.
    pub fn identity(&self) -> &Arc<KnownIdentity> {
        &self.0.identity
    }

    /// Whether the key's signature of version 2 over a text is the one provided. Compared is the text in base64, so that a
    /// signature has only one spelling: padded, no whitespace, unused bits zero.
    pub(super) fn confirms(&self, text: &[u8], provided: &str) -> bool {
        equal(&self.0.hmac_sha1.sign(text), provided.as_bytes())
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.0.identity.access_key_id)
    }
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
        let confirms = |provided| key.confirms(b"what do ya want for nothing?", provided);
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
