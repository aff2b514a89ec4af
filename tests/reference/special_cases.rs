//! The three special cases that the page documents, each in both directions: `uploads` on one side alone, misspelt on one
//! side, misspelt on both.

use crate::{
    ANSWER_AS, BUCKET, KEY, Style, assert_id_in, error_document, three_listeners, words_of_answer,
};
use support::refusal::mismatch;
use support::scene::{Forward, Scene};
use support::signer::{Signing, Word, now, unix_time};

/// What is signed and what the URL has.
const CASES: [(&str, &str, &str); 13] = [
    ("1", "?uploads", ""),
    ("1", "", "?uploads"),
    ("2", "?uploads", "?upload"),
    ("2", "?upload", "?uploads"),
    ("2", "?uploads", "?uploadss"),
    ("2", "?uploadss", "?uploads"),
    ("2", "?uploads", "?Uploads"),
    ("2", "?Uploads", "?uploads"),
    ("3", "?uplaods", "?upload"),
    ("3", "?upload", "?uplaods"),
    // The page is silent on these. An unknown parameter is no sub-resource, so nothing that covers one can hold.
    ("misspelt alike", "?uplaods", "?uplaods"),
    ("misspelt alike", "?upload", "?upload"),
    ("misspelt alike", "?uploadz=", "?uploadz="),
];

#[test]
fn each_special_case_is_answered_as_documented() {
    let scene = Scene::configured(Forward::Trusted, three_listeners);
    let mut host_ids = Vec::new();
    for (case, signed, sent) in CASES {
        for (style, word) in [Style::Path, Style::VirtualHost]
            .iter()
            .flat_map(|style| Word::BOTH.map(|word| (*style, word)))
        {
            let header = style.request(word, "POST", sent).date(&now());
            let signing = Signing {
                resource: format!("/{BUCKET}/{KEY}{signed}"),
                ..header.signing()
            };
            let header = header.signed_as(&signing);
            let expires = unix_time(600);
            let signing = Signing {
                date: expires.to_string(),
                ..signing
            };
            let query = style
                .request(word, "POST", sent)
                .presigned_as(expires, &signing);
            for (request, (listener, answer_as)) in [header, query]
                .iter()
                .flat_map(|request| ANSWER_AS.iter().enumerate().map(move |at| (request, at)))
            {
                let words = words_of_answer(answer_as, word);
                let expected = mismatch(words);
                let response = scene.refuses_at(listener, request, expected);
                let shown = format!("case {case}: {request:?}");
                assert_eq!(response.header("connection"), Some("keep-alive"), "{shown}");
                assert_id_in(words, &response);
                let path = request.target.split('?').next().expect("a path");
                let document = error_document(words, expected, &[], path, &response);
                assert_eq!(response.text(), document, "{shown}");
                host_ids.push(response.element("HostId"));
            }
        }
    }
    assert_eq!(host_ids.len(), 13 * 2 * 2 * 2 * 3);
    host_ids.dedup();
    assert_eq!(host_ids.len(), 1, "the gateway's id does not change");
}

#[test]
fn the_same_calls_without_a_fault_are_served() {
    let scene = Scene::configured(Forward::Trusted, three_listeners);
    // Clients of the vendor's Go SDK send `uploads=` and sign `uploads`, those of its Java SDK the other way round.
    for (signed, sent) in [
        ("?uploads", "?uploads"),
        ("?uploads", "?uploads="),
        ("?uploads=", "?uploads="),
    ] {
        for (style, word) in [Style::Path, Style::VirtualHost, Style::CustomDomain]
            .iter()
            .flat_map(|style| Word::BOTH.map(|word| (*style, word)))
        {
            let request = style.request(word, "POST", sent).date(&now());
            let signing = Signing {
                resource: format!("/{}/{KEY}{signed}", style.bucket()),
                ..request.signing()
            };
            // The node gets the spelling that was signed.
            let target = request.target.replace(sent, signed);
            let seen = scene.serves(&request.signed_as(&signing));
            assert_eq!(seen.target(), target);
            assert_eq!(seen.body, b"");
        }
    }
}
