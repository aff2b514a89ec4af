//! Signatures: who says they signed what, and whether it holds. Pure: bytes and a time in, a verdict out.
//!
//! ```text
//! RequestView ─ claim ─▶ Claim ─ verify(VerifyingKey) ─▶ Verified
//! ```
//!
//! The rules are numbered and checked in order; see [`AuthFailure`].

pub mod authorization;
pub mod diagnosis;
pub mod dialect;
pub mod failure;
pub mod freshness;
pub mod payload;
pub mod presigned;
pub mod request;
pub mod signature;
pub mod signer;
pub mod signing_key;
pub mod v2;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{AUTHORIZATION, CONTENT_TYPE};

use crate::address::Address;
use authorization::DialectForm;
use diagnosis::Diagnosis;
use dialect::{Dialect, DialectName, Form, starts_with_ignoring_case};
pub use failure::AuthFailure;
use presigned::Mechanism;
use request::Parameter;
pub use request::RequestView;
use signature::ProvidedSignature;
pub use signature::{Identity, VerifyingKey};
use v2::StringToSign;

/// The longest AccessKeyId. AWS issues 20 characters and documents at most 128 (IAM API Reference, "AccessKey").
pub const MAX_ACCESS_KEY_ID_LENGTH: usize = 128;

/// A version of the signature process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// HMAC-SHA1.
    V2,
}

impl Version {
    /// The word in the configuration and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2 => "v2",
        }
    }
}

/// Whether a mismatch carries the StringToSign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Diagnostics {
    /// It does not.
    Off,
    /// It does; never the signature that we computed.
    On,
}

/// How requests are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyOptions {
    /// The signature versions that are accepted.
    pub versions: Vec<Version>,
    /// How far the date of a request may be from ours, in the past and in the future.
    pub max_clock_skew: Duration,
    /// Whether a mismatch carries the StringToSign.
    pub diagnostics: Diagnostics,
}

/// Where the credentials stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// In the Authorization header.
    Header,
    /// In the query string.
    Query,
}

/// Who says they signed what, and how. Nothing in it is proven yet.
#[derive(Debug)]
pub struct Claim<'v> {
    view: &'v RequestView<'v>,
    dialect: DialectForm,
    placement: Placement,
    access_key_id: Cow<'v, str>,
    provided: ProvidedSignature<'v>,
    string_to_sign: StringToSign<'v>,
    diagnostics: Diagnostics,
}

/// A request whose signature holds.
///
/// Only [`Claim::verify`] makes one. This does not compile:
///
/// ```compile_fail,E0451
/// use countersign::sig::{Identity, Placement, Verified};
/// fn forge(identity: std::sync::Arc<Identity>) -> Verified {
///     Verified { identity, dialect: todo!(), placement: Placement::Header }
/// }
/// ```
///
/// and this, its twin, does:
///
/// ```
/// use countersign::sig::{AuthFailure, Claim, Verified, VerifyingKey};
/// fn verify(claim: Claim<'_>, key: &VerifyingKey) -> Result<Verified, AuthFailure> {
///     claim.verify(key)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Verified {
    identity: Arc<Identity>,
    dialect: DialectForm,
    placement: Placement,
}

impl Verified {
    /// Who signed.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// The dialect and the form of it that the signature uses.
    pub fn dialect(&self) -> DialectForm {
        self.dialect
    }

    /// Where the credentials stand.
    pub fn placement(&self) -> Placement {
        self.placement
    }
}

