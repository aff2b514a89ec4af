//! A storage node that verifies signatures: what REC has recorded, checked from the raw bytes against the node's key. Written
//! from the vendors' documentation, with another HMAC than the library.

use std::collections::BTreeMap;
use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::rec::Recorded;
use crate::signer::{Word, encode, unix_time};

/// The maximal clock skew in seconds.
const SKEW: u64 = 900;

/// A node: its key, its dialect, its name.
#[derive(Clone, Debug)]
pub struct NodeSide {
    pub word: Word,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub region: String,
    /// The base name of virtual-host style.
    pub domain: String,
}

/// The version of a signature that a node has verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    V2,
    V4,
}

/// What a node reads from a request with a valid signature.
#[derive(Clone, Debug)]
pub struct Read {
    pub version: Signed,
    pub bucket: String,
    /// Decoded once.
    pub key: Vec<u8>,
    /// Decoded, by name.
    pub parameters: BTreeMap<String, Option<Vec<u8>>>,
    /// The names that the signature covers.
    pub signed_headers: Vec<String>,
    /// The value of the payload hash header.
    pub payload: Option<String>,
    /// The object's bytes: the body without the framing of signed chunks.
    pub content: Vec<u8>,
}

/// Everything that was recorded, in its parts.
struct Raw<'r> {
    method: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    body: &'r [u8],
}

impl<'r> Raw<'r> {
    fn of(recorded: &'r Recorded) -> Self {
        let mut lines = recorded.head.raw.split(|byte| *byte == b'\n');
        let line = String::from_utf8(lines.next().expect("a start line").to_vec()).expect("ASCII");
        let mut words = line.trim_end().split(' ');
        let method = words.next().expect("a method").to_owned();
        let target = words.next().expect("a target");
        assert_eq!((words.next(), words.next()), (Some("HTTP/1.1"), None));
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
            None => (target.to_owned(), None),
        };
        let headers = lines
            .map(|line| line.trim_ascii())
            .filter(|line| !line.is_empty())
            .map(|line| {
                let colon = line.iter().position(|byte| *byte == b':').expect("a colon");
                let name = String::from_utf8(line[..colon].to_vec()).expect("a token");
                (
                    name.to_ascii_lowercase(),
                    line[colon + 1..].trim_ascii().to_vec(),
                )
            });
        Self {
            method,
            path,
            query,
            headers: headers.collect(),
            body: &recorded.body,
        }
    }

    fn values(&self, name: &str) -> Vec<&[u8]> {
        let same = self.headers.iter().filter(|(other, _)| other == name);
        same.map(|(_, value)| value.as_slice()).collect()
    }

    /// The value of a field that occurs once.
    fn value(&self, name: &str) -> Option<String> {
        let values = self.values(name);
        assert!(values.len() < 2, "{name} stands twice");
        let value = values.first()?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    fn pairs(&self) -> Vec<(&str, Option<&str>)> {
        let query = self.query.iter().flat_map(|query| query.split('&'));
        query
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (pair, None),
            })
            .collect()
    }
}

impl NodeSide {
    /// Reads a request as the node would. Panics if the signature is not valid.
    pub fn reads(&self, recorded: &Recorded) -> Read {
        let raw = Raw::of(recorded);
        let other = match self.word {
            Word::Aws => Word::Wos,
            Word::Wos => Word::Aws,
        };
        for (name, _) in &raw.headers {
            assert!(!name.starts_with(other.header_prefix()), "{name}");
            assert!(!name.ends_with("security-token"), "{name}");
            assert_ne!(name, "x-countersign-principal");
        }
        for (name, _) in raw.pairs() {
            let name = name.to_ascii_lowercase();
            assert!(
                ![
                    "signature",
                    "credential",
                    "accesskeyid",
                    "security-token",
                    "signedheaders"
                ]
                .iter()
                .any(|own| name.contains(own)),
                "{name} in the query"
            );
        }
        let authorization = raw.value("authorization").expect("a signature");
        let (bucket, path) = self.address(&raw);
        let mut read = if authorization.starts_with(&format!("{} ", self.word.scheme())) {
            self.verify_v2(&raw, &authorization, &bucket)
        } else {
            self.verify_v4(&raw, &authorization)
        };
        let rest = path.trim_start_matches('/').len();
        let in_host = !bucket.is_empty();
        let (path_bucket, key) = if in_host {
            (bucket, &path[1..])
        } else {
            assert_eq!(rest, path.len() - 1, "no empty bucket");
            let rest = &path[1..];
            let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
            (bucket.to_owned(), key)
        };
        read.bucket = path_bucket;
        read.key = decoded(key);
        read.parameters = raw
            .pairs()
            .into_iter()
            .map(|(name, value)| {
                let name = String::from_utf8(decoded(name)).expect("UTF-8");
                (name, value.map(decoded))
            })
            .collect();
        read
    }

    /// The bucket of the Host, and the path.
    fn address(&self, raw: &Raw<'_>) -> (String, String) {
        let host = raw.value("host").expect("a Host");
        let name = host.split(':').next().unwrap_or_default();
        let bucket = name.strip_suffix(&format!(".{}", self.domain));
        (bucket.unwrap_or_default().to_owned(), raw.path.clone())
    }

