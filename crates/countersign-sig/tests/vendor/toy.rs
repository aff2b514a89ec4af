//! The toy: a vendor that nobody is. `tests/vendor.rs` adds it to a copy of the crate.

use http::HeaderName;

use super::{
    CaseRule, ClockSkew, ContentMd5Mismatch, Dialect, DialectName, Documents, FirstId, HostRule,
    PrefixedParameters, Syntax, Texts, V4Names, V4Parameters, ValueRule, Version,
};

/// How its clients sign.
pub static SYNTAX: Syntax = Syntax {
    scheme: "TOY",
    v4: V4Names {
        algorithm: "TOY-HMAC-SHA256",
        key_seed: "TOY",
        service: "toy",
        terminator: "toy_request",
        content_sha256_header: "x-toy-content-sha256",
        security_token_header: "x-toy-security-token",
        parameters: V4Parameters {
            algorithm: "X-Toy-Algorithm",
            credential: "X-Toy-Credential",
            date: "X-Toy-Date",
            expires: "X-Toy-Expires",
            signed_headers: "X-Toy-SignedHeaders",
            signature: "X-Toy-Signature",
            security_token: "X-Toy-Security-Token",
            content_sha256: "X-Toy-Content-Sha256",
        },
        host_rule: HostRule::AsSent,
        value_rule: ValueRule::Collapsed,
    },
    header_prefix: "x-toy-",
    date_header: "x-toy-date",
    request_id_header: HeaderName::from_static("x-toy-request-id"),
    access_key_parameter: "TOYAccessKeyId",
};

/// The toy. `glaze` is a sub-resource of no other vendor.
pub static DIALECT: Dialect = Dialect {
    name: DialectName::Toy,
    syntaxes: &[&SYNTAX],
    sub_resources: &["acl", "glaze", "uploads"],
    case_rule: CaseRule::Sensitive,
    prefixed_parameters: PrefixedParameters::Unsigned,
    usual_version: Version::V2,
    default_region: "toy-1",
    takes_signed_chunks: false,
    abort_status: 204,
    documents: Documents {
        namespaces: &["http://toy.example/document"],
        standalone: false,
        first_id: FirstId::Request,
    },
    texts: Texts {
        authorization_is_named: false,
        unsupported_authorization: "Unsupported Authorization Type",
        authorization_spaces: "The Authorization header has to have one space.",
        authorization_colon: "The Authorization header has to have one colon.",
        no_date: "The request has no date.",
        clock_skew: ClockSkew::RequestTimeTooSkewed,
        unknown_access_key_id: "The access key id is unknown.",
        signature_mismatch: "The signature does not match.",
        credential_date: None,
        content_md5_mismatch: ContentMd5Mismatch::BadDigest,
        bad_host_status: 400,
    },
};
