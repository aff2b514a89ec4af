//! An independent V4 signer: the HMAC-SHA256 form of the dialects AWS and WOS, written from the vendors' documentation.
//!
//! As with the V2 signer, what is signed and what is sent are two values: take [`Request::signing_v4`], change it, and hand it
//! to [`Request::signed_v4_as`] or [`Request::presigned_v4_as`].

use std::time::{Duration, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::signer::{Request, Word, encode, unix_time};

pub const REGION: &str = "us-east-1";
/// `sha256("")`.
pub const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
pub const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

impl Word {
    pub fn algorithm(self) -> &'static str {
        match self {
            Self::Aws => "AWS4-HMAC-SHA256",
            Self::Wos => "WOS-HMAC-SHA256",
        }
    }

    fn seed(self) -> &'static str {
        match self {
            Self::Aws => "AWS4",
            Self::Wos => "WOS",
        }
    }

    fn service(self) -> &'static str {
        match self {
            Self::Aws => "s3",
            Self::Wos => "wos",
        }
    }

    fn terminator(self) -> &'static str {
        match self {
            Self::Aws => "aws4_request",
            Self::Wos => "wos_request",
        }
    }

    /// `X-Amz-` or `X-Wos-`.
    pub fn parameter_prefix(self) -> &'static str {
        match self {
            Self::Aws => "X-Amz-",
            Self::Wos => "X-Wos-",
        }
    }
}

/// The parts of the canonical request and of the StringToSign, each as its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningV4 {
    pub method: String,
    pub uri: String,
    pub query: String,
    /// `name:value` and a line feed for each.
    pub headers: String,
    pub signed_headers: String,
    pub payload: String,
    pub algorithm: String,
    pub seed: String,
    pub timestamp: String,
    /// date, region, service, terminator
    pub scope: [String; 4],
}

impl SigningV4 {
    pub fn canonical_request(&self) -> String {
        let Self {
            method,
            uri,
            query,
            headers,
            signed_headers,
            payload,
            ..
        } = self;
        format!("{method}\n{uri}\n{query}\n{headers}\n{signed_headers}\n{payload}")
    }

    pub fn string_to_sign(&self) -> String {
        let request = sha256_hex(self.canonical_request());
        let scope = self.scope.join("/");
        format!("{}\n{}\n{scope}\n{request}", self.algorithm, self.timestamp)
    }

    /// The signing key of the scope.
    pub fn key(&self, secret_access_key: &str) -> Vec<u8> {
        let first = format!("{}{secret_access_key}", self.seed).into_bytes();
        self.scope
            .iter()
            .fold(first, |key, part| hmac_sha256(&key, part))
    }

    pub fn signature(&self, secret_access_key: &str) -> String {
        hex(&hmac_sha256(
            &self.key(secret_access_key),
            self.string_to_sign(),
        ))
    }

    pub fn credential(&self, access_key_id: &str) -> String {
        format!("{access_key_id}/{}", self.scope.join("/"))
    }
}

pub fn hmac_sha256(key: &[u8], text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(text.as_ref());
    mac.finalize().into_bytes().to_vec()
}

pub fn sha256_hex(text: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(text.as_ref()))
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `20130524T000000Z`, `offset` seconds from now.
pub fn stamp_at(offset: i64) -> String {
    stamp_of(unix_time(offset))
}

/// `20130524T000000Z` of seconds since 1970.
pub fn stamp_of(seconds: u64) -> String {
    let time = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds));
    time.to_string().replace(['-', ':'], "")
}

/// Percent-encoded anew, byte by byte; `/` stays where `keep_slash` has it.
fn encoded_anew(text: &str, keep_slash: &str) -> String {
    let mut rest = text.as_bytes();
    let mut out = String::new();
    while let [first, tail @ ..] = rest {
        let escaped = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        let (byte, used) = escaped.map_or((*first, 1), |byte| (byte, 3));
        let plain = byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        if plain || (escaped.is_none() && keep_slash.as_bytes().contains(&byte)) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
        rest = &rest[used..];
    }
    out
}

/// Every pair of a query string except the signature, encoded again and sorted by name.
pub fn canonical_query(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded_anew(name, ""), encoded_anew(value, "")))
        .filter(|(name, _)| !["X-Amz-Signature", "X-Wos-Signature"].contains(&name.as_str()))
        .collect();
    pairs.sort();
    let joined: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    joined.join("&")
}

/// A target in the spelling that is signed: every byte encoded anew, the parameters in their order.
pub fn target_as_signed_v4(target: &str) -> String {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) => format!("{}={}", encoded_anew(name, ""), encoded_anew(value, "")),
        None => encoded_anew(pair, ""),
    };
    let path = encoded_anew(path, "/");
    match query {
        Some(query) => {
            let pairs: Vec<String> = query.split('&').map(pair).collect();
            format!("{path}?{}", pairs.join("&"))
        }
        None => path,
    }
}

