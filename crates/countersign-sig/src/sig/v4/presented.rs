//! The credentials of version 4, as a request presents them.

use std::borrow::Cow;

use super::credential::{Credential, SignedHeaders};
use crate::sig::Placement;
use crate::sig::failure::AuthFailure;

/// The credentials of a request of version 4.
#[derive(Debug)]
pub struct Presented<'v> {
    /// Where they are.
    pub placement: Placement,
    /// Who signed, and for which day, region and service.
    pub credential: Credential<'v>,
    /// Which headers are signed.
    pub signed_headers: SignedHeaders<'v>,
    /// The signature.
    pub signature: Cow<'v, str>,
}

impl<'v> Presented<'v> {
    /// Reads the parts, from the header or the query string.
    ///
    /// # Errors
    /// Rules 13 to 15 of [`AuthFailure`].
    pub fn of(
        placement: Placement,
        credential: Cow<'v, str>,
        signed_headers: Cow<'v, str>,
        signature: Cow<'v, str>,
    ) -> Result<Self, AuthFailure> {
        let Some(credential) = Credential::of(credential) else {
            return Err(AuthFailure::MalformedCredential(placement));
        };
        if credential.access_key_id().is_empty() {
            return Err(AuthFailure::EmptyAccessKeyId);
        }
        let Some(signed_headers) = SignedHeaders::of(signed_headers) else {
            return Err(AuthFailure::MalformedSignedHeaders(placement));
        };
        Ok(Self {
            placement,
            credential,
            signed_headers,
            signature,
        })
    }
}
