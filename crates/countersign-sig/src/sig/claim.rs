//! From a request to a claim, and from a claim to a verified request.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use super::authorization::{self, Authorization};
use super::diagnosis::Diagnosis;
use super::failure::AuthFailure;
use super::headers::ContentHeaders;
use super::mechanism::{Mechanism, SIGNATURE, mechanism};
use super::payload::PayloadClaim;
use super::presigned;
use super::query_headers::{Effect, Plus, QueryHeader, VerifiedQueryHeader};
use super::request::RequestView;
use super::target::VerifiedTarget;
use super::v2_payload::Declared;
use super::verifying_key::{KnownIdentity, VerifyingKey};
use super::{Diagnostics, MAX_ACCESS_KEY_ID_LENGTH, Placement, VerifyOptions, Version, v2, v4};
use crate::address::Address;
use crate::dialect::{ChosenSyntax, Dialect, SYNTAXES, Syntax};

/// Who says they signed what, and how. Nothing in it is proven yet.
#[derive(Debug)]
pub struct Claim<'v> {
    view: &'v RequestView<'v>,
    dialect: ChosenSyntax,
    placement: Placement,
    token: Token<'v>,
    signing: Signing<'v>,
    diagnostics: Diagnostics,
}

/// The signature as it was provided, and what it covers.
#[derive(Debug)]
enum Signing<'v> {
    V2 {
        access_key_id: Cow<'v, str>,
        provided: Cow<'v, str>,
        string_to_sign: v2::StringToSign<'v>,
        declared: Declared,
    },
    V4(v4::Signing<'v>),
}

/// The session token of a request.
enum Token<'v> {
    Absent,
    Provided(Cow<'v, [u8]>),
    /// There is one, but in a place that the signature does not cover.
    Misplaced,
}

impl std::fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}

/// A request whose signature holds.
///
/// Only [`Claim::verify`] and [`FormClaim::verify`](super::form::FormClaim::verify) make one. This does not compile:
///
/// ```compile_fail,E0451
/// use countersign_sig::sig::{KnownIdentity, Placement, Verified, Version, payload::PayloadClaim};
/// fn forge(identity: std::sync::Arc<KnownIdentity>, like: &Verified) -> Verified {
///     Verified {
///         identity,
///         dialect: like.dialect(),
///         version: Version::V2,
///         placement: Placement::Header,
///         payload: PayloadClaim::NotDeclared,
///         content_headers: like.content_headers(),
///         target: like.target(),
///         query_headers: Box::default(),
///     }
/// }
/// ```
///
/// and this, its twin, does:
///
/// ```
/// use countersign_sig::sig::{AuthFailure, Claim, Verified, VerifyingKey};
/// fn verify(claim: Claim<'_>, key: &VerifyingKey) -> Result<Verified, AuthFailure> {
///     claim.verify(key)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Verified {
    identity: Arc<KnownIdentity>,
    dialect: ChosenSyntax,
    version: Version,
    placement: Placement,
    payload: PayloadClaim,
    content_headers: ContentHeaders,
    target: VerifiedTarget,
    query_headers: Box<[VerifiedQueryHeader]>,
}

/// What exactly a key has confirmed.
enum Confirmed<'c> {
    V2(v2::Spelling),
    V4(v4::Confirmed<'c>),
}

impl Verified {
    /// A POST upload whose signature holds; the signature does not cover its file.
    pub(super) fn of_form(
        identity: &Arc<KnownIdentity>,
        dialect: ChosenSyntax,
        version: Version,
    ) -> Self {
        Self {
            identity: Arc::clone(identity),
            dialect,
            version,
            placement: Placement::Form,
            payload: PayloadClaim::NotDeclared,
            // The policy has a condition for every field.
            content_headers: ContentHeaders::SIGNED,
            target: VerifiedTarget::AS_SENT,
            query_headers: Box::default(),
        }
    }

    /// Who signed.
    pub fn identity(&self) -> &Arc<KnownIdentity> {
        &self.identity
    }

