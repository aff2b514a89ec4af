//! POST uploads: a browser sends an HTML form, whose signature covers a policy, which limits the fields of the form.
//!
//! ```text
//! FormFields ─ claim ─▶ FormClaim ─ verify(VerifyingKey) ─▶ VerifiedForm
//! ```
//!
//! The StringToSign is the `policy` field as sent, in base64. Nothing else of the request is signed, so the policy has to have
//! a condition for every field, and the bucket is that of the address. Source: Amazon S3 API Reference, "Browser-based uploads
//! using POST".

pub mod failure;
pub mod fields;
pub mod policy_document;

use std::borrow::Cow;
use std::time::SystemTime;

use super::diagnosis::Diagnosis;
use super::encode::{equal, hex};
use super::failure::Unaccepted;
use super::freshness;
use super::mechanism::{accept, refused_algorithm};
use super::v4::Credential;
use super::verifying_key::VerifyingKey;
use super::{
    AuthFailure, Diagnostics, MAX_ACCESS_KEY_ID_LENGTH, Placement, Verified, VerifyOptions, Version,
};
use crate::dialect::{ChosenSyntax, DIALECTS, Dialect, DialectName, SYNTAXES, Syntax, choose};
pub use failure::{FormFailure, PolicyFailure, TaggingFault};
pub use fields::FormFields;
pub use policy_document::{LengthRange, PolicyDocument};

/// The field with the policy.
const POLICY: &str = "policy";
/// The field with the signature of version 2.
const SIGNATURE: &str = "signature";

/// Who says they signed the policy of a form, and how. Nothing in it is verified yet.
#[derive(Debug)]
pub struct FormClaim<'f> {
    fields: &'f FormFields,
    bucket: &'f str,
    now: SystemTime,
    dialect: ChosenSyntax,
    policy: &'f str,
    signing: Signing<'f>,
    diagnostics: Diagnostics,
}

/// The signature as provided.
#[derive(Debug)]
enum Signing<'f> {
    V2 {
        access_key_id: &'f str,
        provided: &'f str,
    },
    V4 {
        credential: Credential<'f>,
        provided: &'f str,
    },
}

/// A form whose signature holds and whose fields meet the policy.
#[derive(Debug, Clone)]
pub struct VerifiedForm {
    /// Who signed.
    pub verified: Verified,
    /// The lengths that its file may have; the file has not been read yet.
    pub length_range: LengthRange,
}

/// Reads the claim that the fields of a form make. `bucket` is that of the request's address; `accepted` are the accepted
/// dialects.
///
/// # Errors
/// The variants of [`FormFailure`] that need no key.
pub fn claim<'f>(
    fields: &'f FormFields,
    bucket: &'f str,
    now: SystemTime,
    accepted: &[&'static Dialect],
    options: &VerifyOptions,
) -> Result<FormClaim<'f>, FormFailure> {
    let Some((version, syntax)) = mechanism(fields)? else {
        return Err(match fields.value(POLICY) {
            None => AuthFailure::NotSigned.into(),
            Some(_) => PolicyFailure::MissingField(SYNTAXES[0].access_key_parameter).into(),
        });
    };
    let dialect =
        choose(accepted, |accepted| accepted == syntax).ok_or(AuthFailure::UnsupportedScheme)?;
    accept(version, &options.versions)?;
    let policy = wanted(fields, POLICY)?;
    let signing = match version {
        Version::V2 => Signing::V2 {
            access_key_id: wanted(fields, syntax.access_key_parameter)?,
            provided: wanted(fields, SIGNATURE)?,
        },
        Version::V4 => signing_v4(fields, syntax, options)?,
    };
    check_foreign(fields, syntax)?;
    let access_key_id = signing.access_key_id();
    let can_be_known = access_key_id.len() <= MAX_ACCESS_KEY_ID_LENGTH
        && access_key_id.bytes().all(|byte| byte.is_ascii_graphic());
    if !can_be_known {
        return Err(AuthFailure::UnknownAccessKeyId.into());
    }
    Ok(FormClaim {
        fields,
        bucket,
        now,
        dialect,
        policy,
        signing,
        diagnostics: options.diagnostics,
    })
}

