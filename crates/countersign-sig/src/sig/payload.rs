//! What a signed request declares of its body, and the chain of signatures over its chunks.

use std::fmt;
use std::ops::Range;

use super::encode::{equal, hex, unhex};
use super::signing_key::{HMAC_SHA256_LENGTH, SigningKey};

/// `sha256("")` in hexadecimal digits.
pub const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// The bytes of `sha256("")`.
pub const SHA256_OF_NOTHING: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// The payload mode of a request: the value of `x-amz-content-sha256` that the signature covers. Every verified request has
/// one, so the large variants, which are rare, are boxed.
#[derive(Debug, Clone)]
pub enum PayloadClaim {
    /// Nothing is declared; in version 2 alone.
    NotDeclared,
    /// `UNSIGNED-PAYLOAD`, and every presigned request that names no hash.
    Unsigned,
    /// The SHA-256 of the body.
    Sha256([u8; 32]),
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`.
    SignedChunks(Box<ChunkChain>),
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`.
    SignedChunksWithTrailer(Box<ChunkChain>),
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`.
    UnsignedChunksWithTrailer,
}

/// The value of the payload-mode header, before the signature is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadMode {
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// A SHA-256 in 64 hexadecimal digits of either case; what is signed is the text as sent.
    Sha256([u8; 32]),
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`.
    SignedChunks,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`.
    SignedChunksWithTrailer,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`.
    UnsignedChunksWithTrailer,
}

impl PayloadMode {
    /// Reads the value of the header; `algorithm` is the algorithm name of the syntax. Names are case-sensitive.
    pub fn of(text: &[u8], algorithm: &str) -> Option<Self> {
        if text == b"UNSIGNED-PAYLOAD" {
            return Some(Self::Unsigned);
        }
        if text == EMPTY_SHA256.as_bytes() {
            // The value of every request without a body.
            return Some(Self::Sha256(SHA256_OF_NOTHING));
        }
        let Some(streaming) = text.strip_prefix(b"STREAMING-") else {
            return unhex(text)
                .or_else(|| unhex(&text.to_ascii_lowercase()))
                .map(Self::Sha256);
        };
        if streaming == b"UNSIGNED-PAYLOAD-TRAILER" {
            return Some(Self::UnsignedChunksWithTrailer);
        }
        match streaming.strip_prefix(algorithm.as_bytes())? {
            b"-PAYLOAD" => Some(Self::SignedChunks),
            b"-PAYLOAD-TRAILER" => Some(Self::SignedChunksWithTrailer),
            _ => None,
        }
    }

    /// Whether the body comes in chunks of the `aws-chunked` framing.
    pub fn is_chunked(self) -> bool {
        match self {
            Self::Unsigned | Self::Sha256(_) => false,
            Self::SignedChunks
            | Self::SignedChunksWithTrailer
            | Self::UnsignedChunksWithTrailer => true,
        }
    }
}

/// Whether requests with this method have no body, so that the payload mode does not matter. One with a body all the same is
/// refused by its operation.
pub fn has_no_body(method: &str) -> bool {
    matches!(method, "GET" | "HEAD")
}

/// The hexadecimal digits of a SHA-256 or of a signature.
const DIGITS_LENGTH: usize = EMPTY_SHA256.len();
/// The length of what follows the scope in the StringToSign of a chunk: three times 64 digits, separated by line feeds.
const CHUNK_TEXT_END: usize = 3 * DIGITS_LENGTH + 2;
/// The block length of SHA-256, in bytes.
const SHA256_BLOCK: usize = 64;

/// The chain of signatures over the chunks of a body: each covers the one before, the first that of the request.
///
/// Source: Amazon S3 API Reference, "Transferring payload in multiple chunks" and "… with trailing headers".
#[derive(Clone)]
pub struct ChunkChain {
    key: SigningKey,
    /// The HMAC state after the whole blocks at the start of the text, which are the same for every chunk.
    begun: SigningKey,
    algorithm: &'static str,
    /// The StringToSign of the next chunk: `algorithm-PAYLOAD`, timestamp, scope, the previous signature, `sha256("")`, the
    /// SHA-256 of the data. Each chunk overwrites the digits of the one before.
    text: Vec<u8>,
}

