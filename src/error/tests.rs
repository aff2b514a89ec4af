use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::address::{BucketNames, PathFault};
use crate::body::ChecksumAlgorithm;
use crate::sig::Placement::{Header, Query};
use crate::sig::Version;
use crate::sig::failure::{ScopeFault, Unaccepted};
use crate::sig::form::TaggingFault;

/// Every refusal, so that the golden table below is complete.
fn every() -> Vec<Refusal> {
    let date = ScopeFault::Date {
        provided: "20130523".into(),
        request_time: "20130524T000000Z".into(),
    };
    let auth = [
        AuthFailure::MalformedQuery("a parameter has no name"),
        AuthFailure::TooManyParameters,
        AuthFailure::DuplicateParameter("acl".into()),
        AuthFailure::DuplicateHeader("date".into()),
        AuthFailure::SeveralMechanisms,
        AuthFailure::NotSigned,
        AuthFailure::UnsupportedScheme,
        AuthFailure::UnsupportedVersion(Unaccepted::SwitchedOff(Version::V4)),
        AuthFailure::AuthorizationSpaces,
        AuthFailure::AuthorizationColon,
        AuthFailure::AuthorizationComponents,
        AuthFailure::IncompleteQuery(Version::V2),
        AuthFailure::MalformedCredential(Header),
        AuthFailure::EmptyAccessKeyId,
        AuthFailure::MalformedSignedHeaders(Header),
        AuthFailure::ForeignHeader("x-wos-acl".into()),
        AuthFailure::PayloadMode("aws-chunked".into()),
        AuthFailure::MissingPayloadMode("x-amz-content-sha256"),
        AuthFailure::BadPayloadMode {
            name: "x-amz-content-sha256",
            value: "invalid".into(),
        },
        AuthFailure::MisplacedChunks,
        AuthFailure::NoDate(Header),
        AuthFailure::CredentialScope(Header, date.clone()),
        AuthFailure::ClockSkew {
            request_time: "Thu, 01 Jan 1970 00:00:00 GMT".into(),
            server_time: UNIX_EPOCH + Duration::from_secs(1_000),
            max_clock_skew: Duration::from_secs(900),
        },
        AuthFailure::BadExpires,
        AuthFailure::BadLifetime { longest: 604_800 },
        AuthFailure::NotYetValid {
            signed_at: UNIX_EPOCH + Duration::from_secs(1_000),
            server_time: UNIX_EPOCH,
        },
        AuthFailure::Expired {
            expires: UNIX_EPOCH,
            server_time: UNIX_EPOCH + Duration::from_secs(1),
        },
        AuthFailure::UnsignedHeaders("host, x-amz-acl".into()),
        AuthFailure::AmbiguousSubResource,
        AuthFailure::UnknownAccessKeyId,
        AuthFailure::SecurityToken,
        AuthFailure::SignatureMismatch(None),
        AuthFailure::UncoveredParameter("legal-hold".into()),
        AuthFailure::BlankRun("x-amz-copy-source".into()),
    ];
    for (at, failure) in auth.iter().enumerate() {
        assert_eq!(usize::from(failure.rule()), at + 1, "{failure:?}");
    }
    // The same rules, with other messages.
    let region = ScopeFault::Region {
        provided: "eu-1".into(),
        expected: "us-east-1".into(),
    };
    let service = ScopeFault::Service {
        provided: "sts".into(),
        expected: "s3",
    };
    let terminator = ScopeFault::Terminator {
        provided: "aws5_request".into(),
        expected: "aws4_request",
    };
    let other_messages = [
        AuthFailure::UnsupportedVersion(Unaccepted::SwitchedOff(Version::V2)),
        AuthFailure::UnsupportedVersion(Unaccepted::Asymmetric),
        AuthFailure::UnsupportedVersion(Unaccepted::Algorithm),
        AuthFailure::IncompleteQuery(Version::V4),
        AuthFailure::MalformedCredential(Query),
        AuthFailure::MalformedSignedHeaders(Query),
        AuthFailure::NoDate(Query),
        AuthFailure::CredentialScope(Query, date),
        AuthFailure::CredentialScope(Header, region.clone()),
        AuthFailure::CredentialScope(Query, region),
        AuthFailure::CredentialScope(Header, service),
        AuthFailure::CredentialScope(Header, terminator),
    ];
    let wire = [
        WireFault::HeaderTooLarge,
        WireFault::LineTooLong,
        WireFault::TooManyFields,
        WireFault::LineEnd,
        WireFault::RequestLine,
        WireFault::Target,
        WireFault::Field,
        WireFault::TwoLengths,
        WireFault::ContentLength,
        WireFault::TransferEncoding,
        WireFault::Tunnel,
        WireFault::ChunkSize,
        WireFault::ChunkExtension,
        WireFault::ChunkLineTooLong,
        WireFault::ChunkEnd,
        WireFault::Trailer,
        WireFault::TrailerTooLarge,
        WireFault::Timeout,
    ];
    let address = [
        AddressFailure::MissingHost,
        AddressFailure::SeveralHosts,
        AddressFailure::OtherAuthority,
        AddressFailure::BadHost,
        AddressFailure::RootHost,
        AddressFailure::BadPath(PathFault::NoSlash),
        AddressFailure::BadPath(PathFault::PercentEncoding),
        AddressFailure::BadPath(PathFault::Nul),
        AddressFailure::BadPath(PathFault::NoKey),
        AddressFailure::BadBucketName(BucketNames::S3),
        AddressFailure::BadBucketName(BucketNames::Relaxed),
        AddressFailure::DotSegment,
        AddressFailure::ConflictingParameters("acl", "cors"),
        AddressFailure::IncompletePart,
    ];
    let pair = || ("b1946ac9".to_owned(), "591785b7".to_owned());
    let ((declared, received), (declared_md5, received_md5)) = (pair(), pair());
    let name = || "x-amz-checksum-crc32".to_owned();
    let body = [
        BodyFailure::MissingLength,
        BodyFailure::MissingDecodedLength,
        BodyFailure::BadDecodedLength("+5".into()),
        BodyFailure::TooLarge {
            proposed: 11,
            max: 10,
        },
        BodyFailure::UndeclaredChunks("gzip,aws-chunked".into()),
        BodyFailure::BadContentMd5("?".into()),
        BodyFailure::BadChecksum(name()),
        BodyFailure::BadTrailerChecksum(name()),
        BodyFailure::UnknownChecksum("x-amz-checksum-crc16".into()),
        BodyFailure::SeveralChecksums,
        BodyFailure::ChecksumAndTrailer,
        BodyFailure::NamedChecksumMissing("x-amz-sdk-checksum-algorithm".into()),
        BodyFailure::OtherChecksumNamed("x-amz-sdk-checksum-algorithm".into()),
        BodyFailure::UnsupportedTrailer("x-amz-acl".into()),
        BodyFailure::PayloadHash { declared, received },
        BodyFailure::ContentMd5 {
            declared: declared_md5,
            received: received_md5,
        },
        BodyFailure::Checksum(ChecksumAlgorithm::Crc64Nvme),
        BodyFailure::Length {
            declared: 5,
            received: 4,
        },
        BodyFailure::Truncated,
        BodyFailure::MalformedChunk("a size is no hexadecimal number"),
        BodyFailure::ChunkTooSmall {
            chunk: 2,
            size: 1024,
            min: 8192,
        },
        BodyFailure::ChunkTooLarge {
            chunk: 1,
            size: 16_777_217,
            max: 16_777_216,
        },
        BodyFailure::ChunkSignature,
        BodyFailure::TrailerSignature,
        BodyFailure::MalformedTrailer("a line was not announced"),
    ];
    let form = [
        FormFault::Malformed("its file has no end"),
        FormFault::HeadTooLong,
        FormFault::NoFile,
        FormFault::SeveralFiles,
        FormFault::TailTooLong,
        FormFault::NoLength,
        FormFault::NotTheLast,
    ];
    let policy = [
        PolicyFailure::DuplicateField("key".into()),
        PolicyFailure::MissingField("AWSAccessKeyId"),
        PolicyFailure::NoKey,
        PolicyFailure::KeyTooLong { length: 1025 },
        PolicyFailure::Document("it is not JSON"),
        PolicyFailure::Expired,
        PolicyFailure::Condition("[\"eq\", \"$acl\", \"private\"]".into()),
        PolicyFailure::ExtraField("acl".into()),
        PolicyFailure::TooSmall { length: 1, min: 2 },
        PolicyFailure::TooLarge { length: 3, max: 2 },
        PolicyFailure::UnsupportedField("x-amz-copy-source".into()),
        PolicyFailure::AmbiguousFilename("key".into()),
        PolicyFailure::Tagging(TaggingFault::Malformed("it is not XML")),
        PolicyFailure::Tagging(TaggingFault::TooMany),
        PolicyFailure::Tagging(TaggingFault::DuplicateKey("colour".into())),
        PolicyFailure::Tagging(TaggingFault::Key { length: 129 }),
        PolicyFailure::Tagging(TaggingFault::Value {
            key: "colour".into(),
            length: 257,
        }),
        PolicyFailure::FieldValue("content-type".into()),
    ];
    let denied = [
        Denial::Anonymous,
        Denial::UnknownOperation,
        Denial::OtherDomain,
    ];
    let others = [
        Refusal::Method,
        Refusal::UnexpectedBody(Operation::GetObject),
        Refusal::ConnectionNames("x-amz-acl".into()),
        Refusal::MethodOverride("x-http-method-override".into()),
        Refusal::Expect,
        Refusal::UnsignedOverride,
        Refusal::SignedField("te".into()),
        Refusal::ParameterSpelling {
            sent: "ACL".into(),
            known: "acl".into(),
        },
        Refusal::PlusInPath,
        Refusal::HostCapitals,
        Refusal::VendorParameter("x-wos-process".into()),
        Refusal::StoreUnavailable,
        Refusal::NoNode,
        Refusal::OwnKey,
        Refusal::NodeFailed,
        Refusal::NodeSilent,
        Refusal::ClientSilent,
        Refusal::Internal,
    ];
    let mut all: Vec<Refusal> = auth.into_iter().map(Refusal::Auth).collect();
    all.extend(other_messages.into_iter().map(Refusal::Auth));
    all.extend(wire.into_iter().map(Refusal::Wire));
    all.extend(address.into_iter().map(Refusal::Address));
    all.extend(body.into_iter().map(Refusal::Body));
    all.extend(form.into_iter().map(Refusal::Form));
    all.extend(policy.into_iter().map(Refusal::Policy));
    all.extend(denied.into_iter().map(Refusal::Denied));
    all.extend(others);
    all
}

