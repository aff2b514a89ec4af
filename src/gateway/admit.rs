//! The check of a request: from the header to a permit, or to a refusal.

use std::sync::Arc;
use std::time::SystemTime;

use http::Method;
use percent_encoding::{CONTROLS, percent_encode};
use pingora::http::RequestHeader;
use pingora::protocols::http::authority::{RawTargetAuthority, raw_target_authority};

use super::body::{Body, without_length};
use super::context::Context;
use super::form;
use super::forward;
use super::listener::Listener;
use super::live::Live;
use super::received::Received;
use super::wire::{is_token, members};
use crate::address::{Address, AddressFailure, CopySource, selector};
use crate::clock::instant;
use crate::cluster::Forward;
use crate::credentials::StoreFailure;
use crate::error::Refusal;
use crate::policy::{Caller, decide};
use crate::sig::dialect::{AWS, CaseRule, Dialect, starts_with_ignoring_case, vendor_header};
use crate::sig::headers::text_of;
use crate::sig::query::Parameter;
use crate::sig::target::PathSpelling;
use crate::sig::{self, AuthFailure, RequestView, Verified, VerifyingKey, Version};

/// A request target (RFC 9112, section 3.2), divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'r> {
    /// The authority of the absolute form.
    pub authority: Option<&'r str>,
    /// The raw path.
    pub path: &'r str,
    /// The raw query string, without `?`.
    pub query: Option<&'r str>,
}

impl<'r> Target<'r> {
    /// The target of a request, byte for byte as it came.
    pub fn of(request: &'r RequestHeader) -> Self {
        let raw = request.raw_path();
        // Nearly always the origin form, which is the text of the URI itself, divided already.
        if let Some(parsed) = request.uri.path_and_query()
            && raw.starts_with(b"/")
            && std::ptr::eq(parsed.as_str().as_bytes(), raw)
        {
            return Self {
                authority: None,
                path: parsed.path(),
                query: parsed.query(),
            };
        }
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or("");
        let (authority, origin) = match raw_target_authority(raw) {
            RawTargetAuthority::Absolute {
                authority,
                path_and_query,
                ..
            } => match path_and_query {
                b"" => (Some(text(authority)), "/"),
                // No path is the root (RFC 9112, section 3.2.1).
                [b'?', query @ ..] => {
                    return Self {
                        authority: Some(text(authority)),
                        path: "/",
                        query: Some(text(query)),
                    };
                }
                origin => (Some(text(authority)), text(origin)),
            },
            _ => (None, text(raw)),
        };
        match memchr::memchr(b'?', origin.as_bytes()) {
            Some(at) => Self {
                authority,
                path: &origin[..at],
                query: Some(&origin[at + 1..]),
            },
            None => Self {
                authority,
                path: origin,
                query: None,
            },
        }
    }
}

/// Percent-encodes the characters of a target that stand in no URI. First of all, so that everything behind sees ASCII.
///
/// # Errors
/// Pingora's, where the target is none; the guard lets none such in.
pub fn encode_target(request: &mut RequestHeader) -> pingora::Result<()> {
    let encoded = percent_encode(request.raw_path(), CONTROLS).to_string();
    request.set_raw_path(encoded.as_bytes())
}

/// What the header of a request has come to.
pub enum Admission {
    /// It has its permit.
    Permitted,
    /// It is a form upload to this bucket: its body says who signed it.
    Form(Address),
    /// It claims this AccessKeyId, for whose key the store has to ask. It is checked again once that is there: to keep all
    /// that was read of it until then would cost every request more than that costs one.
    Unresolved(String),
}

/// Why a request has not got its permit yet.
enum Pause {
    Refused(Refusal),
    Unresolved(String),
}

