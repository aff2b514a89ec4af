//! Form uploads: a POST that is checked by its fields and goes on as a PUT of its file.
//!
//! The fields stand in the body, so the head of the body is read before a node is asked; Pingora keeps it and gives it to
//! the body's filter again, at each attempt. To nodes that verify for themselves the form goes on as it came.

mod answer;
mod put;
mod read;
mod tagging;

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, EXPECT};
use http::{Method, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use super::admit::key_of;
use super::body::Body;
use super::context::Context;
use super::forward;
use super::received::Received;
use super::relay::Relay;
use crate::address::Address;
use crate::body::form::{Boundary, Filename, FormBody, FormBodyVerifier, FormFault};
use crate::body::{BodyFailure, BodyOptions, End, Framing};
use crate::cluster::{ClusterOptions, FormFiles, Forward};
use crate::error::Refusal;
use crate::policy::{Caller, decide};
use crate::sig::claimed::Claimed;
use crate::sig::form::failure::MAX_KEY_LENGTH;
use crate::sig::form::{self, FormFailure, FormFields, LengthRange, PolicyFailure};
use crate::sig::{AuthFailure, RequestView};
use answer::Success;

const MEDIA_TYPE: &[u8] = b"multipart/form-data";

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
struct Put {
    /// The method and the target.
    request: RequestHeader,
    fields: Received,
    success: Success,
}

/// Whether a request is a form upload, whatever else it is: nodes would take it for one.
pub fn is_upload(method: &Method, address: &Address, received: &Received) -> bool {
    method == Method::POST
        && address.bucket().is_some()
        && address.key().is_none()
        && received.fields().any(|(name, value)| {
            let start = value.get(..MEDIA_TYPE.len());
            name == CONTENT_TYPE && start.is_some_and(|own| own.eq_ignore_ascii_case(MEDIA_TYPE))
        })
}

/// Refuses a form upload for what stands outside of the form, where no policy is about it.
///
/// # Errors
/// [`AuthFailure`]: a form is signed by its fields and by nothing else.
pub fn check_outside(view: &RequestView<'_>) -> Result<(), AuthFailure> {
    if view.fields.authorization.is_some() {
        return Err(AuthFailure::SeveralMechanisms);
    }
    if let Some(parameter) = view.parameters.first() {
        let signed = |name: &str| crate::sig::mechanism::mechanism(name).is_some();
        if view.parameters.iter().any(|own| signed(&own.name)) {
            return Err(AuthFailure::SeveralMechanisms);
        }
        return Err(AuthFailure::UncoveredParameter(
            parameter.name.clone().into_owned(),
        ));
    }
    match view.fields.vendor.first() {
        Some((name, _)) => Err(AuthFailure::ForeignHeader((*name).to_owned())),
        None => Ok(()),
    }
}

/// Reads the head of a form and checks it, and puts its permit into the context, as [`super::admit::admit`] does for
/// every other request. `bucket` is the address that the form was sent to.
///
/// # Errors
/// [`Refusal`].
pub async fn admit(
    session: &mut Session,
    context: &mut Context,
    bucket: Address,
    now: SystemTime,
) -> Result<(), Refusal> {
    context.refused.address = Some(bucket.clone());
    let live = Arc::clone(&context.live);
    let connection = context.connection.clone().ok_or(Refusal::Internal)?;
    let listener = live.listeners.get(connection.listener());
    let listener = listener.ok_or(Refusal::Internal)?;
    let content_type = context.received.value(CONTENT_TYPE.as_str());
    let boundary = Boundary::of(content_type.unwrap_or_default()).map_err(Refusal::Form)?;
    let length = context.received.body_length();
    let read = read::head(session, &connection, &boundary, length).await?;
    // Met by now: the node is not to wait for it again.
    context.received.remove(EXPECT.as_str());
    let head = &read.head;
    let filename = match &head.filename {
        Filename::None => Some(""),
        Filename::Said(name) => Some(name.as_str()),
        Filename::Ambiguous => None,
    };
    let fields = FormFields::of(head.fields.iter().cloned(), filename).map_err(Refusal::Policy)?;
    let claimed = Claimed::of_form(&fields, &listener.dialects);
    context.refused.claimed = claimed.map(Claimed::into_owned);
    let name = bucket.bucket().unwrap_or_default();
    let words = listener.words(form::spoken(&fields));
    let claim = match form::claim(&fields, name, now, &listener.dialects, &live.signature) {
        Ok(claim) => claim,
        Err(failure) => {
            context.words = Some(words);
            return Err(failure.into());
        }
    };
    let hosts = &listener.options.hosts;
    let key = key_of(&live, claim.access_key_id()).await?;
    let verified = claim.verify(&key);
    // A policy is read once its signature holds.
    context.refused.verified = matches!(verified, Ok(_) | Err(FormFailure::Policy(_)));
    let verification = context.started.elapsed();
    let permitted = verified.map_err(Refusal::from).and_then(|verified| {
        let address = address_of(&bucket, &fields)?;
        let options = live.cluster.options();
        let body = read.body(&boundary, framing(options.forward), is_told(options))?;
        let length = body.file_length();
        let range = verified.length_range;
        check_length(&body, range)?;
        let permit =
            decide(Caller::Signed(verified.verified), address, hosts).map_err(Refusal::Denied)?;
        let put = match options.forward {
            Forward::Passthrough => None,
            Forward::Trusted | Forward::Resign => {
                let request = RequestHeader::build("PUT", permit.address().path().as_bytes(), None);
                Some(Put {
                    request: request.map_err(|_no_path| Refusal::Internal)?,
                    fields: put::fields(&context.received, &permit, &fields, length)?,
                    success: Success::of(&fields),
                })
            }
        };
        let proof = match &put {
            None => Body::default(),
            Some(Put { fields, .. }) => {
                let path = permit.address().path();
                let view =
                    RequestView::of("PUT", &path, None, fields.fields()).map_err(Refusal::Auth)?;
                forward::check(options, permit.verified(), &view, permit.address())?;
                Body::planned(&permit, &view, options.forward, length)?
            }
        };
        Ok((permit, Upload::new(body, range, put), proof))
    });
    context.verification = Some(verification);
    context.words = Some(words);
    match permitted {
        Ok((permit, upload, proof)) => {
            context.permit = Some(permit);
            context.form = Some(Box::new(upload));
            context.body = proof;
            Ok(())
        }
        Err(refusal) => Err(refusal),
    }
}

/// The object that the form writes: in the bucket that it was sent to, whatever its fields say.
fn address_of(bucket: &Address, fields: &FormFields) -> Result<Address, Refusal> {
    let key = fields.value("key").filter(|key| !key.is_empty());
    let key = key.ok_or(Refusal::Policy(PolicyFailure::NoKey))?;
    if key.len() > MAX_KEY_LENGTH {
        return Err(Refusal::Policy(PolicyFailure::KeyTooLong {
            length: key.len(),
        }));
    }
    bucket.of_upload(key).map_err(Refusal::Address)
}

fn framing(forward: Forward) -> Framing {
    match forward {
        Forward::Passthrough => Framing::AsReceived,
        Forward::Trusted | Forward::Resign => Framing::Plain,
    }
}

/// Whether the nodes have to be told the length of a file before its first byte.
fn is_told(options: &ClusterOptions) -> bool {
    options.forward != Forward::Passthrough && options.form_files == FormFiles::Sized
}

/// Checks what is known of the length of the file before it has come.
fn check_length(body: &FormBody, range: LengthRange) -> Result<(), Refusal> {
    let (least, most) = body.file_lengths();
    let max = BodyOptions::default().max_body;
    let usual = body.usual_file_length();
    if least > max {
        let proposed = usual.unwrap_or(least);
        return Err(Refusal::Body(BodyFailure::TooLarge { proposed, max }));
    }
    let (too_small, too_large) = (most < range.min, least > range.max);
    let checked = match (too_small, too_large) {
        (true, _) => range.check(usual.unwrap_or(most)),
        (_, true) => range.check(usual.unwrap_or(least)),
        (false, false) => Ok(()),
    };
    checked.map_err(Refusal::Policy)
}

/// Makes the node's answer to the PUT of a form the answer to the form. Last of all that is done to an answer's header: one
/// with a document is sent from here.
///
/// # Errors
/// Pingora's, where the client is gone.
pub async fn answer(
    session: &mut Session,
    answer: &mut ResponseHeader,
    context: &mut Context,
) -> pingora::Result<()> {
    let put = context.form.as_ref().and_then(|form| form.put.as_ref());
    let (Some(put), Some(permit), Some(words)) = (put, &context.permit, context.words) else {
        return Ok(());
    };
    if !answer.status.is_success() {
        warn_of_missing_length(answer, context);
        return Ok(());
    }
    let document = put
        .success
        .apply(answer, &context.received, permit.address(), words)?;
    context.relay = Relay::Nothing;
    if let Some(document) = document {
        // The answer to a PUT has no body that could become this one. What Pingora sends behind it comes too late.
        let header = Box::new(answer.clone());
        session.write_response_header(header, false).await?;
        session.write_response_body(Some(document), true).await?;
    }
    Ok(())
}

/// The client cannot help it: the operator can.
fn warn_of_missing_length(answer: &ResponseHeader, context: &Context) {
    let is_unsized = context.form.as_ref().is_some_and(|form| form.is_unsized());
    let wants_length = matches!(
        answer.status,
        StatusCode::LENGTH_REQUIRED | StatusCode::NOT_IMPLEMENTED
    );
    if let (true, true, Some((node, _))) = (is_unsized, wants_length, context.node()) {
        tracing::warn!(
            request_id = &*context.request_id,
            node,
            "the node takes no file of a form without a Content-Length: set form_files = \"sized\""
        );
    }
}

impl Upload {
    fn new(body: FormBody, range: LengthRange, put: Option<Put>) -> Self {
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
    pub fn begin_attempt(&mut self, request: &mut RequestHeader) -> Option<&Received> {
        self.verifier = self.body.verifier();
        self.ended = false;
        self.fault = None;
        let put = self.put.as_ref()?;
        *request = put.request.clone();
        Some(&put.fields)
    }

    /// Passes a piece of the form, see [`Body::pass`].
    ///
    /// # Errors
    /// Pingora's, which cuts the connection to the node with its message incomplete. [`Upload::fault`] says why.
    pub fn pass(&mut self, piece: &mut Option<Bytes>, end: bool) -> pingora::Result<()> {
        let arrived = piece.take().unwrap_or_default();
        match self.push(arrived, if end { End::Yes } else { End::No }) {
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
        if end == End::Yes {
            let checked = self.range.check(length);
            checked.map_err(UploadFault::Policy)?;
        }
        Ok(passed)
    }

    /// Whether the node has not been told the length of the file.
    fn is_unsized(&self) -> bool {
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