/// The table is in a file, so that a review shows every change of a response. After an intended change, run the test with
/// `UPDATE_GOLDEN=1` to update it.
#[test]
fn every_refusal_answers_as_the_table_says() {
    let mut table = String::new();
    for refusal in every() {
        for dialect in [DialectName::Aws, DialectName::Wos] {
            let answer = refusal.answer(dialect);
            let fields: Vec<String> = answer
                .fields
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            table.push_str(&format!(
                "{refusal:?}\n  {} {} {} {:?} {}\n  {}\n",
                dialect.as_str(),
                answer.status,
                answer.code.as_str(),
                refusal.blame(),
                fields.join(" "),
                answer.message,
            ));
        }
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/refusals.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(file, &table).unwrap();
    }
    let golden = std::fs::read_to_string(file).unwrap();
    assert_eq!(table.lines().count(), 149 * 2 * 3);
    assert_eq!(table, golden);
}

/// The names are a label of a metric: a fixed set, each for one reason.
#[test]
fn d_every_refusal_has_a_reason_of_its_own() {
    use strum::VariantNames;
    // These have no name: the failure inside has one.
    let outer = [
        "Wire", "Address", "Auth", "Body", "Denied", "Form", "Policy",
    ];
    let mut names: Vec<&str> = [
        Refusal::VARIANTS,
        AuthFailure::VARIANTS,
        AddressFailure::VARIANTS,
        BodyFailure::VARIANTS,
        FormFault::VARIANTS,
        PolicyFailure::VARIANTS,
        Denial::VARIANTS,
        WireFault::VARIANTS,
    ]
    .concat();
    names.retain(|name| !outer.contains(name));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "two refusals have the same name");
    for refusal in every() {
        let reason = refusal.reason();
        assert!(names.contains(&reason.name), "{reason:?} of {refusal:?}");
    }
    for (refusal, rule, name) in [
        (Refusal::Auth(AuthFailure::NotSigned), Some(6), "NotSigned"),
        (
            Refusal::Policy(PolicyFailure::Expired),
            None,
            "PolicyExpired",
        ),
        (Refusal::Form(FormFault::NoFile), None, "FormNoFile"),
        (Refusal::Body(BodyFailure::Truncated), None, "BodyTruncated"),
        (Refusal::Wire(WireFault::LineEnd), None, "WireLineEnd"),
        (
            Refusal::Address(AddressFailure::DotSegment),
            None,
            "DotSegment",
        ),
        (Refusal::Denied(Denial::OtherDomain), None, "OtherDomain"),
        (Refusal::NoNode, None, "NoNode"),
    ] {
        assert_eq!(refusal.reason(), Reason { rule, name });
    }
}