    fn verify_v2(&self, raw: &Raw<'_>, authorization: &str, host_bucket: &str) -> Read {
        let (id, provided) = authorization[self.word.scheme().len() + 1..]
            .split_once(':')
            .expect("AccessKeyId:signature");
        assert_eq!(id, self.access_key_id);
        let prefix = self.word.header_prefix();
        assert!(raw.value(&format!("{prefix}date")).is_none());
        let date = raw.value("date").expect("a Date");
        let time = httpdate::parse_http_date(&date).expect("an HTTP date");
        let since = time
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970");
        assert!(since.as_secs().abs_diff(unix_time(0)) < SKEW);
        let bucket = match host_bucket {
            "" => String::new(),
            name => format!("/{name}"),
        };
        let mut resource = format!("{bucket}{}", raw.path);
        let mut signed: Vec<(String, Option<Vec<u8>>)> = raw
            .pairs()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.map(decoded)))
            .filter(|(name, _)| self.word.signs_parameter(name))
            .collect();
        signed.sort();
        let mut vendor: Vec<&(String, Vec<u8>)> = raw
            .headers
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .collect();
        vendor.sort();
        // Bytes, since a header may not be UTF-8.
        let mut text = Vec::new();
        let field = |name: &str| raw.values(name).concat();
        for line in [
            raw.method.as_bytes(),
            &field("content-md5"),
            &field("content-type"),
            date.as_bytes(),
        ] {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        for (name, value) in &vendor {
            text.extend_from_slice(name.as_bytes());
            text.push(b':');
            text.extend_from_slice(value);
            text.push(b'\n');
        }
        for (at, (name, value)) in signed.iter().enumerate() {
            resource.push(if at == 0 { '?' } else { '&' });
            resource.push_str(name);
            assert_ne!(
                value.as_deref(),
                Some(&b""[..]),
                "?{name}= has two readings"
            );
            if let Some(value) = value {
                resource.push('=');
                resource.push_str(&String::from_utf8_lossy(value));
            }
        }
        // A bucket alone has a slash: some nodes would sign it with a slash, others without.
        assert!(
            resource.matches('/').count() > 1 || resource == "/",
            "{resource}"
        );
        text.extend_from_slice(resource.as_bytes());
        let computed = crate::signer::signature(&self.secret_access_key, &text);
        let shown = String::from_utf8_lossy(&text);
        assert_eq!(provided, computed, "over {shown}");
        let mut names: Vec<String> = vendor.iter().map(|(name, _)| name.clone()).collect();
        names.extend(["content-md5", "content-type", "date"].map(String::from));
        self.read(Signed::V2, names, None, raw.body.to_vec())
    }

    fn read(
        &self,
        version: Signed,
        signed_headers: Vec<String>,
        payload: Option<String>,
        content: Vec<u8>,
    ) -> Read {
        Read {
            version,
            bucket: String::new(),
            key: Vec::new(),
            parameters: BTreeMap::new(),
            signed_headers,
            payload,
            content,
        }
    }

    fn verify_v4(&self, raw: &Raw<'_>, authorization: &str) -> Read {
        let (algorithm, seed, service, terminator) = match self.word {
            Word::Aws => ("AWS4-HMAC-SHA256", "AWS4", "s3", "aws4_request"),
            Word::Wos => ("WOS-HMAC-SHA256", "WOS", "wos", "wos_request"),
        };
        let rest = authorization
            .strip_prefix(&format!("{algorithm} Credential="))
            .unwrap_or_else(|| panic!("{authorization}"));
        let (credential, rest) = rest.split_once(", SignedHeaders=").expect("SignedHeaders");
        let (names, provided) = rest.split_once(", Signature=").expect("Signature");
        let (id, scope) = credential.split_once('/').expect("a scope");
        assert_eq!(id, self.access_key_id);
        let prefix = self.word.header_prefix();
        let stamp = raw.value(&format!("{prefix}date")).expect("a date");
        assert_eq!((stamp.len(), raw.value("date")), (16, None));
        let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
        let near = humantime::parse_rfc3339(&format!(
            "{}-{}-{}T{}:{}:{}Z",
            &stamp[..4],
            &stamp[4..6],
            &stamp[6..8],
            &stamp[9..11],
            &stamp[11..13],
            &stamp[13..15]
        ));
        let near = near.unwrap_or_else(|error| panic!("{stamp}: {error}"));
        let seconds = near
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970");
        assert!(seconds.as_secs().abs_diff(unix_time(0)) < SKEW, "{now}");
        let region = &self.region;
        assert_eq!(
            scope,
            format!("{}/{region}/{service}/{terminator}", &stamp[..8])
        );
        let names: Vec<String> = names.split(';').map(String::from).collect();
        assert!(
            names.is_sorted() && names.contains(&"host".to_owned()),
            "{names:?}"
        );
        for (name, _) in raw
            .headers
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
        {
            assert!(names.contains(name), "{name} is not signed: {names:?}");
        }
        let payload = raw
            .value(&format!("{prefix}content-sha256"))
            .expect("a payload hash");
        let mut key = format!("{seed}{}", self.secret_access_key).into_bytes();
        for part in [&stamp[..8], region, service, terminator] {
            key = hmac_sha256(&key, part.as_bytes()).to_vec();
        }
        // Some nodes decode the path and encode it again, others use it as received; some decode a `+` in the query as a space,
        // as in forms, others do not. The result must be the same for all of them.
        let encoded: String = raw
            .path
            .split('/')
            .map(|part| encode_bytes(&decoded(part)))
            .collect::<Vec<_>>()
            .join("/");
        assert_eq!(encoded, raw.path);
        assert!(
            !raw.query.iter().any(|query| query.contains('+')),
            "{:?}",
            raw.query
        );
        let mut pairs: Vec<String> = raw
            .pairs()
            .into_iter()
            .map(|(name, value)| {
                let value = encode_bytes(&decoded(value.unwrap_or("")));
                format!("{}={value}", encode_bytes(&decoded(name)))
            })
            .collect();
        pairs.sort();
        let mut canonical =
            format!("{}\n{encoded}\n{}\n", raw.method, pairs.join("&")).into_bytes();
        for name in &names {
            let values = raw.values(name);
            assert!(!values.is_empty(), "{name} is signed and absent");
            let values: Vec<Vec<u8>> = values
                .into_iter()
                .map(|value| self.collapsed(value))
                .collect();
            canonical.extend_from_slice(name.as_bytes());
            canonical.push(b':');
            canonical.extend_from_slice(&values.join(&b","[..]));
            canonical.push(b'\n');
        }
        canonical.extend_from_slice(format!("\n{}\n{payload}", names.join(";")).as_bytes());
        let text = format!(
            "{algorithm}\n{stamp}\n{scope}\n{}",
            hex(&Sha256::digest(&canonical))
        );
        let computed = hex(&hmac_sha256(&key, text.as_bytes()));
        let shown = String::from_utf8_lossy(&canonical);
        assert_eq!(provided, computed, "over {shown}");
        let content = match payload.as_str() {
            "UNSIGNED-PAYLOAD" => raw.body.to_vec(),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => {
                let scope = format!("{algorithm}-PAYLOAD\n{stamp}\n{scope}");
                let content = unchunked(raw.body, &key, &scope, computed);
                let announced = raw.value(&format!("{prefix}decoded-content-length"));
                assert_eq!(announced, Some(content.len().to_string()));
                content
            }
            declared => {
                assert_eq!(declared, hex(&Sha256::digest(raw.body)));
                raw.body.to_vec()
            }
        };
        self.read(Signed::V4, names, Some(payload), content)
    }

    /// At AWS several spaces count as one.
    fn collapsed(&self, value: &[u8]) -> Vec<u8> {
        if self.word == Word::Wos {
            return value.to_vec();
        }
        let words = value.split(|byte| matches!(byte, b' ' | b'\t'));
        let words: Vec<&[u8]> = words.filter(|word| !word.is_empty()).collect();
        words.join(&b" "[..])
    }
}