/// The value of a field that the signature needs.
fn wanted<'f>(fields: &'f FormFields, name: &'static str) -> Result<&'f str, PolicyFailure> {
    let value = fields.value(name).filter(|value| !value.is_empty());
    value.ok_or(PolicyFailure::MissingField(name))
}

/// Reads the credentials of version 4; the credential and the date have to be of the same day (Amazon S3 API Reference,
/// "Calculating a signature" for POST). How long a form is valid is up to the expiration of its policy.
fn signing_v4<'f>(
    fields: &'f FormFields,
    syntax: &'static Syntax,
    options: &VerifyOptions,
) -> Result<Signing<'f>, FormFailure> {
    let names = &syntax.v4.parameters;
    let algorithm = wanted(fields, names.algorithm)?;
    if algorithm != syntax.v4.algorithm {
        let unaccepted = refused_algorithm(algorithm).unwrap_or(Unaccepted::Algorithm);
        return Err(AuthFailure::UnsupportedVersion(unaccepted).into());
    }
    let credential = Credential::of(Cow::Borrowed(wanted(fields, names.credential)?))
        .ok_or(AuthFailure::MalformedCredential(Placement::Form))?;
    if credential.access_key_id().is_empty() {
        return Err(AuthFailure::EmptyAccessKeyId.into());
    }
    let date = wanted(fields, names.date)?;
    freshness::parse_timestamp(date).ok_or(AuthFailure::NoDate(Placement::Form))?;
    credential
        .check_scope(&syntax.v4, date, &options.region)
        .map_err(|fault| AuthFailure::CredentialScope(Placement::Form, fault))?;
    Ok(Signing::V4 {
        credential,
        provided: wanted(fields, names.signature)?,
    })
}

/// Detects the dialect of a form, even of one that cannot be verified; none where it has no field of a signature, or those of
/// several.
pub fn detect_dialect(fields: &FormFields) -> Option<DialectName> {
    let (_, syntax) = mechanism(fields).ok()??;
    let dialect = DIALECTS.iter().find(|row| row.syntaxes[0] == syntax);
    dialect.map(|row| row.name)
}

/// The version and the syntax with which the form is signed; none where it is not.
fn mechanism(fields: &FormFields) -> Result<Option<(Version, &'static Syntax)>, AuthFailure> {
    let mut found: Option<(Version, &'static Syntax)> = None;
    let mut plain_signature = false;
    for (name, _) in fields.iter() {
        plain_signature |= name == SIGNATURE;
        let Some(mark) = SYNTAXES.iter().find_map(|syntax| mark(syntax, name)) else {
            continue;
        };
        if found.is_some_and(|earlier| earlier != mark) {
            return Err(AuthFailure::SeveralMechanisms);
        }
        found = Some(mark);
    }
    match found {
        // `signature` is a field of version 2.
        Some((Version::V4, _)) if plain_signature => Err(AuthFailure::SeveralMechanisms),
        other => Ok(other),
    }
}

fn mark(syntax: &'static Syntax, name: &str) -> Option<(Version, &'static Syntax)> {
    if name.eq_ignore_ascii_case(syntax.access_key_parameter) {
        return Some((Version::V2, syntax));
    }
    let names = &syntax.v4.parameters;
    [names.algorithm, names.credential, names.signature]
        .iter()
        .any(|mark| mark.eq_ignore_ascii_case(name))
        .then_some((Version::V4, syntax))
}

/// Refuses a field with the prefix of another vendor: a node may not understand it as the policy means it.
fn check_foreign(fields: &FormFields, syntax: &Syntax) -> Result<(), AuthFailure> {
    let foreign = |name: &str| {
        let mut others = SYNTAXES.iter().filter(|other| **other != syntax);
        others.any(|other| name.starts_with(other.header_prefix))
    };
    match fields.iter().find(|(name, _)| foreign(name)) {
        Some((name, _)) => Err(AuthFailure::ForeignHeader(name.to_owned())),
        None => Ok(()),
    }
}

impl Signing<'_> {
    fn access_key_id(&self) -> &str {
        match self {
            Self::V2 { access_key_id, .. } => access_key_id,
            Self::V4 { credential, .. } => credential.access_key_id(),
        }
    }

    fn version(&self) -> Version {
        match self {
            Self::V2 { .. } => Version::V2,
            Self::V4 { .. } => Version::V4,
        }
    }

    fn provided(&self) -> &str {
        match self {
            Self::V2 { provided, .. } => provided,
            Self::V4 { provided, .. } => provided,
        }
    }

    /// Whether the key's signature over the policy is the one provided.
    fn confirmed_by(&self, key: &VerifyingKey, policy: &str, syntax: &Syntax) -> bool {
        match self {
            Self::V2 { provided, .. } => key.confirms(policy.as_bytes(), provided),
            Self::V4 {
                credential,
                provided,
            } => {
                let key = credential.signing_key(syntax.v4.key_seed, key);
                let computed = hex(&key.mac(policy.as_bytes()));
                equal(&computed, provided.as_bytes())
            }
        }
    }
}

