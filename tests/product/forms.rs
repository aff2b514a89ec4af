//! Form uploads (Amazon S3 API Reference, "Browser-based uploads using POST"), right and broken.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::combination::{Combination, Flaw, Kind};
use crate::requests::{BUCKET, credential, key, secret, spoiled};
use crate::v4::{stamp, words};
use support::signer::{Word, signature, unix_time};

const BOUNDARY: &str = "----a-boundary-of-the-tests";

/// A form, and the file in it.
pub struct Form {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub file: Vec<u8>,
    /// The object's key.
    pub key: String,
}

fn iso(offset: i64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(unix_time(offset));
    humantime::format_rfc3339_seconds(time).to_string()
}

/// The policy, with a condition for every field that a right form has.
fn policy(combination: &Combination, fields: &[(String, String)]) -> String {
    let flaw = combination.flaw;
    let expiration = iso(if flaw == Flaw::Stale { -60 } else { 600 });
    let bucket = if flaw == Flaw::OtherBucket {
        "bucket02"
    } else {
        BUCKET
    };
    let mut conditions = vec![format!(r#"{{"bucket": "{bucket}"}}"#)];
    for (name, value) in fields {
        conditions.push(match name.as_str() {
            "key" => r#"["starts-with", "$key", "form"]"#.to_owned(),
            _ => format!(r#"["eq", "${name}", "{value}"]"#),
        });
    }
    match flaw {
        Flaw::UnmetCondition => conditions.push(r#"["eq", "$Content-Type", "image/png"]"#.into()),
        Flaw::MissingField => conditions.push(r#"{"acl": "private"}"#.into()),
        Flaw::TooShort => conditions.push(r#"["content-length-range", 1000000, 2000000]"#.into()),
        Flaw::TooLong => conditions.push(r#"["content-length-range", 0, 1]"#.into()),
        _ => conditions.push(r#"["content-length-range", 0, 1000000]"#.into()),
    }
    let text = format!(
        r#"{{"expiration": "{expiration}", "conditions": [{}]}}"#,
        conditions.join(", ")
    );
    match flaw {
        Flaw::GarbledPolicy => text.replace(':', ";"),
        _ => text,
    }
}

/// Writes the form of a combination.
pub fn write(combination: &Combination) -> Form {
    let (word, flaw, serial) = (combination.word, combination.flaw, combination.serial);
    let own = |name: &str| format!("{}{name}", word.header_prefix());
    let stamp = stamp(unix_time(0));
    let (chain, credential) = credential(word, flaw, &stamp);
    let object = format!("form{serial}");
    let mut fields: Vec<(String, String)> = Vec::new();
    if flaw != Flaw::NoObjectKey {
        fields.push(("key".into(), object.clone()));
    }
    fields.push(("Content-Type".into(), "text/plain".into()));
    if combination.kind == Kind::V4Form {
        fields.push((own("algorithm"), words(word).algorithm.into()));
        fields.push((own("credential"), credential));
        fields.push((own("date"), stamp));
    }
    let policy = STANDARD.encode(policy(combination, &fields));
    if flaw != Flaw::NoPolicy {
        fields.push(("policy".into(), policy.clone()));
    }
    match combination.kind {
        Kind::V4Form => fields.push((own("signature"), spoiled(flaw, chain.text(&policy)))),
        _ => {
            fields.push((word.access_key_parameter().into(), key(flaw).into()));
            fields.push((
                "signature".into(),
                spoiled(flaw, signature(secret(flaw), &policy)),
            ));
        }
    }
    if flaw == Flaw::UncoveredField {
        fields.push((own("meta-note"), "no condition covers it".into()));
    }
    let mut headers = vec![(
        "content-type".into(),
        format!("multipart/form-data; boundary={BOUNDARY}"),
    )];
    if flaw == Flaw::TwoMechanisms {
        let scheme = match word {
            Word::Aws => "AWS AKID:signature",
            Word::Wos => "WOS AKID:signature",
        };
        headers.push(("authorization".into(), scheme.into()));
    }
    let file = format!("the file of {serial};")
        .repeat(1 + serial % 40)
        .into_bytes();
    let mut body = Vec::new();
    for (name, value) in &fields {
        let part = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend_from_slice(part.as_bytes());
    }
    let head = "Content-Disposition: form-data; name=\"file\"; filename=\"note.txt\"\r\nContent-Type: text/plain";
    body.extend_from_slice(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").as_bytes());
    body.extend_from_slice(&file);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    Form {
        headers,
        body,
        file,
        key: object,
    }
}
