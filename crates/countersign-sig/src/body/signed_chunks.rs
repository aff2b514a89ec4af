//! Encodes a body in signed chunks of 64 KiB; each signature covers the data of its chunk and the signature before it.
//!
//! Source: Amazon S3 API Reference, "Transferring payload in multiple chunks".

use bytes::{BufMut, Bytes, BytesMut};
use sha2::{Digest, Sha256};

use super::End;
use crate::sig::encode::hex;
use crate::sig::payload::ChunkChain;

/// The bytes of data in each chunk but the last one with data.
pub const CHUNK: usize = 64 * 1024;
/// What separates a chunk's size from its signature.
const SIGNATURE: &[u8] = b";chunk-signature=";
/// The digits of a signature.
const DIGITS: u64 = 64;
/// The CR LF after the header and the one after the data, in bytes.
const LINE_ENDS: u64 = 4;

/// Frames one body. Holds at most one chunk.
#[derive(Debug)]
pub struct SignedChunks {
    chain: ChunkChain,
    held: BytesMut,
}

impl SignedChunks {
    /// The chunks of a request whose signature is the seed of this chain.
    pub fn new(chain: ChunkChain) -> Self {
        Self {
            chain,
            held: BytesMut::new(),
        }
    }

    /// The length of a framed body with so many bytes of data; none where it exceeds 64 bits.
    pub fn encoded_length(data: u64) -> Option<u64> {
        let chunk = CHUNK as u64;
        let rest = match data % chunk {
            0 => 0,
            rest => framed_length(rest),
        };
        (data / chunk)
            .checked_mul(framed_length(chunk))?
            .checked_add(rest)?
            .checked_add(framed_length(0))
    }

    /// The chunks that are complete with this piece of data. [`End::Last`] adds the final chunk.
    pub fn push(&mut self, mut piece: Bytes, end: End) -> Bytes {
        let mut framed = BytesMut::new();
        while self.held.len() + piece.len() >= CHUNK {
            let rest = piece.split_off(CHUNK - self.held.len());
            let start = self.held.split();
            self.frame(&[&start, &piece], &mut framed);
            piece = rest;
        }
        self.held.extend_from_slice(&piece);
        if end == End::Last {
            let last = self.held.split();
            if !last.is_empty() {
                self.frame(&[&last], &mut framed);
            }
            self.frame(&[], &mut framed);
        }
        framed.freeze()
    }

    /// One chunk whose data are these pieces.
    fn frame(&mut self, data: &[&[u8]], framed: &mut BytesMut) {
        let mut hash = Sha256::new();
        let mut length = 0;
        for piece in data {
            hash.update(piece);
            length += piece.len();
        }
        let signature = self.chain.sign_chunk(&hash.finalize().into());
        framed.reserve(length + 128);
        framed.put_slice(format!("{length:x}").as_bytes());
        framed.put_slice(SIGNATURE);
        framed.put_slice(&hex(&signature));
        framed.put_slice(b"\r\n");
        for piece in data {
            framed.put_slice(piece);
        }
        framed.put_slice(b"\r\n");
    }
}

fn framed_length(data: u64) -> u64 {
    let size_digits = u64::from((u64::BITS - data.leading_zeros()).div_ceil(4).max(1));
    size_digits + SIGNATURE.len() as u64 + DIGITS + LINE_ENDS + data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::sig::signing_key::{CredentialScope, SigningKey};

    /// The chain of Amazon S3 API Reference, "Transferring payload in multiple chunks".
    fn published() -> SignedChunks {
        let scope = CredentialScope {
            date: "20130524",
            region: "us-east-1",
            service: "s3",
            terminator: "aws4_request",
        };
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into());
        let key = SigningKey::derive("AWS4", &secret, scope);
        let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
        let digit = |at| u8::from_str_radix(&seed[2 * at..2 * at + 2], 16).unwrap();
        let chain = ChunkChain::new(
            key,
            "AWS4-HMAC-SHA256",
            "20130524T000000Z",
            scope.to_string(),
            std::array::from_fn(digit),
        );
        SignedChunks::new(chain)
    }

    #[test]
    fn the_published_body_comes_out_wherever_the_data_is_cut() {
        let data = vec![b'a'; 66_560];
        let mut expected = Vec::new();
        for (size, signature) in [
            (
                65_536,
                "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            ),
            (
                1024,
                "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            ),
            (
                0,
                "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
            ),
        ] {
            expected.extend(format!("{size:x};chunk-signature={signature}\r\n").bytes());
            expected.extend_from_slice(&data[..size]);
            expected.extend_from_slice(b"\r\n");
        }
        assert_eq!(
            expected.len(),
            66_824,
            "the Content-Length of the same page"
        );
        for size in [1, 1000, 65_535, 65_536, 65_537, 66_560] {
            let mut chunks = published();
            let mut out = Vec::new();
            for piece in data.chunks(size) {
                out.extend_from_slice(&chunks.push(Bytes::copy_from_slice(piece), End::More));
                assert!(chunks.held.len() < CHUNK);
            }
            out.extend_from_slice(&chunks.push(Bytes::new(), End::Last));
            assert!(out == expected, "in pieces of {size}");
        }
        assert!(published().push(Bytes::from(data), End::Last) == expected);
    }

    #[test]
    fn the_length_is_known_before() {
        for data in [
            0, 1, 15, 16, 255, 256, 65_535, 65_536, 65_537, 131_072, 200_000,
        ] {
            let out = published().push(Bytes::from(vec![0; data]), End::Last);
            let length = u64::try_from(out.len()).unwrap();
            let data = u64::try_from(data).unwrap();
            assert_eq!(SignedChunks::encoded_length(data), Some(length), "{data}");
        }
        assert_eq!(SignedChunks::encoded_length(u64::MAX), None);
    }
}
