//! B9 to B11 beyond version 2: a key is looked up by exactly the id that was sent, no token is a credential, and nobody is
//! given a key, or told whether a signature is right.

use crate::everywhere;
use support::refusal::{Refused, mismatch, shown};
use support::scene::{Forward, Scene};
use support::signer::{ACCESS_KEY_ID, Request, SECRET_ACCESS_KEY, Word, now};
use support::wire::Connection;

const DENIED: Refused = Refused(403, "AccessDenied", "Access Denied");
const SCHEME: Refused = Refused(400, "InvalidArgument", "Unsupported Authorization Type");

/// `{"alg":"none"}` and `{"sub":"root"}`; the same that says it is an HMAC.
const TOKENS: [&str; 2] = [
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJyb290In0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
];

fn unknown(word: Word) -> Refused<'static> {
    let message = match word {
        Word::Aws => "The AWS Access Key Id you provided does not exist in our records.",
        Word::Wos => "The Access Key Id you provided does not exist in our records.",
    };
    Refused(403, "InvalidAccessKeyId", message)
}

#[test]
fn b9_version_4_looks_up_exactly_the_id_that_was_sent() {
    everywhere("GET", "/k", |scene, request| {
        let expected = unknown(request.word);
        let lower = ACCESS_KEY_ID.to_lowercase();
        let long = ACCESS_KEY_ID.repeat(20);
        for id in [
            "AKIAUNKNOWN",
            "*)(uid=*",
            "*",
            "%",
            "_",
            "..",
            "alice",
            &lower,
            &long,
            &ACCESS_KEY_ID[1..],
        ] {
            for secret in [SECRET_ACCESS_KEY, ""] {
                let request = request.clone().keys(id, secret);
                scene.refuses_with(&request.clone().signed_v4(), expected);
                scene.refuses_with(&request.presigned_v4(600), expected);
            }
        }
        // A known id, and the key that is made of no secret at all.
        let empty = request.clone().keys(ACCESS_KEY_ID, "");
        scene.refuses_with(&empty.clone().signed_v4(), mismatch(request.word));
        scene.refuses_with(&empty.presigned_v4(600), mismatch(request.word));
    });
}

#[test]
fn b10_no_token_is_a_credential() {
    everywhere("GET", "/k", |scene, request| {
        for token in TOKENS {
            for scheme in ["Bearer", "JWT", "Basic"] {
                let bearer = request
                    .clone()
                    .header("Authorization", &format!("{scheme} {token}"));
                scene.refuses_with(&bearer, SCHEME);
            }
            for name in ["x-auth-token", "x-web-identity-token", "Cookie"] {
                let alone = request.clone().date(&now()).header(name, token);
                scene.refuses_with(&alone, DENIED);
            }
        }
    });
    let scene = Scene::configured(Forward::Trusted, |config| config);
    for token in TOKENS {
        // What other systems take a token at, to give out a key.
        let call =
            format!("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&WebIdentityToken={token}");
        let form = Request::new(Word::Aws, "POST", "/")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(call.clone());
        let query = Request::new(Word::Aws, "POST", &format!("/?{call}")).body("");
        for request in [form, query] {
            scene.refuses_with(&request, DENIED);
        }
    }
}

#[test]
fn b11_nobody_is_given_a_key_or_a_verdict() {
    let scene = Scene::configured(Forward::Trusted, |config| config);
    let paths = [
        "/v3/ec2tokens",
        "/v3/s3tokens",
        "/v2.0/s3tokens",
        "/keys",
        "/credentials",
        "/status",
        "/config",
        "/",
    ];
    let signed = Request::new(Word::Aws, "GET", "/bucket01/k").date(&now());
    let signature = signed.signing().signature(SECRET_ACCESS_KEY);
    let question = format!(
        "{{\"credentials\":{{\"access\":\"{ACCESS_KEY_ID}\",\"signature\":\"{signature}\"}}}}"
    );
    for path in paths {
        for method in ["GET", "POST"] {
            let request = Request::new(Word::Aws, method, path)
                .header("Connection", "close")
                .body(question.clone());
            let mut admin = Connection::open(scene.gateway.admin());
            let answer = admin.exchange(&request);
            // Its root says what there is.
            let is_root = (method, path) == ("GET", "/") && answer.status == 200;
            assert!(
                is_root || (400..500).contains(&answer.status),
                "{method} {path}: {}",
                shown(&answer)
            );
            let public = scene.gateway.exchange(&request);
            assert!(
                (400..500).contains(&public.status),
                "{method} {path}: {}",
                shown(&public)
            );
            for answer in [answer, public] {
                let text = shown(&answer);
                assert!(
                    !text.contains(SECRET_ACCESS_KEY) && !text.contains(ACCESS_KEY_ID),
                    "{text}"
                );
            }
        }
    }
    for path in ["/metrics", "/healthz", "/readyz"] {
        let text = shown(&scene.gateway.admin_get(path));
        assert!(
            !text.contains(SECRET_ACCESS_KEY) && !text.contains(ACCESS_KEY_ID),
            "{text}"
        );
    }
    scene.rec.assert_untouched();
}
