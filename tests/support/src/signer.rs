//! An independent V2 signer: the HMAC-SHA1 form of the dialects AWS and WOS, written from the vendors' documentation.
//!
//! What is signed and what is sent are two values, so that a test can make them differ: take [`Request::signing`], change
//! it, and hand it to [`Request::signed_as`] or [`Request::presigned_as`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

pub const ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
pub const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// The base domain of [`Request`]s and of the gateway's listener.
pub const DOMAIN: &str = "s3.example.com";

#[rustfmt::skip]
const AWS_SUB_RESOURCES: &[&str] = &[
    "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle", "location",
    "logging", "metrics", "notification", "object-lock", "partNumber", "policy", "replication", "requestPayment",
    "response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language",
    "response-content-type", "response-expires", "restore", "select", "select-type", "storageClass", "tagging", "torrent",
    "uploadId", "uploads", "versionId", "versioning", "versions", "website",
];
#[rustfmt::skip]
const WOS_SUB_RESOURCES: &[&str] = &[
    "acl", "append", "backtosource", "cors", "delete", "deletebucket", "ignore-sign-in-query", "lifecycle", "location",
    "logging", "metadata", "notification", "partnumber", "policy", "position", "quota", "replication", "requestpayment",
    "response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language",
    "response-content-type", "response-expires", "restore", "storageclass", "storageinfo", "storagepolicy", "symlink",
    "tagging", "torrent", "uploadid", "uploads", "versionid", "versioning", "versions", "website", "x-image-process",
    "x-image-save-bucket", "x-image-save-object", "x-oss-process", "x-wos-process",
];

/// The dialect a request is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Aws,
    Wos,
}

impl Word {
    pub const BOTH: [Self; 2] = [Self::Aws, Self::Wos];

    /// The word before the access key id in `Authorization`.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Wos => "WOS",
        }
    }

    pub fn header_prefix(self) -> &'static str {
        match self {
            Self::Aws => "x-amz-",
            Self::Wos => "x-wos-",
        }
    }

    pub fn access_key_parameter(self) -> &'static str {
        match self {
            Self::Aws => "AWSAccessKeyId",
            Self::Wos => "WOSAccessKeyId",
        }
    }

    pub fn signs_parameter(self, name: &str) -> bool {
        let lower = name.to_ascii_lowercase();
        match self {
            Self::Aws => AWS_SUB_RESOURCES.contains(&name),
            Self::Wos => {
                WOS_SUB_RESOURCES.contains(&lower.as_str())
                    || lower.starts_with(self.header_prefix())
            }
        }
    }
}

/// The parts of the StringToSign. `headers` are the ones to canonicalise, as sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signing {
    pub method: String,
    pub content_md5: String,
    pub content_type: String,
    pub date: String,
    pub headers: Vec<(String, String)>,
    pub resource: String,
}

impl Signing {
    pub fn string_to_sign(&self) -> String {
        let mut names: Vec<String> = self
            .headers
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect();
        names.sort();
        names.dedup();
        let headers: String = names
            .iter()
            .map(|name| {
                let same = self
                    .headers
                    .iter()
                    .filter(|(other, _)| other.eq_ignore_ascii_case(name));
                let values: Vec<&str> = same.map(|(_, value)| value.trim()).collect();
                format!("{name}:{}\n", values.join(","))
            })
            .collect();
        let Self {
            method,
            content_md5,
            content_type,
            date,
            resource,
            ..
        } = self;
        format!("{method}\n{content_md5}\n{content_type}\n{date}\n{headers}{resource}")
    }

    pub fn signature(&self, secret_access_key: &str) -> String {
        signature(secret_access_key, self.string_to_sign())
    }
}

/// `base64(hmac-sha1(secret, text))`.
pub fn signature(secret_access_key: &str, text: impl AsRef<[u8]>) -> String {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret_access_key.as_bytes()).expect("any length is a key");
    mac.update(text.as_ref());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// A request to sign and to send. Its fields can be changed between the two.
