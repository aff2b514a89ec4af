use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::dialect::{AWS, WOS};
use crate::secret::Secret;
use crate::sig::{Identity, VerifyOptions};

/// The policy of AWS's own example (Amazon S3 Developer Guide, "Examples of browser-based uploads using HTTP POST").
const POLICY_TEXT: &str =
    include_str!("../../../../../tests/vectors/aws-v2-post-policy-2008-secret/string-to-sign.txt");
const SIGNATURE_TEXT: &str =
    include_str!("../../../../../tests/vectors/aws-v2-post-policy-2008-secret/signature.txt");
const SECRET: &str = "uV3F3YluFJax1cknvbcGwgjvx4QpvB+leU8dUj2o";
const ID: &str = "AKIAIOSFODNN7EXAMPLE";

/// The form of AWS's example.
fn example() -> Vec<(&'static str, &'static str)> {
    vec![
        ("key", "user/eric/${filename}"),
        ("acl", "public-read"),
        (
            "success_action_redirect",
            "http://johnsmith.s3.amazonaws.com/successful_upload.html",
        ),
        ("Content-Type", "image/jpeg"),
        ("x-amz-meta-uuid", "14365123651274"),
        ("x-amz-meta-tag", "Some,Tag,For,Picture"),
        ("AWSAccessKeyId", ID),
        ("Policy", POLICY_TEXT.trim_ascii()),
        ("Signature", SIGNATURE_TEXT.trim_ascii()),
    ]
}

fn with(name: &str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut form = example();
    for (field, old) in &mut form {
        if field.eq_ignore_ascii_case(name) {
            *old = value;
        }
    }
    form
}

fn without(name: &str) -> Vec<(&'static str, &'static str)> {
    let mut form = example();
    form.retain(|(field, _)| !field.eq_ignore_ascii_case(name));
    form
}

fn and(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut form = example();
    form.push((name, value));
    form
}

fn options() -> VerifyOptions {
    VerifyOptions::default()
}

fn verify(
    form: &[(&str, &str)],
    bucket: &str,
    accepted: &[&'static Dialect],
) -> Result<VerifiedForm, FormFailure> {
    let owned = form
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let fields = FormFields::of(owned, Some("photo.jpg"))?;
    // The example expires on 2007-12-01.
    let now = UNIX_EPOCH + Duration::from_secs(1_190_000_000);
    let claim = claim(&fields, bucket, now, accepted, &options())?;
    let identity = Identity {
        access_key_id: ID.into(),
        principal: "eric".into(),
        domains: None,
    };
    claim.verify(&VerifyingKey::new(identity, &Secret::new(SECRET.into())))
}

#[test]
fn the_published_example_holds() {
    let form = verify(&example(), "johnsmith", &[&AWS, &WOS]).unwrap();
    assert_eq!(form.verified.placement(), Placement::Form);
    assert_eq!(form.verified.identity().principal, "eric");
    assert_eq!(form.length_range, LengthRange::ANY);
    assert!(verify(&example(), "johnsmith", &[&WOS]).is_ok());
}

#[test]
fn what_is_not_signed_or_signed_otherwise_is_refused_before_the_policy_is_read() {
    use AuthFailure::{
        ForeignHeader, NotSigned, SeveralMechanisms, SignatureMismatch, UnknownAccessKeyId,
        UnsupportedScheme,
    };
    let plain = vec![("key", "user/eric/a"), ("acl", "public-read")];
    let both = [&AWS, &WOS];
    let auth = |form: &[(&str, &str)]| match verify(form, "johnsmith", &both) {
        Err(FormFailure::Auth(failure)) => failure,
        other => panic!("{form:?}: {other:?}"),
    };
    assert_eq!(auth(&plain), NotSigned);
    assert_eq!(auth(&with("signature", "c2ln")), SignatureMismatch(None));
    assert_eq!(
        auth(&with("signature", "gp42sMsv4L5xLO0OjT+56V64o+A=")),
        SignatureMismatch(None)
    );
    assert_eq!(auth(&with("policy", "e30=")), SignatureMismatch(None));
    assert_eq!(auth(&with("policy", "garbage")), SignatureMismatch(None));
    assert_eq!(auth(&with("awsaccesskeyid", "AKOTHER")), UnknownAccessKeyId);
    assert_eq!(auth(&with("awsaccesskeyid", "AK\n")), UnknownAccessKeyId);
    assert_eq!(
        auth(&and("x-wos-acl", "private")),
        ForeignHeader("x-wos-acl".into())
    );
    for name in [
        "WOSAccessKeyId",
        "x-amz-signature",
        "x-amz-credential",
        "X-Amz-Algorithm",
        "x-wos-signature",
    ] {
        assert_eq!(auth(&and(name, "1")), SeveralMechanisms, "{name}");
    }
    let foreign = verify(&example(), "johnsmith", &[]).unwrap_err();
    assert_eq!(foreign, UnsupportedScheme.into());
}

#[test]
fn every_part_of_the_signature_has_its_field() {
    for (gone, shown) in [
        ("policy", "policy"),
        ("signature", "signature"),
        ("AWSAccessKeyId", "AWSAccessKeyId"),
    ] {
        let missing = Err(PolicyFailure::MissingField(shown).into());
        for form in [without(gone), with(gone, "")] {
            let verified = verify(&form, "johnsmith", &[&AWS]).map(|_| ());
            assert_eq!(verified, missing, "{form:?}");
        }
    }
}

#[test]
fn the_policy_of_a_signed_form_is_checked() {
    use PolicyFailure::{Condition, ExtraField};
    let policy = |form: &[(&str, &str)], bucket: &str| match verify(form, bucket, &[&AWS]) {
        Err(FormFailure::Policy(failure)) => failure,
        other => panic!("{form:?}: {other:?}"),
    };
    assert_eq!(
        policy(&example(), "janesmith"),
        Condition(r#"["eq", "$bucket", "johnsmith"]"#.into())
    );
    assert_eq!(
        policy(&with("key", "user/erica/a"), "johnsmith"),
        Condition(r#"["starts-with", "$key", "user/eric/"]"#.into())
    );
    assert_eq!(
        policy(&without("x-amz-meta-tag"), "johnsmith"),
        Condition(r#"["starts-with", "$x-amz-meta-tag", ""]"#.into())
    );
    assert_eq!(
        policy(&and("x-amz-storage-class", "STANDARD"), "johnsmith"),
        ExtraField("x-amz-storage-class".into())
    );
}
