//! Each vector through the crate: the canonical request and the StringToSign first, so that a failure names the step, then the
//! verdict, and the error document of a refusal.

#[allow(dead_code, reason = "the reader serves other tests too")]
#[path = "reader.rs"]
mod reader;

use std::collections::BTreeMap;

use countersign_sig::address::{Address, CopySource, HostNames, NameRules};
use countersign_sig::answer::Answered;
use countersign_sig::dialect::{DIALECTS, Dialect};
use countersign_sig::secret::Secret;
use countersign_sig::sig::{
    self, AuthFailure, Diagnostics, Identity, RequestView, VerifyOptions, VerifyingKey,
};
use reader::Vector;

/// Reads one vector, compares what its signature covers step by step, and gives the verdict.
fn check(vector: &Vector, dialect: &'static Dialect) -> Result<(), AuthFailure> {
    let name = &vector.name;
    let text = std::str::from_utf8(&vector.request).expect("ASCII");
    let mut lines = text.split("\r\n");
    let line: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let (method, target) = (line[0], line[1]);
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let fields: Vec<(String, &[u8])> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().as_bytes()))
        .collect();
    let named = || fields.iter().map(|(name, value)| (name.as_str(), *value));
    let host = named().find(|(name, _)| *name == "host").expect("a Host").1;
    let view = RequestView::of(method, path, query, named())?;
    let hosts = HostNames {
        domains: vector.key.domains.clone(),
        custom_domains: vector.key.custom_domains.clone(),
    };
    let address = Address::of(
        &method.parse().expect("a method"),
        std::str::from_utf8(host).expect("ASCII"),
        path,
        view.parameters.iter().map(|parameter| &*parameter.name),
        CopySource::Absent,
        &hosts,
        NameRules::default(),
    )
    .expect("an address");
    let options = VerifyOptions {
        diagnostics: Diagnostics::On,
        region: sig::Region::Named(dialect.default_region.into()),
        ..VerifyOptions::default()
    };
    let now = httpdate::parse_http_date(&vector.key.now).expect("an HTTP date");
    let claim = sig::claim(&view, &address, now, &[dialect], &options)?;
    assert_eq!(claim.access_key_id(), vector.key.access_key_id, "{name}");
    let key = |secret: &str| {
        let identity = Identity {
            access_key_id: vector.key.access_key_id.clone(),
            principal: "the owner".into(),
            domains: None,
        };
        VerifyingKey::new(identity, &Secret::new(secret.to_owned()))
    };
    let Err(AuthFailure::SignatureMismatch(Some(found))) = claim.verify(&key("another secret"))
    else {
        panic!("{name}: another secret is no mismatch");
    };
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let signed = text(found.string_to_sign);
    assert_eq!(
        found.canonical_request.map(text),
        vector.canonical_request,
        "{name}"
    );
    assert_eq!(
        signed == vector.string_to_sign,
        vector.key.follows_the_rules,
        "{name}: {signed}"
    );
    claim
        .verify(&key(&vector.key.secret_access_key))
        .map(|_| ())
}

#[test]
fn every_vector_of_every_vendor_is_read_and_judged() {
    let mut counted: BTreeMap<&str, [u8; 2]> = BTreeMap::new();
    let all = reader::v2().into_iter().chain(reader::v4());
    for vector in all.filter(|vector| vector.key.form != "form") {
        let name = &vector.name;
        let dialect = DIALECTS
            .into_iter()
            .find(|row| row.name.as_str() == vector.key.dialect);
        let dialect = dialect.unwrap_or_else(|| panic!("{name}: {}", vector.key.dialect));
        let counts = counted.entry(dialect.name.as_str()).or_default();
        match check(&vector, dialect) {
            Ok(()) => {
                assert!(vector.key.verifies(), "{name} is accepted");
                counts[0] += 1;
            }
            Err(failure) => {
                assert!(!vector.key.verifies(), "{name}: {failure}");
                let answer = failure.answer(dialect.name);
                assert_eq!(answer.message, dialect.texts.signature_mismatch, "{name}");
                assert_eq!(
                    (answer.status, answer.code.as_str()),
                    (403, "SignatureDoesNotMatch")
                );
                counts[1] += 1;
            }
        }
    }
    for (dialect, [accepted, refused]) in counted {
        println!("{dialect}: {accepted} accepted, {refused} refused");
    }
}
