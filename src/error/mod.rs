//! Refusals: every reason for which a request is not forwarded, and the answers to those that are the gateway's own.

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

    /// Whose fault it is.
    pub fn blame(&self) -> Blame {
        match self {
            Self::NoNode | Self::NodeFailed | Self::NodeSilent => Blame::Node,
            Self::StoreUnavailable | Self::OwnKey | Self::Internal => Blame::Gateway,
            _ => Blame::Client,
        }
    }

    /// The answer in the words of a dialect. Where the failure is one of the crate `countersign-sig`, so is its answer.
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
                    "The Connection header names '{name}'; a header that is signed or that goes on to the storage node may not stand there."
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
                "The only expectation that can be met is 100-continue.",
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
                    "The signed header '{name}' cannot reach the storage node, which verifies the signature itself; do not sign it."
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
                "The path has a '+' where '%2B' was signed, which the storage nodes may read as a blank; send '%2B'.",
            ),
            Self::HostCapitals => Answer::new(
                400,
                Code::InvalidRequest,
                "The name of the bucket in the Host header must be in lower case.",
            ),
            Self::VendorParameter(name) => Answer::new(
                501,
                Code::NotImplemented,
                format!("The storage nodes do not know the parameter '{name}'."),
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
    "The storage nodes do not accept the gateway's own credentials; its operator has to be told.";
const PLEASE_RETRY: &str = "The service is unavailable. Please retry.";

fn denied(denial: Denial) -> Answer {
    use S3ErrorCode as Code;
    match denial {
        Denial::Anonymous => Answer::new(403, Code::AccessDenied, "Access Denied"),
        Denial::UnknownOperation => Answer::new(405, Code::MethodNotAllowed, METHOD_NOT_ALLOWED),
        Denial::OtherDomain => Answer::new(
            403,
            Code::AccessDenied,
            "The access key is not good for the host that the request was sent to.",
        ),
    }
}

#[cfg(test)]
mod tests;
