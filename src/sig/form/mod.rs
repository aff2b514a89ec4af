//! Form uploads: a browser's POST whose signature covers a policy, and the policy what the form may say.
//!
//! ```text
//! FormFields ─ claim ─▶ FormClaim ─ verify(VerifyingKey) ─▶ VerifiedForm
//! ```
//!
//! The signed text is the policy as it stands in the form, in base64. Nothing else of the request is signed, so every field
//! has to have a condition in the policy, and the bucket is the one that the address says. Source: Amazon S3 API Reference,
//! "Browser-based uploads using POST".

pub mod failure;
pub mod fields;
pub mod policy_document;

use std::sync::Arc;
use std::time::SystemTime;

use super::authorization::{DialectForm, choose};
use super::diagnosis::Diagnosis;
use super::dialect::{Dialect, FORMS, Form};
use super::presigned::Mechanism;
use super::signature::{ProvidedSignature, VerifyingKey};
use super::{
    AuthFailure, Diagnostics, MAX_ACCESS_KEY_ID_LENGTH, Placement, Verified, VerifyOptions, Version,
};
pub use failure::{FormFailure, PolicyFailure};
pub use fields::FormFields;
pub use policy_document::{LengthRange, PolicyDocument};

/// The field with the policy.
const POLICY: &str = "policy";
/// The field with the signature of the HMAC-SHA1 form.
const SIGNATURE: &str = "signature";
/// What follows the vendor's prefix in the fields that only the HMAC-SHA256 form has.
const V4_MARKS: [&str; 3] = ["algorithm", "credential", "signature"];

/// Who says they signed the policy of a form, and how. Nothing in it is proven yet.
#[derive(Debug)]
pub struct FormClaim<'f> {
    fields: &'f FormFields,
    bucket: &'f str,
    now: SystemTime,
    dialect: DialectForm,
    access_key_id: &'f str,
    policy: &'f str,
    provided: ProvidedSignature<'f>,
    diagnostics: Diagnostics,
}

/// A form whose signature holds, and that is what its signer allowed.
#[derive(Debug, Clone)]
pub struct VerifiedForm {
    /// Who signed.
    pub verified: Verified,
    /// The lengths that its file may have; nobody has seen the file yet.
    pub length_range: LengthRange,
}

/// Reads the claim that the fields of a form make. `bucket` is the one that the request's address says; `accepted` are the
/// dialects of the listener.
///
/// # Errors
/// What the fields alone show of [`FormFailure`].
pub fn claim<'f>(
    fields: &'f FormFields,
    bucket: &'f str,
    now: SystemTime,
    accepted: &[&'static Dialect],
    options: &VerifyOptions,
) -> Result<FormClaim<'f>, FormFailure> {
    let Some((mechanism, spoken)) = mechanism(fields)? else {
        return Err(match fields.value(POLICY) {
            None => AuthFailure::NotSigned.into(),
            Some(_) => PolicyFailure::MissingField(FORMS[0].access_key_parameter).into(),
        });
    };
    let dialect = choose(accepted, |form| form == spoken).ok_or(AuthFailure::UnsupportedScheme)?;
    if mechanism != Mechanism::V2 || !options.versions.contains(&Version::V2) {
        return Err(AuthFailure::UnsupportedVersion.into());
    }
    let wanted = |name: &str, shown| {
        let value = fields.value(name).filter(|value| !value.is_empty());
        value.ok_or(PolicyFailure::MissingField(shown))
    };
    let policy = wanted(POLICY, POLICY)?;
    let access_key_id = wanted(
        &spoken.access_key_parameter.to_ascii_lowercase(),
        spoken.access_key_parameter,
    )?;
    let signature = wanted(SIGNATURE, SIGNATURE)?;
    check_foreign(fields, spoken)?;
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
        access_key_id,
        policy,
        provided: ProvidedSignature::of(signature.into()),
        diagnostics: options.diagnostics,
    })
}

/// The way in which the form is signed, and in whose words; none where it is not.
fn mechanism(fields: &FormFields) -> Result<Option<(Mechanism, &'static Form)>, AuthFailure> {
    let mut found: Option<(Mechanism, &'static Form)> = None;
    let mut plain_signature = false;
    for (name, _) in fields.iter() {
        plain_signature |= name == SIGNATURE;
        let Some(mark) = FORMS.iter().find_map(|form| mark(form, name)) else {
            continue;
        };
        if found.is_some_and(|earlier| earlier != mark) {
            return Err(AuthFailure::SeveralMechanisms);
        }
        found = Some(mark);
    }
    match found {
        Some((Mechanism::V2, _)) => Ok(found),
        // `signature` is the HMAC-SHA1 form's own.
        Some(_) if plain_signature => Err(AuthFailure::SeveralMechanisms),
        other => Ok(other),
    }
}

fn mark(form: &'static Form, name: &str) -> Option<(Mechanism, &'static Form)> {
    if name.eq_ignore_ascii_case(form.access_key_parameter) {
        return Some((Mechanism::V2, form));
    }
    let rest = name.strip_prefix(form.header_prefix)?;
    V4_MARKS.contains(&rest).then_some((Mechanism::V4, form))
}

/// Refuses a field of another vendor's: the node would not understand it as the policy means it.
fn check_foreign(fields: &FormFields, spoken: &Form) -> Result<(), AuthFailure> {
    let foreign = |name: &str| {
        let mut others = FORMS.iter().filter(|form| **form != spoken);
        others.any(|form| name.starts_with(form.header_prefix))
    };
    match fields.iter().find(|(name, _)| foreign(name)) {
        Some((name, _)) => Err(AuthFailure::ForeignHeader(name.to_owned())),
        None => Ok(()),
    }
}

impl FormClaim<'_> {
    /// The AccessKeyId whose key is to be resolved. Not proven.
    pub fn access_key_id(&self) -> &str {
        self.access_key_id
    }

    /// The dialect that the form uses.
    pub fn dialect(&self) -> DialectForm {
        self.dialect
    }

    /// Verifies the signature with the key that the AccessKeyId resolved to, and then the form against the policy: what a
    /// policy says is told to nobody who could not sign it.
    ///
    /// # Errors
    /// [`FormFailure`].
    pub fn verify(&self, key: &VerifyingKey) -> Result<VerifiedForm, FormFailure> {
        let holds = key.confirms_policy(self.policy, &self.provided);
        if key.identity().access_key_id != self.access_key_id {
            return Err(AuthFailure::UnknownAccessKeyId.into());
        }
        if !holds {
            return Err(self.mismatch().into());
        }
        let document = PolicyDocument::read(self.policy)?;
        let length_range = document.check(self.fields, self.bucket, self.now)?;
        Ok(VerifiedForm {
            verified: Verified {
                identity: Arc::clone(key.identity()),
                dialect: self.dialect,
                placement: Placement::Form,
            },
            length_range,
        })
    }

    fn mismatch(&self) -> AuthFailure {
        let diagnosis = (self.diagnostics == Diagnostics::On).then(|| {
            Box::new(Diagnosis {
                access_key_id: self.access_key_id.to_owned(),
                string_to_sign: self.policy.as_bytes().to_vec(),
                signature_provided: self.provided.text().to_owned(),
            })
        });
        AuthFailure::SignatureMismatch(diagnosis)
    }
}

#[cfg(test)]
mod tests;
