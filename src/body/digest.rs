//! What is claimed of the data as a whole, and what it turns out to be.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::failure::BodyFailure;
use crate::sig::payload::hex;

/// The algorithm of an `x-amz-checksum-…` header (Amazon S3 API Reference, "PutObject").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumAlgorithm {
    /// CRC-32/ISO-HDLC.
    Crc32,
    /// CRC-32/ISCSI.
    Crc32c,
    /// CRC-64/NVME.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl ChecksumAlgorithm {
    /// Every algorithm.
    pub const ALL: &'static [Self] = &[
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
    ];

    /// The end of the header's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crc32 => "crc32",
            Self::Crc32c => "crc32c",
            Self::Crc64Nvme => "crc64nvme",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// The word of messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The algorithm with this name, lower-case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|own| own.as_str() == name)
    }

    /// The bytes of a checksum.
    fn length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Whether `text` is a checksum in canonical base64, so that two texts are one checksum only if they are equal.
    pub(super) fn reads(self, text: &[u8]) -> bool {
        is_base64_of(self.length(), text)
    }
}

/// Whether `text` is so many bytes in canonical base64: padded, no whitespace, no stray bits.
pub(super) fn is_base64_of(length: usize, text: &[u8]) -> bool {
    // The longest is a SHA-256; base64 decodes three bytes at a time.
    let mut decoded = [0; 33];
    STANDARD.decode_slice(text, &mut decoded) == Ok(length)
}

/// A checksum that is claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChecksumClaim {
    pub algorithm: ChecksumAlgorithm,
    /// Canonical base64; none while it is still to come, in the trailer.
    pub value: Option<String>,
}

/// What is claimed of the data as a whole.
#[derive(Debug, Clone, Default)]
pub(super) struct DataClaim {
    pub payload_hash: Option<[u8; 32]>,
    /// Canonical base64.
    pub content_md5: Option<String>,
    pub checksum: Option<ChecksumClaim>,
}

impl DataClaim {
    pub fn is_empty(&self) -> bool {
        self.payload_hash.is_none() && self.content_md5.is_none() && self.checksum.is_none()
    }
}

/// The state of a checksum other than SHA-256, which is shared with the payload hash.
#[derive(Debug, Clone)]
enum Checksum {
    Crc(crc_fast::Digest),
    Sha1(Sha1),
}

/// What the data is, so far.
#[derive(Debug, Clone)]
pub(super) struct DataState {
    sha256: Option<Sha256>,
    md5: Option<Md5>,
    checksum: Option<Checksum>,
}

impl DataState {
    /// Computes what the claim needs, and nothing twice.
    pub fn of(claim: &DataClaim) -> Self {
        let algorithm = claim.checksum.as_ref().map(|checksum| checksum.algorithm);
        let crc = |algorithm| Some(Checksum::Crc(crc_fast::Digest::new(algorithm)));
        let hashed = claim.payload_hash.is_some() || algorithm == Some(ChecksumAlgorithm::Sha256);
        Self {
            sha256: hashed.then(Sha256::new),
            md5: claim.content_md5.as_ref().map(|_| Md5::new()),
            checksum: match algorithm {
                None | Some(ChecksumAlgorithm::Sha256) => None,
                Some(ChecksumAlgorithm::Crc32) => crc(CrcAlgorithm::Crc32IsoHdlc),
                Some(ChecksumAlgorithm::Crc32c) => crc(CrcAlgorithm::Crc32Iscsi),
                Some(ChecksumAlgorithm::Crc64Nvme) => crc(CrcAlgorithm::Crc64Nvme),
                Some(ChecksumAlgorithm::Sha1) => Some(Checksum::Sha1(Sha1::new())),
            },
        }
    }

