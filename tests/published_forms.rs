//! Every published example of a form upload through the gateway's own code: the body, the StringToSign, the verdict at the
//! example's own time.

use std::time::SystemTime;

use countersign::body::form::{Boundary, Filename, FormBody, FormHead, HeadReader};
use countersign::body::{End, Framing};
use countersign::dialect::AWS;
use countersign::secret::Secret;
use countersign::sig::form::{FormFailure, FormFields, claim};
use countersign::sig::{
    AuthFailure, Diagnostics, Identity, Placement, VerifyOptions, VerifyingKey,
};
use support::vectors::{self, Vector};
use support::wire::Head;

/// What the two examples of version 2 say of their form on the page, where `request.txt` has the signature alone.
const OF_VERSION_2: [(&str, &str); 6] = [
    ("key", "user/eric/photo.jpg"),
    ("acl", "public-read"),
    (
        "success_action_redirect",
        "http://johnsmith.s3.amazonaws.com/successful_upload.html",
    ),
    ("Content-Type", "image/jpeg"),
    ("x-amz-meta-uuid", "14365123651274"),
    ("x-amz-meta-tag", "Some,Tag,For,Picture"),
];
const FILE: &str = "--9431149156168\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nfile content\r\n--9431149156168--\r\n";

/// The form of an example, with a file where it has none.
fn body_of(vector: &Vector) -> (Boundary, Vec<u8>) {
    let mut rest = vector.request.as_slice();
    let head = Head::read(&mut rest).expect("a request");
    let head = head.expect("a request");
    let length: usize = head
        .header("content-length")
        .and_then(|length| length.parse().ok())
        .expect("a length");
    assert_eq!(rest.len(), length, "{}", vector.name);
    let content_type = head.header("content-type").expect("a form");
    let boundary = Boundary::of(content_type.as_bytes()).expect("a boundary");
    let text = String::from_utf8(rest.to_vec()).expect("UTF-8");
    let body = match text.contains("name=\"file\"") {
        true => text,
        false => text.replace("--9431149156168--\r\n", FILE),
    };
    (boundary, body.into_bytes())
}

fn read(boundary: &Boundary, body: &[u8]) -> FormHead {
    let head = HeadReader::new(boundary).push(body).expect("a form");
    let head = head.expect("a file");
    for plan in [
        FormBody::of_whole(body, &head, boundary, Framing::Plain),
        FormBody::of_stream(Some(body.len() as u64), &head, boundary, Framing::Plain).promised(),
    ] {
        let mut verifier = plan.expect("a form").verifier();
        let file = verifier.push(body.to_vec().into(), End::Last);
        assert_eq!(file.expect("a form"), "file content");
    }
    head
}

#[test]
fn each_published_form_is_read_and_judged() {
    let (mut accepted, mut refused) = (0, 0);
    let forms = vectors::v2().into_iter().chain(vectors::v4());
    for vector in forms.filter(|vector| vector.key.form == "form") {
        let name = &vector.name;
        let (boundary, body) = body_of(&vector);
        let head = read(&boundary, &body);
        let mut written = head.fields;
        let mut bucket = "sigv4examplebucket";
        if !written.iter().any(|(name, _)| name == "key") {
            let own = OF_VERSION_2.map(|(name, value)| (name.to_owned(), value.to_owned()));
            written.extend(own);
            bucket = "johnsmith";
        }
        let filename = match &head.filename {
            Filename::Given(name) => Some(name.as_str()),
            Filename::None => Some(""),
            other => panic!("{name}: {other:?}"),
        };
        let fields = FormFields::of(written, filename).expect("each field once");
        let options = VerifyOptions {
            diagnostics: Diagnostics::On,
            ..VerifyOptions::default()
        };
        let now: SystemTime = httpdate::parse_http_date(&vector.key.now).expect("an HTTP date");
        let claim = claim(&fields, bucket, now, &[&AWS], &options).expect("a signed form");
        let key = |secret: &str| {
            let identity = Identity {
                access_key_id: vector.key.access_key_id.clone(),
                principal: "the example's owner".into(),
                domains: None,
            };
            VerifyingKey::new(identity, &Secret::new(secret.to_owned()))
        };
        match claim.verify(&key("another secret")) {
            Err(FormFailure::Auth(AuthFailure::SignatureMismatch(Some(diagnosis)))) => {
                assert_eq!(diagnosis.signature_provided, vector.signature, "{name}");
                assert_eq!(
                    diagnosis.string_to_sign,
                    vector.string_to_sign.as_bytes(),
                    "{name}"
                );
            }
            other => panic!("{name}: another secret gives {other:?}"),
        }
        let verdict = claim.verify(&key(&vector.key.secret_access_key));
        if vector.key.verifies() {
            let verified = verdict
                .unwrap_or_else(|failure| panic!("{name}: {failure}"))
                .verified;
            assert_eq!(
                verified.identity().access_key_id,
                vector.key.access_key_id,
                "{name}"
            );
            assert_eq!(verified.placement(), Placement::Form, "{name}");
            assert_eq!(verified.version().as_str(), &name[4..6], "{name}");
            accepted += 1;
        } else {
            let mismatch = FormFailure::Auth(AuthFailure::SignatureMismatch(None));
            let verdict = verdict.expect_err(name);
            assert_eq!(verdict.to_string(), mismatch.to_string(), "{name}");
            refused += 1;
        }
    }
    assert_eq!((accepted, refused), (2, 1));
}
