//! Checks a signed request as a gateway with its default settings would, with the gateway's code.

use std::time::SystemTime;

use http::{HeaderMap, HeaderValue, Method};

use crate::address::{Address, AddressFailure, CopySource, HostNames, NameRules};
use crate::cli::key::Key;
use crate::dialect::{DIALECTS, DialectName, vendor_header};
use crate::error::Refusal;
use crate::policy::{Caller, decide};
use crate::sig::{self, Identity, Region, RequestView, VerifyOptions, VerifyingKey, fields_of};
use crate::wire;

/// A request as it will be sent.
#[derive(Debug)]
pub struct Sent<'s> {
    pub method: &'s Method,
    /// The value of the Host header.
    pub host: &'s str,
    pub path: &'s str,
    pub query: Option<&'s str>,
    /// The other headers.
    pub headers: &'s HeaderMap,
    pub hosts: &'s HostNames,
}

impl Sent<'_> {
    /// Whether the Host is one of the domains or a name below one.
    pub fn is_below_a_domain(&self) -> bool {
        let host = self.name().to_ascii_lowercase();
        let below = |domain: &String| host == *domain || label(&host, domain).is_some();
        self.hosts.domains.iter().any(below)
    }

    /// The fault of the address; for a bad bucket name, with the name.
    fn address_fault(&self, failure: &AddressFailure) -> String {
        match failure {
            AddressFailure::BadBucketName(_) => bucket_fault(self),
            other => other.to_string(),
        }
    }

    /// The Host without its port.
    fn name(&self) -> &str {
        self.host.split(':').next().unwrap_or(self.host)
    }
}

/// The part of a host name before `.domain`.
fn label<'h>(host: &'h str, domain: &str) -> Option<&'h str> {
    host.strip_suffix(domain)?.strip_suffix('.')
}

/// Why the gateway would refuse the request, for the user.
pub fn refusal(sent: &Sent<'_>, key: &Key, words: DialectName, now: SystemTime) -> Option<String> {
    let refusal = check(sent, key, now).err()?;
    let answer = refusal.answer(words);
    let (status, code) = (answer.status, answer.code.as_str());
    let why = match &refusal {
        Refusal::Address(failure) => sent.address_fault(failure),
        Refusal::Auth(failure) => format!("{failure} (rule {})", failure.rule()),
        Refusal::Wire(fault) => fault.to_string(),
        Refusal::Denied(denial) => denial.to_string(),
        _ => answer.message.into_owned(),
    };
    Some(format!(
        "a gateway with its default settings refuses this request with {status} {code}: {why}"
    ))
}

fn check(sent: &Sent<'_>, key: &Key, now: SystemTime) -> Result<(), Refusal> {
    wire::check_header(&header(sent)).map_err(Refusal::Wire)?;
    let mut headers = sent.headers.clone();
    let host = HeaderValue::from_str(sent.host)
        .map_err(|_invalid| Refusal::Address(AddressFailure::BadHost))?;
    headers.insert(http::header::HOST, host);
    let view = RequestView::of(
        sent.method.as_str(),
        sent.path,
        sent.query,
        fields_of(&headers),
    )?;
    let copies = headers
        .keys()
        .any(|name| vendor_header(name.as_str()) == Some("copy-source"));
    let copy_source = match copies {
        true => CopySource::Present,
        false => CopySource::Absent,
    };
    let names = view.parameters.iter().map(|parameter| &*parameter.name);
    let address = Address::of(
        sent.method,
        sent.host,
        sent.path,
        names,
        copy_source,
        sent.hosts,
        NameRules::default(),
    )?;
    let claim = sig::claim(&view, &address, now, &DIALECTS, &options())?;
    let verified = claim.verify(&verifying(key))?;
    decide(Caller::Signed(verified), address.clone(), sent.hosts)
        .map(|_permit| ())
        .map_err(Refusal::Denied)
}

/// The defaults, but with any region: each operator chooses the region.
fn options() -> VerifyOptions {
    VerifyOptions {
        region: Region::Any,
        ..VerifyOptions::default()
    }
}

fn verifying(key: &Key) -> VerifyingKey {
    let identity = Identity {
        access_key_id: key.access_key_id.clone(),
        principal: key.access_key_id.clone(),
        domains: None,
    };
    let verifying = VerifyingKey::new(identity, &key.secret_access_key);
    match &key.session_token {
        Some(token) => verifying.with_session_token(token),
        None => verifying,
    }
}

/// The request header as it is sent, without the fields that the client adds.
fn header(sent: &Sent<'_>) -> Vec<u8> {
    let query = sent
        .query
        .map_or(String::new(), |query| format!("?{query}"));
    let (method, path, host) = (sent.method, sent.path, sent.host);
    let mut text = format!("{method} {path}{query} HTTP/1.1\r\nHost: {host}\r\n").into_bytes();
    for (name, value) in sent.headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}

/// Names the bucket and the rule for bucket names.
fn bucket_fault(sent: &Sent<'_>) -> String {
    use crate::address::{MAX_BUCKET_LENGTH, MIN_BUCKET_LENGTH};
    let host = sent.name().to_ascii_lowercase();
    let domains = sent.hosts.domains.iter();
    let in_host = domains.filter_map(|domain| label(&host, domain)).next();
    let bucket = in_host.unwrap_or_else(|| sent.path.split('/').nth(1).unwrap_or(""));
    format!(
        "the bucket name {bucket:?} is not {MIN_BUCKET_LENGTH} to {MAX_BUCKET_LENGTH} letters, digits, '.', '-' and '_' \
         without two dots in a row"
    )
}
