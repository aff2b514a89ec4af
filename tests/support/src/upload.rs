//! An upload as an SDK of version 4 sends it, in each payload mode, taken apart into frames so that a test can change any
//! of them. Written from Amazon S3 API Reference, "Transferring payload in multiple chunks" and "… with trailing headers";
//! nothing here uses the library.

use std::time::{Duration, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::chunks;
use crate::signer::{ACCESS_KEY_ID, DOMAIN, SECRET_ACCESS_KEY, Word, encode, unix_time};

pub const SIGNED_CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
pub const SIGNED_CHUNKS_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
pub const UNSIGNED_CHUNKS_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
pub const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// Every mode that frames the body.
pub const STREAMING: [&str; 3] = [
    SIGNED_CHUNKS,
    SIGNED_CHUNKS_TRAILER,
    UNSIGNED_CHUNKS_TRAILER,
];

const REGION: &str = "us-east-1";
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

impl Word {
    /// The dialect's name for a header or a payload mode of AWS.
    fn own(self, text: &str) -> String {
        text.replace("x-amz-", self.header_prefix())
            .replace(Self::Aws.v4_algorithm(), self.v4_algorithm())
    }
}

/// The SHA-256 in lower-case hexadecimal digits.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    chunks::hex(&chunks::sha256(bytes.as_ref()))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The value of a checksum header of that name.
pub fn checksum(name: &str, data: &[u8]) -> String {
    let algorithm = name.strip_prefix("x-amz-checksum-");
    chunks::checksum(algorithm.expect("the name of a checksum"), data)
}

/// One chunk: `size extension CRLF data CRLF`. The last one has no data and no CRLF behind it: the trailer follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub size: String,
    pub extension: String,
    pub data: Vec<u8>,
}

/// What is to be uploaded, and how.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The dialect. Everything here has the names of AWS; it is sent with the names of the dialect.
    pub word: Word,
    pub method: String,
    pub target: String,
    pub host: String,
    /// The value of `x-amz-content-sha256`.
    pub mode: String,
    pub data: Vec<u8>,
    pub chunk_size: usize,
    /// Further headers, all of them signed.
    pub headers: Vec<(String, String)>,
    /// Trailer lines by name and value, before the signature of the trailer.
    pub trailer: Vec<(String, String)>,
    pub secret_access_key: String,
    pub decoded_length: Option<String>,
}

impl Upload {
    /// A PUT in this mode. In the modes with a trailer it has a CRC-32 there; `Declared` modes take the hash as the mode.
    pub fn new(mode: &str, data: impl Into<Vec<u8>>) -> Self {
        let data = data.into();
        let streaming = mode.starts_with("STREAMING-");
        let mut upload = Self {
            word: Word::Aws,
            method: "PUT".into(),
            target: "/bucket01/key".into(),
            host: DOMAIN.into(),
            mode: mode.into(),
            chunk_size: 64 * 1024,
            headers: Vec::new(),
            trailer: Vec::new(),
            secret_access_key: SECRET_ACCESS_KEY.into(),
            decoded_length: streaming.then(|| data.len().to_string()),
            data,
        };
        if streaming {
            upload = upload.header("content-encoding", "aws-chunked");
        }
        if mode.ends_with("-TRAILER") {
            upload = upload.trailing("x-amz-checksum-crc32");
        }
        upload
    }

    /// A PUT that declares the hash of its body.
    pub fn declared(data: impl Into<Vec<u8>>) -> Self {
        let data = data.into();
        Self::new(&sha256(&data), data)
    }

    pub fn word(mut self, word: Word) -> Self {
        self.word = word;
        self
    }

    pub fn target(mut self, target: &str) -> Self {
        self.target = target.into();
        self
    }

