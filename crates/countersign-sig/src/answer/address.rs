//! The answers to a request that has no single address.

use super::{Answer, Answered, S3ErrorCode as Code};
use crate::address::{
    AddressFailure, BucketNames, MAX_BUCKET_LENGTH, MIN_BUCKET_LENGTH, MIN_RELAXED_BUCKET_LENGTH,
};
use crate::dialect::{Dialect, DialectName};

impl Answered for AddressFailure {
    fn answer(&self, dialect: DialectName) -> Answer {
        let uri = |status, what: String| {
            let message = format!("Couldn't parse the specified URI: {what}.");
            Answer::new(status, Code::InvalidUri, message)
        };
        let request = |message| Answer::new(400, Code::InvalidRequest, message);
        match self {
        AddressFailure::MissingHost => {
            request("The request has no Host header; send exactly one.")
        }
        AddressFailure::SeveralHosts => {
            request("The request has more than one Host header; send exactly one.")
        }
        AddressFailure::OtherAuthority => request(
            "The Host header does not name the authority of the request target; send the same in both.",
        ),
        AddressFailure::BadHost => {
            let status = Dialect::named(dialect).texts.bad_host_status;
            let what = "the Host header is not a host name or an IP address, alone or with a port from 1 to 65535";
            uri(status, what.into())
        }
        AddressFailure::RootHost => uri(
            400,
            "the Host header ends with a dot, and not every storage node knows that name; send it without the dot"
                .into(),
        ),
        AddressFailure::BadPath(fault) => uri(400, format!("the path is not valid, {fault}")),
        AddressFailure::BadBucketName(rule) => {
            let (shortest, also) = match rule {
                BucketNames::S3 => (MIN_BUCKET_LENGTH, ""),
                BucketNames::Relaxed => (
                    MIN_RELAXED_BUCKET_LENGTH,
                    "; 'tenant:' may stand in front of it in a path",
                ),
            };
            Answer::new(
                400,
                Code::InvalidBucketName,
                format!(
                    "The specified bucket is not valid: a name has {shortest} to {MAX_BUCKET_LENGTH} letters, digits, '.', '-' and '_', and no two dots in a row{also}."
                ),
            )
        }
        AddressFailure::DotSegment => Answer::new(
            400,
            Code::InvalidUri,
            "The object key has a segment that is '.' or '..', or that some stores read so; such keys are not accepted here.",
        ),
        AddressFailure::ConflictingParameters(one, other) => Answer::new(
            400,
            Code::InvalidArgument,
            format!("Conflicting query string parameters: {one}, {other}"),
        )
        .with("ArgumentName", "ResourceType")
        .with("ArgumentValue", *one),
        AddressFailure::IncompletePart => Answer::new(
            400,
            Code::InvalidArgument,
            "A part upload needs both the uploadId and the partNumber parameter.",
        ),
    }
    }
}
