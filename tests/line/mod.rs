//! A signed request through the library, step by step as the gateway takes it there, without a gateway.

use std::time::SystemTime;

use countersign::address::{Address, AddressFailure, CopySource, HostNames, NameRules};
use countersign::dialect::{AWS, Dialect, WOS};
use countersign::policy::{Caller, Denial, Permit, decide};
use countersign::secret::Secret;
use countersign::sig::{
    AuthFailure, Identity, RequestView, VerifyOptions, VerifyingKey, claim, fields_of,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use support::signer::{ACCESS_KEY_ID, DOMAIN, Request, SECRET_ACCESS_KEY};

/// Where a request was stopped.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    Auth(AuthFailure),
    Address(AddressFailure),
    Denied(Denial),
}

impl Stop {
    /// The number of the rule that the signature broke.
    pub fn rule(&self) -> Option<u8> {
        match self {
            Self::Auth(failure) => Some(failure.rule()),
            Self::Address(_) | Self::Denied(_) => None,
        }
    }
}

/// A listener, its one key, and the time.
#[derive(Clone)]
pub struct Line {
    pub hosts: HostNames,
    pub dialects: Vec<&'static Dialect>,
    pub options: VerifyOptions,
    pub now: SystemTime,
}

impl Line {
    pub fn new(now: SystemTime) -> Self {
        Self {
            hosts: HostNames {
                domains: vec![DOMAIN.into()],
                custom_domains: Vec::new(),
            },
            dialects: vec![&AWS, &WOS],
            options: VerifyOptions::default(),
            now,
        }
    }

    /// Takes the request to its permit, or to where it is stopped.
    pub fn check(&self, request: &Request) -> Result<Permit, Stop> {
        let method = Method::from_bytes(request.method.as_bytes()).expect("a token");
        let (path, query) = match request.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (request.target.as_str(), None),
        };
        let headers = fields(&request.headers);
        let host = headers["host"].to_str().expect("visible ASCII");
        let view = RequestView::of(&request.method, path, query, fields_of(&headers))
            .map_err(Stop::Auth)?;
        let copies = ["x-amz-copy-source", "x-wos-copy-source"];
        let copy_source = match copies.iter().any(|name| headers.contains_key(*name)) {
            true => CopySource::Present,
            false => CopySource::Absent,
        };
        let names = view.parameters.iter().map(|parameter| &*parameter.name);
        let address = Address::of(
            &method,
            host,
            path,
            names,
            copy_source,
            &self.hosts,
            NameRules::default(),
        )
        .map_err(Stop::Address)?;
        let claim =
            claim(&view, &address, self.now, &self.dialects, &self.options).map_err(Stop::Auth)?;
        let known = claim.access_key_id() == ACCESS_KEY_ID;
        let verified = key(if known { ACCESS_KEY_ID } else { "decoy" });
        let verified = claim.verify(&verified).map_err(Stop::Auth)?;
        decide(Caller::Signed(verified), address, &self.hosts).map_err(Stop::Denied)
    }
}

fn key(access_key_id: &str) -> VerifyingKey {
    let identity = Identity {
        access_key_id: access_key_id.into(),
        principal: "alice".into(),
        domains: None,
    };
    VerifyingKey::new(identity, &Secret::new(SECRET_ACCESS_KEY.into()))
}

fn fields(written: &[(String, String)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in written {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a token");
        let value = HeaderValue::from_bytes(value.trim().as_bytes()).expect("a field's value");
        fields.append(name, value);
    }
    fields
}