    pub fn method(mut self, method: &str) -> Self {
        self.method = method.into();
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(own, _)| own != name);
        self
    }

    /// With chunks of this size.
    pub fn chunks_of(mut self, size: usize) -> Self {
        self.chunk_size = size;
        self
    }

    /// With this checksum, the right one, as its only trailer.
    pub fn trailing(self, name: &str) -> Self {
        let value = checksum(name, &self.data);
        self.trailer_of(name, &[(name, &value)])
    }

    /// With this announcement and these trailer lines.
    pub fn trailer_of(mut self, announced: &str, lines: &[(&str, &str)]) -> Self {
        self = self.without("x-amz-trailer");
        self.trailer = lines
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        self.header("x-amz-trailer", announced)
    }

    pub fn decoded_length(mut self, text: Option<&str>) -> Self {
        self.decoded_length = text.map(Into::into);
        self
    }

    /// Signed in the header, at this moment.
    pub fn signed(&self) -> SignedUpload {
        let (headers, chain) = self.authorized();
        self.framed(self.target.clone(), headers, chain)
    }

    /// The head without the field that frames the body, and the chain of signatures that the body goes on with.
    pub fn head_and_chain(&self) -> (String, Chain) {
        let (headers, chain) = self.authorized();
        (head(&self.method, &self.target, &headers), chain)
    }

    fn authorized(&self) -> (Vec<(String, String)>, Chain) {
        let stamp = stamp();
        let mut headers = self.all_headers();
        let mode = self.word.own(&self.mode);
        headers.push((self.word.own("x-amz-date"), stamp.clone()));
        headers.push((self.word.own("x-amz-content-sha256"), mode.clone()));
        headers.sort();
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let request = canonical_request(&self.method, path, query, &headers, &mode);
        let mut chain = Chain::new(self.word, &self.secret_access_key, &stamp);
        chain.seed(&request);
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let authorization = format!(
            "{} Credential={ACCESS_KEY_ID}/{}, SignedHeaders={}, Signature={}",
            chain.algorithm,
            chain.scope,
            names.join(";"),
            chain.previous
        );
        headers.push(("authorization".into(), authorization));
        (headers, chain)
    }

    /// With the credentials in the query; `x-amz-content-sha256` is added to the header without a signature over it.
    pub fn presigned(&self, content_sha256: Option<&str>) -> SignedUpload {
        let stamp = stamp();
        let mut chain = Chain::new(self.word, &self.secret_access_key, &stamp);
        let mut headers = self.all_headers();
        headers.sort();
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let separator = if query.is_empty() { "" } else { "&" };
        let query = format!(
            "{query}{separator}X-Amz-Algorithm={}&X-Amz-Credential={}&X-Amz-Date={stamp}&X-Amz-Expires=600&X-Amz-SignedHeaders={}",
            chain.algorithm,
            encode(&format!("{ACCESS_KEY_ID}/{}", chain.scope)),
            encode(&names.join(";"))
        );
        let hash = content_sha256.unwrap_or(UNSIGNED);
        let request = canonical_request(&self.method, path, &query, &headers, hash);
        chain.seed(&request);
        let target = format!("{path}?{query}&X-Amz-Signature={}", chain.previous);
        if let Some(hash) = content_sha256 {
            headers.push(("x-amz-content-sha256".into(), hash.into()));
        }
        self.framed(target, headers, chain)
    }

    fn all_headers(&self) -> Vec<(String, String)> {
        let named = self.headers.iter();
        let mut headers: Vec<_> = named
            .map(|(name, value)| (self.word.own(name), self.word.own(value)))
            .collect();
        headers.push(("host".into(), self.host.clone()));
        if let Some(length) = &self.decoded_length {
            let name = self.word.own("x-amz-decoded-content-length");
            headers.push((name, length.clone()));
        }
        headers
    }

    fn framed(
        &self,
        target: String,
        headers: Vec<(String, String)>,
        mut chain: Chain,
    ) -> SignedUpload {
        let streaming = self.mode.starts_with("STREAMING-");
        let mut upload = SignedUpload {
            head: head(&self.method, &target, &headers),
            plain: (!streaming).then(|| self.data.clone()),
            data: self.data.clone(),
            frames: Vec::new(),
            trailer: Vec::new(),
            chain: chain.clone(),
            framing: Framing::Length,
        };
        if !streaming {
            return upload;
        }
        let signed = self.mode != UNSIGNED_CHUNKS_TRAILER;
        for data in self.data.chunks(self.chunk_size).chain([&[][..]]) {
            let mut extension = String::new();
            if signed {
                extension = format!(";chunk-signature={}", chain.chunk(data));
            }
            upload.frames.push(Frame {
                size: format!("{:x}", data.len()),
                extension,
                data: data.to_vec(),
            });
        }
        upload.chain = chain.clone();
        let mut lines = String::new();
        for (name, value) in &self.trailer {
            let name = self.word.own(name);
            lines += &format!("{name}:{value}\n");
            upload.trailer.push(format!("{name}:{value}"));
        }
        if signed && self.mode == SIGNED_CHUNKS_TRAILER {
            let signature = chain.trailer(&lines);
            upload
                .trailer
                .push(format!("{}:{signature}", self.word.own(TRAILER_SIGNATURE)));
        }
        upload
    }
}

fn head(method: &str, target: &str, headers: &[(String, String)]) -> String {
    let fields: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!("{method} {target} HTTP/1.1\r\n{fields}")
}

fn canonical_request(
    method: &str,
    path: &str,
    query: &str,
    headers: &[(String, String)],
    hash: &str,
) -> String {
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.contains('=') {
            true => pair.to_owned(),
            false => format!("{pair}="),
        })
        .collect();
    pairs.sort();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    format!(
        "{method}\n{path}\n{}\n{lines}\n{}\n{hash}",
        pairs.join("&"),
        names.join(";")
    )
}

