//! A request in the parts it is written from, so that each of them can be broken alone.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::line::{Line, Stop};
use support::signer::{ACCESS_KEY_ID, Request, SECRET_ACCESS_KEY, Word, encode};
use support::signer_v4::{EMPTY_SHA256, SigningV4, stamp_of};

/// 2026-11-22 10:00:00 UTC: the time in every case.
pub const NOW: u64 = 1_795_341_600;

fn time(offset: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW.checked_add_signed(offset).expect("after 1970"))
}

/// An HTTP date.
pub fn date(offset: i64) -> Option<String> {
    Some(httpdate::fmt_http_date(time(offset)))
}

/// A time of signing of version 4.
pub fn stamp(offset: i64) -> Option<String> {
    Some(stamp_of(
        NOW.checked_add_signed(offset).expect("after 1970"),
    ))
}

/// The version, and where the credentials stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Header,
    Query,
    HeaderV4,
    QueryV4,
}
use Form::{Header, HeaderV4, Query, QueryV4};

pub const ALL: &[Form] = &[Header, Query, HeaderV4, QueryV4];
pub const V2: &[Form] = &[Header, Query];
pub const V4: &[Form] = &[HeaderV4, QueryV4];

/// Unchanged, it is accepted.
pub struct Case {
    pub word: Word,
    pub form: Form,
    pub line: Line,
    /// What is signed.
    pub request: Request,
    /// The Date header of version 2; the time of signing of version 4.
    pub date: Option<String>,
    pub stamp: Option<String>,
    /// What is written.
    pub credentials: bool,
    pub scheme: String,
    pub gap: &'static str,
    pub id: String,
    pub colon: &'static str,
    pub tail: &'static str,
    pub id_parameter: String,
    pub expires: Option<String>,
    pub signature_parameter: &'static str,
    /// From the right signature to the one that is written.
    pub signature: fn(String) -> String,
    /// Version 4: the payload mode, the scope and the list as they are signed and written.
    pub payload: Option<String>,
    pub scope: fn(&mut [String; 4]),
    pub signed_headers: fn(String) -> String,
    /// From the right credential to the one that is written.
    pub credential: fn(String) -> String,
    /// From the right parameters or components to those that are written.
    pub components: fn(&mut Vec<String>),
    pub life: String,
    pub added: Vec<String>,
    pub added_headers: Vec<(String, String)>,
}

impl Case {
    pub fn new(word: Word, form: Form) -> Self {
        let v4 = V4.contains(&form);
        Self {
            word,
            form,
            line: Line::new(time(0)),
            request: Request::new(word, "GET", "/bucket01/key?acl"),
            date: date(0),
            stamp: stamp(0),
            credentials: true,
            scheme: if v4 { word.algorithm() } else { word.scheme() }.into(),
            gap: " ",
            id: ACCESS_KEY_ID.into(),
            colon: ":",
            tail: "",
            id_parameter: word.access_key_parameter().into(),
            expires: Some((NOW + 60).to_string()),
            signature_parameter: "Signature",
            signature: |right| right,
            payload: (form == HeaderV4).then(|| EMPTY_SHA256.into()),
            scope: |_| {},
            signed_headers: |right| right,
            credential: |right| right,
            components: |_| {},
            life: "60".into(),
            added: Vec::new(),
            added_headers: Vec::new(),
        }
    }

    /// What is said of a body on a request that may have one.
    pub fn declares_on_put(&mut self, mode: &str) {
        self.request.method = "PUT".into();
        if V2.contains(&self.form) {
            self.signed_header("content-sha256", mode);
        } else {
            self.payload = Some(mode.into());
        }
    }

    pub fn other(&self) -> Word {
        match self.word {
            Word::Aws => Word::Wos,
            Word::Wos => Word::Aws,
        }
    }

    /// A parameter that is signed.
    pub fn signed_parameter(&mut self, pair: &str) {
        self.request.target += &format!("&{pair}");
    }

    /// A parameter that is added to what was signed.
    pub fn add(&mut self, pair: &str) {
        self.added.push(pair.into());
    }

    /// A header of the dialect's own, which is signed.
    pub fn signed_header(&mut self, name: &str, value: &str) {
        let name = format!("{}{name}", self.word.header_prefix());
        self.request.headers.push((name, value.into()));
    }

