//! The request to a node: the request as it was verified, without fields that could make the node act otherwise.

mod compose;
mod fields;
mod passing;
mod resign;
mod target;

use bytes::{BufMut, Bytes, BytesMut};
use http::Method;
use http::header::HeaderValue;
use pingora::http::RequestHeader;
use pingora::{ErrorType, OkOrErr};

use super::body::Body;
use crate::address::Address;
use crate::body::SignedChunks;
use crate::clock::Clock;
use crate::cluster::{Cluster, ClusterOptions, Forward};
use crate::error::Refusal;
use crate::node::RequestBody;
use crate::policy::Permit;
use crate::runtime::request_id::RequestId;
use crate::sig::headers::text_of;
use crate::sig::{RequestView, Verified};
use crate::wire::head::RequestHead;
use crate::wire::target::Target;
use compose::Composed;
pub use fields::NodeFields;
pub use passing::{carries, passes, passes_signed};

const REQUEST_ID: &str = "x-countersign-request-id";
/// An upper bound of the bytes of a head besides its target and its fields: the method, the version, the framing fields.
const FRAME: usize = 96;
const FORWARDED_FOR: &str = "x-forwarded-for";

/// What a request to a node needs besides the head of the client's request.
#[derive(Clone, Copy)]
pub struct ForwardInfo<'o> {
    /// What the request claims about its body.
    pub body: &'o Body,
    /// The gateway's request id.
    pub request_id: &'o RequestId,
    /// The client's IP address.
    pub peer: Option<&'o HeaderValue>,
    /// The address of the node.
    pub node: &'o str,
    /// The clock: a new signature has the time of its attempt.
    pub clock: &'o dyn Clock,
    /// The further signed fields that are forwarded to nodes that verify the signature.
    pub signed_fields: &'o [String],
}

/// Checks that a verified request can be forwarded to the nodes of a cluster.
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

/// The head of a request to a node, and the framing of its body.
#[derive(Debug)]
pub struct NodeHead {
    /// The bytes of the head.
    pub bytes: Bytes,
    /// The framing of the body, as the head announces it.
    pub body: RequestBody,
    /// The signed chunks of the body, if the gateway signs them.
    pub signed_chunks: Option<SignedChunks>,
    /// Whether the method is HEAD.
    pub is_head: bool,
    /// Whether the connection must not be reused: the request has a body with a method for which HTTP defines none (RFC 9110,
    /// section 9.3.1), and nodes may leave it unread.
    pub single_use: bool,
}

/// Writes the head of the request to the node. `head` has the fields of the client's request.
///
/// # Errors
/// Pingora's, if a value of the gateway is not a valid header value; the configuration and the check exclude that.
pub fn compose(
    request: &RequestHeader,
    head: &RequestHead,
    permit: &Permit,
    cluster: &Cluster,
    info: ForwardInfo<'_>,
) -> pingora::Result<NodeHead> {
    let mut signed_chunks = None;
    let Composed { target, fields } = match cluster.options().forward {
        Forward::Passthrough => pass_on(request, head, info),
        Forward::Trusted => compose::trusted(request, head, permit, cluster.options(), info)?,
        Forward::Resign => {
            let (composed, chunks) = resign::resign(request, head, permit, cluster, info)?;
            signed_chunks = chunks;
            composed
        }
    };
    check_target(&target)?;
    let body = match info.body.is_proven_empty() {
        true => RequestBody::Nothing,
        false => body_of(&fields, head)?,
    };
    let bodiless = matches!(request.method, Method::GET | Method::HEAD | Method::DELETE);
    let single_use = bodiless && !matches!(body, RequestBody::Nothing | RequestBody::Length(0));
    let mut wire = BytesMut::with_capacity(target.len() + fields.length() + FRAME);
    wire.put_slice(request.method.as_str().as_bytes());
    wire.put_u8(b' ');
    wire.put_slice(target.as_bytes());
    wire.put_slice(b" HTTP/1.1\r\n");
    fields.write(&mut wire);
    if body == RequestBody::Chunks {
        wire.put_slice(b"transfer-encoding: chunked\r\n");
    }
    if single_use {
        wire.put_slice(b"connection: close\r\n");
    }
    wire.put_slice(b"\r\n");
    Ok(NodeHead {
        bytes: wire.freeze(),
        body,
        signed_chunks,
        is_head: request.method == Method::HEAD,
        single_use,
    })
}

/// Refuses a target that would end the request line early (RFC 9112, section 3). Every encoding of a target excludes that: this
/// holds if one of them should ever be wrong.
fn check_target(target: &str) -> pingora::Result<()> {
    let is_target = target.bytes().all(|byte| byte.is_ascii_graphic());
    let is_target = (is_target && !target.is_empty()).then_some(());
    is_target.or_err(ErrorType::InvalidHTTPHeader, "the target of a request")
}

/// The framing of the body for the node: the length in `fields`, or else chunks if there is a body.
fn body_of(fields: &NodeFields<'_>, head: &RequestHead) -> pingora::Result<RequestBody> {
    let Some(length) = fields.iter().find(|field| is_length(field.0)) else {
        return Ok(match head.body_length() {
            Some(0) => RequestBody::Nothing,
            _ => RequestBody::Chunks,
        });
    };
    let length = text_of(length.1).and_then(|length| length.parse().ok());
    let length = length.or_err(ErrorType::InvalidHTTPHeader, "the length of a request")?;
    Ok(RequestBody::Length(length))
}

fn is_length(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-length")
}

/// The request unchanged, with the case of its field names, but without the fields that are not for a node.
fn pass_on<'r>(
    request: &'r RequestHeader,
    head: &'r RequestHead,
    info: ForwardInfo<'r>,
) -> Composed<'r> {
    let Target { path, query, .. } = Target::of(request);
    let target = match query {
        Some(query) => format!("{path}?{query}").into(),
        None => path.into(),
    };
    let mut fields = NodeFields::with_capacity(head.count() + 2);
    for (as_sent, (name, value)) in head.as_sent() {
        if passes(name) || info.signed_fields.iter().any(|signed| signed == name) {
            fields.add(String::from_utf8_lossy(as_sent), value);
        }
    }
    if let Some(peer) = info.peer {
        fields.add(FORWARDED_FOR, peer.as_bytes());
    }
    fields.add(REQUEST_ID, info.request_id.as_bytes());
    Composed { target, fields }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn the_absolute_form_becomes_the_origin_form() {
        let target = |text: &str| {
            let request = RequestHeader::build("GET", text.as_bytes(), None).unwrap();
            let info = ForwardInfo {
                body: &Body::default(),
                request_id: &RequestId::random(),
                peer: None,
                node: "127.0.0.1:9000",
                clock: &SystemClock,
                signed_fields: &[],
            };
            pass_on(&request, &RequestHead::default(), info)
                .target
                .into_owned()
        };
        assert_eq!(target("http://h/b/k%2F?acl"), "/b/k%2F?acl");
        assert_eq!(target("http://h"), "/");
        assert_eq!(target("/b/http://h/k"), "/b/http://h/k");
    }

    #[test]
    fn no_target_ends_the_request_line() {
        for target in ["/", "/b/k%20?acl&a=%0d%0a", "/b/k?x=~!'()*", "*"] {
            assert!(check_target(target).is_ok(), "{target}");
        }
        for target in [
            "",
            "/b k",
            "/b/k HTTP/1.1\r\nx: y",
            "/b\t",
            "/b\n",
            "/b\0",
            "/\u{e4}",
        ] {
            assert!(check_target(target).is_err(), "{target:?}");
        }
    }
}
