//! Why a body is not the one that the request declares.

use super::checksum::ChecksumAlgorithm;

/// Why a body is refused: the variants up to [`BodyFailure::UnsupportedTrailer`] by its header alone, the others while it streams.
#[derive(
    Debug, Clone, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr, strum::VariantNames,
)]
#[strum(prefix = "Body")]
pub enum BodyFailure {
    /// A chunked body without `x-amz-decoded-content-length`.
    #[error("the length of the data in a chunked body is not declared")]
    MissingDecodedLength,
    /// An upload without Content-Length whose header declares something of a body.
    #[error("the length of the body is not declared")]
    MissingLength,
    /// `x-amz-decoded-content-length` is not a number of bytes.
    #[error("the decoded content length '{0}' is not a number of bytes")]
    BadDecodedLength(String),
    /// More data than one upload may have.
    #[error("the body has more than {max} bytes")]
    TooLarge {
        /// The bytes that are declared, or were sent so far.
        proposed: u64,
        /// The limit.
        max: u64,
    },
    /// `Content-Encoding: aws-chunked` with a payload mode of neither chunks nor a hash: the body might be stored with its
    /// framing. Holds the encoding as sent.
    #[error(
        "the content encoding is aws-chunked, and neither a streaming mode nor a hash is signed"
    )]
    UndeclaredChunks(String),
    /// Content-MD5 is not 16 bytes in base64.
    #[error("the Content-MD5 '{0}' is not valid")]
    BadContentMd5(String),
    /// The value of a checksum header is not a checksum in base64.
    #[error("the value of the header {0} is not valid")]
    BadChecksum(String),
    /// The same in the trailer.
    #[error("the value of the trailer {0} is not valid")]
    BadTrailerChecksum(String),
    /// A checksum header of an unknown algorithm.
    #[error("the algorithm of the checksum header {0} is not known")]
    UnknownChecksum(String),
    /// Two checksums in the header, or two announced.
    #[error("there is more than one checksum")]
    SeveralChecksums,
    /// A checksum in the header and one announced for the trailer.
    #[error("there is a checksum in the header and one in the trailer")]
    ChecksumAndTrailer,
    /// `x-amz-sdk-checksum-algorithm`, and no checksum in the header or the trailer.
    #[error("the header {0} names a checksum, and none is sent")]
    NamedChecksumMissing(String),
    /// `x-amz-sdk-checksum-algorithm` or `x-amz-checksum-algorithm` names another algorithm than that of the checksum.
    #[error("the header {0} names another checksum than the one that is sent")]
    OtherChecksumNamed(String),
    /// `x-amz-trailer` names something else than one checksum.
    #[error("the announced trailer '{0}' is not supported")]
    UnsupportedTrailer(String),

    /// The body does not have the SHA-256 that was signed. Both in hexadecimal digits.
    #[error("the SHA-256 of the body is not the declared one")]
    PayloadHash {
        /// What the client declared.
        declared: String,
        /// What the body has.
        received: String,
    },
    /// The body does not match Content-MD5. Both in base64.
    #[error("the MD5 of the body is not the declared one")]
    ContentMd5 {
        /// What the client declared.
        declared: String,
        /// What the body has.
        received: String,
    },
    /// The body does not match its checksum.
    #[error("the {} of the body is not the declared one", .0.word())]
    Checksum(ChecksumAlgorithm),
    /// The body has another length than was declared.
    #[error("the body has not the declared length of {declared} bytes")]
    Length {
        /// The declared bytes.
        declared: u64,
        /// The bytes that came, or that a chunk announced.
        received: u64,
    },
    /// The body ends in the middle of its framing.
    #[error("the body ends before its last chunk does")]
    Truncated,
    /// The framing is malformed; why.
    #[error("the chunks are malformed: {0}")]
    MalformedChunk(&'static str),
    /// A chunk that is too small and not the last one with data.
    #[error("chunk {chunk} follows one of only {size} bytes")]
    ChunkTooSmall {
        /// The number of the chunk that should not have followed, from 1.
        chunk: u64,
        /// The size of the one before.
        size: u64,
        /// The limit.
        min: u64,
    },
    /// A signed chunk that is too large.
    #[error("chunk {chunk} has {size} bytes")]
    ChunkTooLarge {
        /// The number of the chunk, from 1.
        chunk: u64,
        /// Its size.
        size: u64,
        /// The limit.
        max: u64,
    },
    /// The signature of a chunk does not match.
    #[error("the signature of a chunk does not match")]
    ChunkSignature,
    /// The signature of the trailer is missing or does not match.
    #[error("the signature of the trailer does not match")]
    TrailerSignature,
    /// The trailer is malformed, or not the one that `x-amz-trailer` announces.
    #[error("the trailer is malformed: {0}")]
    MalformedTrailer(&'static str),
}

impl BodyFailure {
    /// Something follows what ended the body.
    pub(super) const BEHIND_THE_END: Self = Self::MalformedChunk("bytes behind the end");
}
