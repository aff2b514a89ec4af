//! The answers to a request that is not authentic.

use std::time::SystemTime;

use super::{Answer, Answered, S3ErrorCode};
use crate::dialect::{ClockSkew, Dialect, DialectName, Texts};
use crate::sig::diagnosis::{Diagnosis, spaced_hex};
use crate::sig::failure::{AuthFailure, ScopeFault, Unaccepted};
use crate::sig::{Placement, Version};

const NOT_SIGNED: &str = "There were headers present in the request which were not signed";

/// The source is the Amazon S3 API Reference, "Error responses"; where vendors differ, that of the dialect's file.
impl Answered for AuthFailure {
    fn answer(&self, dialect: DialectName) -> Answer {
        use S3ErrorCode as Code;
        let dialect = Dialect::named(dialect);
        let (v4, texts) = (&dialect.syntaxes[0].v4, &dialect.texts);
        let argument = |message: String| Answer::new(400, Code::InvalidArgument, message);
        // S3 names the header; its value holds a signature, and is not repeated.
        let authorization = |message: String| match texts.authorization_is_named {
            true => argument(message).with("ArgumentName", "Authorization"),
            false => argument(message),
        };
        let denied = |message: String| Answer::new(403, Code::AccessDenied, message);
        match self {
        AuthFailure::MalformedQuery(_) => Answer::new(400, Code::InvalidUri, sentence(self)),
        AuthFailure::TooManyParameters | AuthFailure::DuplicateParameter(_) | AuthFailure::AmbiguousSubResource => {
            argument(sentence(self))
        }
        AuthFailure::DuplicateHeader(_) => argument(sentence(self)),
        AuthFailure::SeveralMechanisms => authorization(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
             parameter or the Authorization header should be specified"
                .into(),
        ),
        AuthFailure::NotSigned => denied("Access Denied".into()),
        AuthFailure::UnsupportedScheme => authorization(texts.unsupported_authorization.into()),
        AuthFailure::UnsupportedVersion(unaccepted) => {
            let sentence = match unaccepted {
                Unaccepted::Asymmetric => "Signature version 4A (AWS4-ECDSA-P256-SHA256) is not supported.",
                _ => "The authorization mechanism you have provided is not supported.",
            };
            let instead = match unaccepted {
                Unaccepted::SwitchedOff(Version::V4) => "signature version 2",
                _ => v4.algorithm,
            };
            let message = format!("{sentence} Please use {instead}.");
            Answer::new(400, Code::InvalidRequest, message)
        }
        AuthFailure::AuthorizationSpaces => authorization(texts.authorization_spaces.into()),
        AuthFailure::AuthorizationColon => authorization(texts.authorization_colon.into()),
        AuthFailure::AuthorizationComponents => header_malformed(
            "the authorization header requires three components: Credential, SignedHeaders, and Signature.",
        ),
        AuthFailure::MalformedCredential(placement) => {
            credential(
                *placement,
                &format!(
                    "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/{}/{}\".",
                    v4.service, v4.terminator
                ),
            )
        }
        AuthFailure::MalformedSignedHeaders(placement) => {
            let rule = "SignedHeaders must be lower-case header names, sorted, each once, with ';' between.";
            match placement {
                Placement::Header => header_malformed(rule),
                Placement::Query | Placement::Form => query_parameters(format!("Error parsing the X-Amz-SignedHeaders parameter; {rule}")),
            }
        }
        AuthFailure::MissingPayloadMode(name) => Answer::new(
            400,
            Code::InvalidRequest,
            format!("Missing required header for this request: {name}"),
        ),
        AuthFailure::BadPayloadMode { name, value } => argument(format!(
            "{name} must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, \
             STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
        ))
        .with("ArgumentName", *name)
        .with("ArgumentValue", value.clone()),
        AuthFailure::MisplacedChunks => Answer::new(400, Code::InvalidRequest, sentence(self)),
        AuthFailure::CredentialScope(placement, fault) => scope(*placement, fault, texts),
        AuthFailure::BadLifetime { longest } => query_parameters(format!(
            "X-Amz-Expires must be a number of seconds from 1 to {longest}."
        )),
        AuthFailure::NotYetValid { signed_at, server_time } => denied("Request is not yet valid".into())
            .with("X-Amz-Date", timestamp(*signed_at))
            .with("ServerTime", timestamp(*server_time)),
        AuthFailure::UnsignedHeaders(names) => denied(NOT_SIGNED.into()).with("HeadersNotSigned", names.clone()),
        AuthFailure::EmptyAccessKeyId => Answer::new(
            400,
            Code::AuthorizationHeaderMalformed,
            "The authorization header is malformed; a non-empty Access Key (AKID) must be provided in the credential.",
        ),
        AuthFailure::IncompleteQuery(Version::V4) => query_parameters(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, \
             X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
                .into(),
        ),
        AuthFailure::IncompleteQuery(Version::V2) => denied(
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters".into(),
        ),
        AuthFailure::ForeignHeader(name) => {
            denied(NOT_SIGNED.into())
                .with("HeadersNotSigned", name.clone())
        }
        AuthFailure::SecurityToken => Answer::new(
            400,
            Code::InvalidToken,
            "The provided token is malformed or otherwise invalid.",
        ),
        AuthFailure::PayloadMode(_) => Answer::new(501, Code::NotImplemented, sentence(self)),
        AuthFailure::NoDate(Placement::Query | Placement::Form) => query_parameters(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"".into(),
        ),
        AuthFailure::NoDate(Placement::Header) => denied(texts.no_date.into()),
        AuthFailure::ClockSkew {
            request_time,
            server_time,
            max_clock_skew,
        } => match texts.clock_skew {
            ClockSkew::RequestTimeTooSkewed => Answer::new(
                403,
                Code::RequestTimeTooSkewed,
                "The difference between the request time and the current time is too large.",
            )
            .with("RequestTime", request_time.clone())
            .with("ServerTime", timestamp(*server_time))
            .with("MaxAllowedSkewMilliseconds", max_clock_skew.as_millis().to_string()),
            ClockSkew::ExpiredToken(text) => Answer::new(400, Code::ExpiredToken, text),
        },
        AuthFailure::BadExpires => denied("Invalid date (should be seconds since epoch)".into()),
        AuthFailure::Expired { expires, server_time } => denied("Request has expired".into())
            .with("Expires", timestamp(*expires))
            .with("ServerTime", timestamp(*server_time)),
        AuthFailure::UnknownAccessKeyId => Answer::new(
            403,
            Code::InvalidAccessKeyId,
            texts.unknown_access_key_id,
        ),
        AuthFailure::SignatureMismatch(diagnosis) => {
            let answer = mismatch(texts);
            match diagnosis {
                None => answer,
                Some(found) => diagnosed(answer, found),
            }
        }
        AuthFailure::UncoveredParameter(name) => denied(format!(
            "The query parameter '{name}' is not covered by signature version 2, so it is not accepted with it."
        )),
        AuthFailure::BlankRun(name) => Answer::new(
            400,
            Code::InvalidArgument,
            format!(
                "The header '{name}' has a tab or several blanks in a row, which the signature does not tell from one blank; write one blank."
            ),
        ),
    }
    }
}