/// Reads the claim that a request makes. `accepted` are the dialects of the listener, the preferred one first.
///
/// # Errors
/// Rules 5 to 21 of [`AuthFailure`]; 21 for an AccessKeyId that no store can know.
pub fn claim<'v>(
    view: &'v RequestView<'_>,
    address: &'v Address,
    now: SystemTime,
    accepted: &[&'static Dialect],
    options: &VerifyOptions,
) -> Result<Claim<'v>, AuthFailure> {
    let authorization = view.fields.authorization;
    let in_query = query_mechanism(view)?;
    if authorization.is_some() && in_query.is_some() {
        return Err(AuthFailure::SeveralMechanisms);
    }
    let (dialect, placement, access_key_id, signature, expires) = match (authorization, in_query) {
        (Some(value), _) => {
            let read = authorization::parse(value, accepted, &options.versions)?;
            let (access_key_id, signature) = (read.access_key_id.into(), read.signature.into());
            (
                read.dialect,
                Placement::Header,
                access_key_id,
                signature,
                None,
            )
        }
        (None, Some(Mechanism::V2)) => {
            let read = presigned::parse(view, accepted, &options.versions)?;
            (
                read.dialect,
                Placement::Query,
                read.access_key_id,
                read.signature,
                Some(read.expires),
            )
        }
        (None, Some(Mechanism::V4)) => return Err(AuthFailure::UnsupportedVersion),
        (None, None) => return Err(AuthFailure::NotSigned),
    };
    v2::check_foreign(&view.fields, dialect.form)?;
    check_unsupported(view, dialect.form)?;
    let date = match expires {
        Some(expires) => {
            freshness::check_expires(expires, now)?;
            expires.as_bytes()
        }
        None => header_date(view, dialect, now, options)?,
    };
    let string_to_sign = StringToSign::of(view, address, dialect, date)?;
    // A header could carry nothing else, and no store is asked for what cannot be an id.
    let can_be_known = access_key_id.len() <= MAX_ACCESS_KEY_ID_LENGTH
        && access_key_id.bytes().all(|byte| byte.is_ascii_graphic());
    if !can_be_known {
        return Err(AuthFailure::UnknownAccessKeyId);
    }
    Ok(Claim {
        view,
        dialect,
        placement,
        access_key_id,
        provided: ProvidedSignature::of(signature),
        string_to_sign,
        diagnostics: options.diagnostics,
    })
}

/// The way in which the query string is signed, if it is.
fn query_mechanism(view: &RequestView<'_>) -> Result<Option<Mechanism>, AuthFailure> {
    let mut found = None;
    let mut access_keys = 0;
    for parameter in &view.parameters {
        let Some(mechanism) = presigned::mechanism(&parameter.name) else {
            continue;
        };
        access_keys += usize::from(
            mechanism == Mechanism::V2
                && !parameter.name.eq_ignore_ascii_case(presigned::SIGNATURE),
        );
        if access_keys > 1
            || found
                .replace(mechanism)
                .is_some_and(|earlier| earlier != mechanism)
        {
            return Err(AuthFailure::SeveralMechanisms);
        }
    }
    Ok(found)
}

/// Refuses what only other versions or other keys can carry.
fn check_unsupported(view: &RequestView<'_>, form: &Form) -> Result<(), AuthFailure> {
    const TOKEN: &str = "security-token";
    let behind_prefix = |name: &str, own: &str| name.strip_prefix(form.header_prefix) == Some(own);
    let is_token = |parameter: &Parameter<'_>| {
        dialect::FORMS.iter().any(|form| {
            starts_with_ignoring_case(&parameter.name, form.header_prefix)
                && parameter.name[form.header_prefix.len()..].eq_ignore_ascii_case(TOKEN)
        })
    };
    let mut headers = view.fields.vendor.iter();
    if headers.any(|(name, _)| behind_prefix(name, TOKEN)) || view.parameters.iter().any(is_token) {
        return Err(AuthFailure::SecurityToken);
    }
    let mut headers = view.fields.vendor.iter();
    let streaming = headers.find(|(name, value)| {
        behind_prefix(name, "content-sha256") && value.as_bytes().starts_with(b"STREAMING-")
    });
    if let Some((_, mode)) = streaming {
        return Err(AuthFailure::PayloadMode(
            String::from_utf8_lossy(mode.as_bytes()).into(),
        ));
    }
    let chunked = |token: &[u8]| token.trim_ascii().eq_ignore_ascii_case(b"aws-chunked");
    let encoding = view.fields.content_encoding;
    if encoding.is_some_and(|value| value.as_bytes().split(|&byte| byte == b',').any(chunked)) {
        return Err(AuthFailure::PayloadMode("aws-chunked".into()));
    }
    Ok(())
}

