//! A form upload as a browser sends it, with its policy signed by independent code. Written from Amazon S3 API
//! Reference, "Browser-based uploads using POST" and RFC 7578.
//!
//! What the policy says and what the form says are two lists, so that a test can make them differ.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::signer::{
    ACCESS_KEY_ID, DOMAIN, Request, SECRET_ACCESS_KEY, Word, signature, unix_time,
};

pub const BUCKET: &str = "bucket01";
pub const REGION: &str = "us-east-1";

/// The version that signs a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V2,
    V4,
}

impl Version {
    pub const BOTH: [Self; 2] = [Self::V2, Self::V4];
}

/// A form to sign and to send. Its fields can be changed between the two.
#[derive(Clone, Debug)]
pub struct Form {
    pub word: Word,
    pub version: Version,
    pub bucket: String,
    /// The request target.
    pub target: String,
    /// `None`: without `expiration`.
    pub expiration: Option<Value>,
    pub conditions: Vec<Value>,
    /// The fields before the file, in this order.
    pub fields: Vec<(String, String)>,
    pub filename: String,
    pub file: Vec<u8>,
    pub boundary: String,
    /// The bytes after the file: the closing boundary.
    pub end: String,
    pub headers: Vec<(String, String)>,
    pub secret_access_key: String,
}

impl Form {
    /// A valid upload of `hello` to `key`, but not signed.
    pub fn new(word: Word, version: Version, key: &str) -> Self {
        let form = Self {
            word,
            version,
            bucket: BUCKET.into(),
            target: format!("/{BUCKET}"),
            expiration: Some(time(600).into()),
            conditions: vec![json!({"bucket": BUCKET})],
            fields: Vec::new(),
            filename: "hello.txt".into(),
            file: b"hello".to_vec(),
            boundary: "----FormBoundary7MA4YWxk".into(),
            end: String::new(),
            headers: vec![("Host".into(), DOMAIN.into())],
            secret_access_key: SECRET_ACCESS_KEY.into(),
        };
        let end = form.closing();
        Self { end, ..form }.field("key", key)
    }

    /// The last field of every client's form.
    pub fn closing(&self) -> String {
        format!("\r\n--{}--\r\n", self.boundary)
    }

    /// A field with a condition for exactly this value.
    pub fn field(self, name: &str, value: &str) -> Self {
        self.condition(json!({name: value})).only_field(name, value)
    }

    /// A field without a condition.
    pub fn only_field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    pub fn condition(mut self, condition: Value) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Without the conditions that name this field.
    pub fn without_condition(mut self, name: &str) -> Self {
        self.conditions.retain(|condition| {
            condition.get(name).is_none() && condition.get(1) != Some(&json!(format!("${name}")))
        });
        self
    }

    /// Without the fields of this name.
    pub fn without_field(mut self, name: &str) -> Self {
        self.fields.retain(|(own, _)| own != name);
        self
    }

