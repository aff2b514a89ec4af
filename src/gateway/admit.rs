//! The check of a request: its head gets a permit or a refusal.

use std::sync::Arc;
use std::time::SystemTime;

use http::Method;
use pingora::http::RequestHeader;

use super::client::Client;
use super::context::{Admitted, Context};
use super::form;
use super::forward;
use super::permit::{NodeRequest, permit};
use crate::address::{Address, AddressFailure, CopySource};
use crate::clock::instant;
use crate::cluster::Forward;
use crate::dialect::{starts_with_ignoring_case, vendor_header};
use crate::error::Refusal;
use crate::runtime::active_config::{ActiveConfig, Listener};
use crate::sig::headers::text_of;
use crate::sig::query::Parameter;
use crate::sig::target::PathSpelling;
use crate::sig::{self, AuthFailure, RequestView, Verified, VerifyingKey};
use crate::wire::head::RequestHead;
use crate::wire::parse::{is_token, members};
use crate::wire::target::Target;

/// The result of the check of a head.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every request is the large one, and each lives for one call"
)]
enum Checked {
    /// The request has its permit.
    Permitted(Admitted),
    /// The request is a form upload to this bucket, signed by the fields in its body.
    Form(Address),
}

/// Why a request has no permit yet.
enum Stop {
    Refused(Refusal),
    /// The store needs I/O to look up the key with this AccessKeyId.
    Unresolved(String),
}

impl<R: Into<Refusal>> From<R> for Stop {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}

/// Checks a request and returns its permit. Reads the fields of a form upload from its body.
///
/// # Errors
/// [`Refusal`].
pub async fn admit(
    client: &mut Client<'_>,
    context: &mut Context,
    now: SystemTime,
) -> Result<Admitted, Refusal> {
    let head = std::mem::take(&mut context.head);
    let mut key = None;
    let checked = loop {
        match check(client.request(), &head, context, now, key.take()) {
            Ok(checked) => break Ok(checked),
            Err(Stop::Refused(refusal)) => break Err(refusal),
            // It is checked again with the key: to keep the state of the first check would cost every request more than the
            // second check costs the few that need it.
            Err(Stop::Unresolved(id)) => match Box::pin(context.live.key_of(&id)).await {
                Ok(resolved) => key = Some(resolved),
                Err(refusal) => {
                    context.verification = Some(context.started.elapsed());
                    break Err(refusal);
                }
            },
        }
    };
    context.head = head;
    let mut admitted = match checked? {
        Checked::Permitted(admitted) => admitted,
        // Boxed, because it is rare, and would make the future of every request larger.
        Checked::Form(bucket) => Box::pin(form::admit(client, context, bucket, now)).await?,
    };
    if admitted.body.verify_first() {
        Box::pin(admitted.body.verify_buffered(client)).await?;
        admitted.verified_at = None;
    }
    Ok(admitted)
}