/// The signature is not the one that the key gives.
pub(super) fn mismatch(texts: &Texts) -> Answer {
    Answer::new(
        403,
        S3ErrorCode::SignatureDoesNotMatch,
        texts.signature_mismatch,
    )
}

fn diagnosed(answer: Answer, found: &Diagnosis) -> Answer {
    let answer = answer
        .with("AWSAccessKeyId", found.access_key_id.clone())
        .with(
            "StringToSign",
            String::from_utf8_lossy(&found.string_to_sign),
        )
        .with("SignatureProvided", found.signature_provided.clone())
        .with("StringToSignBytes", spaced_hex(&found.string_to_sign));
    match &found.canonical_request {
        None => answer,
        Some(text) => answer
            .with("CanonicalRequest", String::from_utf8_lossy(text))
            .with("CanonicalRequestBytes", spaced_hex(text)),
    }
}

fn header_malformed(rest: &str) -> Answer {
    Answer::new(
        400,
        S3ErrorCode::AuthorizationHeaderMalformed,
        format!("The authorization header is malformed; {rest}"),
    )
}

fn query_parameters(message: String) -> Answer {
    Answer::new(400, S3ErrorCode::AuthorizationQueryParametersError, message)
}

/// The answer to a wrong credential, in the header or in a parameter.
fn credential(placement: Placement, rest: &str) -> Answer {
    match placement {
        Placement::Header => header_malformed(rest),
        Placement::Query | Placement::Form => query_parameters(format!(
            "Error parsing the X-Amz-Credential parameter; {rest}"
        )),
    }
}

fn scope(placement: Placement, fault: &ScopeFault, texts: &Texts) -> Answer {
    if let (ScopeFault::Date { .. }, Some(text)) = (fault, texts.credential_date) {
        return Answer::new(400, S3ErrorCode::InvalidArgument, text);
    }
    match fault {
        ScopeFault::Date {
            provided,
            request_time,
        } => {
            let day = request_time.get(..8).unwrap_or(request_time);
            let message = format!(
                "Invalid credential date \"{provided}\". This date is not the same as X-Amz-Date: \"{day}\"."
            );
            match placement {
                Placement::Header => header_malformed(&message),
                // S3 names no parameter here.
                Placement::Query | Placement::Form => query_parameters(message),
            }
        }
        ScopeFault::Region { provided, expected } => credential(
            placement,
            &format!("the region '{provided}' is wrong; expecting '{expected}'"),
        )
        .with("Region", expected.clone()),
        ScopeFault::Service { provided, expected } => credential(
            placement,
            &format!("incorrect service \"{provided}\". This endpoint belongs to \"{expected}\"."),
        ),
        ScopeFault::Terminator { provided, expected } => credential(
            placement,
            &format!("incorrect terminal \"{provided}\". This endpoint uses \"{expected}\"."),
        ),
    }
}

/// A failure's own text as a sentence.
fn sentence(failure: &AuthFailure) -> String {
    let text = failure.to_string();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => text,
    }
}

fn timestamp(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}