/// Checks the date of a request signed in the header, and gives the text of the StringToSign's date line: empty where
/// the vendor's date header stands among the signed headers.
fn header_date<'v>(
    view: &'v RequestView<'_>,
    dialect: DialectForm,
    now: SystemTime,
    options: &VerifyOptions,
) -> Result<&'v [u8], AuthFailure> {
    let vendor_date = view.fields.vendor(dialect.form.date_header);
    let date = match vendor_date {
        Some(_) => vendor_date,
        None => view.fields.date,
    };
    let text = date
        .and_then(|value| value.to_str().ok())
        .ok_or(AuthFailure::NoDate)?
        .trim_ascii();
    let time = freshness::parse_date(text).ok_or(AuthFailure::NoDate)?;
    freshness::check_skew(text, time, now, options.max_clock_skew)?;
    Ok(if vendor_date.is_some() {
        b""
    } else {
        text.as_bytes()
    })
}

/// The dialect whose words a request uses, even where it cannot be verified; none where it shows no vendor's words.
/// The Authorization header says it first, then the query string, then the names of headers.
pub fn spoken(headers: &http::HeaderMap, query: Option<&str>) -> Option<DialectName> {
    let scheme = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let query = query.unwrap_or("");
    let says: [&dyn Fn(&dialect::Form) -> bool; 3] = [
        &|form| scheme.starts_with(form.scheme),
        &|form| query.contains(form.access_key_parameter),
        &|form| {
            headers
                .keys()
                .any(|name| name.as_str().starts_with(form.header_prefix))
        },
    ];
    let named = |says: &&dyn Fn(&dialect::Form) -> bool| {
        let row = dialect::DIALECTS.iter().find(|row| says(row.forms[0]))?;
        Some(row.name)
    };
    says.iter().find_map(named)
}

impl Claim<'_> {
    /// The AccessKeyId whose key is to be resolved. Not proven.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The dialect that the request uses.
    pub fn dialect(&self) -> DialectForm {
        self.dialect
    }

    /// Verifies the claim with the key that the AccessKeyId resolved to.
    ///
    /// # Errors
    /// Rules 21 to 23 of [`AuthFailure`].
    pub fn verify(&self, key: &VerifyingKey) -> Result<Verified, AuthFailure> {
        let holds = key.confirms(&self.string_to_sign, &self.provided);
        if key.identity().access_key_id != *self.access_key_id {
            return Err(AuthFailure::UnknownAccessKeyId);
        }
        if !holds {
            return Err(self.mismatch());
        }
        if let Some(name) = self.uncovered_parameter() {
            return Err(AuthFailure::UncoveredParameter(name.to_owned()));
        }
        Ok(Verified {
            identity: Arc::clone(key.identity()),
            dialect: self.dialect,
            placement: self.placement,
        })
    }

    fn mismatch(&self) -> AuthFailure {
        let diagnosis = (self.diagnostics == Diagnostics::On).then(|| {
            Box::new(Diagnosis {
                access_key_id: self.access_key_id.clone().into_owned(),
                string_to_sign: self.string_to_sign.to_bytes(),
                signature_provided: self.provided.text().to_owned(),
            })
        });
        AuthFailure::SignatureMismatch(diagnosis)
    }

    /// The first parameter that the signature does not cover and that may change what the request does.
    fn uncovered_parameter(&self) -> Option<&str> {
        let DialectForm { dialect, form } = self.dialect;
        let in_query = self.placement == Placement::Query;
        // The cheapest question first: every presigned request has three credentials.
        let covered = |parameter: &&Parameter<'_>| {
            let name = &*parameter.name;
            (in_query && presigned::is_credential(form, name))
                || dialect.signs(form, name)
                || v2::ordinary(name)
                || (in_query && self.mirrors_signed_header(parameter))
        };
        let uncovered = self
            .view
            .parameters
            .iter()
            .find(|parameter| !covered(parameter));
        uncovered.map(|parameter| &*parameter.name)
    }

    /// Whether a parameter repeats a signed header, name and value: botocore writes the signed headers into the URLs
    /// that it presigns (`HmacV1QueryAuth`), and whoever uses the URL has to send them.
    fn mirrors_signed_header(&self, parameter: &Parameter<'_>) -> bool {
        let name = &*parameter.name;
        let signed = name == CONTENT_TYPE.as_str()
            || name == request::CONTENT_MD5
            || name.starts_with(self.dialect.form.header_prefix);
        let mut values = self.view.headers.get_all(name).iter();
        signed
            && values
                .next()
                .is_some_and(|value| value.as_bytes() == &*parameter.value())
            && values.next().is_none()
    }
}
