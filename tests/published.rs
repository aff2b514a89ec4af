//! Every published example of the HMAC-SHA1 family through the gateway's own code: the StringToSign first, so that a failure
//! names the step, then the verdict at the example's own time.

mod support;

use std::time::{Duration, SystemTime};

use countersign::address::{Address, CopySource, HostNames};
use countersign::secret::Secret;
use countersign::sig::dialect::{Dialect, DialectName};
use countersign::sig::{
    self, AuthFailure, Diagnostics, Identity, RequestView, VerifyOptions, VerifyingKey, Version,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use support::vectors::{self, Vector};
use support::wire::Head;

/// What the gateway makes of one example.
struct Reading {
    /// From the Date header or from `Expires`, by the rules.
    string_to_sign: String,
    verdict: Result<String, AuthFailure>,
}

fn read(vector: &Vector) -> Result<Reading, AuthFailure> {
    let name = &vector.name;
    let head = Head::read(&mut vector.request.as_slice())
        .expect("a request")
        .expect("a request");
    let words: Vec<&str> = head.line.split(' ').collect();
    let &[method, target, "HTTP/1.1"] = words.as_slice() else {
        panic!("{name}: {}", head.line)
    };
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let mut headers = HeaderMap::new();
    for (field, value) in &head.headers {
        headers.append(
            field.parse::<HeaderName>().expect("a header's name"),
            HeaderValue::from_str(value).expect("a header's value"),
        );
    }
    let hosts = HostNames {
        domains: vector.key.domains.clone(),
        custom_domains: vector.key.custom_domains.clone(),
    };
    let view = RequestView::of(method, path, query, &headers)?;
    let address = Address::of(
        &method.parse::<Method>().expect("a method"),
        head.header("host").expect("a Host"),
        path,
        view.parameters.iter().map(|parameter| &*parameter.name),
        CopySource::Absent,
        &hosts,
    )
    .unwrap_or_else(|failure| panic!("{name}: {failure}"));

    let dialect = Dialect::named(match vector.key.dialect.as_str() {
        "aws" => DialectName::Aws,
        "wos" => DialectName::Wos,
        other => panic!("{name}: dialect {other}"),
    });
    let options = VerifyOptions {
        versions: vec![Version::V2],
        max_clock_skew: Duration::from_secs(15 * 60),
        diagnostics: Diagnostics::On,
    };
    let now: SystemTime = httpdate::parse_http_date(&vector.key.now).expect("an HTTP date");
    let claim = sig::claim(&view, &address, now, &[dialect], &options)?;
    assert_eq!(claim.access_key_id(), vector.key.access_key_id, "{name}");
    let key = |secret: &str| {
        let identity = Identity {
            access_key_id: vector.key.access_key_id.clone(),
            principal: "the example's owner".into(),
            domains: None,
        };
        VerifyingKey::new(identity, &Secret::new(secret.to_owned()))
    };
    let string_to_sign = match claim.verify(&key("another secret")) {
        Err(AuthFailure::SignatureMismatch(Some(diagnosis))) => {
            assert_eq!(diagnosis.signature_provided, vector.signature, "{name}");
            String::from_utf8(diagnosis.string_to_sign).expect("UTF-8")
        }
        other => panic!("{name}: another secret gives {other:?}"),
    };
    let verdict = claim
        .verify(&key(&vector.key.secret_access_key))
        .map(|verified| verified.identity().access_key_id.clone());
    Ok(Reading {
        string_to_sign,
        verdict,
    })
}

#[test]
fn each_published_example_is_read_and_judged() {
    let (mut accepted, mut refused, mut forms) = (0, 0, 0);
    for vector in vectors::v2() {
        let name = &vector.name;
        if vector.key.form == "form" {
            // A form upload carries its signature in the body: the header alone claims nothing.
            assert_eq!(read(&vector).err(), Some(AuthFailure::NotSigned), "{name}");
            forms += 1;
            continue;
        }
        let reading = read(&vector).unwrap_or_else(|failure| panic!("{name}: {failure}"));
        if vector.key.follows_the_rules {
            assert_eq!(reading.string_to_sign, vector.string_to_sign, "{name}");
        } else {
            assert_ne!(reading.string_to_sign, vector.string_to_sign, "{name}");
        }
        if vector.key.verifies() {
            assert_eq!(
                reading.verdict.as_ref(),
                Ok(&vector.key.access_key_id),
                "{name}"
            );
            accepted += 1;
        } else {
            assert!(
                matches!(reading.verdict, Err(AuthFailure::SignatureMismatch(_))),
                "{name}: {:?}",
                reading.verdict
            );
            refused += 1;
        }
    }
    assert_eq!((accepted, refused, forms), (8, 5, 2));
}
