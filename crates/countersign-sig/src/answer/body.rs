//! The answers to bodies that are not the ones that were claimed.

use super::auth::mismatch;
use super::{Answer, Answered, S3ErrorCode as Code};
use crate::body::BodyFailure;
use crate::dialect::{ContentMd5Mismatch, Dialect, DialectName};

/// Amazon S3 API Reference, "List of error codes", and what S3 answers.
impl Answered for BodyFailure {
    fn answer(&self, dialect: DialectName) -> Answer {
        let texts = &Dialect::named(dialect).texts;
        let request = |message: String| Answer::new(400, Code::InvalidRequest, message);
        match self {
        BodyFailure::MissingLength
        | BodyFailure::MissingDecodedLength
        | BodyFailure::BadDecodedLength(_) => Answer::new(
            411,
            Code::MissingContentLength,
            "You must provide the Content-Length HTTP header.",
        ),
        BodyFailure::TooLarge { proposed, max } => Answer::new(
            400,
            Code::EntityTooLarge,
            "Your proposed upload exceeds the maximum allowed size",
        )
        .with("ProposedSize", proposed.to_string())
        .with("MaxSizeAllowed", max.to_string()),
        BodyFailure::UndeclaredChunks(value) => Answer::new(
            400,
            Code::InvalidArgument,
            "aws-chunked encoding is not supported when x-amz-content-sha256 UNSIGNED-PAYLOAD is supplied",
        )
        .with("ArgumentName", "Content-Encoding")
        .with("ArgumentValue", value.clone()),
        BodyFailure::BadContentMd5(value) => Answer::new(
            400,
            Code::InvalidDigest,
            "The Content-MD5 you specified was invalid.",
        )
        .with("Content-MD5", value.clone()),
        BodyFailure::BadChecksum(name) => request(format!("Value for {name} header is invalid.")),
        BodyFailure::BadTrailerChecksum(name) => {
            request(format!("Value for {name} trailing header is invalid."))
        }
        BodyFailure::UnknownChecksum(_) => {
            request("The algorithm type you specified in x-amz-checksum- header is invalid.".into())
        }
        BodyFailure::SeveralChecksums => request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
                .into(),
        ),
        BodyFailure::ChecksumAndTrailer => {
            request("Expecting a single x-amz-checksum- header".into())
        }
        BodyFailure::NamedChecksumMissing(name) => request(format!(
            "{name} specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
        )),
        BodyFailure::OtherChecksumNamed(name) => {
            request(format!("Value for {name} header is invalid."))
        }
        BodyFailure::UnsupportedTrailer(_) => {
            request("The value specified in the x-amz-trailer header is not supported".into())
        }
        BodyFailure::PayloadHash { declared, received } => Answer::new(
            400,
            Code::XAmzContentSha256Mismatch,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
        .with("ClientComputedContentSHA256", declared.clone())
        .with("S3ComputedContentSHA256", received.clone()),
        BodyFailure::ContentMd5 { declared, received } => match texts.content_md5_mismatch {
            ContentMd5Mismatch::BadDigest => Answer::new(
                400,
                Code::BadDigest,
                "The Content-MD5 you specified did not match what we received.",
            )
            .with("ExpectedDigest", declared.clone())
            .with("CalculatedDigest", received.clone()),
            ContentMd5Mismatch::SignatureDoesNotMatch => mismatch(texts),
        },
        BodyFailure::Checksum(algorithm) => Answer::new(
            400,
            Code::BadDigest,
            format!(
                "The {} you specified did not match the calculated checksum.",
                algorithm.word()
            ),
        ),
        BodyFailure::Length { declared, received } => incomplete(
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        )
        .with("NumberBytesExpected", declared.to_string())
        .with("NumberBytesProvided", received.to_string()),
        BodyFailure::Truncated => incomplete("The request body terminated unexpectedly"),
        BodyFailure::MalformedChunk(why) => incomplete(format!(
            "The chunked encoding of the request body is malformed: {why}."
        )),
        // S3 answers 403 where its list of codes would have 400.
        BodyFailure::ChunkTooSmall { chunk, size, min } => Answer::new(
            403,
            Code::InvalidChunkSizeError,
            format!("Only the last chunk is allowed to have a size less than {min} bytes"),
        )
        .with("Chunk", chunk.to_string())
        .with("BadChunkSize", size.to_string()),
        BodyFailure::ChunkTooLarge { chunk, size, max } => Answer::new(
            403,
            Code::InvalidChunkSizeError,
            format!("A signed chunk is not allowed to have a size of more than {max} bytes"),
        )
        .with("Chunk", chunk.to_string())
        .with("BadChunkSize", size.to_string()),
        BodyFailure::ChunkSignature | BodyFailure::TrailerSignature => mismatch(texts),
        BodyFailure::MalformedTrailer(_) => Answer::new(
            400,
            Code::MalformedTrailerError,
            "The request contained trailing data that was not well-formed or did not conform to our published schema.",
        ),
    }
    }
}

fn incomplete(message: impl Into<std::borrow::Cow<'static, str>>) -> Answer {
    Answer::new(400, Code::IncompleteBody, message)
}
