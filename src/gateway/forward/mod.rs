//! What goes on to a node: the request as it was verified, without what could steer the node past the check.

mod compose;
mod passing;
mod resign;
mod single_use;
mod target;

use http::header::{HeaderName, HeaderValue};
use pingora::http::RequestHeader;

use super::body::Body;
use crate::address::Address;
use crate::body::SignedChunks;
use crate::clock::Clock;
use crate::cluster::{Cluster, ClusterOptions, Forward};
use crate::error::Refusal;
use crate::policy::Permit;
use crate::runtime::request_id::RequestId;
use crate::sig::{RequestView, Verified};
use crate::wire::head::RequestHead;
use crate::wire::target::Target;
pub use passing::{carries, passes, passes_signed};
pub use single_use::mark_single_use;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-countersign-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What the gateway knows of a request besides its header.
#[derive(Clone, Copy)]
pub struct ForwardInfo<'o> {
    /// What is known of its body.
    pub body: &'o Body,
    /// The gateway's id of the request.
    pub request_id: &'o RequestId,
    /// The address that the client has.
    pub peer: Option<&'o HeaderValue>,
    /// The address of the node.
    pub node: &'o str,
    /// Tells the time of this attempt, which a new signature carries.
    pub clock: &'o dyn Clock,
    /// The signed fields that go on besides those that always do, for nodes that verify the signature.
    pub signed_fields: &'o [String],
}

/// Whether a verified request can go on to the nodes of a cluster.
///
/// # Errors
/// [`Refusal`].
pub fn check(
    options: &ClusterOptions,
    verified: &Verified,
    view: &RequestView<'_>,
    address: &Address,
) -> Result<(), Refusal> {
    match options.forward {
        Forward::Passthrough => passing::check_as_sent(verified, view, address),
        Forward::Trusted => Ok(()),
        Forward::Resign => resign::check(options, verified, view, address),
    }
}

/// Turns the client's request, whose fields are `head`, into the node's. Gives the frames that its body goes on in, if
/// it does.
///
/// # Errors
/// Pingora's, where a value of ours is no header value; the configuration and the check leave none.
pub fn rewrite(
    request: &mut RequestHeader,
    head: &RequestHead,
    permit: &Permit,
    cluster: &Cluster,
    own: ForwardInfo<'_>,
) -> pingora::Result<Option<SignedChunks>> {
    match cluster.options().forward {
        Forward::Passthrough => pass_on(request, head, own)?,
        Forward::Trusted => compose::trusted(request, head, permit, cluster.options(), own)?,
        Forward::Resign => return resign::resign(request, head, permit, cluster, own),
    }
    Ok(None)
}

/// Takes the strangers away; everything else stays as it came, the case of the names included.
fn pass_on(
    request: &mut RequestHeader,
    head: &RequestHead,
    own: ForwardInfo<'_>,
) -> pingora::Result<()> {
    let mut passed = RequestHeader::build(
        request.method.clone(),
        request.raw_path(),
        Some(head.count() + 2),
    )?;
    passed.set_version(request.version);
    if !request.raw_path().starts_with(b"/") {
        let target = Target::of(request);
        let target = match target.query {
            Some(query) => format!("{}?{query}", target.path),
            None => target.path.to_owned(),
        };
        passed.set_raw_path(target.as_bytes())?;
    }
    for (as_sent, (name, value)) in head.as_sent() {
        if passes(name) || own.signed_fields.iter().any(|own| own == name) {
            let as_sent = String::from_utf8_lossy(as_sent).into_owned();
            passed.append_header(as_sent, compose::header_value(value)?)?;
        }
    }
    if let Some(peer) = own.peer {
        passed.insert_header(FORWARDED_FOR, peer)?;
    }
    passed.insert_header(REQUEST_ID, own.request_id.value()?)?;
    *request = passed;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn the_absolute_form_becomes_the_origin_form() {
        let target = |text: &str| {
            let mut request = RequestHeader::build("GET", text.as_bytes(), None).unwrap();
            let own = ForwardInfo {
                body: &Body::default(),
                request_id: &RequestId::random(),
                peer: None,
                node: "127.0.0.1:9000",
                clock: &SystemClock,
                signed_fields: &[],
            };
            pass_on(&mut request, &RequestHead::default(), own).unwrap();
            String::from_utf8(request.raw_path().to_vec()).unwrap()
        };
        assert_eq!(target("http://h/b/k%2F?acl"), "/b/k%2F?acl");
        assert_eq!(target("http://h"), "/");
        assert_eq!(target("/b/http://h/k"), "/b/http://h/k");
    }
}
