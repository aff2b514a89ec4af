//! What a request means to a node that has got it, in two ways of reading.

use std::collections::BTreeMap;

use super::originals::{Body, Kind, Original};
use support::rec::Recorded;
use support::signer::DOMAIN;

/// How a node reads a query string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Decodes names and values, and reads a `+` as a blank.
    Form,
    /// Takes names as they stand, decodes values, and reads a `+` as a plus sign.
    Plain,
}

impl Reading {
    pub const BOTH: [Self; 2] = [Self::Form, Self::Plain];

    pub fn name(self, raw: &[u8]) -> Vec<u8> {
        match self {
            Self::Form => self.value(raw),
            Self::Plain => raw.to_vec(),
        }
    }

    pub fn value(self, raw: &[u8]) -> Vec<u8> {
        match self {
            Self::Form => {
                let blanks = raw
                    .iter()
                    .map(|byte| if *byte == b'+' { b' ' } else { *byte });
                decoded(&blanks.collect::<Vec<u8>>())
            }
            Self::Plain => decoded(raw),
        }
    }
}

/// Decodes `%XX`; everything else stands for itself.
pub fn decoded(mut rest: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|_| *first == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = &tail[if escaped.is_some() { 2 } else { 0 }..];
    }
    bytes
}

/// A request cut into its parts, byte for byte.
#[derive(Clone, Debug)]
pub struct Parts {
    pub method: Vec<u8>,
    pub path: Vec<u8>,
    /// Names and values as they stand, `acl` and `acl=` alike; empty pieces are none.
    pub pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Lower-case names, trimmed values.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Parts {
    pub fn of(head: &[u8]) -> Self {
        let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let mut words = lines.next().unwrap_or_default().split(|byte| *byte == b' ');
        let method = words.next().unwrap_or_default().to_vec();
        let (path, query) = cut(words.next().unwrap_or_default(), b'?');
        let pairs = query.split(|byte| *byte == b'&');
        let pairs = pairs.filter(|pair| !pair.is_empty());
        let fields = lines.filter(|line| !line.is_empty()).map(|line| {
            let (name, value) = cut(line, b':');
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            (name, value.trim_ascii().to_vec())
        });
        Self {
            method,
            path: path.to_vec(),
            pairs: pairs
                .map(|pair| cut(pair, b'='))
                .map(|(name, value)| (name.to_vec(), value.to_vec()))
                .collect(),
            headers: fields.collect(),
        }
    }

    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        let same = self.headers.iter().filter(|(own, _)| own == name);
        same.map(|(_, value)| value.as_slice()).collect()
    }

    /// The first value of a header, as text.
    pub fn text(&self, name: &str) -> Option<String> {
        let values = self.values(name);
        values
            .first()
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

fn cut(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == at) {
        Some(position) => (&bytes[..position], &bytes[position + 1..]),
        None => (bytes, b""),
    }
}

type Values = BTreeMap<String, Vec<String>>;

/// What is covered of a request. Bytes are written as escaped text, so that a failure can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    method: String,
    bucket: String,
    key: String,
    parameters: Values,
    headers: Values,
    /// Of a form that goes on as one.
    fields: Values,
    data: Option<String>,
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// The bucket of the Host and the key, or both from the path.
fn address(parts: &Parts) -> (Vec<u8>, Vec<u8>) {
    let host = parts.text("host").unwrap_or_default().to_ascii_lowercase();
    let name = host.split(':').next().unwrap_or_default();
    let path = parts.path.strip_prefix(b"/").unwrap_or(&parts.path);
    match name.strip_suffix(&format!(".{DOMAIN}")) {
        Some(bucket) => (bucket.into(), decoded(path)),
        None => {
            let (bucket, key) = cut(path, b'/');
            (decoded(bucket), decoded(key))
        }
    }
}

/// Parameters that version 2 does not cover, and that say no more than which part of a listing is shown.
const LISTING: &[&str] = &[
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "key-marker",
    "list-type",
    "marker",
    "max-buckets",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "prefix",
    "start-after",
    "upload-id-marker",
    "version-id-marker",
    "x-id",
];

/// Part of the credentials, or standing for the moment of signing. Each is covered or is the signature itself; nodes that
/// trust the gateway do not get them.
fn credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let own = name.strip_prefix("x-amz-").or(name.strip_prefix("x-wos-"));
    let four = [
        "algorithm",
        "credential",
        "date",
        "expires",
        "signedheaders",
        "signature",
    ];
    own.is_some_and(|own| four.contains(&own))
        || ["awsaccesskeyid", "wosaccesskeyid", "expires", "signature"].contains(&name.as_str())
}

