//! An independent V4 signer for [`Request`]s in the words of AWS and WOS, written from the vendors' pages. What is sent is
//! what is signed, so targets are to be in their RFC 3986 form; bodies are not framed.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::signer::{Request, Word, encode};

/// The region of every signature.
pub const REGION: &str = "us-east-1";
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

struct Words {
    algorithm: &'static str,
    seed: &'static str,
    service: &'static str,
    terminator: &'static str,
    parameter_prefix: &'static str,
}

fn words(word: Word) -> Words {
    match word {
        Word::Aws => Words {
            algorithm: "AWS4-HMAC-SHA256",
            seed: "AWS4",
            service: "s3",
            terminator: "aws4_request",
            parameter_prefix: "X-Amz-",
        },
        Word::Wos => Words {
            algorithm: "WOS-HMAC-SHA256",
            seed: "WOS",
            service: "wos",
            terminator: "wos_request",
            parameter_prefix: "X-Wos-",
        },
    }
}

impl Request {
    /// With `Authorization` of version 4 over every header, and this as the payload hash.
    pub fn signed_v4(self, payload: &str) -> Self {
        self.signed_v4_but(payload, &[])
    }

    /// The same without a signature over these headers.
    pub fn signed_v4_but(self, payload: &str, unsigned: &[&str]) -> Self {
        let words = words(self.word);
        let stamp = stamp();
        let prefix = self.word.header_prefix();
        let request = self
            .header(&format!("{prefix}date"), &stamp)
            .header(&format!("{prefix}content-sha256"), payload);
        let headers = request.canonical_headers(unsigned);
        let (names, signature) = request.signature_v4(&words, &stamp, &headers, payload);
        let value = format!(
            "{} Credential={}/{}, SignedHeaders={names}, Signature={signature}",
            words.algorithm,
            request.access_key_id,
            scope(&words, &stamp)
        );
        request.header("Authorization", &value)
    }

    /// With the body's own hash.
    pub fn signed_v4_declared(self) -> Self {
        let hash = hex(&Sha256::digest(self.body.as_deref().unwrap_or_default()));
        self.signed_v4(&hash)
    }

    /// With the credentials of version 4 in the query, for ten minutes.
    pub fn presigned_v4(mut self) -> Self {
        let words = words(self.word);
        let stamp = stamp();
        let headers = self.canonical_headers(&[]);
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let prefix = words.parameter_prefix;
        let credential = format!("{}/{}", self.access_key_id, scope(&words, &stamp));
        let separator = if self.target.contains('?') { '&' } else { '?' };
        self.target += &format!(
            "{separator}{prefix}Algorithm={}&{prefix}Credential={}&{prefix}Date={stamp}&{prefix}Expires=600&{prefix}SignedHeaders={}",
            words.algorithm,
            encode(&credential),
            encode(&names.join(";"))
        );
        let (_, signature) = self.signature_v4(&words, &stamp, &headers, UNSIGNED_PAYLOAD);
        self.target += &format!("&{prefix}Signature={signature}");
        self
    }

    /// Lower-case names in order, values without blanks around them and with one in place of several.
    fn canonical_headers(&self, unsigned: &[&str]) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut all: Vec<(String, String)> = self
            .headers
            .iter()
            .map(|(name, value)| {
                let words: Vec<&str> = value.split_whitespace().collect();
                (name.to_lowercase(), words.join(" "))
            })
            .filter(|(name, _)| !unsigned.contains(&name.as_str()))
            .collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        for (name, value) in all {
            match headers.last_mut() {
                Some((last, values)) if *last == name => *values += &format!(",{value}"),
                _ => headers.push((name, value)),
            }
        }
        headers
    }

    fn signature_v4(
        &self,
        words: &Words,
        stamp: &str,
        headers: &[(String, String)],
        payload: &str,
    ) -> (String, String) {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let mut pairs: Vec<String> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| match pair.contains('=') {
                true => pair.to_owned(),
                false => format!("{pair}="),
            })
            .collect();
        pairs.sort();
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let canonical = format!(
            "{}\n{path}\n{}\n{lines}\n{names}\n{payload}",
            self.method,
            pairs.join("&")
        );
        let text = format!(
            "{}\n{stamp}\n{}\n{}",
            words.algorithm,
            scope(words, stamp),
            hex(&Sha256::digest(canonical))
        );
        let mut key = format!("{}{}", words.seed, self.secret_access_key).into_bytes();
        for part in [&stamp[..8], REGION, words.service, words.terminator] {
            key = hmac(&key, part);
        }
        (names, hex(&hmac(&key, &text)))
    }
}

fn scope(words: &Words, stamp: &str) -> String {
    format!(
        "{}/{REGION}/{}/{}",
        &stamp[..8],
        words.service,
        words.terminator
    )
}

/// `20130524T000000Z`, now.
fn stamp() -> String {
    humantime::format_rfc3339_seconds(std::time::SystemTime::now())
        .to_string()
        .replace(['-', ':'], "")
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
