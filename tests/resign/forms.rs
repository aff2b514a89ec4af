//! A form upload, whose signature is over its policy, arrives as a PUT that is signed anew.

use crate::scene::{Addressing, BUCKET, NODE_DOMAIN, Resigning, SignWith};
use support::form::{Form, Version};
use support::signer::Word;
use support::verifier::Signed;

const IN_CHUNKS: SignWith = SignWith {
    payload: "signed-chunks",
    ..SignWith::AWS_V4
};

fn form(word: Word, version: Version, size: usize) -> Form {
    let prefix = word.header_prefix();
    Form::new(word, version, "a b/é")
        .field("acl", "public-read")
        .field("Content-Type", "text/x-test")
        .field(&format!("{prefix}meta-Colour"), "deep  blue")
        .field("success_action_status", "200")
        .file(vec![b'x'; size])
        .signed()
}

#[test]
fn a_form_arrives_as_a_put_signed_with_the_clusters_key() {
    for sign_with in SignWith::ALL.into_iter().chain([IN_CHUNKS]) {
        for addressing in Addressing::ALL {
            let scene = Resigning::new(sign_with, addressing);
            let prefix = sign_with.word.header_prefix();
            for (word, version) in [
                (Word::Aws, Version::V2),
                (Word::Aws, Version::V4),
                (Word::Wos, Version::V2),
                (Word::Wos, Version::V4),
            ] {
                for size in [0, 5, 300_000] {
                    let form = form(word, version, size);
                    let (recorded, read) = scene.passes(&form);
                    let case = format!("{sign_with:?} {addressing:?} {word:?} {version:?} {size}");
                    assert!(recorded.head.line.starts_with("PUT "), "{case}");
                    assert!(read.content == form.file, "{case}");
                    assert_eq!(read.key, "a b/é".as_bytes(), "{case}");
                    let path = match addressing {
                        Addressing::VirtualHost => "/a%20b/%C3%A9".to_owned(),
                        _ => format!("/{BUCKET}/a%20b/%C3%A9"),
                    };
                    assert_eq!(recorded.target(), path, "{case}");
                    if addressing == Addressing::VirtualHost {
                        let host = format!("{BUCKET}.{NODE_DOMAIN}:9000");
                        assert_eq!(recorded.header("host"), Some(&*host), "{case}");
                    }
                    for (name, value) in [
                        (format!("{prefix}acl"), "public-read"),
                        (format!("{prefix}meta-colour"), "deep  blue"),
                        ("content-type".into(), "text/x-test"),
                    ] {
                        assert_eq!(recorded.head.all(&name), [value], "{case}: {name}");
                    }
                    let head = String::from_utf8_lossy(&recorded.head.raw).into_owned();
                    for own in ["policy", "signature", "AWSAccessKeyId", "WOSAccessKeyId"] {
                        let sent = form.fields.iter().find(|(name, _)| name == own);
                        let leaks = sent.is_some_and(|(_, value)| head.contains(value));
                        assert!(!leaks, "{case}: {own} in\n{head}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_form_that_breaks_its_policy_is_not_signed_for() {
    for sign_with in [SignWith::AWS_V4, IN_CHUNKS] {
        let scene = Resigning::new(sign_with, Addressing::AsReceived);
        assert_eq!(sign_with.version, Signed::V4);
        let other = form(Word::Aws, Version::V4, 5).with_value("acl", "private");
        scene.refuses(&other.request(), 403, "AccessDenied");
        let unsigned = Form::new(Word::Aws, Version::V2, "k");
        scene.refuses(&unsigned.request(), 403, "AccessDenied");
    }
}
