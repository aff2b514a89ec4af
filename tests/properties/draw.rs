//! Requests as clients may write them: every shape that a correct signature has to carry through.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use support::signer::{DOMAIN, Request, Word, decode};

/// The host name that is a bucket itself.
pub const CUSTOM_DOMAIN: &str = "static.example.net";

/// A request before it is signed.
#[derive(Debug, Clone)]
pub struct Drawn {
    pub request: Request,
    /// Until when it is good, where the credentials stand in the query.
    pub expires: Option<u64>,
    /// By how many places the query is rotated, once the credentials are in it.
    pub rotation: usize,
    /// The body without its framing.
    pub content: Vec<u8>,
}

impl Drawn {
    pub fn signed(&self) -> Request {
        let Some(expires) = self.expires else {
            return self.request.clone().signed();
        };
        let mut request = self.request.clone().presigned(expires);
        let (path, mut pairs) = parts(&request.target);
        let places = self.rotation % pairs.len();
        pairs.rotate_left(places);
        request.target = target(&path, &pairs);
        request
    }
}

/// The path and the pairs of a request target.
pub fn parts(target: &str) -> (String, Vec<String>) {
    match target.split_once('?') {
        Some((path, query)) => (path.into(), query.split('&').map(Into::into).collect()),
        None => (target.into(), Vec::new()),
    }
}

pub fn target(path: &str, pairs: &[String]) -> String {
    if pairs.is_empty() {
        path.into()
    } else {
        format!("{path}?{}", pairs.join("&"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Service,
    Bucket,
    Object,
}
use Level::{Bucket, Object, Service};

/// A method, a level, and the parameters that select the operation; `*` stands for any value.
#[rustfmt::skip]
const OPERATIONS: &[(&str, Level, &[&str])] = &[
    ("GET", Service, &[]), ("GET", Bucket, &[]), ("HEAD", Bucket, &[]), ("PUT", Bucket, &[]), ("DELETE", Bucket, &[]),
    ("GET", Bucket, &["list-type=2", "start-after=*"]), ("GET", Bucket, &["uploads"]), ("GET", Bucket, &["location"]),
    ("GET", Bucket, &["acl="]), ("PUT", Bucket, &["versioning"]), ("POST", Bucket, &["delete"]),
    ("GET", Object, &[]), ("HEAD", Object, &[]), ("PUT", Object, &[]), ("DELETE", Object, &[]),
    ("GET", Object, &["acl"]), ("PUT", Object, &["tagging"]), ("POST", Object, &["restore"]),
    ("POST", Object, &["uploads"]), ("POST", Object, &["uploads="]), ("PUT", Object, &["partNumber=*", "uploadId=*"]),
    ("POST", Object, &["uploadId=*"]), ("DELETE", Object, &["uploadId=*"]), ("GET", Object, &["uploadId=*", "max-parts=5"]),
];
#[rustfmt::skip]
const WOS_OPERATIONS: &[(&str, Level, &[&str])] = &[
    ("POST", Object, &["append", "position=*"]), ("GET", Bucket, &["quota"]), ("GET", Object, &["x-wos-process=*"]),
    ("GET", Object, &["x-image-process=*"]),
];

/// Sub-resources that select nothing, and parameters that are not signed.
#[rustfmt::skip]
const EXTRAS: &[&str] = &[
    "versionId=*", "response-content-type=*", "response-content-disposition=*", "response-expires=*",
    "response-cache-control=", "response-content-encoding", "prefix=*", "delimiter=%2F", "marker=*", "max-keys=7", "x-id=*",
];

const LETTERS: &str = "azAZ09-_.~ !\"#$%&'()*+,/:;<=>?@[\\]^`{|}\n\u{7f}éß漢😀";

/// Text with each letter as it is, where that may stand in a target, or percent-encoded with digits in either case.
fn odd(without: &'static str, length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let letters: Vec<char> = LETTERS.chars().collect();
    vec((select(letters), 0..3_u8), length).prop_map(move |letters| {
        let mut text = String::new();
        for (letter, style) in letters {
            let raw = letter.is_ascii_alphanumeric() || "-_.~!$'()*+,/:;=@[]?&".contains(letter);
            if raw && style == 0 && !without.contains(letter) {
                text.push(letter);
                continue;
            }
            for byte in letter.to_string().bytes() {
                text += &match style {
                    1 => format!("%{byte:02x}"),
                    _ => format!("%{byte:02X}"),
                };
            }
        }
        text
    })
}

fn key() -> impl Strategy<Value = String> {
    odd("?", 1..24).prop_filter("a dot segment is refused", |key| {
        let decoded = decode(key);
        let mut segments = decoded.split(['/', '\\']);
        segments.all(|segment| {
            let bare = segment.split([';', '?', '#']).next().unwrap_or_default();
            !matches!(bare.trim_end(), "." | "..")
        })
    })
}

/// Names without a label of their own that is empty; as a host name they are lower-case.
fn bucket() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9-]|[.][a-z0-9]){1,12}[a-z0-9]"
}

