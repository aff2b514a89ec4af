//! B9: the key is looked up by exactly the id that was sent, and a key that is not there opens nothing.
//!
//! A store that is down cannot happen here: the only store keeps its keys in the configuration. Disabled and expired keys do
//! not exist in it either; a key that must not be used is not written there.

use crate::{everywhere, styles};
use support::gateway::{Config, Gateway};
use support::rec::nobody;
use support::refusal::{Refused, mismatch, shown, unescape};
use support::scene::Scene;
use support::signer::{ACCESS_KEY_ID, Request, SECRET_ACCESS_KEY, Word, now, unix_time};

fn unknown(word: Word) -> Refused<'static> {
    let message = match word {
        Word::Aws => "The AWS Access Key Id you provided does not exist in our records.",
        Word::Wos => "The Access Key Id you provided does not exist in our records.",
    };
    Refused(403, "InvalidAccessKeyId", message)
}

fn long(length: usize) -> String {
    ACCESS_KEY_ID.chars().cycle().take(length).collect()
}

#[test]
fn b9_an_access_key_that_is_not_there_is_unknown() {
    everywhere("GET", "/k", |scene, request| {
        let expected = unknown(request.word);
        let ids = [
            "AKIAUNKNOWN".to_owned(),
            "*)(uid=*".into(),
            "*".into(),
            "%".into(),
            "%41KIAIOSFODNN7EXAMPLE".into(),
            "_".into(),
            "' OR '1'='1".replace(' ', "/**/"),
            "../alice".into(),
            "alice".into(),
            "keystone:".into(),
            ACCESS_KEY_ID.to_lowercase(),
            format!("{ACCESS_KEY_ID}:x"),
            format!("x:{ACCESS_KEY_ID}"),
            format!("{ACCESS_KEY_ID}/20261122"),
            ACCESS_KEY_ID[1..].into(),
            long(128),
            long(129),
            long(10 * 1024),
        ];
        for id in &ids {
            for secret in [SECRET_ACCESS_KEY, ""] {
                let request = request.clone().keys(id, secret);
                scene.refuses_with(&request.clone().date(&now()).signed(), expected);
                scene.refuses_with(&request.presigned(unix_time(600)), expected);
            }
        }
        // What a header cannot carry at all.
        let spaced = format!(" {ACCESS_KEY_ID}");
        for id in [
            &*spaced,
            "AKIAIOSFODNN7EXAMPLE ",
            "AKIAIOSFODNN7EXAMPLE\0",
            "AKIA\nX: y",
            "AKIÄ",
            "\u{202e}",
        ] {
            let request = request.clone().keys(id, SECRET_ACCESS_KEY);
            scene.refuses_with(&request.presigned(unix_time(600)), expected);
        }
        let not_utf8 = request
            .clone()
            .keys("RAW", SECRET_ACCESS_KEY)
            .presigned(unix_time(600));
        let not_utf8 = Request {
            target: not_utf8.target.replace("RAW", "%FF%FE"),
            ..not_utf8
        };
        scene.refuses_with(&not_utf8, expected);
    });
}

#[test]
fn b9_an_access_key_that_a_header_cannot_carry_is_refused() {
    let field = Refused(400, "InvalidRequest", "A header field is malformed.");
    everywhere("GET", "/k", |scene, request| {
        let (blank, scheme) = match request.word {
            Word::Aws => (
                "AWS authorization header is invalid -- one and only one ' ' (space) required",
                "Unsupported Authorization Type",
            ),
            Word::Wos => (
                "Authorization header is invalid -- one and only one ' ' (space) required.",
                "Unsupported Authorization Type.",
            ),
        };
        let blank = Refused(400, "InvalidArgument", blank);
        let scheme = Refused(400, "InvalidArgument", scheme);
        for (id, expected) in [
            (" AKIAIOSFODNN7EXAMPLE", blank),
            ("AKIAIOSFODNN7EXAMPLE ", blank),
            ("AKIA\tIOSFODNN7EXAMPLE", blank),
            ("AKIAIOSFODNN7EXAMPLE\0", field),
            ("AKIA\x7f", field),
            ("AKIÄ", scheme),
        ] {
            let request = request.clone().keys(id, SECRET_ACCESS_KEY);
            scene.refuses_with(&request.date(&now()).signed(), expected);
        }
    });
}

#[test]
fn b9_an_empty_secret_opens_nothing() {
    everywhere("GET", "/k", |scene, request| {
        let expected = mismatch(request.word);
        let request = request.keys(ACCESS_KEY_ID, "");
        scene.refuses_with(&request.clone().date(&now()).signed(), expected);
        scene.refuses_with(&request.presigned(unix_time(600)), expected);
    });
    let config = Config::new(&nobody());
    let text = config.text().replace(SECRET_ACCESS_KEY, "");
    let credentials = &text[text.find("[credentials]").expect("the section")
        ..text.find("[[cluster]]").expect("the section")];
    let Err((status, log)) =
        Gateway::try_start(&config.clone().section("credentials", credentials))
    else {
        panic!("a gateway starts with an empty secret")
    };
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("the secret is empty"), "{log}");
}

/// Whoever guesses ids sees no more than code and message; the time that the answer takes is measured elsewhere.
#[test]
fn b9_an_unknown_key_and_a_wrong_signature_are_answered_in_the_same_form() {
    for scene in Scene::both() {
        for word in Word::BOTH {
            let [request, _] = styles(word, "GET", "/k");
            let form = |id: &str, expected: Refused| {
                let request = request.clone().keys(id, "another").date(&now()).signed();
                let response = scene.refuses_with(&request, expected);
                let mut form = unescape(&shown(&response))
                    .replace(expected.1, "")
                    .replace(expected.2, "");
                for name in ["RequestId", "HostId"] {
                    form = form.replace(&response.element(name).expect("the element"), name);
                }
                for name in ["content-length", "date"] {
                    form = form.replace(response.header(name).expect("the header"), name);
                }
                form
            };
            assert_eq!(
                form("AKIAUNKNOWN", unknown(word)),
                form(ACCESS_KEY_ID, mismatch(word))
            );
        }
    }
}