    /// Goes on over more of the data.
    pub fn update(&mut self, data: &[u8]) {
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(data);
        }
        if let Some(md5) = &mut self.md5 {
            md5.update(data);
        }
        match &mut self.checksum {
            None => {}
            Some(Checksum::Crc(crc)) => crc.update(data),
            Some(Checksum::Sha1(sha1)) => sha1.update(data),
        }
    }

    /// Compares all of the data with the claim. `trailer` is the checksum that came behind it, in canonical base64.
    ///
    /// # Errors
    /// The first claim that does not hold: the payload hash, Content-MD5, the checksum.
    pub fn prove(self, claim: &DataClaim, trailer: Option<&str>) -> Result<(), BodyFailure> {
        let hash: Option<[u8; 32]> = self.sha256.map(|sha256| sha256.finalize().into());
        if claim.payload_hash.is_some() && claim.payload_hash != hash {
            let text = |hash: Option<[u8; 32]>| {
                let digits = hash.map(|hash| hex(&hash));
                digits.map_or(String::new(), |digits| {
                    String::from_utf8_lossy(&digits).into()
                })
            };
            return Err(BodyFailure::PayloadHash {
                declared: text(claim.payload_hash),
                received: text(hash),
            });
        }
        if let (Some(declared), Some(md5)) = (&claim.content_md5, self.md5) {
            let received = STANDARD.encode(md5.finalize());
            if *declared != received {
                return Err(BodyFailure::ContentMd5 {
                    declared: declared.clone(),
                    received,
                });
            }
        }
        let Some(checksum) = &claim.checksum else {
            return Ok(());
        };
        let received = match (checksum.algorithm, self.checksum) {
            (ChecksumAlgorithm::Crc64Nvme, Some(Checksum::Crc(crc))) => {
                Some(STANDARD.encode(crc.finalize().to_be_bytes()))
            }
            (_, Some(Checksum::Crc(crc))) => {
                // The upper half of a 32-bit sum is zero.
                let [_, _, _, _, sum @ ..] = crc.finalize().to_be_bytes();
                Some(STANDARD.encode(sum))
            }
            (_, Some(Checksum::Sha1(sha1))) => Some(STANDARD.encode(sha1.finalize())),
            (_, None) => hash.map(|hash| STANDARD.encode(hash)),
        };
        let declared = checksum.value.as_deref().or(trailer);
        if declared.is_some() && declared == received.as_deref() {
            Ok(())
        } else {
            Err(BodyFailure::Checksum(checksum.algorithm))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue of CRC algorithms (reveng.sourceforge.io) and of FIPS 180-4, over `123456789`.
    #[test]
    fn each_checksum_is_the_catalogues() {
        let cases = [
            (ChecksumAlgorithm::Crc32, "cbf43926"),
            (ChecksumAlgorithm::Crc32c, "e3069283"),
            (ChecksumAlgorithm::Crc64Nvme, "ae8b14860a799888"),
            (
                ChecksumAlgorithm::Sha1,
                "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
            ),
            (
                ChecksumAlgorithm::Sha256,
                "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
            ),
        ];
        assert_eq!(
            cases.map(|(algorithm, _)| algorithm),
            ChecksumAlgorithm::ALL
        );
        for (algorithm, digits) in cases {
            let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
            let sum: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
            let value = STANDARD.encode(&sum);
            assert!(algorithm.reads(value.as_bytes()), "{value}");
            assert!(!algorithm.reads(&value.as_bytes()[1..]), "{value}");
            assert_eq!(
                ChecksumAlgorithm::named(algorithm.as_str()),
                Some(algorithm)
            );
            let claimed = |value: Option<&str>| DataClaim {
                checksum: Some(ChecksumClaim {
                    algorithm,
                    value: value.map(str::to_owned),
                }),
                ..DataClaim::default()
            };
            let judged = |claim: &DataClaim, data: &[u8], trailer: Option<&str>| {
                let mut state = DataState::of(claim);
                data.chunks(4).for_each(|piece| state.update(piece));
                state.prove(claim, trailer)
            };
            let in_header = claimed(Some(&value));
            assert_eq!(judged(&in_header, b"123456789", None), Ok(()));
            let in_trailer = claimed(None);
            assert_eq!(judged(&in_trailer, b"123456789", Some(&value)), Ok(()));
            let refused = Err(BodyFailure::Checksum(algorithm));
            assert_eq!(judged(&in_header, b"123456780", None), refused);
            assert_eq!(judged(&in_trailer, b"123456780", Some(&value)), refused);
            assert_eq!(judged(&in_trailer, b"123456789", None), refused);
        }
    }

    #[test]
    fn one_spelling_of_a_checksum_counts() {
        let crc32 = ChecksumAlgorithm::Crc32;
        assert!(crc32.reads(b"y/Q5Jg=="));
        for other in [
            "y/Q5Jg=",
            "y/Q5Jg",
            "y/Q5Jh==",
            "y/Q5Jg==-2",
            " y/Q5Jg==",
            "y_Q5Jg==",
            "",
            "y/Q5JgAA",
        ] {
            assert!(!crc32.reads(other.as_bytes()), "{other}");
        }
        assert!(!crc32.reads(&[b'A'; 1000]));
    }
}