#[derive(Clone, Debug)]
pub struct Request {
    pub word: Word,
    pub method: String,
    /// The request target as sent: raw path and query.
    pub target: String,
    /// `Host` first, then in the order they were added.
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
    /// The bucket of the Host, in virtual-host style and with a custom domain.
    pub bucket: Option<String>,
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl Request {
    /// A path-style request to [`DOMAIN`] without a date.
    pub fn new(word: Word, method: &str, target: &str) -> Self {
        Self {
            word,
            method: method.into(),
            target: target.into(),
            headers: vec![("Host".into(), DOMAIN.into())],
            body: None,
            bucket: None,
            access_key_id: ACCESS_KEY_ID.into(),
            secret_access_key: SECRET_ACCESS_KEY.into(),
        }
    }

    pub fn host(mut self, host: &str) -> Self {
        self.headers[0].1 = host.into();
        self
    }

    pub fn virtual_host(mut self, bucket: &str) -> Self {
        self.bucket = Some(bucket.into());
        self.host(&format!("{bucket}.{DOMAIN}"))
    }

    /// A host name that is the bucket itself.
    pub fn custom_domain(mut self, bucket: &str) -> Self {
        self.bucket = Some(bucket.into());
        self.host(bucket)
    }

    pub fn keys(mut self, access_key_id: &str, secret_access_key: &str) -> Self {
        self.access_key_id = access_key_id.into();
        self.secret_access_key = secret_access_key.into();
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn date(self, date: &str) -> Self {
        self.header("Date", date)
    }

    /// With a payload mode that does not declare the hash of the body.
    pub fn unsigned_payload(self) -> Self {
        let name = format!("{}content-sha256", self.word.header_prefix());
        self.header(&name, "UNSIGNED-PAYLOAD")
    }

    /// The body. [`Request::bytes`] adds its `Content-Length`, unless a header frames it already.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// What this request signs by the specification.
    pub fn signing(&self) -> Signing {
        let prefix = self.word.header_prefix();
        let dated = self.value(&format!("{prefix}date")).is_some();
        let text = |name: &str| self.value(name).unwrap_or_default().to_owned();
        Signing {
            method: self.method.clone(),
            content_md5: text("content-md5"),
            content_type: text("content-type"),
            date: if dated { String::new() } else { text("date") },
            headers: self
                .headers
                .iter()
                .filter(|(name, _)| name.to_ascii_lowercase().starts_with(prefix))
                .cloned()
                .collect(),
            resource: self.resource(),
        }
    }

    /// CanonicalizedResource: the bucket of the Host, the path as sent, the sub-resources sorted with decoded values.
    /// A bucket alone is `/bucket/`, also where the path is sent without the last slash (botocore signs it so).
    fn resource(&self) -> String {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let host_bucket = self
            .bucket
            .as_ref()
            .map(|bucket| format!("/{bucket}"))
            .unwrap_or_default();
        let mut resource = format!("{host_bucket}{path}");
        if resource.matches('/').count() == 1 && resource != "/" {
            resource.push('/');
        }
        let mut signed: Vec<(&str, Option<&str>)> = query
            .split('&')
            .map(|pair| {
                pair.split_once('=')
                    .map_or((pair, None), |(name, value)| (name, Some(value)))
            })
            .filter(|(name, _)| self.word.signs_parameter(name))
            .collect();
        signed.sort();
        for (position, (name, value)) in signed.into_iter().enumerate() {
            resource.push(if position == 0 { '?' } else { '&' });
            resource.push_str(name);
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                resource.push('=');
                // A `+` is the blank of a form; a plus sign is written `%2B`.
                resource.push_str(&decode(&value.replace('+', "%20")));
            }
        }
        resource
    }

    /// The target as it is signed: a bucket alone with its slash, the sub-resources decoded and encoded once,
    /// without the sign of an empty value. What is not signed is as it was sent.
    pub fn target_as_signed(&self) -> String {
        let (path, query) = match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.target.as_str(), None),
        };
        let alone = self.bucket.is_none() && path.len() > 1 && !path[1..].contains('/');
        let path = format!("{path}{}", if alone { "/" } else { "" });
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !self.word.signs_parameter(&decode(name)) {
                return pair.to_owned();
            }
            let name = encode(&decode(name));
            match value {
                "" => name,
                value => format!("{name}={}", encoded(&decoded(&value.replace('+', "%20")))),
            }
        };
        match query {
            Some(query) => {
                let pairs: Vec<String> = query.split('&').map(pair).collect();
                format!("{path}?{}", pairs.join("&"))
            }
            None => path,
        }
    }

    /// With `Authorization` by the specification.
    pub fn signed(self) -> Self {
        let signing = self.signing();
        self.signed_as(&signing)
    }

    /// With `Authorization` over something else.
    pub fn signed_as(self, signing: &Signing) -> Self {
        let signature = signing.signature(&self.secret_access_key);
        let value = format!("{} {}:{signature}", self.word.scheme(), self.access_key_id);
        self.header("Authorization", &value)
    }

    /// With the credentials in the query, valid until `expires` (seconds since 1970).
    pub fn presigned(self, expires: u64) -> Self {
        let signing = Signing {
            date: expires.to_string(),
            ..self.signing()
        };
        self.presigned_as(expires, &signing)
    }

    /// The same over something else. `expires` is what is sent, `signing.date` what is signed.
    pub fn presigned_as(mut self, expires: u64, signing: &Signing) -> Self {
        let separator = if self.target.contains('?') { '&' } else { '?' };
        let parameter = self.word.access_key_parameter();
        let signature = encode(&signing.signature(&self.secret_access_key));
        let id = encode(&self.access_key_id);
        self.target +=
            &format!("{separator}{parameter}={id}&Expires={expires}&Signature={signature}");
        self
    }

    /// The request on the wire, HTTP/1.1.
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        let framed = self
            .value("content-length")
            .or(self.value("transfer-encoding"))
            .is_some();
        if let Some(body) = self.body.as_ref().filter(|_| !framed) {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        let mut bytes = (text + "\r\n").into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// Percent-encodes everything except the unreserved characters of RFC 3986.
pub fn encode(text: &str) -> String {
    encoded(text.as_bytes())
}

fn encoded(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |encoded, byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded + &char::from(*byte).to_string()
            }
            _ => encoded + &format!("%{byte:02X}"),
        })
}

/// Decodes `%XX`; anything else, `+` among it, stands for itself.
pub fn decode(text: &str) -> String {
    String::from_utf8_lossy(&decoded(text)).into_owned()
}

fn decoded(text: &str) -> Vec<u8> {
    let (mut decoded, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        let hex = tail
            .get(..2)
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        let (byte, used) = hex
            .filter(|_| *first == b'%')
            .map_or((*first, 1), |byte| (byte, 3));
        decoded.push(byte);
        rest = &rest[used..];
    }
    decoded
}

/// Seconds since 1970, `offset` seconds from now.
pub fn unix_time(offset: i64) -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    now.checked_add_signed(offset).expect("a time after 1970")
}

/// IMF-fixdate, `offset` seconds from now.
pub fn date_at(offset: i64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(unix_time(offset)))
}

/// IMF-fixdate of now.
pub fn now() -> String {
    date_at(0)
}