    /// The dialect and the syntax of the signature.
    pub fn dialect(&self) -> ChosenSyntax {
        self.dialect
    }

    /// The version of the signature.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Where the credentials stand.
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// Which of Content-MD5 and Content-Type the signature covers.
    pub fn content_headers(&self) -> ContentHeaders {
        self.content_headers
    }

    /// The spelling of the request target over which the signature holds: what is to be forwarded to a node that does not verify.
    pub fn target(&self) -> VerifiedTarget {
        self.target
    }

    /// The query parameters of a presigned request that S3 reads as headers.
    pub fn query_headers(&self) -> &[VerifiedQueryHeader] {
        &self.query_headers
    }

    /// What the signature covers of the body, which is still to be verified.
    pub fn payload(&self) -> &PayloadClaim {
        &self.payload
    }
}

/// Reads the claim that a request makes. `accepted` are the accepted dialects, the preferred one first.
///
/// # Errors
/// Rules 5 to 30 of [`AuthFailure`]; 30 for an AccessKeyId that cannot exist.
pub fn claim<'v>(
    view: &'v RequestView<'_>,
    address: &'v Address,
    now: SystemTime,
    accepted: &[&'static Dialect],
    options: &VerifyOptions,
) -> Result<Claim<'v>, AuthFailure> {
    let versions = &options.versions;
    let in_query = query_mechanism(view)?;
    let (dialect, placement, read) = match (view.fields.authorization, in_query) {
        (Some(_), Some(_)) => return Err(AuthFailure::SeveralMechanisms),
        (None, None) => return Err(AuthFailure::NotSigned),
        (Some(value), None) => {
            let (dialect, read) = authorization::parse(value, accepted, versions)?;
            let read = match read {
                Authorization::V2 {
                    access_key_id,
                    signature,
                } => Read::V2(access_key_id.into(), signature.into(), None),
                Authorization::V4(presented) => Read::V4(presented),
            };
            (dialect, Placement::Header, read)
        }
        (None, Some(Mechanism::V2)) => {
            let read = presigned::parse_v2(view, accepted, versions)?;
            let (id, signature, expires) = (read.access_key_id, read.signature, read.expires);
            (
                read.dialect,
                Placement::Query,
                Read::V2(id, signature, Some(expires)),
            )
        }
        (None, Some(Mechanism::V4(syntax))) => {
            let (dialect, presented) = presigned::parse_v4(view, syntax, accepted, versions)?;
            (dialect, Placement::Query, Read::V4(presented))
        }
    };
    let signing = match read {
        Read::V2(access_key_id, signature, expires) => {
            let (date, declared) = v2::check(view, dialect, expires, now, options)?;
            Signing::V2 {
                access_key_id,
                provided: signature,
                declared,
                string_to_sign: v2::StringToSign::of(view, address, dialect, date)?,
            }
        }
        Read::V4(presented) => Signing::V4(v4::Signing::of(
            view,
            address.operation(),
            now,
            dialect,
            presented,
            options,
        )?),
    };
    let claim = Claim {
        view,
        dialect,
        placement,
        token: token(view, dialect.syntax, &signing, placement),
        signing,
        diagnostics: options.diagnostics,
    };
    // No credential store has to be asked for what cannot be an AccessKeyId.
    let id = claim.access_key_id();
    let graphic = id
        .bytes()
        .fold(true, |all, byte| all & byte.is_ascii_graphic());
    let can_be_known = graphic && id.len() <= MAX_ACCESS_KEY_ID_LENGTH;
    if !can_be_known {
        return Err(AuthFailure::UnknownAccessKeyId);
    }
    Ok(claim)
}

