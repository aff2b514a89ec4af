//! The check of a form upload: its fields get a permit or a refusal.

use std::sync::Arc;
use std::time::SystemTime;

use http::header::{CONTENT_TYPE, EXPECT};

use super::success::Success;
use super::upload::{Put, Upload};
use super::{put, read};
use crate::address::Address;
use crate::body::form::{Boundary, Filename, FormBody};
use crate::body::{BodyFailure, BodyOptions, Framing};
use crate::cluster::{ClusterOptions, FormFiles, Forward};
use crate::error::Refusal;
use crate::gateway::client::Client;
use crate::gateway::context::{Admitted, Context};
use crate::gateway::permit::{NodeRequest, permit};
use crate::sig::RequestView;
use crate::sig::claimed::Claimed;
use crate::sig::form::failure::MAX_KEY_LENGTH;
use crate::sig::form::{self, FormFailure, FormFields, LengthRange, PolicyFailure, VerifiedForm};

/// Reads the fields of a form before its file and checks them. `bucket` is the address that the form was sent to.
///
/// # Errors
/// [`Refusal`].
pub async fn admit(
    client: &mut Client<'_>,
    context: &mut Context,
    bucket: Address,
    now: SystemTime,
) -> Result<Admitted, Refusal> {
    context.refused.address = Some(bucket.clone());
    let live = Arc::clone(&context.live);
    let connection = Arc::clone(&context.connection);
    let listener = connection.listener(&live);
    let content_type = context.head.value(CONTENT_TYPE.as_str());
    let boundary = Boundary::of(content_type.unwrap_or_default()).map_err(Refusal::Form)?;
    let length = context.head.body_length();
    let read = read::head(client, &connection, &boundary, length).await?;
    // The client has got `100 Continue`: the node does not get the expectation.
    context.head.remove(EXPECT.as_str());
    let head = &read.head;
    let filename = match &head.filename {
        Filename::None => Some(""),
        Filename::Given(name) => Some(name.as_str()),
        Filename::Ambiguous => None,
    };
    let fields = FormFields::of(head.fields.iter().cloned(), filename).map_err(Refusal::Policy)?;
    let claimed = Claimed::of_form(&fields, &listener.dialects);
    context.refused.claimed = claimed.map(Claimed::into_owned);
    let response_dialect = listener.response_dialect(form::detect_dialect(&fields));
    context.refused.response_dialect = Some(response_dialect);
    let name = bucket.bucket().unwrap_or_default();
    let claim = form::claim(&fields, name, now, &listener.dialects, &live.signature)?;
    let key = live.key_of(claim.access_key_id()).await?;
    let verified = claim.verify(&key);
    // The policy is read only after its signature is verified.
    context.refused.verified = matches!(verified, Ok(_) | Err(FormFailure::Policy(_)));
    context.verification = Some(context.started.elapsed());
    let VerifiedForm {
        verified,
        length_range,
    } = verified?;
    let address = address_of(&bucket, &fields)?;
    let options = live.cluster.options();
    let body = read.body(&boundary, framing(options.forward), needs_length(options))?;
    check_length(&body, length_range)?;
    let put = match options.forward {
        Forward::Passthrough => None,
        Forward::Trusted | Forward::Resign => Some(Put {
            request: put::request(&address)?,
            fields: put::fields(&context.head, &verified, &fields, body.file_length())?,
            success: Success::of(&fields),
        }),
    };
    let path = address.path();
    let view = match &put {
        None => None,
        Some(put) => {
            Some(RequestView::of("PUT", &path, None, put.fields.fields()).map_err(Refusal::Auth)?)
        }
    };
    let request = put
        .as_ref()
        .zip(view.as_ref())
        .map(|(put, view)| NodeRequest {
            view,
            head: &put.fields,
        });
    let (permit, proof) = permit(options, &listener.options.hosts, verified, address, request)?;
    Ok(Admitted {
        permit,
        response_dialect,
        signed_fields: Vec::new(),
        body: proof,
        form: Some(Box::new(Upload::new(body, length_range, put))),
        verified_at: None,
    })
}

/// The address of the object: always in the bucket that the form was sent to.
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

/// Whether the nodes need the length of a file in advance.
fn needs_length(options: &ClusterOptions) -> bool {
    options.forward != Forward::Passthrough && options.form_files == FormFiles::Sized
}

/// Checks the bounds of the length of the file before the file is read.
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
