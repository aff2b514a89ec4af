//! The check of a request: from the header to a permit, or to a refusal.

use std::sync::Arc;
use std::time::SystemTime;

use http::Method;
use pingora::http::RequestHeader;

use super::body::{Body, without_length};
use super::context::Context;
use super::form;
use super::forward;
use crate::address::{Address, AddressFailure, CopySource, selector};
use crate::clock::instant;
use crate::cluster::Forward;
use crate::error::Refusal;
use crate::policy::{Caller, decide};
use crate::runtime::active_config::{ActiveConfig, Listener};
use crate::sig::dialect::{AWS, CaseRule, Dialect, starts_with_ignoring_case, vendor_header};
use crate::sig::headers::text_of;
use crate::sig::query::Parameter;
use crate::sig::target::PathSpelling;
use crate::sig::{self, AuthFailure, RequestView, Verified, VerifyingKey, Version};
use crate::wire::head::RequestHead;
use crate::wire::parse::{is_token, members};
use crate::wire::target::Target;

/// What the header of a request has come to.
pub enum HeadCheck {
    /// It has its permit.
    Permitted,
    /// It is a form upload to this bucket: its body says who signed it.
    Form(Address),
    /// It claims this AccessKeyId, for whose key the store has to ask. It is checked again once that is there: to keep all
    /// that was read of it until then would cost every request more than that costs one.
    Unresolved(String),
}

/// Why a request has not got its permit yet.
enum Stop {
    Refused(Refusal),
    Unresolved(String),
}

impl<R: Into<Refusal>> From<R> for Stop {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}

/// Checks a request, and puts its permit into the context, or what it claimed to be where it gets none. `resolved` is the
/// key that the store was asked for, if it was.
///
/// # Errors
/// [`Refusal`].
pub fn admit(
    request: &RequestHeader,
    head: &RequestHead,
    context: &mut Context,
    now: SystemTime,
    resolved: Option<VerifyingKey>,
) -> Result<HeadCheck, Refusal> {
    let live = Arc::clone(&context.live);
    let connection = Arc::clone(&context.connection);
    let listener = connection.listener(&live);
    let target = Target::of(request);
    let routing = check_header(head)?;
    if target
        .authority
        .is_some_and(|authority| !authority.eq_ignore_ascii_case(routing.host))
    {
        return Err(Refusal::Address(AddressFailure::OtherAuthority));
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
    // The signature may cover it, so it cannot be sent on without the dot.
    if cluster.forward == Forward::Passthrough && address.host_has_root() {
        return Err(Refusal::Address(AddressFailure::RootHost));
    }
    if form::is_upload(method, &address, head) {
        return match form::check_outside(&view) {
            Ok(()) => Ok(HeadCheck::Form(address)),
            Err(failure) => {
                context.refused.address = Some(address);
                Err(Refusal::Auth(failure))
            }
        };
    }
    let verified = match verify(&live, listener, &view, &address, context, now, resolved) {
        Ok(verified) => Ok(verified),
        Err(Stop::Refused(refusal)) => Err(refusal),
        Err(Stop::Unresolved(id)) => {
            context.refused.address = Some(address);
            return Ok(HeadCheck::Unresolved(id));
        }
    };
    let verified_at = instant();
    context.admission.verification = Some(verified_at - context.started);
    context.admission.verified_at = Some(verified_at);
    let permitted = verified.and_then(|verified| {
        let cluster = Dialect::named(live.cluster.options().dialect);
        check_spelling(&verified, cluster, &view)?;
        let address_signed = signed_address(&address, &verified);
        forward::check(live.cluster.options(), &verified, &view, &address)?;
        decide(Caller::Signed(verified), address_signed, hosts).map_err(Refusal::Denied)
    });
    match permitted {
        Ok(permit) => {
            context.admission.response_dialect =
                Some(listener.response_dialect(Some(permit.verified().dialect().dialect.name)));
            let permit = context.admission.permit.insert(permit);
            let forward = live.cluster.options().forward;
            let body = Body::planned(permit, &view, forward, head.body_length());
            context.admission.body =
                body.map_err(|refusal| without_length(refusal, permit, head))?;
            Ok(HeadCheck::Permitted)
        }
        Err(refusal) => {
            context.refused.address = Some(address);
            Err(refusal)
        }
    }
}

fn verify(
    live: &ActiveConfig,
    listener: &Listener,
    view: &RequestView<'_>,
    address: &Address,
    context: &mut Context,
    now: SystemTime,
    resolved: Option<VerifyingKey>,
) -> Result<sig::Verified, Stop> {
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
    // The last rule of all is about what the signature, which holds, does not cover.
    context.refused.verified = matches!(verified, Ok(_) | Err(AuthFailure::UncoveredParameter(_)));
    let verified = verified.map_err(Refusal::Auth)?;
    check_named(&claim, view)?;
    if live.cluster.options().forward == Forward::Passthrough {
        context.admission.signed_fields = signed_fields(&claim)?;
    }
    Ok(verified)
}

/// The address with its key as it was signed: what is decided upon, logged and forwarded is one spelling.
fn signed_address(address: &Address, verified: &Verified) -> Address {
    match (verified.target().path, address.key()) {
        (PathSpelling::Rfc3986, Some(key)) => address.with_key(&verified.target().path(key)),
        _ => address.clone(),
    }
}

/// Nodes that verify the signature themselves have to get every header that it covers: gives those that do not go on anyway.
fn signed_fields(claim: &sig::Claim<'_>) -> Result<Vec<String>, Refusal> {
    let further = claim.signed_headers().filter(|name| !forward::passes(name));
    further
        .map(|name| match forward::passes_signed(name) {
            true => Ok(name.to_owned()),
            false => Err(Refusal::SignedField(name.to_owned())),
        })
        .collect()
}

/// Whether a parameter stands for the header that makes a PUT a copy, wherever the request is signed: some nodes read it so.
fn is_copy_source(parameter: &Parameter<'_>) -> bool {
    parameter.name.starts_with(['x', 'X'])
        && vendor_header(&parameter.name.to_ascii_lowercase()) == Some("copy-source")
}

/// What the check takes from the header besides the signature.
struct RoutingFields<'r> {
    host: &'r str,
    copy_source: CopySource,
}

