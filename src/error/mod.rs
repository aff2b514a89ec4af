//! Refusals: every reason for which a request is not forwarded, and the S3 error document that answers it.

mod auth;
mod body;
mod code;
mod document;
mod form;
mod wire;

use std::borrow::Cow;

use crate::address::{
    AddressFailure, BucketNames, MAX_BUCKET_LENGTH, MIN_BUCKET_LENGTH, MIN_RELAXED_BUCKET_LENGTH,
    Operation,
};
use crate::body::BodyFailure;
use crate::body::form::FormFault;
use crate::dialect::{Dialect, DialectName};
use crate::policy::Denial;
use crate::sig::AuthFailure;
use crate::sig::form::{FormFailure, PolicyFailure};
pub use code::S3ErrorCode;
pub use document::{ErrorDocument, xml_text};
pub use wire::WireFault;

/// Why a request is not forwarded, or why its answer is not the node's.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
pub enum Refusal {
    /// The bytes on the connection are no request that has one reading.
    Wire(WireFault),
    /// The request has no single address.
    Address(AddressFailure),
    /// The request is not authentic.
    Auth(AuthFailure),
    /// The body is not the one that was claimed.
    Body(BodyFailure),
    /// The caller may not.
    Denied(Denial),
    /// The method is none of S3's.
    Method,
    /// A body where the operation has none: a node that does not read it would take it for the next request.
    UnexpectedBody(Operation),
    /// A `Connection` header names a field that is signed or that goes on to the node, or something that is no name.
    ConnectionNames(String),
    /// A header would make a node act on another method than the one that was signed.
    MethodOverride(String),
    /// `Expect` is something else than `100-continue`.
    Expect,
    /// The body of a form upload is no form.
    Form(FormFault),
    /// A form upload is not what its signer allowed.
    Policy(PolicyFailure),
    /// `response-…` parameters without a signature: whoever makes up the link would choose what a browser takes the
    /// object for.
    UnsignedOverride,
    /// A signed header is one that goes no further than the gateway, and the nodes verify the signature themselves.
    SignedField(String),
    /// A signed parameter is spelled in a way that the nodes would not understand as the gateway does.
    ParameterSpelling {
        /// The name as sent.
        sent: String,
        /// The name that the nodes know.
        known: String,
    },
    /// The path has a `+` where `%2B` was signed, and the nodes would get the `+`, which some read as a blank.
    PlusInPath,
    /// The bucket's name in the Host is in capitals, which some nodes read as another name.
    HostCapitals,
    /// A parameter has the prefix of a vendor whose words the nodes do not speak.
    VendorParameter(String),
    /// The credential store cannot be asked.
    StoreUnavailable,
    /// No node takes a connection.
    NoNode,
    /// The nodes do not accept the gateway's own signature.
    OwnKey,
    /// The node broke off, or answered something that is no HTTP.
    NodeFailed,
    /// The node was silent for too long.
    NodeSilent,
    /// The client was silent for too long in the middle of a body.
    ClientSilent,
    /// A fault of the gateway's own.
    Internal,
}

/// Why a request was refused, in a word that stays the same and is one of a fixed number: for logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// The number of the rule of [`AuthFailure::rule`], where one is broken.
    pub rule: Option<u8>,
    /// Its name, or that of what else is wrong.
    pub name: &'static str,
}

/// Whose fault a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The client's.
    Client,
    /// A node's.
    Node,
    /// The gateway's, or what it needs.
    Gateway,
}

/// What a refusal says: the status, and the content of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The code.
    pub code: S3ErrorCode,
    /// The message.
    pub message: Cow<'static, str>,
    /// Further elements of the document.
    pub fields: Vec<(&'static str, String)>,
    /// Whose fault it is.
    pub blame: Blame,
}

impl Answer {
    fn client(status: u16, code: S3ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            fields: Vec::new(),
            blame: Blame::Client,
        }
    }

    fn blaming(self, blame: Blame) -> Self {
        Self { blame, ..self }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
}

impl From<FormFailure> for Refusal {
    fn from(failure: FormFailure) -> Self {
        match failure {
            FormFailure::Auth(failure) => Self::Auth(failure),
            FormFailure::Policy(failure) => Self::Policy(failure),
        }
    }
}

impl Refusal {
    /// Why, for logs and metrics.
    pub fn reason(&self) -> Reason {
        let (rule, name) = match self {
            Self::Wire(fault) => (None, fault.into()),
            Self::Address(failure) => (None, failure.into()),
            Self::Auth(failure) => (Some(failure.rule()), failure.into()),
            Self::Body(failure) => (None, failure.into()),
            Self::Denied(denial) => (None, denial.into()),
            Self::Form(fault) => (None, fault.into()),
            Self::Policy(failure) => (None, failure.into()),
            other => (None, other.into()),
        };
        Reason { rule, name }
    }

