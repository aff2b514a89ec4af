//! A form upload on its way to a node.

use bytes::Bytes;
use pingora::http::RequestHeader;
use pingora::{Error, ErrorType};

use super::success::Success;
use crate::body::End;
use crate::body::form::{FormBody, FormBodyVerifier, FormFault};
use crate::error::Refusal;
use crate::sig::form::{LengthRange, PolicyFailure};
use crate::wire::head::RequestHead;

/// A form upload that has its permit.
#[derive(Debug)]
pub struct Upload {
    body: FormBody,
    /// Of the attempt under way.
    verifier: FormBodyVerifier,
    /// The lengths that the policy allows the file to have.
    range: LengthRange,
    ended: bool,
    fault: Option<UploadFault>,
    put: Option<Put>,
}

/// What is found to be wrong with a form while its file is on its way.
#[derive(Debug, Clone)]
enum UploadFault {
    Form(FormFault),
    /// The file has a length that the policy does not allow.
    Policy(PolicyFailure),
}

/// What the form becomes for nodes that trust the gateway.
#[derive(Debug)]
pub struct Put {
    /// The method and the target.
    pub request: RequestHeader,
    /// Its header fields.
    pub fields: RequestHead,
    /// What the client gets where it succeeds.
    pub success: Success,
}

impl Upload {
    /// An upload with this body, for which no node has been asked.
    pub fn new(body: FormBody, range: LengthRange, put: Option<Put>) -> Self {
        Self {
            verifier: body.verifier(),
            body,
            range,
            ended: false,
            fault: None,
            put,
        }
    }

    /// A node is about to get the body from its first byte, and the request that goes with it: that of the file, whose
    /// fields this gives, or the form's own.
    pub fn begin_attempt(&mut self, request: &mut RequestHeader) -> Option<&RequestHead> {
        self.verifier = self.body.verifier();
        self.ended = false;
        self.fault = None;
        let put = self.put.as_ref()?;
        *request = put.request.clone();
        Some(&put.fields)
    }

    /// Passes a piece of the form, see [`crate::gateway::body::Body::pass`].
    ///
    /// # Errors
    /// Pingora's, which cuts the connection to the node with its message incomplete. [`Upload::refusal`] says why.
    pub fn pass(&mut self, piece: &mut Option<Bytes>, end: bool) -> pingora::Result<()> {
        let arrived = piece.take().unwrap_or_default();
        match self.push(arrived, if end { End::Last } else { End::More }) {
            Ok(passed) => {
                self.ended |= end;
                *piece = Some(passed).filter(|passed| !end || !passed.is_empty());
                Ok(())
            }
            Err(fault) => {
                self.fault = Some(fault);
                Error::e_explain(ErrorType::InternalError, "the form is not as it should be")
            }
        }
    }

    fn push(&mut self, arrived: Bytes, end: End) -> Result<Bytes, UploadFault> {
        let passed = self.verifier.push(arrived, end);
        let passed = passed.map_err(UploadFault::Form)?;
        let length = self.verifier.file_length();
        if length > self.range.max {
            // It may be longer still: what it is if nothing else follows it says more.
            let usual = self.body.usual_file_length().unwrap_or(0);
            let checked = self.range.check(usual.max(length));
            checked.map_err(UploadFault::Policy)?;
        }
        if end == End::Last {
            let checked = self.range.check(length);
            checked.map_err(UploadFault::Policy)?;
        }
        Ok(passed)
    }

    /// How the client is answered where the PUT succeeds; none where the form goes on as it came.
    pub fn success(&self) -> Option<&Success> {
        Some(&self.put.as_ref()?.success)
    }

    /// Whether the node has not been told the length of the file.
    pub fn is_unsized(&self) -> bool {
        self.put.is_some() && self.body.file_length().is_none()
    }

    /// Whether the end of the form has not been seen.
    pub fn is_unproven(&self) -> bool {
        !self.ended
    }

    /// Why the form is refused, if it turned out to be wrong while it was on its way.
    pub fn refusal(&self) -> Option<Refusal> {
        self.fault.clone().map(|fault| match fault {
            UploadFault::Form(fault) => Refusal::Form(fault),
            UploadFault::Policy(failure) => Refusal::Policy(failure),
        })
    }
}
