use std::time::{Duration, UNIX_EPOCH};

use super::*;

const BUCKET_NAME: &str = "bucket01";

fn read(json: &str) -> Result<PolicyDocument, PolicyFailure> {
    PolicyDocument::read(&STANDARD.encode(json))
}

fn fields(written: &[(&str, &str)]) -> FormFields {
    let owned = written
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    FormFields::of(owned, Some("file.txt")).unwrap()
}

/// Checks a form against these conditions besides the one for the bucket, before the policy expires.
fn check(conditions: &str, written: &[(&str, &str)]) -> Result<LengthRange, PolicyFailure> {
    let document = read(&format!(
        r#"{{"expiration": "2007-12-01T12:00:00.000Z", "conditions": [{{"bucket": "{BUCKET_NAME}"}}{conditions}]}}"#
    ))?;
    document.check(&fields(written), BUCKET_NAME, UNIX_EPOCH)
}

fn failed(condition: &str) -> Result<LengthRange, PolicyFailure> {
    Err(PolicyFailure::Condition(condition.into()))
}

#[test]
fn each_condition_holds_or_is_named() {
    let any = Ok(LengthRange::ANY);
    let acl = r#"["eq", "$acl", "private"]"#;
    let user = r#"["starts-with", "$key", "user/"]"#;
    let image = r#"["starts-with", "$content-type", "image/"]"#;
    let short_acl = r#", {"acl": "private"}"#;
    for (conditions, form, expected) in [
        (short_acl, &[("acl", "private")][..], any.clone()),
        (
            r#", {"ACL": "private"}"#,
            &[("Acl", "private")],
            any.clone(),
        ),
        (short_acl, &[("acl", "Private")], failed(acl)),
        (short_acl, &[("acl", "private ")], failed(acl)),
        (short_acl, &[], failed(acl)),
        (
            r#", ["eq", "$ACL", "private"]"#,
            &[("acl", "private")],
            any.clone(),
        ),
        (
            r#", ["EQ", "$acl", "private"]"#,
            &[("acl", "public-read")],
            failed(acl),
        ),
        (
            r#", ["starts-with", "$key", "user/"]"#,
            &[("key", "user/a")],
            any.clone(),
        ),
        (
            r#", ["starts-with", "$key", "user/"]"#,
            &[("key", "User/a")],
            failed(user),
        ),
        (
            r#", ["starts-with", "$key", "user/"]"#,
            &[("key", "user")],
            failed(user),
        ),
        (r#", ["starts-with", "$key", "user/"]"#, &[], failed(user)),
        (
            r#", ["starts-with", "$key", ""]"#,
            &[("key", "anything")],
            any.clone(),
        ),
        (
            r#", ["starts-with", "$key", ""]"#,
            &[("key", "")],
            any.clone(),
        ),
        (
            r#", ["starts-with", "$key", ""]"#,
            &[],
            failed(r#"["starts-with", "$key", ""]"#),
        ),
        (
            r#", ["starts-with", "$Content-Type", "image/"]"#,
            &[("content-type", "image/png,image/gif")],
            any.clone(),
        ),
        (
            r#", ["starts-with", "$Content-Type", "image/"]"#,
            &[("content-type", "image/png,text/html")],
            failed(image),
        ),
        (
            r#", ["starts-with", "$Content-Type", "image/"]"#,
            &[("content-type", "image/png,")],
            failed(image),
        ),
        (
            r#", ["eq", "$Content-Type", "a,b"]"#,
            &[("content-type", "a,b")],
            any.clone(),
        ),
        (r#", ["eq", "$bucket", "bucket01"]"#, &[], any.clone()),
        (
            r#", ["eq", "$bucket", "bucket02"]"#,
            &[],
            failed(r#"["eq", "$bucket", "bucket02"]"#),
        ),
        (
            r#", ["starts-with", "$bucket", "bucket"]"#,
            &[],
            any.clone(),
        ),
        ("", &[("bucket", "bucket01")], any.clone()),
        (
            "",
            &[("bucket", "bucket02")],
            failed(r#"["eq", "$bucket", "bucket01"]"#),
        ),
        // The name of the file is put in before anything is compared.
        (
            r#", ["eq", "$key", "u/file.txt"]"#,
            &[("key", "u/${filename}")],
            any.clone(),
        ),
        (
            r#", ["eq", "$key", "u/${filename}"]"#,
            &[("key", "u/${filename}")],
            failed(r#"["eq", "$key", "u/${filename}"]"#),
        ),
        // A quotation mark in a condition stays inside its own string.
        (
            r#", {"acl": "a\"b"}"#,
            &[("acl", "x")],
            failed(r#"["eq", "$acl", "a\"b"]"#),
        ),
    ] {
        assert_eq!(check(conditions, form), expected, "{conditions} {form:?}");
    }
}

#[test]
fn every_field_has_a_condition_but_the_exempt_ones() {
    let form = [
        ("policy", "p"),
        ("signature", "s"),
        ("AWSAccessKeyId", "a"),
        ("x-ignore-submit", "x"),
        ("x-amz-signature", "s"),
    ];
    assert_eq!(check("", &form), Ok(LengthRange::ANY));
    for name in [
        "key",
        "acl",
        "success_action_redirect",
        "x-amz-date",
        "x-amz-meta-a",
        "submit",
    ] {
        let extra = check("", &[("x-ignore-a", ""), (name, "v")]);
        assert_eq!(extra, Err(PolicyFailure::ExtraField(name.into())));
    }
    // The bucket is a field that the address has filled in.
    let document = read(r#"{"expiration": "2007-12-01T12:00:00Z", "conditions": []}"#).unwrap();
    let unbound = document.check(&fields(&[]), BUCKET_NAME, UNIX_EPOCH);
    assert_eq!(unbound, Err(PolicyFailure::ExtraField("bucket".into())));
}

#[test]
fn the_length_of_the_file_lies_within_every_range() {
    let range = |min, max| Ok(LengthRange { min, max });
    assert_eq!(
        check(r#", ["content-length-range", 1, 10]"#, &[]),
        range(1, 10)
    );
    let two = r#", ["content-length-range", 1, 10], ["content-length-range", 5, 20]"#;
    assert_eq!(check(two, &[]), range(5, 10));
    let ten = LengthRange { min: 10, max: 20 };
    for (length, holds) in [(9, false), (10, true), (20, true), (21, false)] {
        assert_eq!(ten.check(length).is_ok(), holds, "{length}");
    }
    assert_eq!(
        ten.check(9),
        Err(PolicyFailure::TooSmall { length: 9, min: 10 })
    );
    assert_eq!(
        ten.check(21),
        Err(PolicyFailure::TooLarge {
            length: 21,
            max: 20
        })
    );
    // Ranges that exclude each other allow no file at all.
    let none = r#", ["content-length-range", 1, 2], ["content-length-range", 4, 5]"#;
    let LengthRange { min, max } = check(none, &[]).unwrap();
    for length in 0..7 {
        assert!(LengthRange { min, max }.check(length).is_err(), "{length}");
    }
}

#[test]
fn a_bound_is_a_whole_number_however_it_is_written() {
    for (bounds, min, max) in [
        ("0, 10", 0, 10),
        (r#""0", "104857600000""#, 0, 104_857_600_000),
        (r#""01", 10"#, 1, 10),
        ("1.0, 1e4", 1, 10_000),
        ("0.0, 1e15", 0, 1_000_000_000_000_000),
        ("0, 18446744073709551615", 0, u64::MAX),
    ] {
        let checked = check(&format!(r#", ["content-length-range", {bounds}]"#), &[]);
        assert_eq!(checked, Ok(LengthRange { min, max }), "{bounds}");
    }
}

#[test]
fn a_number_and_a_truth_stand_for_their_text() {
    let any = Ok(LengthRange::ANY);
    for (written, text) in [
        ("201", "201"),
        ("-1", "-1"),
        ("true", "true"),
        ("false", "false"),
        ("18446744073709551615", "18446744073709551615"),
    ] {
        let forms = [
            format!(r#", {{"success_action_status": {written}}}"#),
            format!(r#", ["eq", "$success_action_status", {written}]"#),
            format!(r#", ["starts-with", "$success_action_status", {written}]"#),
        ];
        for conditions in forms {
            let with = |value: &str| check(&conditions, &[("success_action_status", value)]);
            assert_eq!(with(text), any, "{conditions}");
            assert!(with(&format!("0{text}")).is_err(), "{conditions}");
        }
    }
}

#[test]
fn the_vendors_own_escapes_are_read() {
    for (written, value) in [
        (r"\$x", "$x"),
        (r"\\$x", r"\$x"),
        (r"\\\$x", r"\$x"),
        (r"a\vb", "a\u{b}b"),
        (r"a\\vb", r"a\vb"),
        (r#"\"\$\u0024"#, r#""$$"#),
    ] {
        let conditions = format!(r#", ["eq", "$key", "{written}"]"#);
        assert_eq!(
            check(&conditions, &[("key", value)]),
            Ok(LengthRange::ANY),
            "{written}"
        );
    }
}

#[test]
fn a_policy_holds_until_it_expires() {
    let noon = UNIX_EPOCH + Duration::from_secs(1_196_510_400);
    for (expiration, end) in [
        ("2007-12-01T12:00:00.000Z", noon),
        ("2007-12-01T12:00:00Z", noon),
        (
            "2007-12-01T12:00:00.500Z",
            noon + Duration::from_millis(500),
        ),
        ("2007-12-01T12:00:00.000000Z", noon),
        ("2007-12-01T12:00:00+00:00", noon),
        ("2007-12-01T12:00:00-00:00", noon),
        ("2007-12-01T20:00:00+08:00", noon),
        ("2007-12-01T08:30:00.000-03:30", noon),
        ("2007-12-02T00:00:00+12:00", noon),
    ] {
        let document = read(&format!(
            r#"{{"expiration": "{expiration}", "conditions": [{{"bucket": "{BUCKET_NAME}"}}]}}"#
        ))
        .unwrap();
        let check = |now| document.check(&fields(&[]), BUCKET_NAME, now);
        assert_eq!(check(end - Duration::from_millis(1)), Ok(LengthRange::ANY));
        assert_eq!(check(end), Err(PolicyFailure::Expired));
        assert_eq!(
            check(end + Duration::from_secs(1)),
            Err(PolicyFailure::Expired)
        );
    }
}

#[test]
fn anything_else_is_no_policy() {
    let deep = format!(
        r#"{{"expiration": "2007-12-01T12:00:00Z", "conditions": {}"#,
        "[".repeat(10_000)
    );
    let whole = |expiration: &str, conditions: &str| {
        format!(r#"{{"expiration": {expiration}, "conditions": {conditions}}}"#)
    };
    let noon = r#""2007-12-01T12:00:00Z""#;
    assert!(read(&whole(noon, "[]")).is_ok());
    let mut broken = vec![
        String::new(),
        "{}".into(),
        "[]".into(),
        "null".into(),
        "garbage".into(),
        "{\"expiration\"".into(),
        deep,
        whole(noon, "[]") + "x",
        format!(r#"{{"expiration": {noon}}}"#),
        r#"{"conditions": []}"#.into(),
        format!(r#"{{"expiration": {noon}, "expiration": {noon}, "conditions": []}}"#),
        format!(r#"{{"expiration": {noon}, "conditions": [], "conditions": []}}"#),
        format!(r#"{{"expiration": {noon}, "conditions": [], "other": 1}}"#),
        format!("{{\"expiration\": {noon}, \"conditions\": [{{\"acl\": \"\u{0}\"}}]}}"),
    ];
    for expiration in [
        "1",
        "null",
        r#""""#,
        r#""garbage""#,
        r#""2007-12-01""#,
        r#""2007-12-01T12:00:00""#,
        r#""20071201T120000Z""#,
        r#""2007-02-30T12:00:00Z""#,
        r#""2007-13-01T12:00:00Z""#,
        r#""2007-12-01T12:00:00z""#,
        r#""2007-12-01T12:00:00+0800""#,
        r#""2007-12-01T12:00:00+8:00""#,
        r#""2007-12-01T12:00:00+24:00""#,
        r#""2007-12-01T12:00:00+08:60""#,
        r#""2007-12-01T12:00:00+-8:00""#,
        r#""2007-12-01T12:00:00Z+08:00""#,
        r#""2007-12-01T12:00:00ZZ""#,
        r#""2007-12-01T12:00:00é08:00""#,
        r#""2007-12-01+08:00""#,
        r#""+08:00""#,
        r#""2007-12-01T24:00:00Z""#,
        r#"" 2007-12-01T12:00:00Z""#,
        r#""２007-12-01T12:00:00Z""#,
    ] {
        broken.push(whole(expiration, "[]"));
    }
    for condition in [
        "1",
        "null",
        r#""acl""#,
        "{}",
        "[]",
        r#"{"acl": null}"#,
        r#"{"acl": 1.5}"#,
        r#"{"acl": 1.0}"#,
        r#"{"acl": {"a": "b"}}"#,
        r#"{"a\cl": "b"}"#,
        r#"["eq", "$acl", 1.0]"#,
        r#"["eq", "$acl", null]"#,
        r#"["eq", 1, "private"]"#,
        r#"{"acl": ["private"]}"#,
        r#"{"acl": "a", "acl": "b"}"#,
        r#"{"acl": "a", "key": "b"}"#,
        r#"["eq"]"#,
        r#"["eq", "$acl"]"#,
        r#"["eq", "acl", "private"]"#,
        r#"["eq", "$acl", "private", "more"]"#,
        r#"["ends-with", "$acl", "private"]"#,
        r#"["content-length-range", 1]"#,
        r#"["content-length-range", 1, 2, 3]"#,
        r#"["content-length-range", 2, 1]"#,
        r#"["content-length-range", -1, 2]"#,
        r#"["content-length-range", 1, 18446744073709551616]"#,
        r#"["content-length-range", 1, 4503599627370496.0]"#,
        r#"["content-length-range", 1.5, 2]"#,
        r#"["content-length-range", -1.0, 2]"#,
        r#"["content-length-range", "", "2"]"#,
        r#"["content-length-range", "-1", "2"]"#,
        r#"["content-length-range", "+1", "2"]"#,
        r#"["content-length-range", " 1", "2"]"#,
        r#"["content-length-range", "1.0", "2"]"#,
        r#"["content-length-range", "2", "1"]"#,
        r#"["content-length-range", true, 2]"#,
        r#"["content-length-range", null, 2]"#,
    ] {
        broken.push(whole(noon, &format!("[{condition}]")));
    }
    for json in broken {
        let read = read(&json);
        assert!(
            matches!(read, Err(PolicyFailure::Document(_))),
            "{json}: {read:?}"
        );
    }
}

#[test]
fn one_spelling_of_base64_counts_and_its_length_is_bounded() {
    let json = r#"{"expiration": "2007-12-01T12:00:00Z", "conditions": []}"#;
    let text = STANDARD.encode(json);
    assert!(PolicyDocument::read(&text).is_ok());
    for other in [
        format!("{text}\n"),
        format!(" {text}"),
        format!("{text}===="),
        json.to_owned(),
        "!".into(),
    ] {
        assert_eq!(
            PolicyDocument::read(&other),
            Err(PolicyFailure::Document("it is not base64"))
        );
    }
    let padded = |length: usize| {
        let spaces = " ".repeat(length / 4 * 3 - json.len());
        PolicyDocument::read(&STANDARD.encode(json.to_owned() + &spaces))
    };
    assert!(padded(MAX_POLICY_LENGTH).is_ok());
    assert_eq!(
        padded(MAX_POLICY_LENGTH + 4),
        Err(PolicyFailure::Document("it is too long"))
    );
}
