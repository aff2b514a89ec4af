//! The digests that a request declares of its data as a whole, and their verification.

use std::fmt;
use std::hash::Hasher as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use twox_hash::{XxHash3_64, XxHash3_128, XxHash64};

use super::checksum::ChecksumAlgorithm;
use super::failure::BodyFailure;
use crate::sig::encode::hex;

/// A declared checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChecksumClaim {
    pub algorithm: ChecksumAlgorithm,
    /// The value in canonical base64; none where it follows in the trailer.
    pub value: Option<String>,
}

/// What a request declares of its data as a whole.
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

/// The state of a checksum. SHA-256 is shared with the payload hash, MD5 with Content-MD5.
#[derive(Clone)]
enum Checksum {
    Crc(crc_fast::Digest),
    Sha1(Sha1),
    Sha512(Sha512),
    XxHash64(XxHash64),
    XxHash3(XxHash3_64),
    XxHash128(XxHash3_128),
}

impl Checksum {
    fn of(algorithm: ChecksumAlgorithm) -> Option<Self> {
        let crc = |algorithm| Self::Crc(crc_fast::Digest::new(algorithm));
        Some(match algorithm {
            ChecksumAlgorithm::Sha256 | ChecksumAlgorithm::Md5 => return None,
            ChecksumAlgorithm::Crc32 => crc(CrcAlgorithm::Crc32IsoHdlc),
            ChecksumAlgorithm::Crc32c => crc(CrcAlgorithm::Crc32Iscsi),
            ChecksumAlgorithm::Crc64Nvme => crc(CrcAlgorithm::Crc64Nvme),
            ChecksumAlgorithm::Sha1 => Self::Sha1(Sha1::new()),
            ChecksumAlgorithm::Sha512 => Self::Sha512(Sha512::new()),
            ChecksumAlgorithm::XxHash64 => Self::XxHash64(XxHash64::with_seed(0)),
            ChecksumAlgorithm::XxHash3 => Self::XxHash3(XxHash3_64::new()),
            ChecksumAlgorithm::XxHash128 => Self::XxHash128(XxHash3_128::new()),
        })
    }

    fn update(&mut self, data: &[u8]) {
        match self {
            Self::Crc(crc) => crc.update(data),
            Self::Sha1(sha1) => sha1.update(data),
            Self::Sha512(sha512) => sha512.update(data),
            Self::XxHash64(hash) => hash.write(data),
            Self::XxHash3(hash) => hash.write(data),
            Self::XxHash128(hash) => hash.write(data),
        }
    }

    /// The checksum in canonical base64.
    fn value(self, algorithm: ChecksumAlgorithm) -> String {
        match self {
            Self::Crc(crc) => {
                let sum = crc.finalize().to_be_bytes();
                // The upper half of a 32-bit checksum is zero.
                let start = sum.len() - algorithm.length();
                STANDARD.encode(sum.get(start..).unwrap_or_default())
            }
            Self::Sha1(sha1) => STANDARD.encode(sha1.finalize()),
            Self::Sha512(sha512) => STANDARD.encode(sha512.finalize()),
            Self::XxHash64(hash) => STANDARD.encode(hash.finish().to_be_bytes()),
            Self::XxHash3(hash) => STANDARD.encode(hash.finish().to_be_bytes()),
            Self::XxHash128(hash) => STANDARD.encode(hash.finish_128().to_be_bytes()),
        }
    }
}

/// The digests of the data read so far.
#[derive(Clone)]
pub(super) struct DataState {
    sha256: Option<Sha256>,
    md5: Option<Md5>,
    checksum: Option<Checksum>,
}

impl fmt::Debug for DataState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataState").finish_non_exhaustive()
    }
}

impl DataState {
    /// Computes the digests that are declared, each once.
    pub fn of(claim: &DataClaim) -> Self {
        let algorithm = claim.checksum.as_ref().map(|checksum| checksum.algorithm);
        let hashed = claim.payload_hash.is_some() || algorithm == Some(ChecksumAlgorithm::Sha256);
        let digested = claim.content_md5.is_some() || algorithm == Some(ChecksumAlgorithm::Md5);
        Self {
            sha256: hashed.then(Sha256::new),
            md5: digested.then(Md5::new),
            checksum: algorithm.and_then(Checksum::of),
        }
    }

    /// Takes in more of the data.
    pub fn update(&mut self, data: &[u8]) {
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(data);
        }
        if let Some(md5) = &mut self.md5 {
            md5.update(data);
        }
        if let Some(checksum) = &mut self.checksum {
            checksum.update(data);
        }
    }

    /// Compares the data, now complete, with what was declared. `trailer` is the checksum in the trailer, in canonical base64.
    ///
    /// # Errors
    /// The first of payload hash, Content-MD5 and checksum that does not match.
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
        let md5 = self.md5.map(|md5| STANDARD.encode(md5.finalize()));
        if let (Some(declared), Some(received)) = (&claim.content_md5, &md5)
            && declared != received
        {
            return Err(BodyFailure::ContentMd5 {
                declared: declared.clone(),
                received: received.clone(),
            });
        }
        let Some(checksum) = &claim.checksum else {
            return Ok(());
        };
        let algorithm = checksum.algorithm;
        let received = match (algorithm, self.checksum) {
            (_, Some(checksum)) => Some(checksum.value(algorithm)),
            (ChecksumAlgorithm::Md5, None) => md5,
            (_, None) => hash.map(|hash| STANDARD.encode(hash)),
        };
        let declared = checksum.value.as_deref().or(trailer);
        if declared.is_some() && declared == received.as_deref() {
            Ok(())
        } else {
            Err(BodyFailure::Checksum(algorithm))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over `123456789`: the check values of the catalogue of CRC algorithms (reveng.sourceforge.io), those of FIPS 180-4 and
    /// RFC 1321, and the XXHashes of the vendor's own library (awscrt 0.38), which botocore puts in these headers.
    #[test]
    fn m13_each_checksum_is_the_catalogues() {
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
            (
                ChecksumAlgorithm::Sha512,
                "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a\
                 d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
            ),
            (ChecksumAlgorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
            (ChecksumAlgorithm::XxHash64, "8cb841db40e6ae83"),
            (ChecksumAlgorithm::XxHash3, "72dcb18b67a17dff"),
            (
                ChecksumAlgorithm::XxHash128,
                "33119477ede5dcd5e9716427681d5860",
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