impl fmt::Debug for ChunkChain {
    /// Not the latest signature: it is a computed one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = self.text.split(|byte| *byte == b'\n').nth(2);
        let scope = String::from_utf8_lossy(scope.unwrap_or_default());
        write!(f, "ChunkChain({scope})")
    }
}

impl ChunkChain {
    /// The chain of a request. `algorithm` is the algorithm name of the syntax, `timestamp` that of the request
    /// (`20130524T000000Z`), `scope` its credential scope (`20130524/us-east-1/s3/aws4_request`), `seed` its signature.
    pub fn new(
        key: SigningKey,
        algorithm: &'static str,
        timestamp: impl AsRef<str>,
        scope: impl AsRef<str>,
        seed: [u8; HMAC_SHA256_LENGTH],
    ) -> Self {
        let (timestamp, scope) = (timestamp.as_ref(), scope.as_ref());
        let mut text = format!("{algorithm}-PAYLOAD\n{timestamp}\n{scope}\n").into_bytes();
        let begun = key.begun(&text[..whole_blocks(text.len())]);
        let nothing = EMPTY_SHA256.as_bytes();
        text.extend([&hex(&seed), nothing, nothing].join(&b'\n'));
        Self {
            key,
            begun,
            algorithm,
            text,
        }
    }

    /// Whether `provided` (64 lower-case hexadecimal digits) is the signature of the next chunk; `chunk` is the SHA-256 of its
    /// data. The chain then continues with the chunk after it.
    pub fn confirm_chunk(&mut self, provided: &[u8], chunk: &[u8; 32]) -> bool {
        self.sign_chunk(chunk);
        self.previous_is(provided)
    }

    /// Whether `provided` is the signature of the trailer; `trailer` is the SHA-256 of its lines, each `name:value\n`.
    pub fn confirm_trailer(&mut self, provided: &[u8], trailer: &[u8; 32]) -> bool {
        self.sign_trailer(trailer);
        self.previous_is(provided)
    }

    /// Signs the next chunk; `chunk` is the SHA-256 of its data. For senders.
    pub fn sign_chunk(&mut self, chunk: &[u8; 32]) -> [u8; HMAC_SHA256_LENGTH] {
        let digest = self.text.len() - DIGITS_LENGTH;
        self.text[digest..].copy_from_slice(&hex(chunk));
        let begun = whole_blocks(self.previous().start);
        let mac = self.begun.mac(&self.text[begun..]);
        self.advance(mac)
    }

    /// Signs the trailer; `trailer` is the SHA-256 of its lines. For senders.
    pub fn sign_trailer(&mut self, trailer: &[u8; 32]) -> [u8; HMAC_SHA256_LENGTH] {
        let shared = self.algorithm.len() + "-PAYLOAD".len()..self.previous().end;
        let text = [
            self.algorithm.as_bytes(),
            b"-TRAILER",
            &self.text[shared],
            b"\n",
            &hex(trailer),
        ];
        let mac = self.key.mac(&text.concat());
        self.advance(mac)
    }

    fn advance(&mut self, mac: [u8; HMAC_SHA256_LENGTH]) -> [u8; HMAC_SHA256_LENGTH] {
        let previous = self.previous();
        self.text[previous].copy_from_slice(&hex(&mac));
        mac
    }

    /// Where in the text the latest signature is.
    fn previous(&self) -> Range<usize> {
        let start = self.text.len() - CHUNK_TEXT_END;
        start..start + DIGITS_LENGTH
    }

    fn previous_is(&self, provided: &[u8]) -> bool {
        equal(&self.text[self.previous()], provided)
    }
}

/// The largest multiple of the block length of SHA-256 up to this many bytes.
fn whole_blocks(length: usize) -> usize {
    length - length % SHA256_BLOCK
}

