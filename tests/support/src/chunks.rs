//! An independent encoder of bodies in chunks (`aws-chunked`), and checksums computed bit by bit: written from the vendor's
//! documentation, with another HMAC than the library.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::signer::{SECRET_ACCESS_KEY, Word};

pub const DATE: &str = "20130524";
pub const TIMESTAMP: &str = "20130524T000000Z";
pub const REGION: &str = "us-east-1";

impl Word {
    pub fn v4_algorithm(self) -> &'static str {
        match self {
            Self::Aws => "AWS4-HMAC-SHA256",
            Self::Wos => "WOS-HMAC-SHA256",
        }
    }

    /// The key's seed, the service and the terminator.
    pub fn v4_words(self) -> [&'static str; 3] {
        match self {
            Self::Aws => ["AWS4", "s3", "aws4_request"],
            Self::Wos => ["WOS", "wos", "wos_request"],
        }
    }
}

fn hmac_sha256(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

/// Signs one chunk after the other.
#[derive(Clone)]
pub struct Chain {
    key: Vec<u8>,
    algorithm: &'static str,
    scope: String,
    pub previous: String,
}

impl Chain {
    /// For a request of [`TIMESTAMP`] in [`REGION`] with the signature `seed`.
    pub fn new(word: Word, seed: &str) -> Self {
        let [start, service, terminator] = word.v4_words();
        let mut key = format!("{start}{SECRET_ACCESS_KEY}").into_bytes();
        for part in [DATE, REGION, service, terminator] {
            key = hmac_sha256(&key, part);
        }
        Self {
            key,
            algorithm: word.v4_algorithm(),
            scope: format!("{DATE}/{REGION}/{service}/{terminator}"),
            previous: seed.into(),
        }
    }

    fn sign(&mut self, label: &str, digests: &str) -> String {
        let Self {
            algorithm,
            scope,
            previous,
            ..
        } = &*self;
        let text = format!("{algorithm}-{label}\n{TIMESTAMP}\n{scope}\n{previous}\n{digests}");
        self.previous = hex(&hmac_sha256(&self.key, &text));
        self.previous.clone()
    }

    pub fn chunk(&mut self, data: &[u8]) -> String {
        let digests = format!("{}\n{}", hex(&sha256(b"")), hex(&sha256(data)));
        self.sign("PAYLOAD", &digests)
    }

    /// `lines` is `name:value\n`, once or more.
    pub fn trailer(&mut self, lines: &str) -> String {
        self.sign("TRAILER", &hex(&sha256(lines.as_bytes())))
    }

    /// With the label of an old edition of the vendor's documentation.
    pub fn trailer_labelled_as_a_chunk(&mut self, lines: &str) -> String {
        self.sign("PAYLOAD", &hex(&sha256(lines.as_bytes())))
    }
}

/// `size;chunk-signature=… data`.
pub fn signed_chunk(chain: &mut Chain, data: &[u8]) -> Vec<u8> {
    let signature = chain.chunk(data);
    let mut chunk = format!("{:x};chunk-signature={signature}\r\n", data.len()).into_bytes();
    chunk.extend_from_slice(data);
    if !data.is_empty() {
        chunk.extend_from_slice(b"\r\n");
    }
    chunk
}

pub fn unsigned_chunk(data: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
    chunk.extend_from_slice(data);
    if !data.is_empty() {
        chunk.extend_from_slice(b"\r\n");
    }
    chunk
}

/// All chunks with the last, empty one, without the text after it.
pub fn signed_chunks(chain: &mut Chain, pieces: &[&[u8]]) -> Vec<u8> {
    let all = pieces.iter().copied().chain([&b""[..]]);
    all.flat_map(|piece| signed_chunk(chain, piece)).collect()
}

/// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`.
pub fn signed(chain: &mut Chain, data: &[u8], size: usize) -> Vec<u8> {
    let pieces: Vec<&[u8]> = data.chunks(size).collect();
    let mut body = signed_chunks(chain, &pieces);
    body.extend_from_slice(b"\r\n");
    body
}

/// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER` with one line in the trailer.
pub fn signed_with_trailer(
    chain: &mut Chain,
    word: Word,
    data: &[u8],
    size: usize,
    (name, value): (&str, &str),
) -> Vec<u8> {
    let pieces: Vec<&[u8]> = data.chunks(size).collect();
    let mut body = signed_chunks(chain, &pieces);
    let signature = chain.trailer(&format!("{name}:{value}\n"));
    let prefix = word.header_prefix();
    let trailer = format!("{name}:{value}\r\n{prefix}trailer-signature:{signature}\r\n\r\n");
    body.extend_from_slice(trailer.as_bytes());
    body
}

/// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`. `trailer` is everything after the last chunk.
pub fn unsigned(data: &[u8], size: usize, trailer: &str) -> Vec<u8> {
    let pieces = data.chunks(size).chain([&b""[..]]);
    let mut body: Vec<u8> = pieces.flat_map(unsigned_chunk).collect();
    body.extend_from_slice(trailer.as_bytes());
    body
}

/// The algorithms of `x-amz-checksum-…` that are implemented here. Those of XXHash are in tables with the results of the
/// vendor's library.
pub const ALGORITHMS: [&str; 7] = [
    "crc32",
    "crc32c",
    "crc64nvme",
    "sha1",
    "sha256",
    "sha512",
    "md5",
];

/// The value of `x-amz-checksum-{algorithm}`.
pub fn checksum(algorithm: &str, data: &[u8]) -> String {
    let sum = match algorithm {
        "crc32" => crc(data, 0xedb8_8320, 32),
        "crc32c" => crc(data, 0x82f6_3b78, 32),
        "crc64nvme" => crc(data, 0x9a6c_9329_ac4b_c9b5, 64),
        "sha1" => Sha1::digest(data).to_vec(),
        "sha256" => sha256(data).to_vec(),
        "sha512" => Sha512::digest(data).to_vec(),
        "md5" => md5::Md5::digest(data).to_vec(),
        other => panic!("{other}"),
    };
    STANDARD.encode(sum)
}

/// The value of Content-MD5.
pub fn content_md5(data: &[u8]) -> String {
    STANDARD.encode(md5::Md5::digest(data))
}

/// A reflected CRC, one bit at a time; all ones at the start, inverted at the end.
fn crc(data: &[u8], polynomial: u64, bits: u32) -> Vec<u8> {
    let ones = u64::MAX >> (64 - bits);
    let mut sum = ones;
    for byte in data {
        sum ^= u64::from(*byte);
        for _ in 0..8 {
            let carry = sum & 1;
            sum >>= 1;
            if carry == 1 {
                sum ^= polynomial;
            }
        }
    }
    let bytes = (sum ^ ones).to_be_bytes();
    bytes[8 - bits as usize / 8..].to_vec()
}