/// The credentials as read.
enum Read<'v> {
    /// AccessKeyId, signature and, in the query, `Expires`.
    V2(Cow<'v, str>, Cow<'v, str>, Option<&'v str>),
    V4(v4::Presented<'v>),
}

/// The signing mechanism of the query string, if it is signed.
fn query_mechanism(view: &RequestView<'_>) -> Result<Option<Mechanism>, AuthFailure> {
    let mut found = None;
    let mut access_keys = 0;
    for parameter in &view.parameters {
        let Some(mechanism) = mechanism(&parameter.name) else {
            continue;
        };
        access_keys += usize::from(
            mechanism == Mechanism::V2 && !parameter.name.eq_ignore_ascii_case(SIGNATURE),
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

/// The session token, from the place that the signature covers: a header, or in a presigned request of version 4 a
/// parameter. In a presigned request of version 2 it is a header that may be sent as a parameter.
fn token<'v>(
    view: &'v RequestView<'_>,
    syntax: &Syntax,
    signing: &Signing<'_>,
    placement: Placement,
) -> Token<'v> {
    let names = &syntax.v4;
    let is_token = |name: &str| {
        let is_it = |syntax: &&Syntax| {
            syntax
                .v4
                .parameters
                .security_token
                .eq_ignore_ascii_case(name)
        };
        SYNTAXES.iter().any(is_it)
    };
    let in_query = view
        .parameters
        .iter()
        .find(|parameter| is_token(&parameter.name));
    let in_header = view.fields.vendor(names.security_token_header);
    if let (Signing::V2 { .. }, Placement::Query, Some(_)) = (signing, placement, in_query) {
        let is_it = |header: &&QueryHeader<'_>| header.name == names.security_token_header;
        return match (view.query_headers.iter().find(is_it), in_header) {
            (Some(header), None) => Token::Provided(header.value(Plus::Blank).into()),
            // The parameter repeats the header.
            (Some(_), Some(value)) => Token::Provided(value.into()),
            (None, _) => Token::Misplaced,
        };
    }
    match (in_header, in_query, signing, placement) {
        (None, None, ..) => Token::Absent,
        (Some(value), None, Signing::V2 { .. }, _)
        | (Some(value), None, Signing::V4(_), Placement::Header) => Token::Provided(value.into()),
        (None, Some(parameter), Signing::V4(_), Placement::Query)
            if parameter.name == names.parameters.security_token =>
        {
            Token::Provided(parameter.value())
        }
        _ => Token::Misplaced,
    }
}

impl Claim<'_> {
    /// The AccessKeyId whose key is to be looked up. Not verified.
    pub fn access_key_id(&self) -> &str {
        match &self.signing {
            Signing::V2 { access_key_id, .. } => access_key_id,
            Signing::V4(signing) => signing.access_key_id(),
        }
    }

    /// The dialect and the syntax that the request is signed with.
    pub fn dialect(&self) -> ChosenSyntax {
        self.dialect
    }

    /// The version of the signature.
    pub fn version(&self) -> Version {
        match self.signing {
            Signing::V2 { .. } => Version::V2,
            Signing::V4(_) => Version::V4,
        }
    }

    /// The names of the headers that the request lists as signed; only version 4 has such a list.
    pub fn signed_headers(&self) -> impl Iterator<Item = &str> {
        let listed = match &self.signing {
            Signing::V2 { .. } => None,
            Signing::V4(signing) => Some(signing.signed_headers().names()),
        };
        listed.into_iter().flatten()
    }

    /// Verifies the claim with the key of its AccessKeyId.
    ///
    /// # Errors
    /// Rules 30 to 34 of [`AuthFailure`].
    pub fn verify(&self, key: &VerifyingKey) -> Result<Verified, AuthFailure> {
        let confirmed = match &self.signing {
            Signing::V2 {
                provided,
                string_to_sign,
                ..
            } => string_to_sign
                .confirmed_by(key, provided)
                .map(Confirmed::V2),
            Signing::V4(signing) => signing.confirmed_by(key).map(Confirmed::V4),
        };
        if key.identity().access_key_id != self.access_key_id() {
            return Err(AuthFailure::UnknownAccessKeyId);
        }
        let token_holds = match &self.token {
            Token::Absent => key.admits_token(None),
            Token::Provided(token) => key.admits_token(Some(token)),
            Token::Misplaced => false,
        };
        if !token_holds {
            return Err(AuthFailure::SecurityToken);
        }
        let Some(confirmed) = confirmed else {
            return Err(self.mismatch());
        };
        self.verified(confirmed, key)
    }

    /// The checks that follow once the signature holds.
    fn verified(
        &self,
        confirmed: Confirmed<'_>,
        key: &VerifyingKey,
    ) -> Result<Verified, AuthFailure> {
        let query_headers = self.query_headers(&confirmed);
        let (target, payload, content_headers) = match (&self.signing, confirmed) {
            (
                Signing::V2 {
                    string_to_sign,
                    declared,
                    ..
                },
                Confirmed::V2(spelling),
            ) => {
                let (view, dialect) = (self.view, self.dialect);
                if let Some(name) = v2::uncovered_parameter(view, dialect, self.placement) {
                    return Err(AuthFailure::UncoveredParameter(name.to_owned()));
                }
                let target = string_to_sign.target(spelling);
                (target, (*declared).into(), ContentHeaders::SIGNED)
            }
            (Signing::V4(signing), Confirmed::V4(confirmed)) => {
                if let Some(name) = confirmed.collapsed {
                    return Err(AuthFailure::BlankRun(name.to_owned()));
                }
                let names = query_headers.iter().map(|header| &*header.name);
                let listed = signing.signed_headers().content_headers();
                let content_headers = names.fold(listed, ContentHeaders::and);
                let target = confirmed.spelling.target();
                (target, signing.payload(confirmed), content_headers)
            }
            // A claim is confirmed in its own version.
            (Signing::V2 { .. }, Confirmed::V4(_)) | (Signing::V4(_), Confirmed::V2(_)) => {
                return Err(self.mismatch());
            }
        };
        Ok(Verified {
            identity: Arc::clone(key.identity()),
            dialect: self.dialect,
            version: self.version(),
            placement: self.placement,
            payload,
            content_headers,
            target,
            query_headers,
        })
    }

    /// The query parameters that S3 reads as headers, with the values they have as headers.
    fn query_headers(&self, confirmed: &Confirmed<'_>) -> Box<[VerifiedQueryHeader]> {
        let stands = |header: &&QueryHeader<'_>| match (&self.signing, confirmed) {
            (Signing::V2 { string_to_sign, .. }, Confirmed::V2(spelling)) => {
                !string_to_sign.is_sub_resource(*spelling, header)
            }
            _ => true,
        };
        let plus = match confirmed {
            Confirmed::V2(_) => Plus::Blank,
            Confirmed::V4(confirmed) => confirmed.spelling.plus(),
        };
        let verified = |header: &QueryHeader<'_>| VerifiedQueryHeader {
            name: header.name.clone().into_owned(),
            value: match header.effect {
                Effect::Header => Some(header.value(plus)),
                Effect::Repeated | Effect::Ignored => None,
            },
        };
        self.view
            .query_headers
            .iter()
            .filter(stands)
            .map(verified)
            .collect()
    }

    fn mismatch(&self) -> AuthFailure {
        let diagnosis = (self.diagnostics == Diagnostics::On).then(|| {
            let (string_to_sign, canonical_request, provided) = match &self.signing {
                Signing::V2 {
                    string_to_sign,
                    provided,
                    ..
                } => (
                    string_to_sign.to_bytes(v2::Spelling::USUAL),
                    None,
                    &**provided,
                ),
                Signing::V4(signing) => (
                    signing.string_to_sign().to_string().into_bytes(),
                    Some(signing.canonical_request().to_bytes()),
                    signing.provided(),
                ),
            };
            Box::new(Diagnosis {
                access_key_id: self.access_key_id().to_owned(),
                string_to_sign,
                canonical_request,
                signature_provided: provided.to_owned(),
            })
        });
        AuthFailure::SignatureMismatch(diagnosis)
    }
}