/// Checks the fields that steer HTTP itself, in one pass over all of them.
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
            // They make some servers act on another method than the one on the request line.
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

/// What a `Connection` field names concerns the connection alone (RFC 9110, section 7.6.1). The gateway takes no field
/// away for it and forwards none of that kind, so an offer of another protocol, or the name of a field that ends here, is
/// ignored. A field that goes on cannot stand there: whoever obeys the name would take it away.
fn check_connection(value: &[u8]) -> Result<(), Refusal> {
    let goes_on = |option: &[u8]| !is_token(option) || forward::carries(&lower_case(option));
    match members(value).find(|option| !is_plain(option) && goes_on(option)) {
        Some(option) => Err(Refusal::ConnectionNames(lossy(option))),
        None => Ok(()),
    }
}

/// Nor can a field that is signed.
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

/// Whether a connection option is one of those that most requests have, and names no field that anything depends on.
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

/// Whether a read asks for other headers of its answer (Amazon S3 API Reference, "GetObject").
fn overrides_response(view: &RequestView<'_>) -> bool {
    let overrides = |name: &str| starts_with_ignoring_case(name, "response-");
    matches!(view.method, "GET" | "HEAD")
        && view
            .parameters
            .iter()
            .any(|parameter| overrides(&parameter.name))
}

/// A dialect without regard to case signs `?ACL`, and version 4 signs whatever is there; nodes with regard to case would
/// not see an `acl` there. Version 2 in a dialect with regard to case covers no such name, so it has been refused by now.
fn check_spelling(
    asked: &Verified,
    cluster: &Dialect,
    view: &RequestView<'_>,
) -> Result<(), Refusal> {
    let exact = asked.dialect().dialect.case_rule == CaseRule::Sensitive;
    let covers_exact_names = exact && asked.version() == Version::V2;
    if covers_exact_names || cluster.case_rule == CaseRule::Insensitive {
        return Ok(());
    }
    for parameter in &view.parameters {
        let listed = AWS
            .sub_resources
            .iter()
            .find(|own| own.eq_ignore_ascii_case(&parameter.name))
            .copied();
        if let Some(known) = listed
            .or_else(|| selector(&parameter.name))
            .filter(|known| *known != parameter.name)
        {
            return Err(Refusal::ParameterSpelling {
                sent: parameter.name.clone().into_owned(),
                known: known.to_owned(),
            });
        }
    }
    Ok(())
}
