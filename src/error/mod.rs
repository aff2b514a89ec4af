//! Refusals: every reason for which a request is not forwarded, and the responses to those that only the gateway declares.

mod wire;

use crate::address::{AddressFailure, Operation};
use crate::answer::{Answer, Answered, S3ErrorCode};
use crate::body::BodyFailure;
use crate::body::form::FormFault;
use crate::dialect::DialectName;
use crate::policy::Denial;
use crate::sig::AuthFailure;
use crate::sig::form::{FormFailure, PolicyFailure};
pub use wire::WireFault;

/// Why a request is not forwarded, or not answered by a node.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
pub enum Refusal {
    /// The bytes on the connection are not a request with only one reading.
    Wire(WireFault),
    /// The request does not have exactly one valid address.
    Address(AddressFailure),
    /// The signature is missing or not valid.
    Auth(AuthFailure),
    /// The body is not as claimed.
    Body(BodyFailure),
    /// The policy denies the request.
    Denied(Denial),
    /// The method is not one of S3.
    Method,
    /// A body for an operation without one: a node that does not read it could parse it as the next request.
    UnexpectedBody(Operation),
    /// A `Connection` header names a field that is signed or forwarded to the node, or has a member that is not a token.
    ConnectionNames(String),
    /// A header would make a node use another method than the signed one.
    MethodOverride(String),
    /// `Expect` is not `100-continue`.
    Expect,
    /// The body of a form upload is not a valid form.
    Form(FormFault),
    /// A form upload is not as its policy allows.
    Policy(PolicyFailure),
    /// `response-…` parameters without a signature: the author of the link could choose how a browser interprets the object.
    UnsignedOverride,
    /// A signed header is not forwarded, although the nodes verify the signature.
    SignedField(String),
    /// A signed parameter is spelled so that the nodes would not interpret it as the gateway does.
    ParameterSpelling {
        /// The name as sent.
        sent: String,
        /// The name that the nodes expect.
        known: String,
    },
    /// The path has a `+` where `%2B` was signed, and the nodes would get the `+`, which some decode as a space.
    PlusInPath,
    /// The bucket name in the Host has upper-case letters, which is another name for some nodes.
    HostCapitals,
    /// A parameter has the prefix of a vendor whose dialect the nodes do not support.
    VendorParameter(String),
    /// The credential store is not available.
    StoreUnavailable,
    /// No node accepts a connection.
    NoNode,
    /// The nodes do not accept the signature of the gateway.
    OwnKey,
    /// The node closed the connection too early, or its response is not valid HTTP.
    NodeFailed,
    /// The node did not respond in time.
    NodeSilent,
    /// The client did not send the rest of a body in time.
    ClientSilent,
    /// An internal error of the gateway.
    Internal,
}

/// Why a request was refused, as one of a fixed set of names: for logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// The number of the broken rule ([`AuthFailure::rule`]), if it is one.
    pub rule: Option<u8>,
    /// The name of the rule or of the other reason.
    pub name: &'static str,
}

/// Who caused a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The client.
    Client,
    /// A node.
    Node,
    /// The gateway, or a service that it depends on.
    Gateway,
}

impl From<AddressFailure> for Refusal {
    fn from(failure: AddressFailure) -> Self {
        Self::Address(failure)
    }
}

impl From<AuthFailure> for Refusal {
    fn from(failure: AuthFailure) -> Self {
        Self::Auth(failure)
    }
}

impl From<BodyFailure> for Refusal {
    fn from(failure: BodyFailure) -> Self {
        Self::Body(failure)
    }
}

impl From<FormFault> for Refusal {
    fn from(failure: FormFault) -> Self {
        Self::Form(failure)
    }
}