    /// The same fields with another value in one of them.
    pub fn with_value(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(own, _)| own == name);
        field.expect("a field of this name").1 = value.into();
        self
    }

    pub fn value(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(own, _)| own == name);
        &field.expect("a field of this name").1
    }

    pub fn filename(mut self, filename: &str) -> Self {
        self.filename = filename.into();
        self
    }

    pub fn file(mut self, file: impl Into<Vec<u8>>) -> Self {
        self.file = file.into();
        self
    }

    pub fn end(mut self, end: &str) -> Self {
        self.end = end.into();
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The policy document.
    pub fn document(&self) -> String {
        let mut document = json!({"conditions": self.conditions});
        if let Some(expiration) = &self.expiration {
            document["expiration"] = expiration.clone();
        }
        document.to_string()
    }

    /// With the policy and the signature over it, as `boto3.generate_presigned_post` adds them.
    pub fn signed(self) -> Self {
        let form = match self.version {
            Version::V2 => self,
            Version::V4 => self.with_scope(|_name, value| value),
        };
        let document = form.document();
        form.signed_as(&document)
    }

    /// The fields of version 4 that the policy has to name; `change` may send another value than the policy says.
    pub fn with_scope(mut self, change: impl Fn(&str, String) -> String) -> Self {
        let (date, day) = timestamp();
        let prefix = self.word.header_prefix();
        let own = [
            ("algorithm", self.algorithm().to_owned()),
            (
                "credential",
                format!("{ACCESS_KEY_ID}/{}", self.scope(&day)),
            ),
            ("date", date),
        ];
        for (name, value) in own {
            let sent = change(name, value.clone());
            let field = format!("{prefix}{name}");
            self = self
                .condition(json!({&field: value}))
                .only_field(&field, &sent);
        }
        self
    }

    fn algorithm(&self) -> &'static str {
        match self.word {
            Word::Aws => "AWS4-HMAC-SHA256",
            Word::Wos => "WOS-HMAC-SHA256",
        }
    }

    fn scope(&self, day: &str) -> String {
        match self.word {
            Word::Aws => format!("{day}/{REGION}/s3/aws4_request"),
            Word::Wos => format!("{day}/{REGION}/wos/wos_request"),
        }
    }

    /// With this text for a policy, base64 and the signature over it. In version 4 [`Form::with_scope`] comes first.
    pub fn signed_as(self, document: &str) -> Self {
        let policy = STANDARD.encode(document);
        self.signed_over(&policy)
    }

    /// With this value of the field `policy` and the signature over it.
    pub fn signed_over(self, policy: &str) -> Self {
        let secret = self.secret_access_key.clone();
        let form = self.only_field("policy", policy);
        match form.version {
            Version::V2 => {
                let parameter = form.word.access_key_parameter();
                form.only_field(parameter, ACCESS_KEY_ID)
                    .only_field("signature", &signature(&secret, policy))
            }
            Version::V4 => {
                let (seed, last) = match form.word {
                    Word::Aws => ("AWS4", ["s3", "aws4_request"]),
                    Word::Wos => ("WOS", ["wos", "wos_request"]),
                };
                let (_, day) = timestamp();
                let parts = [day.as_str(), REGION, last[0], last[1], policy];
                let start = format!("{seed}{secret}").into_bytes();
                let mac = parts.iter().fold(start, |key, part| hmac(&key, part));
                let field = format!("{}signature", form.word.header_prefix());
                let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
                form.only_field(&field, &hex)
            }
        }
    }

    /// The fields before the file.
    pub fn head(&self) -> String {
        let boundary = &self.boundary;
        let fields: String = self
            .fields
            .iter()
            .map(|(name, value)| {
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            })
            .collect();
        let filename = &self.filename;
        format!(
            "{fields}--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\n\
             Content-Type: application/x-ignored\r\n\r\n"
        )
    }

    pub fn body(&self) -> Vec<u8> {
        [self.head().as_bytes(), &self.file, self.end.as_bytes()].concat()
    }

    /// Whether the gateway buffers the whole form before it connects to a node.
    pub fn is_held(&self) -> bool {
        self.body().len() <= 48 * 1024
    }

    /// The request with this body.
    pub fn request_of(&self, body: impl Into<Vec<u8>>) -> Request {
        let mut request = Request::new(self.word, "POST", &self.target);
        request.headers = self.headers.clone();
        let content_type = format!("multipart/form-data; boundary={}", self.boundary);
        request.header("Content-Type", &content_type).body(body)
    }

    pub fn request(&self) -> Request {
        self.request_of(self.body())
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.request().bytes()
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// `2007-12-01T12:00:00.000Z`, `offset` seconds from now.
pub fn time(offset: i64) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(unix_time(offset));
    humantime::format_rfc3339_millis(time).to_string()
}

/// `20071201T120000Z` and `20071201`. The hour is left out, so that a test that runs over a second signs what it sends.
fn timestamp() -> (String, String) {
    let day = time(0)[..10].replace('-', "");
    (format!("{day}T000000Z"), day)
}