impl FormClaim<'_> {
    /// The AccessKeyId whose key is to be looked up. Not verified.
    pub fn access_key_id(&self) -> &str {
        self.signing.access_key_id()
    }

    /// The dialect and the syntax that the form is signed with.
    pub fn dialect(&self) -> ChosenSyntax {
        self.dialect
    }

    /// The version of the signature.
    pub fn version(&self) -> Version {
        self.signing.version()
    }

    /// Verifies the signature with the key of the AccessKeyId, and only then the form against the policy: the conditions are
    /// disclosed to nobody who could not sign them.
    ///
    /// # Errors
    /// [`FormFailure`].
    pub fn verify(&self, key: &VerifyingKey) -> Result<VerifiedForm, FormFailure> {
        let syntax = self.dialect.syntax;
        let holds = self.signing.confirmed_by(key, self.policy, syntax);
        if key.identity().access_key_id != self.access_key_id() {
            return Err(AuthFailure::UnknownAccessKeyId.into());
        }
        let token = self.fields.value(syntax.v4.parameters.security_token);
        if !key.admits_token(token.map(str::as_bytes)) {
            return Err(AuthFailure::SecurityToken.into());
        }
        if !holds {
            return Err(self.mismatch().into());
        }
        let document = PolicyDocument::read(self.policy)?;
        let length_range = document.check(self.fields, self.bucket, self.now)?;
        self.check_fixed(&document)?;
        Ok(VerifiedForm {
            verified: Verified::of_form(key.identity(), self.dialect, self.version()),
            length_range,
        })
    }

    /// The policy has to require the exact algorithm, credential, date and token of the signature; otherwise the sender of the
    /// form could choose them.
    fn check_fixed(&self, document: &PolicyDocument) -> Result<(), PolicyFailure> {
        let names = &self.dialect.syntax.v4.parameters;
        let signed_with = [
            names.algorithm,
            names.credential,
            names.date,
            names.security_token,
        ];
        for name in signed_with.map(str::to_ascii_lowercase) {
            if let Some(value) = self.fields.value(&name) {
                document.check_fixed(&name, value)?;
            }
        }
        Ok(())
    }

    fn mismatch(&self) -> AuthFailure {
        let diagnosis = (self.diagnostics == Diagnostics::On).then(|| {
            Box::new(Diagnosis {
                access_key_id: self.access_key_id().to_owned(),
                canonical_request: None,
                string_to_sign: self.policy.as_bytes().to_vec(),
                signature_provided: self.signing.provided().to_owned(),
            })
        });
        AuthFailure::SignatureMismatch(diagnosis)
    }
}

#[cfg(test)]
mod tests;
