//! Wangsu (ChinaNetCenter, CDNetworks) object storage.

use http::HeaderName;

use super::aws;
use super::{
    CaseRule, ClockSkew, ContentMd5Mismatch, Dialect, DialectName, Documents, FirstId, HostRule,
    PrefixedParameters, Syntax, Texts, V4Names, V4Parameters, ValueRule, Version,
};

/// The signing syntax of Wangsu.
pub static SYNTAX: Syntax = Syntax {
    scheme: "WOS",
    v4: V4Names {
        algorithm: "WOS-HMAC-SHA256",
        key_seed: "WOS",
        service: "wos",
        terminator: "wos_request",
        content_sha256_header: "x-wos-content-sha256",
        security_token_header: "x-wos-security-token",
        parameters: V4Parameters {
            algorithm: "X-Wos-Algorithm",
            credential: "X-Wos-Credential",
            date: "X-Wos-Date",
            expires: "X-Wos-Expires",
            signed_headers: "X-Wos-SignedHeaders",
            signature: "X-Wos-Signature",
            security_token: "X-Wos-Security-Token",
            content_sha256: "X-Wos-Content-Sha256",
        },
        host_rule: HostRule::DefaultPort,
        value_rule: ValueRule::AsSent,
    },
    header_prefix: "x-wos-",
    date_header: "x-wos-date",
    request_id_header: HeaderName::from_static("x-wos-request-id"),
    access_key_parameter: "WOSAccessKeyId",
};

/// Wangsu object storage. Its clients sign with the vendor's syntax or with that of AWS; if both dialects are accepted, a
/// request with the syntax of AWS belongs to the one that is preferred.
pub static DIALECT: Dialect = Dialect {
    name: DialectName::Wos,
    syntaxes: &[&SYNTAX, &aws::SYNTAX],
    sub_resources: &[
        "acl",
        "append",
        "backtosource",
        "cors",
        "delete",
        "deletebucket",
        "ignore-sign-in-query",
        "lifecycle",
        "location",
        "logging",
        "metadata",
        "notification",
        "partNumber",
        "policy",
        "position",
        "quota",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "storageClass",
        "storagePolicy",
        "storageinfo",
        "symlink",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
        "x-image-process",
        "x-image-save-bucket",
        "x-image-save-object",
        "x-oss-process",
        "x-wos-process",
    ],
    case_rule: CaseRule::Insensitive,
    prefixed_parameters: PrefixedParameters::Signed,
    usual_version: Version::V2,
    default_region: "default-region",
    takes_signed_chunks: false,
    // Every example of the vendor's documents answers an abort with 200.
    abort_status: 200,
    documents: Documents {
        namespaces: &[
            "http://wcs.chinanetcenter.com/document",
            "https://www.wangsu.com/document",
        ],
        standalone: true,
        first_id: FirstId::Host,
    },
    // The vendor's "Error responses", and the answers of its endpoint.
    texts: Texts {
        authorization_is_named: false,
        unsupported_authorization: "Unsupported Authorization Type.",
        authorization_spaces: "Authorization header is invalid -- one and only one ' ' (space) required.",
        authorization_colon: "Authorization header is invalid. Expected AccessKeyId:signature",
        no_date: "Authentication requires a valid Date or x-wos-date header",
        clock_skew: ClockSkew::ExpiredToken("The provided token has expired."),
        unknown_access_key_id: "The Access Key Id you provided does not exist in our records.",
        signature_mismatch: "The request signature we calculated does not match the signature you provided.",
        credential_date: Some("Invalid credential date. Date is not the same as x-wos-date."),
        content_md5_mismatch: ContentMd5Mismatch::SignatureDoesNotMatch,
        bad_host_status: 403,
    },
};