/// `20130524T000000Z`, now.
fn stamp() -> String {
    let time = UNIX_EPOCH + Duration::from_secs(unix_time(0));
    humantime::format_rfc3339_seconds(time)
        .to_string()
        .replace(['-', ':'], "")
}

/// The chain of signatures after that of the request.
#[derive(Clone, Debug)]
pub struct Chain {
    algorithm: &'static str,
    key: Vec<u8>,
    stamp: String,
    scope: String,
    previous: String,
}

impl Chain {
    fn new(word: Word, secret_access_key: &str, stamp: &str) -> Self {
        let day = &stamp[..8];
        let [seed, service, terminator] = word.v4_words();
        let mut key = format!("{seed}{secret_access_key}").into_bytes();
        for part in [day, REGION, service, terminator] {
            key = hmac(&key, part);
        }
        Self {
            algorithm: word.v4_algorithm(),
            key,
            stamp: stamp.into(),
            scope: format!("{day}/{REGION}/{service}/{terminator}"),
            previous: String::new(),
        }
    }

    fn sign(&self, text: &str) -> String {
        chunks::hex(&hmac(&self.key, text))
    }

    /// The signature of the request itself.
    fn seed(&mut self, canonical_request: &str) {
        let (algorithm, stamp, scope) = (self.algorithm, &self.stamp, &self.scope);
        let hash = sha256(canonical_request);
        self.previous = self.sign(&format!("{algorithm}\n{stamp}\n{scope}\n{hash}"));
    }

    fn link(&mut self, label: &str, rest: &str) -> String {
        let text = format!(
            "{}-{label}\n{}\n{}\n{}\n{rest}",
            self.algorithm, self.stamp, self.scope, self.previous
        );
        self.previous = self.sign(&text);
        self.previous.clone()
    }

    pub fn chunk(&mut self, data: &[u8]) -> String {
        self.chunk_of(&sha256(data))
    }

    /// The same for data of this hash.
    pub fn chunk_of(&mut self, hash: &str) -> String {
        self.link("PAYLOAD", &format!("{}\n{hash}", sha256("")))
    }

    pub fn trailer(&mut self, lines: &str) -> String {
        self.link("TRAILER", &sha256(lines))
    }
}

/// How HTTP frames the upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`: what the body has.
    Length,
    /// `Content-Length`: that much.
    Announced(usize),
    /// `Transfer-Encoding: chunked`, in chunks of that size.
    Chunked(usize),
}

/// A signed upload, ready to be changed and sent.
#[derive(Clone, Debug)]
pub struct SignedUpload {
    /// Without the field that frames the body, and without the blank line.
    pub head: String,
    /// The body if no mode frames it.
    pub plain: Option<Vec<u8>>,
    /// What the node must get.
    pub data: Vec<u8>,
    pub frames: Vec<Frame>,
    /// Lines without their CRLF.
    pub trailer: Vec<String>,
    /// The chain of signatures after the last chunk.
    pub chain: Chain,
    pub framing: Framing,
}

impl SignedUpload {
    /// With an added header that is not signed.
    pub fn unsigned_header(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// The current body.
    pub fn body(&self) -> Vec<u8> {
        if let Some(plain) = &self.plain {
            return plain.clone();
        }
        let mut body = Vec::new();
        for frame in &self.frames {
            body.extend_from_slice(format!("{}{}\r\n", frame.size, frame.extension).as_bytes());
            body.extend_from_slice(&frame.data);
            if !frame.data.is_empty() {
                body.extend_from_slice(b"\r\n");
            }
        }
        for line in &self.trailer {
            body.extend_from_slice(line.as_bytes());
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"\r\n");
        body
    }

    /// The head on the wire, its blank line included.
    pub fn head_bytes(&self) -> Vec<u8> {
        let framing = match self.framing {
            Framing::Length => format!("Content-Length: {}", self.body().len()),
            Framing::Announced(length) => format!("Content-Length: {length}"),
            Framing::Chunked(_) => "Transfer-Encoding: chunked".into(),
        };
        format!("{}{framing}\r\n\r\n", self.head).into_bytes()
    }

    /// The body on the wire.
    pub fn body_bytes(&self) -> Vec<u8> {
        let body = self.body();
        let Framing::Chunked(size) = self.framing else {
            return body;
        };
        let mut chunks = Vec::new();
        for chunk in body.chunks(size) {
            chunks.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            chunks.extend_from_slice(chunk);
            chunks.extend_from_slice(b"\r\n");
        }
        chunks.extend_from_slice(b"0\r\n\r\n");
        chunks
    }

    /// The whole request on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        [self.head_bytes(), self.body_bytes()].concat()
    }
}