/// The value of a header, with blanks around it.
fn value() -> impl Strategy<Value = String> {
    let letters: Vec<char> = "aZ09 \t,:;=\"'/\\+%&?é漢".chars().collect();
    vec(select(letters), 0..16).prop_map(String::from_iter)
}

/// The vendor's headers but the date: metadata, each name once to three times, and single ones.
fn headers(prefix: &'static str) -> impl Strategy<Value = Vec<(String, String)>> {
    let metadata = btree_set("meta-[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", 0..8);
    let single = subsequence(
        vec![
            "acl",
            "copy-source",
            "storage-class",
            "tagging",
            "website-redirect-location",
        ],
        0..=5,
    );
    (metadata, single)
        .prop_flat_map(move |(metadata, single)| {
            let single = single.into_iter().map(|name| (name.to_owned(), 1..=1));
            let repeated = metadata.into_iter().map(|name| (name, 1..=3));
            let fields: Vec<_> = single
                .chain(repeated)
                .map(|(name, times)| (Just(name), vec((value(), 0..3_u8), times)))
                .collect();
            fields.prop_map(move |fields| {
                let mut written = Vec::new();
                for (name, values) in fields {
                    for (value, style) in values {
                        let name = format!("{prefix}{name}");
                        let name = match style {
                            0 => name.to_ascii_uppercase(),
                            1 => name.replace("-m", "-M"),
                            _ => name,
                        };
                        written.push((name, value));
                    }
                }
                written.truncate(20);
                written
            })
        })
        .prop_flat_map(|fields| Just(fields).prop_shuffle())
}

/// Where the time of the request stands, and how it is written.
fn dates(prefix: &'static str, now: u64) -> impl Strategy<Value = Vec<(String, String)>> {
    (0..4_u8, -600..600_i64, any::<bool>()).prop_map(move |(place, offset, zone)| {
        let text = date(now.saturating_add_signed(offset));
        let text = if zone {
            text.replace("GMT", "+0000")
        } else {
            text
        };
        let vendor = (format!("{prefix}date"), text.clone());
        match place {
            0 => vec![vendor],
            // What stands in Date beside the vendor's own header is not read.
            1 => vec![("Date".into(), "whenever".into()), vendor],
            _ => vec![("Date".into(), text)],
        }
    })
}

/// IMF-fixdate.
pub fn date(seconds: u64) -> String {
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
}

/// The parameters in any order: those of the operation and some others, with values in the place of `*`.
fn pairs(operation: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    let extras = subsequence(EXTRAS, 0..=4);
    extras
        .prop_flat_map(move |extras| {
            let pairs: Vec<_> = operation
                .iter()
                .copied()
                .chain(extras)
                .map(|pair| odd("&", 1..12).prop_map(move |value| pair.replace('*', &value)))
                .collect();
            pairs
        })
        .prop_flat_map(|pairs| Just(pairs).prop_shuffle())
}

/// A body, whether it is sent in chunks, and where those are cut.
fn content(method: &str) -> BoxedStrategy<(Option<Vec<u8>>, Option<Index>)> {
    match method {
        "PUT" | "POST" => {
            let body = option::of(vec(any::<u8>(), 0..3000));
            (body, option::of(any::<Index>())).boxed()
        }
        _ => Just((None, None)).boxed(),
    }
}

