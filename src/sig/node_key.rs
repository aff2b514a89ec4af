//! A key of the gateway's own at the nodes: it signs anew what a client has signed.
//!
//! What it signs is composed by the gateway: a path and a query in the one spelling of RFC 3986, section 2.3 (every byte
//! but the unreserved ones encoded, in capitals), and no header of the vendor's but those that the client signed or the
//! gateway set. So the canonical forms of the specification are the bytes that are sent, and a node that decodes and
//! encodes them once comes to the same.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{HOST, HeaderMap, HeaderValue};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::authorization::DialectForm;
use super::claim::ContentHeaders;
use super::dialect::{Dialect, DialectName, Form};
use super::failure::AuthFailure;
use super::payload::{ChunkChain, hex};
use super::request::RequestView;
use super::signing_key::{CredentialScope, SigningKey};
use super::v2::{Spelling, StringToSign};
use crate::address::Address;
use crate::secret::Secret;

/// `sha256("")`: the payload hash of a request without a body.
pub const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A key at the nodes, made ready to sign.
pub struct NodeKey {
    access_key_id: String,
    secret: Secret<String>,
    hmac_sha1: Hmac<Sha1>,
    dialect: &'static Dialect,
    region: String,
    /// The latest day's key: derived once a day, not once a request.
    today: Mutex<Option<(Day, SigningKey)>>,
}

/// `YYYYMMDD`.
type Day = [u8; 8];

/// A request whose header is complete but for the signature.
pub struct Unsigned<'r> {
    /// The method.
    pub method: &'r str,
    /// The path, in its RFC 3986 form.
    pub path: &'r str,
    /// The query string, in its RFC 3986 form.
    pub query: Option<&'r str>,
    /// Every field; Host, the vendor's date and payload hash among them.
    pub headers: &'r HeaderMap,
    /// The value of the payload hash header.
    pub payload: &'r str,
    /// Which of Content-Type and Content-MD5 are signed: those that the client signed.
    pub content_headers: ContentHeaders,
}

/// A signature of version 4.
pub struct Signed {
    /// The value of Authorization.
    pub authorization: String,
    /// The chain that the signature begins.
    pub chain: ChunkChain,
}

/// The time of a signature, `20130524T000000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp([u8; 16]);