/// Checks the head of a request. `resolved` is the key, if it has been looked up with I/O.
fn check(
    request: &RequestHeader,
    head: &RequestHead,
    context: &mut Context,
    now: SystemTime,
    resolved: Option<VerifyingKey>,
) -> Result<Checked, Stop> {
    let live = Arc::clone(&context.live);
    let connection = Arc::clone(&context.connection);
    let listener = connection.listener(&live);
    let target = Target::of(request);
    let routing = check_header(head)?;
    if target
        .authority
        .is_some_and(|authority| !authority.eq_ignore_ascii_case(routing.host))
    {
        return Err(Refusal::Address(AddressFailure::OtherAuthority).into());
    }
    let method = check_method(request)?;
    let view = RequestView::of(
        request.method.as_str(),
        target.path,
        target.query,
        head.fields(),
    )
    .map_err(Refusal::Auth)?;
    let names = view.parameters.iter().map(|parameter| &*parameter.name);
    let hosts = &listener.options.hosts;
    let host = routing.host;
    let copy_source = match routing.copy_source {
        CopySource::Absent if view.parameters.iter().any(is_copy_source) => CopySource::Present,
        copy_source => copy_source,
    };
    let cluster = live.cluster.options();
    let (path, rules) = (target.path, cluster.names);
    let address = Address::of(method, host, path, names, copy_source, hosts, rules)
        .map_err(Refusal::Address)?;
    // The signature may cover the Host, so the dot cannot be removed.
    if cluster.forward == Forward::Passthrough && address.host_has_root() {
        return Err(Refusal::Address(AddressFailure::RootHost).into());
    }
    if form::is_upload(method, &address, head) {
        return match form::check_outside(&view) {
            Ok(()) => Ok(Checked::Form(address)),
            Err(failure) => {
                context.refused.address = Some(address);
                Err(Refusal::Auth(failure).into())
            }
        };
    }
    let verified = verify(&live, listener, &view, &address, context, now, resolved);
    let verified_at = instant();
    context.verification = Some(verified_at - context.started);
    let admitted = verified.and_then(|(verified, signed_fields)| {
        let dialect = verified.dialect().dialect.name;
        let response_dialect = listener.response_dialect(Some(dialect));
        // A response to a verified request is in the dialect that it was verified in, also if it is refused for something else.
        context.refused.response_dialect = Some(response_dialect);
        let signed_as = signed_address(&address, &verified);
        let request = NodeRequest { view: &view, head };
        let (permit, body) = permit(cluster, hosts, verified, signed_as, Some(request))?;
        Ok(Admitted {
            permit,
            response_dialect,
            signed_fields,
            body,
            form: None,
            verified_at: Some(verified_at),
        })
    });
    admitted.map(Checked::Permitted).inspect_err(|_stop| {
        context.refused.address = Some(address);
    })
}

/// Verifies the signature. Also returns the further fields that it covers and that nodes need to verify it themselves.
fn verify(
    live: &ActiveConfig,
    listener: &Listener,
    view: &RequestView<'_>,
    address: &Address,
    context: &mut Context,
    now: SystemTime,
    resolved: Option<VerifyingKey>,
) -> Result<(Verified, Vec<String>), Stop> {
    let claim = match sig::claim(view, address, now, &listener.dialects, &live.signature) {
        Ok(claim) => claim,
        Err(AuthFailure::NotSigned) if overrides_response(view) => {
            return Err(Refusal::UnsignedOverride.into());
        }
        Err(failure) => return Err(Refusal::Auth(failure).into()),
    };
    let id = claim.access_key_id();
    let key = match resolved {
        Some(key) => key,
        None => match live.known_key(id) {
            Some(answer) => answer?,
            None => return Err(Stop::Unresolved(id.to_owned())),
        },
    };
    let verified = claim.verify(&key);
    // The last rule is about parameters that a valid signature does not cover.
    context.refused.verified = matches!(verified, Ok(_) | Err(AuthFailure::UncoveredParameter(_)));
    let verified = verified.map_err(Refusal::Auth)?;
    check_named(&claim, view)?;
    let signed_fields = match live.cluster.options().forward {
        Forward::Passthrough => signed_fields(&claim)?,
        Forward::Trusted | Forward::Resign => Vec::new(),
    };
    Ok((verified, signed_fields))
}

/// The address with its key as signed, so that the same variant is decided on, logged and forwarded.
fn signed_address(address: &Address, verified: &Verified) -> Address {
    match (verified.target().path, address.key()) {
        (PathSpelling::Rfc3986, Some(key)) => address.with_key(&verified.target().path(key)),
        _ => address.clone(),
    }
}

/// Nodes that verify the signature themselves need every header field that it covers: returns those that are not forwarded
/// anyway.
fn signed_fields(claim: &sig::Claim<'_>) -> Result<Vec<String>, Refusal> {
    let further = claim.signed_headers().filter(|name| !forward::passes(name));
    further
        .map(|name| match forward::passes_signed(name) {
            true => Ok(name.to_owned()),
            false => Err(Refusal::SignedField(name.to_owned())),
        })
        .collect()
}

