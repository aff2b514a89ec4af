//! An admitted form upload, and the verification of its body.

use bytes::Bytes;
use pingora::http::RequestHeader;

use super::success::Success;
use crate::body::End;
use crate::body::form::{FormBody, FormBodyVerifier};
use crate::error::Refusal;
use crate::sig::form::LengthRange;
use crate::wire::head::RequestHead;

/// An admitted form upload.
#[derive(Debug)]
pub struct Upload {
    body: FormBody,
    /// The lengths that the policy allows the file to have.
    range: LengthRange,
    put: Option<Put>,
}

/// The PUT for nodes that do not get the form itself.
#[derive(Debug)]
pub struct Put {
    /// The method and the target.
    pub request: RequestHeader,
    /// Its header fields.
    pub fields: RequestHead,
    /// The response to the client if it succeeds.
    pub success: Success,
}

impl Upload {
    /// Makes an upload of its parts.
    pub fn new(body: FormBody, range: LengthRange, put: Option<Put>) -> Self {
        Self { body, range, put }
    }

    /// Starts the verification of the form, for one attempt at a node.
    pub fn proof(&self) -> FormProof<'_> {
        FormProof {
            upload: self,
            verifier: self.body.verifier(),
            is_done: false,
        }
    }

    /// The PUT for the node; none if the form is forwarded unchanged.
    pub fn put(&self) -> Option<&Put> {
        self.put.as_ref()
    }

    /// Whether the node gets the file without its length.
    pub fn is_unsized(&self) -> bool {
        self.put.is_some() && self.body.file_length().is_none()
    }
}

/// The verification of a form in one attempt at a node.
#[derive(Debug)]
pub struct FormProof<'u> {
    upload: &'u Upload,
    verifier: FormBodyVerifier,
    is_done: bool,
}

impl FormProof<'_> {
    /// Takes a part of the form and returns the bytes for the node.
    ///
    /// # Errors
    /// [`Refusal::Form`]; [`Refusal::Policy`] if the policy does not allow the length of the file.
    pub fn push(&mut self, piece: Bytes, end: End) -> Result<Bytes, Refusal> {
        let passed = self.verifier.push(piece, end).map_err(Refusal::Form)?;
        let length = self.verifier.file_length();
        let range = self.upload.range;
        if length > range.max {
            // The file may be longer still: report the length that it has if no other field follows it.
            let usual = self.upload.body.usual_file_length().unwrap_or(0);
            range.check(usual.max(length)).map_err(Refusal::Policy)?;
        }
        if end == End::Last {
            range.check(length).map_err(Refusal::Policy)?;
            self.is_done = true;
        }
        Ok(passed)
    }

    /// Whether the form is not yet verified to its end.
    pub fn is_open(&self) -> bool {
        !self.is_done
    }
}