impl Timestamp {
    /// The timestamp of a time.
    pub fn of(time: SystemTime) -> Self {
        let mut stamp = *b"00000000T000000Z";
        let text = humantime::format_rfc3339_seconds(time).to_string();
        let digits = text.bytes().filter(|byte| !matches!(byte, b'-' | b':'));
        for (place, byte) in stamp.iter_mut().zip(digits) {
            *place = byte;
        }
        Self(stamp)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    fn day(&self) -> Day {
        std::array::from_fn(|at| self.0[at])
    }
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
            hmac_sha1: Hmac::new_from_slice(secret.expose().as_bytes())
                .expect("HMAC takes keys of any length (RFC 2104)"),
            dialect,
            region: region.to_owned(),
            today: Mutex::new(None),
        }
    }

    fn form(&self) -> &'static Form {
        self.dialect.forms[0]
    }

    /// Signs with version 2: the value of Authorization. The request has a Date and no date of the vendor's.
    ///
    /// # Errors
    /// [`AuthFailure`], where the query or the headers have no single reading; a verified request has one.
    pub fn sign_v2(
        &self,
        view: &RequestView<'_>,
        address: &Address,
    ) -> Result<String, AuthFailure> {
        let chosen = DialectForm {
            dialect: self.dialect,
            form: self.form(),
        };
        let date = view.fields.date.map_or(&b""[..], HeaderValue::as_bytes);
        let text = StringToSign::of(view, address, chosen, date)?;
        let mut hmac = self.hmac_sha1.clone();
        text.write(Spelling::USUAL, |piece| hmac.update(piece));
        let signature = STANDARD.encode(hmac.finalize().into_bytes());
        Ok(format!(
            "{} {}:{signature}",
            self.form().scheme,
            self.access_key_id
        ))
    }

    /// Signs with version 4 in the header.
    ///
    /// Source: Amazon S3 API Reference, "Signature calculations for the Authorization header".
    pub fn sign_v4(&self, request: &Unsigned<'_>, timestamp: Timestamp) -> Signed {
        let form = self.form();
        let day = timestamp.day();
        let scope = self.scope(&day);
        let headers = self.signed_headers(request);
        let names = joined_names(&headers);
        let canonical = self.canonical_request(request, &headers, &names);
        let key = self.signing_key(day, scope);
        let scope = scope.to_string();
        let signature = key.mac_of(|sink| {
            for line in [form.v4.algorithm, timestamp.as_str(), &scope] {
                sink(line.as_bytes());
                sink(b"\n");
            }
            sink(&hex(&canonical));
        });
        let algorithm = form.v4.algorithm;
        let text = hex(&signature);
        let authorization = format!(
            "{algorithm} Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            self.access_key_id,
            std::str::from_utf8(&text).unwrap_or_default()
        );
        Signed {
            authorization,
            chain: ChunkChain::new(key, algorithm, timestamp.as_str(), scope, signature),
        }
    }

    fn scope<'s>(&'s self, day: &'s Day) -> CredentialScope<'s> {
        let words = &self.form().v4;
        CredentialScope {
            date: std::str::from_utf8(day).unwrap_or_default(),
            region: &self.region,
            service: words.service,
            terminator: words.terminator,
        }
    }

    fn signing_key(&self, day: Day, scope: CredentialScope<'_>) -> SigningKey {
        // What a panic elsewhere could leave behind is still a whole key of a known day.
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        match &*today {
            Some((known, key)) if *known == day => key.clone(),
            _ => {
                let seed = self.form().v4.key_seed;
                let key = SigningKey::derive(seed, &self.secret, scope);
                *today = Some((day, key.clone()));
                key
            }
        }
    }

    /// Host, the vendor's headers, and those of the content where the client signed them. Sorted.
    fn signed_headers<'r>(&self, request: &Unsigned<'r>) -> Vec<(&'r str, &'r HeaderValue)> {
        let prefix = self.form().header_prefix;
        let signs = |name: &str| {
            name == HOST.as_str() || name.starts_with(prefix) || request.content_headers.cover(name)
        };
        let mut signed: Vec<_> = request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .filter(|(name, _)| signs(name))
            .collect();
        signed.sort_by_key(|(name, _)| *name);
        signed
    }

    /// The SHA-256 of the CanonicalRequest.
    fn canonical_request(
        &self,
        request: &Unsigned<'_>,
        headers: &[(&str, &HeaderValue)],
        names: &str,
    ) -> [u8; 32] {
        let mut text = Sha256::new();
        text.update(request.method);
        text.update("\n");
        text.update(request.path);
        text.update("\n");
        let mut parameters: Vec<(&str, &str)> = request
            .query
            .iter()
            .flat_map(|query| query.split('&'))
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        parameters.sort_unstable();
        for (at, (name, value)) in parameters.iter().enumerate() {
            text.update(if at == 0 { "" } else { "&" });
            for piece in [name, "=", value] {
                text.update(piece);
            }
        }
        for same_name in headers.chunk_by(|one, next| one.0 == next.0) {
            text.update("\n");
            text.update(same_name[0].0);
            for (at, (_, value)) in same_name.iter().enumerate() {
                text.update(if at == 0 { ":" } else { "," });
                self.write_value(value, |piece| text.update(piece));
            }
        }
        for piece in ["\n\n", names, "\n", request.payload] {
            text.update(piece);
        }
        text.finalize().into()
    }

    /// A header's value without the blanks around it. At AWS a run of blanks within it is one blank; clients of WOS sign
    /// it as it is.
    fn write_value(&self, value: &HeaderValue, mut sink: impl FnMut(&[u8])) {
        let value = value.as_bytes().trim_ascii();
        if self.dialect.name == DialectName::Wos {
            return sink(value);
        }
        let words = value
            .split(|byte| matches!(byte, b' ' | b'\t'))
            .filter(|word| !word.is_empty());
        for (at, word) in words.enumerate() {
            sink(if at == 0 { b"" } else { b" " });
            sink(word);
        }
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKey({})", self.access_key_id)
    }
}

fn joined_names(headers: &[(&str, &HeaderValue)]) -> String {
    let mut names = String::new();
    for same_name in headers.chunk_by(|one, next| one.0 == next.0) {
        names.push_str(if names.is_empty() { "" } else { ";" });
        names.push_str(same_name[0].0);
    }
    names
}