impl Meaning {
    /// What a node reads in this request, as far as the original's signature covers it.
    pub fn of(original: &Original, recorded: &Recorded, reading: Reading) -> Self {
        let parts = Parts::of(&recorded.head.raw);
        let (bucket, key) = address(&parts);
        let mut meaning = Self {
            method: shown(&parts.method),
            bucket: shown(&bucket),
            key: shown(&key),
            ..Self::default()
        };
        for (name, value) in &parts.pairs {
            let decoded_name = String::from_utf8_lossy(&Reading::Form.name(name)).into_owned();
            let free = original.kind == Kind::V2 && LISTING.contains(&decoded_name.as_str());
            if !free && !credential(&decoded_name) {
                let mut known = shown(&reading.name(name));
                // In version 2 it is signed as the header that it is, whose name has no case; a node to which it is none
                // does not sign it, and refuses the request.
                let lower = known.to_ascii_lowercase();
                if original.kind == Kind::V2 && lower.starts_with("x-amz-") {
                    known = lower;
                }
                let values = meaning.parameters.entry(known);
                values.or_default().push(shown(&reading.value(value)));
            }
        }
        meaning.headers = headers(original, &parts);
        let content_type = parts.text("content-type").unwrap_or_default();
        let form = original.kind == Kind::Form && meaning.method == "POST";
        if form {
            meaning.headers.remove("content-type");
            meaning.fields = fields(&content_type, &recorded.body);
        }
        meaning.data = match original.body {
            Body::Free => None,
            Body::Never | Body::Proven => Some(shown(&data(&parts, &recorded.body))),
        };
        meaning
    }
}

/// The headers that are covered: all of the vendor's, and those that the version signs. A header's lines are joined.
fn headers(original: &Original, parts: &Parts) -> Values {
    let mut headers = Values::new();
    for (name, value) in &parts.headers {
        let own = name.strip_prefix("x-amz-").or(name.strip_prefix("x-wos-"));
        // The payload hash says something of the body, which is looked at itself; the date is the moment of signing. The
        // nodes get them of the gateway, or not at all, or as they came.
        if own.is_some_and(|own| ["content-sha256", "date"].contains(&own)) {
            continue;
        }
        let name = match own {
            Some(own) => format!("vendor {own}"),
            None if original.covers(name) && name != "host" => name.clone(),
            None => continue,
        };
        // A run of blanks is signed as one in version 4. Where another number of them says something else the
        // gateway refuses it; in metadata and in HTTP's own headers they go on as they came.
        let may = own.is_none_or(|own| own.starts_with("meta-"));
        let value = if original.kind == Kind::V4 && may {
            let words = value.split(|byte| matches!(byte, b' ' | b'\t'));
            let words: Vec<&[u8]> = words.filter(|word| !word.is_empty()).collect();
            words.join(&b' ')
        } else {
            value.clone()
        };
        let joined = headers.entry(name).or_default();
        match joined.first_mut() {
            Some(first) => *first += &format!(",{}", shown(&value)),
            None => joined.push(shown(&value)),
        }
    }
    headers
}

/// The object's bytes: without the frames of a streaming payload where the node gets them.
fn data(parts: &Parts, body: &[u8]) -> Vec<u8> {
    let modes = ["x-amz-content-sha256", "x-wos-content-sha256"];
    let mode = modes.iter().find_map(|name| parts.text(name));
    if !mode.is_some_and(|mode| mode.starts_with("STREAMING-")) {
        return body.to_vec();
    }
    let (mut data, mut rest) = (Vec::new(), body);
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = &rest[..end];
        let digits = line.split(|byte| matches!(byte, b';' | b'\r')).next();
        let digits = String::from_utf8_lossy(digits.unwrap_or_default()).into_owned();
        let size = usize::from_str_radix(&digits, 16).unwrap_or(0);
        rest = &rest[end + 1..];
        if size == 0 {
            break;
        }
        data.extend_from_slice(rest.get(..size).unwrap_or(b"cut"));
        rest = rest.get(size + 2..).unwrap_or_default();
    }
    data
}

/// The fields of a form, without the file, the credentials, and what no policy covers.
fn fields(content_type: &str, body: &[u8]) -> Values {
    let boundary = content_type
        .split_once("boundary=")
        .map_or("", |(_, rest)| rest);
    let boundary = boundary
        .split(';')
        .next()
        .unwrap_or_default()
        .trim_matches('"');
    let text = body.escape_ascii().to_string();
    let mut fields = Values::new();
    for part in text.split(&format!("--{boundary}")).skip(1) {
        let (head, value) = part.split_once("\\r\\n\\r\\n").unwrap_or((part, ""));
        // In quotation marks, or a token (RFC 2183, section 2).
        let name = head.split_once("name=").map_or("", |(_, rest)| rest);
        let name = name.strip_prefix("\\\"").unwrap_or(name);
        let name = name.split(['\\', ';', ' ']).next().unwrap_or_default();
        let name = name.to_ascii_lowercase();
        let uncovered =
            ["", "file", "policy"].contains(&name.as_str()) || name.starts_with("x-ignore-");
        if !uncovered && !credential(&name) {
            let value = value.strip_suffix("\\r\\n").unwrap_or(value);
            fields.entry(name).or_default().push(value.to_owned());
        }
    }
    fields
}