/// The content of signed chunks; checks each signature.
fn unchunked(mut body: &[u8], key: &[u8], scope: &str, mut previous: String) -> Vec<u8> {
    let mut content = Vec::new();
    loop {
        let end = body
            .windows(2)
            .position(|pair| pair == b"\r\n")
            .expect("a chunk's header");
        let header = std::str::from_utf8(&body[..end]).expect("ASCII");
        let (size, provided) = header.split_once(";chunk-signature=").expect("a signature");
        let size = usize::from_str_radix(size, 16).expect("a size");
        let data = &body[end + 2..end + 2 + size];
        let empty = hex(&Sha256::digest(b""));
        let text = format!(
            "{scope}\n{previous}\n{empty}\n{}",
            hex(&Sha256::digest(data))
        );
        previous = hex(&hmac_sha256(key, text.as_bytes()));
        assert_eq!(provided, previous, "chunk of {size} bytes");
        content.extend_from_slice(data);
        body = &body[end + 2 + size..];
        assert_eq!(&body[..2], b"\r\n");
        body = &body[2..];
        if size == 0 {
            assert!(
                body.is_empty(),
                "{} bytes behind the last chunk",
                body.len()
            );
            return content;
        }
        // All but the last: Amazon S3 API Reference, "Transferring payload in multiple chunks".
        assert!(
            size >= 8192 || body.starts_with(b"0;"),
            "a chunk of {size} bytes"
        );
    }
}

fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all");
        text
    })
}

/// Percent-decoded once; a `+` is a `+`.
pub fn decoded(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(&tail[..2]).expect("two digits");
            bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    bytes
}

/// Percent-encodes everything except the unreserved characters of RFC 3986.
pub fn encode_bytes(bytes: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        0..0x80 => encode(&char::from(*byte).to_string()),
        _ => format!("%{byte:02X}"),
    };
    bytes.iter().map(one).collect()
}