impl Request {
    /// The value of a header, if it has one.
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }

    /// The Host, every vendor's header, and those that clients sign besides where they are there.
    pub fn names_to_sign(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .headers
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .filter(|name| {
                let vendors = name.starts_with("x-amz-") || name.starts_with("x-wos-");
                vendors
                    || ["host", "content-type", "content-md5", "content-encoding"]
                        .contains(&name.as_str())
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The lines of these headers.
    pub fn canonical_headers(&self, names: &[String]) -> String {
        let line = |name: &String| {
            let values: Vec<String> = self
                .headers
                .iter()
                .filter(|(own, _)| own.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            format!("{name}:{}\n", values.join(","))
        };
        names.iter().map(line).collect()
    }

    /// What the specification says this request signs at `timestamp`.
    pub fn signing_v4(&self, timestamp: &str) -> SigningV4 {
        let word = self.word;
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let names = self.names_to_sign();
        let payload = self.field(&format!("{}content-sha256", word.header_prefix()));
        SigningV4 {
            method: self.method.clone(),
            uri: encoded_anew(path, "/"),
            query: canonical_query(query),
            headers: self.canonical_headers(&names),
            signed_headers: names.join(";"),
            payload: payload.unwrap_or(UNSIGNED).into(),
            algorithm: word.algorithm().into(),
            seed: word.seed().into(),
            timestamp: timestamp.into(),
            scope: [
                timestamp.get(..8).unwrap_or_default(),
                REGION,
                word.service(),
                word.terminator(),
            ]
            .map(Into::into),
        }
    }

    /// With the vendor's date and, unless there is one, the SHA-256 of the body as the payload mode.
    pub fn prepared_v4(mut self, timestamp: &str) -> Self {
        let prefix = self.word.header_prefix();
        let mode = format!("{prefix}content-sha256");
        if self.field(&mode).is_none() {
            let digest = sha256_hex(self.body.as_deref().unwrap_or_default());
            self = self.header(&mode, &digest);
        }
        self.header(&format!("{prefix}date"), timestamp)
    }

    /// With `Authorization` over what the specification says, signed now.
    pub fn signed_v4(self) -> Self {
        self.signed_v4_at(&stamp_at(0))
    }

    /// The same, signed at another time.
    pub fn signed_v4_at(self, timestamp: &str) -> Self {
        let request = self.prepared_v4(timestamp);
        let signing = request.signing_v4(timestamp);
        request.signed_v4_as(&signing)
    }

    /// With `Authorization` over something else.
    pub fn signed_v4_as(self, signing: &SigningV4) -> Self {
        let value = self.authorization_v4(signing);
        self.header("Authorization", &value)
    }

    pub fn authorization_v4(&self, signing: &SigningV4) -> String {
        format!(
            "{} Credential={}, SignedHeaders={}, Signature={}",
            signing.algorithm,
            signing.credential(&self.access_key_id),
            signing.signed_headers,
            signing.signature(&self.secret_access_key),
        )
    }

    /// With the credentials in the query, valid for `life` seconds from now.
    pub fn presigned_v4(self, life: u64) -> Self {
        self.presigned_v4_at(&stamp_at(0), &life.to_string())
    }

    /// The same, signed at another time with any text for the life.
    pub fn presigned_v4_at(self, timestamp: &str, life: &str) -> Self {
        let request = self.parameters_v4(timestamp, life);
        let signing = request.signing_v4(timestamp);
        request.presigned_v4_as(&signing)
    }

    /// With the parameters of a presigned request except the signature.
    pub fn parameters_v4(mut self, timestamp: &str, life: &str) -> Self {
        let signing = self.signing_v4(timestamp);
        let prefix = self.word.parameter_prefix();
        let separator = if self.target.contains('?') { '&' } else { '?' };
        let credential = encode(&signing.credential(&self.access_key_id));
        let signed_headers = encode(&signing.signed_headers);
        self.target += &format!(
            "{separator}{prefix}Algorithm={}&{prefix}Credential={credential}&{prefix}Date={timestamp}\
             &{prefix}Expires={life}&{prefix}SignedHeaders={signed_headers}",
            signing.algorithm
        );
        self
    }

    /// With the signature over something else.
    pub fn presigned_v4_as(mut self, signing: &SigningV4) -> Self {
        let signature = signing.signature(&self.secret_access_key);
        let prefix = self.word.parameter_prefix();
        self.target += &format!("&{prefix}Signature={signature}");
        self
    }
}
