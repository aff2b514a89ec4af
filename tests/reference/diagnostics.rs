//! What a mismatch tells where the operator wants it told: what was compared and what was provided, never what was computed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error_document;
use support::refusal::{Refused, mismatch, shown, unescape};
use support::scene::{Forward, Scene};
use support::signer::{ACCESS_KEY_ID, Request, Signing, Word, encode, now, unix_time};

/// A request whose signature covers something else, and what it should have covered.
fn mismatched(word: Word) -> Vec<(Request, Signing)> {
    let post = Request::new(word, "POST", "/bucket01/objectkey?uploads").date(&now());
    let put = Request::new(word, "PUT", "/a%26b%3C?acl&versionId=a%26b")
        .virtual_host("bucket01")
        .header("Content-MD5", "XrY7u+Ae7tCTyyK7j1rNww==")
        .header("Content-Type", "text/plain; charset=\"<utf-8>\"")
        .header(&format!("{}date", word.header_prefix()), &now())
        .header(&format!("{}meta-b", word.header_prefix()), "two")
        .header(&format!("{}meta-a", word.header_prefix()), "o'ne & \"<\"")
        .body("body");
    let other = |signing: &Signing| Signing {
        resource: "/bucket01/other".into(),
        ..signing.clone()
    };
    let mut cases: Vec<(Request, Signing)> = [post.clone(), put]
        .into_iter()
        .map(|request| {
            let right = request.signing();
            (request.signed_as(&other(&right)), right)
        })
        .collect();
    let expires = unix_time(600);
    let right = Signing {
        date: expires.to_string(),
        ..post.signing()
    };
    cases.push((post.presigned_as(expires, &other(&right)), right));
    cases
}

/// Every spelling of a signature that a careless line could hold.
fn spellings(signature: &str) -> Vec<String> {
    let bytes = STANDARD.decode(signature).expect("base64");
    let hex = |separator: &str| {
        let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        pairs.join(separator)
    };
    vec![
        signature.trim_end_matches('=').to_owned(),
        encode(signature).trim_end_matches("%3D").to_owned(),
        hex(""),
        hex(" "),
        format!("{bytes:?}"),
    ]
}

#[test]
fn a_mismatch_tells_what_was_signed_and_never_what_was_computed() {
    let scene = Scene::configured(Forward::Trusted, |config| {
        config
            .line("signature", "diagnostics = true")
            .section("log", "[log]\nlevel = \"trace\"\n")
    });
    let mut computed = Vec::new();
    for word in Word::BOTH {
        for (request, right) in mismatched(word) {
            let response = scene.refuses_with(&request, mismatch(word));
            let text = right.string_to_sign();
            let bytes: Vec<String> = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            let provided = response.element("SignatureProvided").expect("the element");
            let sent = String::from_utf8(request.bytes()).expect("ASCII");
            assert!(
                sent.contains(&provided) || sent.contains(&encode(&provided)),
                "{provided}"
            );
            let told = response.element("StringToSign").expect("the element");
            assert_eq!(unescape(&told), text);
            let fields = [
                ("AWSAccessKeyId", ACCESS_KEY_ID),
                ("StringToSign", &told),
                ("SignatureProvided", &provided),
                ("StringToSignBytes", &bytes.join(" ")),
            ];
            let path = request.target.split('?').next().expect("a path");
            let path = path.replace('&', "&amp;");
            let document = error_document(word, mismatch(word), &fields, &path, &response);
            assert_eq!(response.text(), document);

            let signature = right.signature(&request.secret_access_key);
            for spelling in spellings(&signature) {
                assert!(
                    !shown(&response).contains(&spelling),
                    "{spelling}: {}",
                    shown(&response)
                );
            }
            computed.push(signature);
            let head = Request {
                method: "HEAD".into(),
                ..request
            };
            scene.refuses_with(&head, mismatch(word));
        }
    }
    // What is no mismatch has nothing to tell.
    let unknown = Request::new(Word::Aws, "GET", "/bucket01/k")
        .date(&now())
        .keys("AKIAUNKNOWN", "secret");
    let message = "The AWS Access Key Id you provided does not exist in our records.";
    let response = scene.refuses_with(
        &unknown.signed(),
        Refused(403, "InvalidAccessKeyId", message),
    );
    assert_eq!(response.element("StringToSign"), None);
    // The gateway computes the signature of a good request too.
    let good = Request::new(Word::Aws, "GET", "/bucket01/k").date(&now());
    computed.push(good.signing().signature(&good.secret_access_key));
    scene.serves(&good.signed());
    let expires = unix_time(600);
    let good = Request::new(Word::Wos, "GET", "/bucket01/k");
    let signing = Signing {
        date: expires.to_string(),
        ..good.signing()
    };
    computed.push(signing.signature(&good.secret_access_key));
    scene.serves(&good.presigned(expires));

    let (status, log) = scene.gateway.stop();
    assert!(status.success(), "{status}");
    assert!(log.contains("code=SignatureDoesNotMatch"), "{log}");
    assert_eq!(computed.len(), 2 * 3 + 2);
    for spelling in computed.iter().flat_map(|signature| spellings(signature)) {
        assert!(!log.contains(&spelling), "{spelling} in\n{log}");
    }
}

#[test]
fn without_the_setting_a_mismatch_tells_nothing() {
    for scene in Scene::both() {
        for word in Word::BOTH {
            for (request, _) in mismatched(word) {
                let response = scene.refuses_with(&request, mismatch(word));
                let path = request.target.split('?').next().expect("a path");
                let path = path.replace('&', "&amp;");
                let document = error_document(word, mismatch(word), &[], &path, &response);
                assert_eq!(response.text(), document);
            }
        }
    }
}
