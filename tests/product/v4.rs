//! Signature version 4 in the words of both vendors, from the Amazon S3 API Reference ("Authenticating requests") and the
//! documents of WOS.

use std::time::{Duration, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use support::signer::Word;

pub const REGION: &str = "us-east-1";

/// The words of a vendor's version 4.
pub struct Words {
    pub algorithm: &'static str,
    pub seed: &'static str,
    pub service: &'static str,
    pub terminator: &'static str,
    /// The prefix of the query parameters.
    pub parameters: &'static str,
}

pub fn words(word: Word) -> Words {
    match word {
        Word::Aws => Words {
            algorithm: "AWS4-HMAC-SHA256",
            seed: "AWS4",
            service: "s3",
            terminator: "aws4_request",
            parameters: "X-Amz-",
        },
        Word::Wos => Words {
            algorithm: "WOS-HMAC-SHA256",
            seed: "WOS",
            service: "wos",
            terminator: "wos_request",
            parameters: "X-Wos-",
        },
    }
}

pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(Sha256::digest(bytes.as_ref()))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// `20130524T000000Z`, that many seconds after 1970.
pub fn stamp(time: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(time);
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.replace(['-', ':'], "")
}

/// The credential scope.
#[derive(Clone, Debug)]
pub struct Scope {
    pub day: String,
    pub region: String,
    pub service: String,
    pub terminator: String,
}

impl Scope {
    pub fn of(words: &Words, stamp: &str) -> Self {
        Self {
            day: stamp[..8].into(),
            region: REGION.into(),
            service: words.service.into(),
            terminator: words.terminator.into(),
        }
    }

    pub fn text(&self) -> String {
        let Self {
            day,
            region,
            service,
            terminator,
        } = self;
        format!("{day}/{region}/{service}/{terminator}")
    }
}

/// What is signed of a request. Names of headers in lower case; parameters as sent.
pub struct Canonical<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub parameters: &'a [String],
    pub headers: &'a [(String, String)],
    pub signed: &'a [String],
    pub payload: &'a str,
}

impl Canonical<'_> {
    /// The CanonicalRequest. The parameters of these tests are encoded as the rule wants it.
    pub fn request(&self) -> String {
        // By name first: `select` stands before `select-type`, though `=` stands behind `-`.
        let mut parameters: Vec<(&str, &str)> = self
            .parameters
            .iter()
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        parameters.sort_unstable();
        let parameters: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let value = |name: &String| {
            let same = self.headers.iter().filter(|(own, _)| own == name);
            let values: Vec<&str> = same.map(|(_, value)| value.as_str()).collect();
            values.join(",")
        };
        let headers: String = self
            .signed
            .iter()
            .map(|name| format!("{name}:{}\n", value(name)))
            .collect();
        let (method, path, payload) = (self.method, self.path, self.payload);
        let (query, signed) = (parameters.join("&"), self.signed.join(";"));
        format!("{method}\n{path}\n{query}\n{headers}\n{signed}\n{payload}")
    }
}

/// A signing key, and the last signature that it made: what the next chunk's covers.
#[derive(Clone)]
pub struct Chain {
    key: Vec<u8>,
    algorithm: String,
    stamp: String,
    scope: String,
    pub previous: String,
}

impl Chain {
    pub fn new(seed: &str, secret: &str, algorithm: &str, stamp: &str, scope: &Scope) -> Self {
        let mut key = format!("{seed}{secret}").into_bytes();
        for part in [&scope.day, &scope.region, &scope.service, &scope.terminator] {
            key = hmac(&key, part);
        }
        Self {
            key,
            algorithm: algorithm.into(),
            stamp: stamp.into(),
            scope: scope.text(),
            previous: String::new(),
        }
    }

    /// The signature over a text alone, as a form's policy is signed.
    pub fn text(&self, text: &str) -> String {
        hex(hmac(&self.key, text))
    }

    fn link(&mut self, label: &str, rest: &str) -> String {
        let Self {
            algorithm,
            stamp,
            scope,
            ..
        } = &self;
        self.previous = self.text(&format!("{algorithm}{label}\n{stamp}\n{scope}\n{rest}"));
        self.previous.clone()
    }

    /// The signature of a request.
    pub fn request(&mut self, canonical: &str) -> String {
        self.link("", &sha256(canonical))
    }

    pub fn chunk(&mut self, data: &[u8]) -> String {
        let rest = format!("{}\n{}\n{}", self.previous, sha256(""), sha256(data));
        self.link("-PAYLOAD", &rest)
    }

    pub fn trailer(&mut self, lines: &str) -> String {
        let rest = format!("{}\n{}", self.previous, sha256(lines));
        self.link("-TRAILER", &rest)
    }
}