impl From<PolicyFailure> for Refusal {
    fn from(failure: PolicyFailure) -> Self {
        Self::Policy(failure)
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
    /// The reason, for logs and metrics.
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

    /// Who caused it.
    pub fn blame(&self) -> Blame {
        match self {
            Self::NoNode | Self::NodeFailed | Self::NodeSilent => Blame::Node,
            Self::StoreUnavailable | Self::OwnKey | Self::Internal => Blame::Gateway,
            _ => Blame::Client,
        }
    }

    /// The response in a dialect. A failure that the crate `countersign-sig` declares has its response there.
    pub fn answer(&self, dialect: DialectName) -> Answer {
        use S3ErrorCode as Code;
        match self {
            Self::Wire(fault) => wire::answer(fault),
            Self::Address(failure) => failure.answer(dialect),
            Self::Auth(failure) => failure.answer(dialect),
            Self::Body(failure) => failure.answer(dialect),
            Self::Form(fault) => fault.answer(dialect),
            Self::Policy(failure) => failure.answer(dialect),
            Self::Denied(denial) => denied(*denial),
            Self::Method => Answer::new(405, Code::MethodNotAllowed, METHOD_NOT_ALLOWED),
            Self::UnexpectedBody(operation) => Answer::new(
                400,
                Code::UnexpectedContent,
                format!(
                    "This request does not support content: {} has no body; send it without one.",
                    operation.name()
                ),
            ),
            Self::ConnectionNames(name) => Answer::new(
                400,
                Code::InvalidRequest,
                format!(
                    "The Connection header names '{name}'; it must not name a header that is signed or forwarded to the storage node."
                ),
            ),
            Self::MethodOverride(name) => Answer::new(
                501,
                Code::NotImplemented,
                format!(
                    "The header '{name}' you provided implies functionality that is not implemented."
                ),
            ),
            Self::Expect => Answer::new(
                417,
                Code::ExpectationFailed,
                "The only supported expectation is 100-continue.",
            ),
            Self::UnsignedOverride => Answer::new(
                400,
                Code::InvalidRequest,
                "Request specific response headers cannot be used for anonymous GET requests.",
            ),
            Self::SignedField(name) => Answer::new(
                403,
                Code::AccessDenied,
                format!(
                    "The signed header '{name}' is not forwarded to the storage node, which verifies the signature itself; do not sign it."
                ),
            ),
            Self::ParameterSpelling { sent, known } => Answer::new(
                400,
                Code::InvalidArgument,
                format!("The parameter '{sent}' must be spelled '{known}'."),
            ),
            Self::PlusInPath => Answer::new(
                400,
                Code::InvalidUri,
                "The path has a '+' where '%2B' was signed, which the storage nodes may decode as a space; send '%2B'.",
            ),
            Self::HostCapitals => Answer::new(
                400,
                Code::InvalidRequest,
                "The name of the bucket in the Host header must be in lower case.",
            ),
            Self::VendorParameter(name) => Answer::new(
                501,
                Code::NotImplemented,
                format!("The storage nodes do not support the parameter '{name}'."),
            ),
            Self::StoreUnavailable => Answer::new(503, Code::ServiceUnavailable, PLEASE_RETRY),
            Self::NoNode => Answer::new(503, Code::ServiceUnavailable, PLEASE_RETRY),
            Self::OwnKey => Answer::new(403, Code::AccessDenied, OWN_KEY),
            Self::NodeFailed => Answer::new(
                502,
                Code::BadGateway,
                "The storage node failed while it handled the request. Please retry.",
            ),
            Self::NodeSilent => Answer::new(
                504,
                Code::GatewayTimeout,
                "The storage node did not answer in time. Please retry.",
            ),
            Self::ClientSilent => Answer::new(
                400,
                Code::RequestTimeout,
                "Your socket connection to the server was not read from or written to within the timeout period.",
            ),
            Self::Internal => Answer::new(
                500,
                Code::InternalError,
                "We encountered an internal error. Please try again.",
            ),
        }
    }
}

const METHOD_NOT_ALLOWED: &str = "The specified method is not allowed against this resource.";
const OWN_KEY: &str =
    "The storage nodes do not accept the credentials of the gateway; inform its operator.";
const PLEASE_RETRY: &str = "The service is unavailable. Please retry.";

fn denied(denial: Denial) -> Answer {
    use S3ErrorCode as Code;
    match denial {
        Denial::Anonymous => Answer::new(403, Code::AccessDenied, "Access Denied"),
        Denial::UnknownOperation => Answer::new(405, Code::MethodNotAllowed, METHOD_NOT_ALLOWED),
        Denial::OtherDomain => Answer::new(
            403,
            Code::AccessDenied,
            "The access key is not valid for the host that the request was sent to.",
        ),
    }
}

#[cfg(test)]
mod tests;