/// A request at that time, in seconds since 1970.
pub fn request(now: u64) -> impl Strategy<Value = Drawn> {
    let operations = |word| match word {
        Word::Aws => OPERATIONS.to_vec(),
        Word::Wos => [OPERATIONS, WOS_OPERATIONS].concat(),
    };
    select(&Word::BOTH[..])
        .prop_flat_map(move |word| (Just(word), select(operations(word))))
        .prop_flat_map(move |(word, (method, level, operation))| {
            let prefix = word.header_prefix();
            (
                (
                    Just(word),
                    Just(method),
                    Just(level),
                    Just(operation),
                    0..4_u8,
                ),
                (
                    bucket(),
                    key(),
                    pairs(operation),
                    select(&["", ":80", ":65535"][..]),
                ),
                headers(prefix),
                dates(prefix, now),
                any::<bool>(),
                option::of(select(&["text/plain", " a/b; c=\"d e\" ", ""][..])),
                content(method),
                option::weighted(0.4, (1_000..100_000_u64, 0..16_usize)),
            )
        })
        .prop_map(
            move |(
                what,
                (bucket, key, pairs, port),
                headers,
                dates,
                md5,
                media,
                (body, cut),
                presigned,
            )| {
                let (word, method, level, operation, style) = what;
                let body = body.filter(|_| has_body(method, level, operation, &headers));
                let key = if level == Object { key } else { String::new() };
                let on_host = style > 1 && level != Service;
                let path = match level {
                    Service => "/".into(),
                    _ if on_host => format!("/{key}"),
                    Bucket if style == 0 => format!("/{bucket}"),
                    Bucket | Object => format!("/{bucket}/{key}"),
                };
                let mut request = Request::new(word, method, &target(&path, &pairs));
                request = match (on_host, style) {
                    (true, 2) => request.virtual_host(&bucket),
                    (true, _) => request.custom_domain(CUSTOM_DOMAIN),
                    (false, 0) => request.host(&DOMAIN.to_ascii_uppercase()),
                    (false, _) => request,
                };
                request.headers[0].1 += port;
                request.headers.extend(headers);
                let content = body.clone().unwrap_or_default();
                let md5 = md5.then(|| STANDARD.encode(Md5::digest(&content)));
                let optional = [("Content-MD5", md5.as_deref()), ("content-type", media)];
                for (name, value) in optional {
                    request
                        .headers
                        .extend(value.map(|value| (name.into(), value.into())));
                }
                if presigned.is_none() {
                    request.headers.extend(dates);
                }
                request.body = match (body, cut) {
                    (Some(body), Some(cut)) => {
                        request
                            .headers
                            .push(("Transfer-Encoding".into(), "chunked".into()));
                        Some(chunked(&body, cut))
                    }
                    (body, _) => body,
                };
                Drawn {
                    request,
                    expires: presigned.map(|(life, _)| now + life),
                    rotation: presigned.map_or(0, |(_, rotation)| rotation),
                    content,
                }
            },
        )
}

/// Whether what is put or posted has a body: a copy has none, nor has the start of an upload in parts.
fn has_body(method: &str, level: Level, operation: &[&str], headers: &[(String, String)]) -> bool {
    let copies = headers
        .iter()
        .any(|(name, _)| name.to_ascii_lowercase().ends_with("-copy-source"));
    let stores = operation
        .first()
        .is_none_or(|first| first.starts_with("partNumber"));
    match (method, level) {
        ("PUT", Object) => !(copies && stores),
        ("POST", Object) => !operation.iter().any(|pair| pair.starts_with("uploads")),
        _ => true,
    }
}

fn chunked(body: &[u8], cut: Index) -> Vec<u8> {
    let (first, second) = body.split_at(cut.index(body.len() + 1));
    let mut written = Vec::new();
    for chunk in [first, second]
        .into_iter()
        .filter(|chunk| !chunk.is_empty())
    {
        written.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        written.extend(chunk);
        written.extend(b"\r\n");
    }
    written.extend(b"0\r\n\r\n");
    written
}