    /// The answer in the words of a dialect.
    pub fn answer(&self, dialect: DialectName) -> Answer {
        use S3ErrorCode as Code;
        match self {
            Self::Wire(fault) => wire::answer(fault),
            Self::Address(failure) => address(failure, dialect),
            Self::Auth(failure) => auth::answer(failure, dialect),
            Self::Body(failure) => body::answer(failure, dialect),
            Self::Denied(denial) => denied(*denial),
            Self::Method => Answer::client(405, Code::MethodNotAllowed, METHOD_NOT_ALLOWED),
            Self::UnexpectedBody(operation) => Answer::client(
                400,
                Code::UnexpectedContent,
                format!(
                    "This request does not support content: {} has no body; send it without one.",
                    operation.name()
                ),
            ),
            Self::ConnectionNames(name) => Answer::client(
                400,
                Code::InvalidRequest,
                format!(
                    "The Connection header names '{name}'; a header that is signed or that goes on to the storage node may not stand there."
                ),
            ),
            Self::MethodOverride(name) => Answer::client(
                501,
                Code::NotImplemented,
                format!(
                    "The header '{name}' you provided implies functionality that is not implemented."
                ),
            ),
            Self::Expect => Answer::client(
                417,
                Code::ExpectationFailed,
                "The only expectation that can be met is 100-continue.",
            ),
            Self::Form(fault) => form::fault(*fault),
            Self::Policy(failure) => form::policy(failure),
            Self::UnsignedOverride => Answer::client(
                400,
                Code::InvalidRequest,
                "Request specific response headers cannot be used for anonymous GET requests.",
            ),
            Self::SignedField(name) => Answer::client(
                403,
                Code::AccessDenied,
                format!(
                    "The signed header '{name}' cannot reach the storage node, which verifies the signature itself; do not sign it."
                ),
            ),
            Self::ParameterSpelling { sent, known } => Answer::client(
                400,
                Code::InvalidArgument,
                format!("The parameter '{sent}' must be spelled '{known}'."),
            ),
            Self::PlusInPath => Answer::client(
                400,
                Code::InvalidUri,
                "The path has a '+' where '%2B' was signed, which the storage nodes may read as a blank; send '%2B'.",
            ),
            Self::HostCapitals => Answer::client(
                400,
                Code::InvalidRequest,
                "The name of the bucket in the Host header must be in lower case.",
            ),
            Self::VendorParameter(name) => Answer::client(
                501,
                Code::NotImplemented,
                format!("The storage nodes do not know the parameter '{name}'."),
            ),
            Self::StoreUnavailable => {
                Answer::client(503, Code::ServiceUnavailable, PLEASE_RETRY).blaming(Blame::Gateway)
            }
            Self::NoNode => {
                Answer::client(503, Code::ServiceUnavailable, PLEASE_RETRY).blaming(Blame::Node)
            }
            Self::OwnKey => {
                Answer::client(403, Code::AccessDenied, OWN_KEY).blaming(Blame::Gateway)
            }
            Self::NodeFailed => Answer::client(
                502,
                Code::BadGateway,
                "The storage node failed while it handled the request. Please retry.",
            )
            .blaming(Blame::Node),
            Self::NodeSilent => Answer::client(
                504,
                Code::GatewayTimeout,
                "The storage node did not answer in time. Please retry.",
            )
            .blaming(Blame::Node),
            Self::ClientSilent => Answer::client(
                400,
                Code::RequestTimeout,
                "Your socket connection to the server was not read from or written to within the timeout period.",
            ),
            Self::Internal => Answer::client(
                500,
                Code::InternalError,
                "We encountered an internal error. Please try again.",
            )
            .blaming(Blame::Gateway),
        }
    }
}

const METHOD_NOT_ALLOWED: &str = "The specified method is not allowed against this resource.";
const OWN_KEY: &str =
    "The storage nodes do not accept the gateway's own credentials; its operator has to be told.";
const PLEASE_RETRY: &str = "The service is unavailable. Please retry.";

fn address(failure: &AddressFailure, dialect: DialectName) -> Answer {
    use S3ErrorCode as Code;
    let uri = |status, what: String| {
        let message = format!("Couldn't parse the specified URI: {what}.");
        Answer::client(status, Code::InvalidUri, message)
    };
    let request = |message| Answer::client(400, Code::InvalidRequest, message);
    match failure {
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
            Answer::client(
                400,
                Code::InvalidBucketName,
                format!(
                    "The specified bucket is not valid: a name has {shortest} to {MAX_BUCKET_LENGTH} letters, digits, '.', '-' and '_', and no two dots in a row{also}."
                ),
            )
        }
        AddressFailure::DotSegment => Answer::client(
            400,
            Code::InvalidUri,
            "The object key has a segment that is '.' or '..', or that some stores read so; such keys are not accepted here.",
        ),
        AddressFailure::ConflictingParameters(one, other) => Answer::client(
            400,
            Code::InvalidArgument,
            format!("Conflicting query string parameters: {one}, {other}"),
        )
        .with("ArgumentName", "ResourceType")
        .with("ArgumentValue", *one),
        AddressFailure::IncompletePart => Answer::client(
            400,
            Code::InvalidArgument,
            "A part upload needs both the uploadId and the partNumber parameter.",
        ),
    }
}

fn denied(denial: Denial) -> Answer {
    use S3ErrorCode as Code;
    match denial {
        Denial::Anonymous => Answer::client(403, Code::AccessDenied, "Access Denied"),
        Denial::UnknownOperation => Answer::client(405, Code::MethodNotAllowed, METHOD_NOT_ALLOWED),
        Denial::OtherDomain => Answer::client(
            403,
            Code::AccessDenied,
            "The access key is not good for the host that the request was sent to.",
        ),
    }
}

#[cfg(test)]
mod tests;