impl<R: Into<Refusal>> From<R> for Pause {
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
    received: &Received,
    context: &mut Context,
    now: SystemTime,
    resolved: Option<VerifyingKey>,
) -> Result<Admission, Refusal> {
    let live = Arc::clone(&context.live);
    let listener = context
        .site()
        .and_then(|(connection, _)| live.listeners.get(connection.listener()));
    let listener = listener.ok_or(Refusal::Internal)?;
    let target = Target::of(request);
    let steering = check_header(received)?;
    if target
        .authority
        .is_some_and(|authority| !authority.eq_ignore_ascii_case(steering.host))
    {
        return Err(Refusal::Address(AddressFailure::OtherAuthority));
    }
    let method = check_method(request)?;
    let view = RequestView::of(
        request.method.as_str(),
        target.path,
        target.query,
        received.fields(),
    )
    .map_err(Refusal::Auth)?;
    let names = view.parameters.iter().map(|parameter| &*parameter.name);
    let hosts = &listener.options.hosts;
    let host = steering.host;
    let copy_source = match steering.copy_source {
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
    if form::is_upload(method, &address, received) {
        return match form::check_outside(&view) {
            Ok(()) => Ok(Admission::Form(address)),
            Err(failure) => {
                context.refused.address = Some(address);
                Err(Refusal::Auth(failure))
            }
        };
    }
    let verified = match verify(&live, listener, &view, &address, context, now, resolved) {
        Ok(verified) => Ok(verified),
        Err(Pause::Refused(refusal)) => Err(refusal),
        Err(Pause::Unresolved(id)) => {
            context.refused.address = Some(address);
            return Ok(Admission::Unresolved(id));
        }
    };
    let verified_at = instant();
    context.verification = Some(verified_at - context.started);
    context.verified_at = Some(verified_at);
    let permitted = verified.and_then(|verified| {
        let cluster = Dialect::named(live.cluster.options().dialect);
        check_spelling(&verified, cluster, &view)?;
        let address_signed = signed_address(&address, &verified);
        forward::check(live.cluster.options(), &verified, &view, &address)?;
        decide(Caller::Signed(verified), address_signed, hosts).map_err(Refusal::Denied)
    });
    match permitted {
        Ok(permit) => {
            context.words = Some(listener.words(Some(permit.verified().dialect().dialect.name)));
            let permit = context.permit.insert(permit);
            let forward = live.cluster.options().forward;
            let body = Body::planned(permit, &view, forward, received.body_length());
            context.body = body.map_err(|refusal| without_length(refusal, permit, received))?;
            Ok(Admission::Permitted)
        }
        Err(refusal) => {
            context.refused.address = Some(address);
            Err(refusal)
        }
    }
}

fn verify(
    live: &Live,
    listener: &Listener,
    view: &RequestView<'_>,
    address: &Address,
    context: &mut Context,
    now: SystemTime,
    resolved: Option<VerifyingKey>,
) -> Result<sig::Verified, Pause> {
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
        None => match live.store.known(id) {
            Some(answer) => key_or_decoy(live, answer)?,
            None => return Err(Pause::Unresolved(id.to_owned())),
        },
    };
    let verified = claim.verify(&key);
    // The last rule of all is about what the signature, which holds, does not cover.
    context.refused.verified = matches!(verified, Ok(_) | Err(AuthFailure::UncoveredParameter(_)));
    let verified = verified.map_err(Refusal::Auth)?;
    check_named(&claim, view)?;
    if live.cluster.options().forward == Forward::Passthrough {
        context.signed_fields = signed_fields(&claim)?;
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

/// The key that an AccessKeyId resolves to.
///
/// # Errors
/// [`Refusal::StoreUnavailable`].
pub async fn key_of(live: &Live, access_key_id: &str) -> Result<VerifyingKey, Refusal> {
    key_or_decoy(live, live.store.resolve(access_key_id).await)
}

fn key_or_decoy(
    live: &Live,
    answer: Result<VerifyingKey, StoreFailure>,
) -> Result<VerifyingKey, Refusal> {
    match answer {
        Ok(key) => Ok(key),
        // The decoy fails as any other key does, and takes as long.
        Err(StoreFailure::Unknown) => Ok(live.decoy.clone()),
        Err(StoreFailure::Unavailable) => Err(Refusal::StoreUnavailable),
    }
}

/// What the check takes from the header besides the signature.
struct Steering<'r> {
    host: &'r str,
    copy_source: CopySource,
}

/// Checks the fields that steer HTTP itself, in one pass over all of them.
fn check_header(received: &Received) -> Result<Steering<'_>, Refusal> {
    let mut host = None;
    let mut copy_source = CopySource::Absent;
    for (name, value) in received.fields() {
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
    Ok(Steering { host, copy_source })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_a_target_is_divided_and_encoded() {
        for (raw, encoded, expected) in [
            ("/b/k?acl", "/b/k?acl", (None, "/b/k", Some("acl"))),
            ("/b/k?", "/b/k?", (None, "/b/k", Some(""))),
            ("/b/é", "/b/%C3%A9", (None, "/b/%C3%A9", None)),
            (
                "/b/k?é=漢%e6",
                "/b/k?%C3%A9=%E6%BC%A2%e6",
                (None, "/b/k", Some("%C3%A9=%E6%BC%A2%e6")),
            ),
            ("http://h", "http://h", (Some("h"), "/", None)),
            (
                "http://b.h?location",
                "http://b.h?location",
                (Some("b.h"), "/", Some("location")),
            ),
            ("http://h?", "http://h?", (Some("h"), "/", Some(""))),
            (
                "http://h/é?é",
                "http://h/%C3%A9?%C3%A9",
                (Some("h"), "/%C3%A9", Some("%C3%A9")),
            ),
            ("b/k", "b/k", (None, "b/k", None)),
        ] {
            let mut request = RequestHeader::build("GET", raw.as_bytes(), None).unwrap();
            encode_target(&mut request).unwrap();
            assert_eq!(request.raw_path(), encoded.as_bytes());
            let target = Target::of(&request);
            let divided = (target.authority, target.path, target.query);
            assert_eq!(divided, expected, "{raw}");
        }
    }
}
