//! The checksum algorithms, and the format of their values.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The bytes of an MD5 (RFC 1864).
pub(super) const MD5_LENGTH: usize = 16;
/// The bytes of a SHA-512.
const LONGEST_CHECKSUM: usize = 64;

/// The algorithm of an `x-amz-checksum-…` header (Amazon S3 API Reference, "PutObject"). Its value is the digest's bytes, the
/// most significant first, in base64.
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
    /// SHA-512.
    Sha512,
    /// MD5. The value is that of a Content-MD5.
    Md5,
    /// XXH64, seed 0.
    XxHash64,
    /// XXH3 of 64 bits, seed 0.
    XxHash3,
    /// XXH3 of 128 bits, seed 0.
    XxHash128,
}

impl ChecksumAlgorithm {
    /// Every algorithm.
    pub const ALL: &'static [Self] = &[
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
        Self::Sha512,
        Self::Md5,
        Self::XxHash64,
        Self::XxHash3,
        Self::XxHash128,
    ];

    /// The header's name behind `x-amz-checksum-`, the name in messages and in `x-amz-sdk-checksum-algorithm`, the length of a
    /// checksum in bytes.
    fn described(self) -> (&'static str, &'static str, usize) {
        match self {
            Self::Crc32 => ("crc32", "CRC32", 4),
            Self::Crc32c => ("crc32c", "CRC32C", 4),
            Self::Crc64Nvme => ("crc64nvme", "CRC64NVME", 8),
            Self::Sha1 => ("sha1", "SHA1", 20),
            Self::Sha256 => ("sha256", "SHA256", 32),
            Self::Sha512 => ("sha512", "SHA512", LONGEST_CHECKSUM),
            Self::Md5 => ("md5", "MD5", MD5_LENGTH),
            Self::XxHash64 => ("xxhash64", "XXHASH64", 8),
            Self::XxHash3 => ("xxhash3", "XXHASH3", 8),
            Self::XxHash128 => ("xxhash128", "XXHASH128", 16),
        }
    }

    /// The header's name behind `x-amz-checksum-`.
    pub fn as_str(self) -> &'static str {
        self.described().0
    }

    /// The name in messages.
    pub fn word(self) -> &'static str {
        self.described().1
    }

    /// The length of a checksum, in bytes.
    pub(super) fn length(self) -> usize {
        self.described().2
    }

    /// The algorithm with this name, lower-case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|algorithm| algorithm.as_str() == name)
    }

    /// Whether `text` is a checksum in canonical base64, so that two texts are one checksum only if they are equal.
    pub(super) fn reads(self, text: &[u8]) -> bool {
        is_base64_of(self.length(), text)
    }
}

/// Whether `text` is that many bytes in canonical base64: padded, no whitespace, unused bits zero.
pub(super) fn is_base64_of(length: usize, text: &[u8]) -> bool {
    // base64 decodes three bytes at a time.
    let mut decoded = [0; LONGEST_CHECKSUM.next_multiple_of(3)];
    STANDARD.decode_slice(text, &mut decoded) == Ok(length)
}