    /// A header that is added to what was signed.
    pub fn add_header(&mut self, name: &str, value: &str) {
        self.added_headers.push((name.into(), value.into()));
    }

    pub fn answer(&self) -> Result<(), Stop> {
        let mut request = match self.form {
            Header | Query => self.version_2(),
            HeaderV4 | QueryV4 => self.version_4(),
        };
        for pair in &self.added {
            request.target += &format!("&{pair}");
        }
        request.headers.extend(self.added_headers.iter().cloned());
        self.line.check(&request).map(|_| ())
    }

    fn version_2(&self) -> Request {
        let mut request = self.request.clone();
        let mut signing = match (self.form, &self.date) {
            (Header, Some(date)) => {
                request = request.date(date);
                request.signing()
            }
            _ => request.signing(),
        };
        if self.form == Query {
            signing.date = self.expires.clone().unwrap_or_default();
        }
        let signature = (self.signature)(signing.signature(SECRET_ACCESS_KEY));
        let Self {
            scheme,
            gap,
            id,
            colon,
            tail,
            ..
        } = self;
        match self.form {
            _ if !self.credentials => request,
            Header => {
                let value = format!("{scheme}{gap}{id}{colon}{signature}{tail}");
                request.header("Authorization", &value)
            }
            _ => {
                request.target += &format!("&{}={id}", self.id_parameter);
                if let Some(expires) = &self.expires {
                    request.target += &format!("&Expires={expires}");
                }
                if !self.signature_parameter.is_empty() {
                    let signature = encode(&signature);
                    request.target += &format!("&{}={signature}", self.signature_parameter);
                }
                request
            }
        }
    }

    fn version_4(&self) -> Request {
        let prefix = self.word.header_prefix();
        let mut request = self.request.clone();
        if let Some(payload) = &self.payload {
            request = request.header(&format!("{prefix}content-sha256"), payload);
        }
        if let Some(stamp) = self.stamp.as_ref().filter(|_| self.form == HeaderV4) {
            request = request.header(&format!("{prefix}date"), stamp);
        }
        let stamp = self.stamp.clone().unwrap_or_else(|| stamp_of(NOW));
        let mut signing = request.signing_v4(&stamp);
        (self.scope)(&mut signing.scope);
        signing.signed_headers = (self.signed_headers)(signing.signed_headers);
        let names: Vec<String> = signing.signed_headers.split(';').map(Into::into).collect();
        signing.headers = request.canonical_headers(&names);
        let credential = (self.credential)(signing.credential(&self.id));
        match self.form {
            _ if !self.credentials => request,
            HeaderV4 => self.in_header(request, &signing, &credential),
            _ => self.in_query(request, &signing, &credential),
        }
    }

    fn in_header(&self, request: Request, signing: &SigningV4, credential: &str) -> Request {
        let signature = (self.signature)(signing.signature(SECRET_ACCESS_KEY));
        let mut components = vec![
            format!("Credential={credential}"),
            format!("SignedHeaders={}", signing.signed_headers),
            format!("Signature={signature}"),
        ];
        (self.components)(&mut components);
        let components = components.join(", ");
        let Self {
            scheme, gap, tail, ..
        } = self;
        request.header("Authorization", &format!("{scheme}{gap}{components}{tail}"))
    }

    fn in_query(&self, mut request: Request, signing: &SigningV4, credential: &str) -> Request {
        let prefix = self.word.parameter_prefix();
        let mut parameters = vec![
            format!("Algorithm={}", self.scheme),
            format!("Credential={}", encode(credential)),
            format!("Expires={}", self.life),
            format!("SignedHeaders={}", encode(&signing.signed_headers)),
        ];
        parameters.extend(self.stamp.as_ref().map(|stamp| format!("Date={stamp}")));
        for parameter in parameters.iter_mut() {
            parameter.insert_str(0, prefix);
        }
        let query = |parameters: &[String]| format!("{}&{}", request.target, parameters.join("&"));
        let signed = Request {
            target: query(&parameters),
            ..request.clone()
        };
        let signing = SigningV4 {
            query: signed.signing_v4(&signing.timestamp).query,
            ..signing.clone()
        };
        let signature = (self.signature)(signing.signature(SECRET_ACCESS_KEY));
        parameters.push(format!("{prefix}Signature={signature}"));
        (self.components)(&mut parameters);
        request.target = query(&parameters);
        request
    }
}
