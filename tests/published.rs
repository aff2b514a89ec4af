//! Every published example through the gateway's own code: the canonical request and the StringToSign first, so that a failure
//! names the step, then the verdict at the example's own time.

use std::time::SystemTime;

use countersign::address::{Address, CopySource, HostNames, NameRules};
use countersign::dialect::{Dialect, DialectName};
use countersign::secret::Secret;
use countersign::sig::encode::unhex;
use countersign::sig::payload::{ChunkChain, PayloadClaim};
use countersign::sig::{
    self, AuthFailure, Diagnostics, Identity, Placement, RequestView, Verified, VerifyOptions,
    VerifyingKey, Version, fields_of,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use support::vectors::{self, Vector};
use support::wire::Head;

/// What the gateway makes of one example.
struct Reading {
    /// From the Date header or from `Expires`, by the rules.
    string_to_sign: String,
    canonical_request: Option<String>,
    verdict: Result<Verified, AuthFailure>,
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
    let view = RequestView::of(method, path, query, fields_of(&headers))?;
    let address = Address::of(
        &method.parse::<Method>().expect("a method"),
        head.header("host").expect("a Host"),
        path,
        view.parameters.iter().map(|parameter| &*parameter.name),
        CopySource::Absent,
        &hosts,
        NameRules::default(),
    )
    .unwrap_or_else(|failure| panic!("{name}: {failure}"));

    let dialect = Dialect::named(match vector.key.dialect.as_str() {
        "aws" => DialectName::Aws,
        "wos" => DialectName::Wos,
        other => panic!("{name}: dialect {other}"),
    });
    let options = VerifyOptions {
        diagnostics: Diagnostics::On,
        ..VerifyOptions::default()
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
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (string_to_sign, canonical_request) = match claim.verify(&key("another secret")) {
        Err(AuthFailure::SignatureMismatch(Some(diagnosis))) => {
            assert_eq!(diagnosis.signature_provided, vector.signature, "{name}");
            let canonical_request = diagnosis.canonical_request.map(text);
            (text(diagnosis.string_to_sign), canonical_request)
        }
        other => panic!("{name}: another secret gives {other:?}"),
    };
    let verdict = claim.verify(&key(&vector.key.secret_access_key));
    Ok(Reading {
        string_to_sign,
        canonical_request,
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
            let verified = reading.verdict.expect("a right signature");
            assert_eq!(
                verified.identity().access_key_id,
                vector.key.access_key_id,
                "{name}"
            );
            assert_eq!(verified.version(), Version::V2, "{name}");
            assert!(
                matches!(verified.payload(), PayloadClaim::NotDeclared),
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

/// The canonical request, the StringToSign, the signature, and behind it the chunks and the trailer of a body.
#[test]
fn each_published_example_of_version_4_holds_step_by_step() {
    let (mut accepted, mut links) = (0, 0);
    for vector in vectors::v4() {
        let name = &vector.name;
        if vector.key.form == "form" {
            assert_eq!(read(&vector).err(), Some(AuthFailure::NotSigned), "{name}");
            continue;
        }
        let reading = read(&vector).unwrap_or_else(|failure| panic!("{name}: {failure}"));
        assert_eq!(
            reading.canonical_request, vector.canonical_request,
            "{name}"
        );
        assert_eq!(reading.string_to_sign, vector.string_to_sign, "{name}");
        let verified = reading
            .verdict
            .unwrap_or_else(|failure| panic!("{name}: {failure}"));
        assert_eq!(
            verified.identity().access_key_id,
            vector.key.access_key_id,
            "{name}"
        );
        assert_eq!(verified.version(), Version::V4, "{name}");
        let placement = match vector.key.form.as_str() {
            "header" => Placement::Header,
            "query" => Placement::Query,
            other => panic!("{name}: {other}"),
        };
        assert_eq!(verified.placement(), placement, "{name}");
        accepted += 1;
        let payload = vector.canonical_request.as_deref().unwrap_or_default();
        let payload = payload.lines().last().unwrap_or_default();
        let mut chain: Option<ChunkChain> = match (payload, verified.payload()) {
            ("UNSIGNED-PAYLOAD", PayloadClaim::Unsigned) => None,
            ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", PayloadClaim::SignedChunks(chain))
            | (
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                PayloadClaim::SignedChunksWithTrailer(chain),
            ) => Some(ChunkChain::clone(chain)),
            ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", PayloadClaim::UnsignedChunksWithTrailer) => None,
            (hash, PayloadClaim::Sha256(digest)) if unhex(hash.as_bytes()) == Some(*digest) => None,
            (text, claim) => panic!("{name}: {text} is read as {claim:?}"),
        };
        for [part, digest, signature] in &vector.chain {
            let chain = chain.as_mut().expect("a body in chunks");
            let digest = unhex(digest.as_bytes()).expect("a SHA-256");
            let holds = match part.as_str() {
                "chunk" => chain.confirm_chunk(signature.as_bytes(), &digest),
                _ => chain.confirm_trailer(signature.as_bytes(), &digest),
            };
            assert!(holds, "{name}: {part} {signature}");
            links += 1;
        }
    }
    assert_eq!((accepted, links), (12, 7));
}