#[cfg(test)]
mod tests {
    use super::super::encode;
    use super::super::signing_key::CredentialScope;
    use super::*;
    use crate::secret::Secret;

    fn unhex(text: &str) -> [u8; 32] {
        encode::unhex(text.as_bytes()).unwrap()
    }

    #[test]
    fn m16_every_word_has_one_spelling_and_a_hash_two_cases() {
        let of = |text: &str| PayloadMode::of(text.as_bytes(), "AWS4-HMAC-SHA256");
        for (text, mode) in [
            ("UNSIGNED-PAYLOAD", PayloadMode::Unsigned),
            (EMPTY_SHA256, PayloadMode::Sha256(unhex(EMPTY_SHA256))),
            (
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                PayloadMode::SignedChunks,
            ),
            (
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                PayloadMode::SignedChunksWithTrailer,
            ),
            (
                "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                PayloadMode::UnsignedChunksWithTrailer,
            ),
        ] {
            assert_eq!(of(text), Some(mode), "{text}");
            assert_eq!(mode.is_chunked(), text.starts_with("STREAMING"), "{text}");
        }
        for text in [
            "",
            "unsigned-payload",
            "STREAMING-",
            "STREAMING-UNSIGNED-PAYLOAD",
            "STREAMING-WOS-HMAC-SHA256-PAYLOAD",
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
            "STREAMING-AWS4-HMAC-SHA256",
            &EMPTY_SHA256[1..],
            &EMPTY_SHA256[1..].to_ascii_uppercase(),
            "streaming-unsigned-payload-trailer",
            &format!("{EMPTY_SHA256}0"),
            &"g".repeat(64),
        ] {
            assert_eq!(of(text), None, "{text}");
        }
        let capitals = of(&EMPTY_SHA256.to_ascii_uppercase());
        assert_eq!(capitals, of(EMPTY_SHA256), "hexadecimal digits");
        let wos = PayloadMode::of(b"STREAMING-WOS-HMAC-SHA256-PAYLOAD", "WOS-HMAC-SHA256");
        assert_eq!(wos, Some(PayloadMode::SignedChunks));
    }

    /// Amazon S3 API Reference, "Transferring payload in multiple chunks": 64 KiB and 1 KiB of `a`, then the empty chunk.
    #[test]
    fn the_published_chain_holds_link_by_link() {
        let scope = CredentialScope {
            date: "20130524",
            region: "us-east-1",
            service: "s3",
            terminator: "aws4_request",
        };
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into());
        let key = SigningKey::derive("AWS4", &secret, scope);
        let seed = unhex("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
        let stamp = "20130524T000000Z";
        let chain = ChunkChain::new(key, "AWS4-HMAC-SHA256", stamp, scope.to_string(), seed);
        let chunks = [
            (
                "bf718b6f653bebc184e1479f1935b8da974d701b893afcf49e701f3e2f9f9c5a",
                "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            ),
            (
                "2edc986847e209b4016e141a6dc8716d3207350f416969382d431539bf292e4a",
                "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            ),
            (
                EMPTY_SHA256,
                "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
            ),
        ];
        let mut right = chain.clone();
        for (digest, signature) in chunks {
            assert!(right.confirm_chunk(signature.as_bytes(), &unhex(digest)));
        }
        // Out of order, in upper case, cut short, or the algorithm of the trailer for that of a chunk: refused.
        let (digest, signature) = chunks[0];
        let other = chunks[1];
        assert!(
            !chain
                .clone()
                .confirm_chunk(other.1.as_bytes(), &unhex(other.0))
        );
        let capitals = signature.to_ascii_uppercase();
        assert!(
            !chain
                .clone()
                .confirm_chunk(capitals.as_bytes(), &unhex(digest))
        );
        assert!(
            !chain
                .clone()
                .confirm_chunk(&signature.as_bytes()[1..], &unhex(digest))
        );
        assert!(
            !chain
                .clone()
                .confirm_trailer(signature.as_bytes(), &unhex(digest))
        );
    }
}