/// Whether a parameter is the header that makes a PUT a copy: some nodes read it so, wherever the request is signed.
fn is_copy_source(parameter: &Parameter<'_>) -> bool {
    parameter.name.starts_with(['x', 'X'])
        && vendor_header(&parameter.name.to_ascii_lowercase()) == Some("copy-source")
}

/// The fields that the check needs besides those of the signature.
struct RoutingFields<'r> {
    host: &'r str,
    copy_source: CopySource,
}

/// Checks the fields of HTTP itself, in one pass.
fn check_header(head: &RequestHead) -> Result<RoutingFields<'_>, Refusal> {
    let mut host = None;
    let mut copy_source = CopySource::Absent;
    for (name, value) in head.fields() {
        match name {
            "connection" => check_connection(value)?,
            "expect" if members(value).any(|one| !one.eq_ignore_ascii_case(b"100-continue")) => {
                return Err(Refusal::Expect);
            }
            "host" if host.replace(value).is_some() => {
                return Err(Refusal::Address(AddressFailure::SeveralHosts));
            }
            // Some servers use their value in place of the method of the request line.
            "x-http-method-override" | "x-http-method" | "x-method-override" => {
                return Err(Refusal::MethodOverride(name.to_owned()));
            }
            name if vendor_header(name) == Some("copy-source") => copy_source = CopySource::Present,
            _ => {}
        }
    }
    let host = host.ok_or(Refusal::Address(AddressFailure::MissingHost))?;
    let host = text_of(host).ok_or(Refusal::Address(AddressFailure::BadHost))?;
    Ok(RoutingFields { host, copy_source })
}

/// The names in `Connection` are hop-by-hop fields (RFC 9110, section 7.6.1). The gateway forwards no hop-by-hop field and
/// removes none because of `Connection`, so an offer of another protocol, or the name of a field that is not forwarded, is
/// ignored. The name of a forwarded field is refused: a recipient that follows RFC 9110 would remove that field.
fn check_connection(value: &[u8]) -> Result<(), Refusal> {
    let is_forwarded = |option: &[u8]| !is_token(option) || forward::carries(&lower_case(option));
    match members(value).find(|option| !is_plain(option) && is_forwarded(option)) {
        Some(option) => Err(Refusal::ConnectionNames(lossy(option))),
        None => Ok(()),
    }
}

/// Refuses the name of a signed field in `Connection`.
fn check_named(claim: &sig::Claim<'_>, view: &RequestView<'_>) -> Result<(), Refusal> {
    let connection = view.headers.iter().filter(|field| field.0 == "connection");
    for option in connection.flat_map(|field| members(field.1)) {
        let mut signed = claim.signed_headers();
        if !is_plain(option) && signed.any(|name| name.as_bytes().eq_ignore_ascii_case(option)) {
            return Err(Refusal::ConnectionNames(lossy(option)));
        }
    }
    Ok(())
}

/// Whether a connection option is a common one, which names no field that is forwarded or signed.
fn is_plain(option: &[u8]) -> bool {
    [&b"keep-alive"[..], b"close", b"te", b"upgrade"]
        .iter()
        .any(|plain| plain.eq_ignore_ascii_case(option))
}

fn lower_case(option: &[u8]) -> String {
    lossy(option).to_ascii_lowercase()
}

fn lossy(option: &[u8]) -> String {
    String::from_utf8_lossy(option).into_owned()
}

fn check_method(request: &RequestHeader) -> Result<&Method, Refusal> {
    match request.method {
        Method::GET | Method::HEAD | Method::PUT | Method::POST | Method::DELETE => {
            Ok(&request.method)
        }
        // A CORS preflight is never signed.
        Method::OPTIONS => Err(Refusal::Denied(crate::policy::Denial::Anonymous)),
        _ => Err(Refusal::Method),
    }
}

/// Whether a read overrides header fields of its response (Amazon S3 API Reference, "GetObject").
fn overrides_response(view: &RequestView<'_>) -> bool {
    let overrides = |name: &str| starts_with_ignoring_case(name, "response-");
    matches!(view.method, "GET" | "HEAD")
        && view
            .parameters
            .iter()
            .any(|parameter| overrides(&parameter.name))
}
