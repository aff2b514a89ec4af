//! A key of the gateway at the storage nodes: it signs again what a client has signed.
//!
//! The request that it signs is composed by the gateway: path and query are percent-encoded as RFC 3986, section 2.3,
//! recommends (every byte but the unreserved ones, in upper case), and the vendor's headers are those that the client signed
//! or the gateway set. So the bytes that are sent are the canonical ones of the specification, also for a node that decodes
//! and encodes them once.

use std::fmt;

use http::header::CONTENT_TYPE;

use super::failure::AuthFailure;
use super::headers::{CONTENT_MD5, ContentHeaders};
use super::hmac_sha1::HmacSha1;
use super::payload::ChunkChain;
use super::request::RequestView;
use super::signer::v4::Signer;
use super::signing_key::{CredentialScope, SigningKey, SigningKeys};
use super::v2::{Spelling, StringToSign};
use super::v4::SignedHeaders;
use crate::address::Address;
use crate::dialect::{ChosenSyntax, Dialect, Syntax};
use crate::secret::Secret;

/// A key at the nodes, prepared for signing.
pub struct NodeKey {
    access_key_id: String,
    secret: Secret<String>,
    hmac_sha1: HmacSha1,
    dialect: &'static Dialect,
    region: String,
    /// Derived once a day, not for each request.
    signing_keys: SigningKeys,
}

/// Whether the body is sent in signed chunks, whose chain of signatures begins with that of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunks {
    /// It does.
    Signed,
    /// It does not.
    None,
}

impl NodeKey {
    /// Prepares a key.
    pub fn new(
        access_key_id: &str,
        secret: &Secret<String>,
        dialect: &'static Dialect,
        region: &str,
    ) -> Self {
        Self {
            access_key_id: access_key_id.to_owned(),
            secret: secret.clone(),
            hmac_sha1: HmacSha1::of(secret),
            dialect,
            region: region.to_owned(),
            signing_keys: SigningKeys::default(),
        }
    }

    fn syntax(&self) -> &'static Syntax {
        self.dialect.syntaxes[0]
    }

    /// Signs with version 2; gives the value of Authorization. The request has a `Date` and no date header of the vendor.
    ///
    /// # Errors
    /// [`AuthFailure`] where the query string is ambiguous; that of a verified request is not.
    pub fn sign_v2(
        &self,
        view: &RequestView<'_>,
        address: &Address,
    ) -> Result<String, AuthFailure> {
        let chosen = ChosenSyntax {
            dialect: self.dialect,
            syntax: self.syntax(),
        };
        let date = view.fields.date.unwrap_or_default();
        let text = StringToSign::of(view, address, chosen, date)?;
        let signature = self.hmac_sha1.sign(&text.to_bytes(Spelling::USUAL));
        let signature = String::from_utf8_lossy(&signature);
        let (scheme, id) = (self.syntax().scheme, &self.access_key_id);
        Ok(format!("{scheme} {id}:{signature}"))
    }

    /// Signs with version 4 in the header; gives the value of Authorization, and the chain for a body in signed chunks. The
    /// request has a Host, the vendor's date header with `timestamp`, and its payload mode, `payload`. Signed are the Host, every
    /// header of the vendor, and those of Content-MD5 and Content-Type that the client signed.
    pub fn sign_v4(
        &self,
        view: &RequestView<'_>,
        content_headers: ContentHeaders,
        payload: &str,
        timestamp: &str,
        chunks: Chunks,
    ) -> (String, Option<ChunkChain>) {
        let v4 = &self.syntax().v4;
        let scope = CredentialScope {
            date: timestamp.split('T').next().unwrap_or(""),
            region: &self.region,
            service: v4.service,
            terminator: v4.terminator,
        };
        let derive = || SigningKey::derive(v4.key_seed, &self.secret, scope);
        let key = self.signing_keys.of(v4.key_seed, &scope.text(), derive);
        let signer = Signer {
            syntax: self.syntax(),
            access_key_id: &self.access_key_id,
            key: &key,
            scope,
            timestamp,
        };
        let content = [CONTENT_MD5, CONTENT_TYPE.as_str()];
        let content = match content.map(|name| content_headers.cover(name)) {
            [true, true] => &content[..],
            [true, false] => &content[..1],
            [false, true] => &content[1..],
            [false, false] => &[],
        };
        let signed = signer.sign(view, &SignedHeaders::to_sign(view, content), payload);
        let chain = (chunks == Chunks::Signed).then(|| signer.chain(signed.signature));
        (signed.authorization, chain)
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKey({})", self.access_key_id)
    }
}
