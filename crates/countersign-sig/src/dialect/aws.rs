//! Amazon S3.

use http::HeaderName;

use super::{
    CaseRule, ClockSkew, ContentMd5Mismatch, Dialect, DialectName, Documents, FirstId, Form,
    HostRule, PrefixedParameters, Texts, V4Parameters, V4Words, ValueRule,
};

/// Its words.
pub static FORM: Form = Form {
    scheme: "AWS",
    v4: V4Words {
        algorithm: "AWS4-HMAC-SHA256",
        key_seed: "AWS4",
        service: "s3",
        terminator: "aws4_request",
        content_sha256_header: "x-amz-content-sha256",
        security_token_header: "x-amz-security-token",
        parameters: V4Parameters {
            algorithm: "X-Amz-Algorithm",
            credential: "X-Amz-Credential",
            date: "X-Amz-Date",
            expires: "X-Amz-Expires",
            signed_headers: "X-Amz-SignedHeaders",
            signature: "X-Amz-Signature",
            security_token: "X-Amz-Security-Token",
            content_sha256: "X-Amz-Content-Sha256",
        },
        host_rule: HostRule::AsSent,
        value_rule: ValueRule::Collapsed,
    },
    header_prefix: "x-amz-",
    date_header: "x-amz-date",
    request_id_header: HeaderName::from_static("x-amz-request-id"),
    access_key_parameter: "AWSAccessKeyId",
};

/// Amazon S3. The sub-resources are those that botocore 1.x signs under V2 (`botocore/auth.py`, 35 names).
pub static DIALECT: Dialect = Dialect {
    name: DialectName::Aws,
    forms: &[&FORM],
    sub_resources: &[
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "defaultObjectAcl",
        "delete",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "partNumber",
        "policy",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "select",
        "select-type",
        "storageClass",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    ],
    case_rule: CaseRule::Sensitive,
    prefixed_parameters: PrefixedParameters::Unsigned,
    default_region: "us-east-1",
    takes_signed_chunks: true,
    abort_status: 204,
    documents: Documents {
        namespaces: &["http://s3.amazonaws.com/doc/2006-03-01/"],
        standalone: false,
        first_id: FirstId::Request,
    },
    // Amazon S3 API Reference, "Error responses", and what S3 answers.
    texts: Texts {
        authorization_is_named: true,
        unsupported_authorization: "Unsupported Authorization Type",
        authorization_spaces: "AWS authorization header is invalid -- one and only one ' ' (space) required",
        authorization_colon: "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
        no_date: "AWS authentication requires a valid Date or x-amz-date header",
        clock_skew: ClockSkew::RequestTimeTooSkewed,
        unknown_access_key_id: "The AWS Access Key Id you provided does not exist in our records.",
        signature_mismatch: "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        credential_date: None,
        content_md5_mismatch: ContentMd5Mismatch::BadDigest,
        bad_host_status: 400,
    },
};
