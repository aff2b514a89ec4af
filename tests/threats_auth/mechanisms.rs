//! B: which way of signing a request uses is decided once, and never by what an attacker adds.

use crate::{SEVERAL, appended, everywhere, styles};
use support::gateway::Config;
use support::refusal::Refused;
use support::scene::{Forward, Scene};
use support::signer::{Request, Word, now, unix_time};

const V4_HEADER: &str = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261122/us-east-1/s3/aws4_request, \
                         SignedHeaders=host;x-amz-date, Signature=0000000000000000000000000000000000000000000000000000000000000000";
const V4_QUERY: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261122%2Fus-east-1%2Fs3%2Faws4_request\
                        &X-Amz-Date=20261122T000000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
const VERSION_AWS: Refused = Refused(
    400,
    "InvalidRequest",
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
);
const VERSION_WOS: Refused = Refused(
    400,
    "InvalidRequest",
    "The authorization mechanism you have provided is not supported. Please use WOS-HMAC-SHA256.",
);
const ASYMMETRIC: Refused = Refused(
    400,
    "InvalidRequest",
    "Signature version 4A (AWS4-ECDSA-P256-SHA256) is not supported. Please use AWS4-HMAC-SHA256.",
);
const COMPONENTS: Refused = Refused(
    400,
    "AuthorizationHeaderMalformed",
    "The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature.",
);
const SCHEME_AWS: Refused = Refused(400, "InvalidArgument", "Unsupported Authorization Type");
const SCHEME_WOS: Refused = Refused(400, "InvalidArgument", "Unsupported Authorization Type.");
const BLANK_AWS: Refused = Refused(
    400,
    "InvalidArgument",
    "AWS authorization header is invalid -- one and only one ' ' (space) required",
);

/// Somebody else with a key.
const BOB: (&str, &str) = ("BOB", "bobs-secret");

fn with_bob(config: Config) -> Config {
    let (id, secret) = BOB;
    let key = format!(
        "[[credentials.key]]\naccess_key_id = \"{id}\"\nsecret_access_key = \"{secret}\"\nprincipal = \"bob\""
    );
    config.line("credentials", &key)
}

/// Everywhere, with two keys.
fn with_two_users(method: &str, object: &str, check: impl Fn(&Scene, Request)) {
    for forward in Forward::BOTH {
        let scene = Scene::configured(forward, with_bob);
        for request in Word::BOTH.map(|word| styles(word, method, object)).concat() {
            check(&scene, request);
        }
    }
}

#[test]
fn b4_two_mechanisms_at_once_are_refused() {
    with_two_users("GET", "/k", |scene, request| {
        let signed = request.clone().date(&now()).signed();
        let presigned = request.clone().presigned(unix_time(600));
        scene.serves(&signed);
        scene.serves(&presigned);
        let bobs = request.clone().keys(BOB.0, BOB.1);
        let bobs_header = bobs.clone().date(&now()).signed();
        let bobs_header = &bobs_header.headers.last().expect("Authorization").1;
        let v4_header = request
            .clone()
            .date(&now())
            .header("Authorization", V4_HEADER);

        let mut cases = vec![
            presigned.clone().date(&now()).signed(),
            presigned
                .clone()
                .date(&now())
                .header("Authorization", bobs_header),
            bobs.presigned(unix_time(600))
                .date(&now())
                .header("Authorization", &signed.headers[2].1),
            presigned.clone().header("Authorization", V4_HEADER),
            appended(v4_header.clone(), V4_QUERY),
            appended(v4_header, "Signature=c2ln"),
            appended(presigned.clone(), V4_QUERY),
            appended(request.clone(), &format!("{V4_QUERY}&AWSAccessKeyId=AK")),
            appended(request.clone(), &format!("{V4_QUERY}&WOSAccessKeyId=AK")),
            appended(request.clone(), &format!("{V4_QUERY}&Signature=c2ln")),
            appended(
                request.clone(),
                "AWSAccessKeyId=AK&WOSAccessKeyId=AK&Expires=1&Signature=c2ln",
            ),
        ];
        // One parameter of another mechanism is enough, in whatever spelling.
        for parameter in [
            "Signature=c2ln",
            "signature=c2ln",
            "%53ignature",
            "AWSAccessKeyId=AK",
            "awsaccesskeyid=AK",
            "WOSAccessKeyId=AK",
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "x-amz-credential=AK",
            "X-Amz-Signature=00",
            "X-Amz-SignedHeaders=host",
            "X-Wos-Algorithm=WOS-HMAC-SHA256",
            "X-Wos-Signature=00",
            "%58-Amz-Algorithm=AWS4-HMAC-SHA256",
        ] {
            cases.push(appended(signed.clone(), parameter));
        }
        for parameter in [
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "X-Amz-Credential=AK",
            "X-Wos-Signature=00",
        ] {
            cases.push(appended(presigned.clone(), parameter));
        }
        for case in &cases {
            scene.refuses_with(case, SEVERAL);
        }
    });
}

/// A form is signed by its fields: `tests/threats_form` has the rest.
#[test]
fn b4_a_form_upload_is_refused_with_any_other_signature() {
    everywhere("POST", "/", |scene, request| {
        let form = "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b--\r\n";
        let form = request
            .header("Content-Type", "multipart/form-data; boundary=b")
            .body(form);
        scene.refuses_with(&form, Refused(403, "AccessDenied", "Access Denied"));
        scene.refuses_with(&form.clone().date(&now()).signed(), SEVERAL);
        scene.refuses_with(&form.clone().presigned(unix_time(600)), SEVERAL);
        let both = form
            .presigned(unix_time(600))
            .header("Authorization", "AWS a:b");
        scene.refuses_with(&both, SEVERAL);
    });
}

#[test]
fn b5_a_foreign_or_broken_authorization_never_falls_back_to_the_query() {
    everywhere("GET", "/k", |scene, request| {
        let presigned = request.presigned(unix_time(600));
        scene.serves(&presigned);
        for value in [
            "Bearer x",
            "Basic dXNlcjpwYXNz",
            "AWS4-HMAC-SHA256 garbage",
            V4_HEADER,
            "AWSX AKIAIOSFODNN7EXAMPLE:c2ln",
            "AWS AKIAIOSFODNN7EXAMPLE:c2ln",
            "AWS",
            "AWS ",
            "WOS garbage",
            "garbage",
            "",
        ] {
            scene.refuses_with(&presigned.clone().header("Authorization", value), SEVERAL);
        }
    });
}

#[test]
fn b5_a_foreign_authorization_alone_is_refused() {
    everywhere("GET", "/k", |scene, request| {
        let dated = request.date(&now());
        let signature = dated.signing().signature(&dated.secret_access_key);
        for (value, expected) in [
            ("Bearer x".to_owned(), SCHEME_AWS),
            ("Basic dXNlcjpwYXNz".into(), SCHEME_AWS),
            (format!("AWSX AKIAIOSFODNN7EXAMPLE:{signature}"), SCHEME_AWS),
            (format!("WOSX AKIAIOSFODNN7EXAMPLE:{signature}"), SCHEME_WOS),
        ] {
            scene.refuses_with(&dated.clone().header("Authorization", &value), expected);
        }
    });
}

#[test]
fn b6_two_authorization_headers_are_refused() {
    let expected = Refused(
        400,
        "InvalidArgument",
        "The header 'authorization' stands more than once.",
    );
    with_two_users("GET", "/k", |scene, request| {
        let dated = request.clone().date(&now());
        let own = dated.clone().signed().headers[2].1.clone();
        let bobs = dated.clone().keys(BOB.0, BOB.1).signed().headers[2]
            .1
            .clone();
        for pair in [
            [&*own, &*own],
            [&*own, &*bobs],
            [&*bobs, &*own],
            [&*own, "garbage"],
            ["garbage", &*own],
            ["garbage", "garbage"],
            [&*own, ""],
            ["", &*own],
            [V4_HEADER, &*own],
        ] {
            for second in ["Authorization", "AUTHORIZATION"] {
                let twice = dated
                    .clone()
                    .header("Authorization", pair[0])
                    .header(second, pair[1]);
                scene.refuses_with(&twice, expected);
            }
        }
        let presigned = request.presigned(unix_time(600));
        let twice = presigned
            .header("Authorization", "garbage")
            .header("Authorization", "garbage");
        scene.refuses_with(&twice, expected);
    });
}

#[test]
fn b7_an_unknown_algorithm_is_refused_and_never_taken_for_a_known_one() {
    everywhere("GET", "/k", |scene, request| {
        let dated = request.clone().date(&now());
        let signature = dated.signing().signature(&dated.secret_access_key);
        let credentials = format!("AKIAIOSFODNN7EXAMPLE:{signature}");
        for (word, expected) in [
            ("AWS4-HMAC-SHA256", COMPONENTS),
            ("AWS4-HMAC-SHA1", VERSION_AWS),
            ("AWS4-HMAC-SHA256-PAYLOAD", VERSION_AWS),
            ("AWS4-ECDSA-P256-SHA256", ASYMMETRIC),
            ("WOS-HMAC-SHA256", COMPONENTS),
            ("WOS-HMAC-SHA256-PAYLOAD", VERSION_WOS),
            ("aws4-hmac-sha256", SCHEME_AWS),
            ("aws", SCHEME_AWS),
            ("Aws", SCHEME_AWS),
            ("wos", SCHEME_AWS),
            ("AWS2", SCHEME_AWS),
            ("AWS1-HMAC-SHA1", SCHEME_AWS),
            ("AWS,", SCHEME_AWS),
            ("S3", SCHEME_AWS),
            ("OSS", SCHEME_AWS),
            ("OBS", SCHEME_AWS),
            ("GOOG1", SCHEME_AWS),
            ("WOS1", SCHEME_WOS),
        ] {
            let value = format!("{word} {credentials}");
            scene.refuses_with(&dated.clone().header("Authorization", &value), expected);
        }
        for (value, expected) in [
            (V4_HEADER.replace("SHA256 ", "SHA256,"), VERSION_AWS),
            (V4_HEADER.replace("SHA256 ", "SHA256"), VERSION_AWS),
            (V4_HEADER.replace("SHA256 ", "SHA256\t"), VERSION_AWS),
            (String::new(), BLANK_AWS),
            (format!("AWS,{credentials}"), BLANK_AWS),
            (format!("AWS\t{credentials}"), BLANK_AWS),
            (format!("AWS:{credentials}"), BLANK_AWS),
            (credentials.clone(), BLANK_AWS),
        ] {
            scene.refuses_with(&dated.clone().header("Authorization", &value), expected);
        }
        for (algorithm, expected) in [
            ("AWS4-HMAC-SHA1", VERSION_AWS),
            ("AWS4-ECDSA-P256-SHA256", ASYMMETRIC),
            ("aws4-hmac-sha256", VERSION_AWS),
            ("AWS4-HMAC-SHA256-PAYLOAD", VERSION_AWS),
            ("WOS-HMAC-SHA256", VERSION_AWS),
            ("AWS", VERSION_AWS),
            ("none", VERSION_AWS),
            ("", VERSION_AWS),
        ] {
            let query = V4_QUERY.replacen("AWS4-HMAC-SHA256", algorithm, 1);
            scene.refuses_with(&appended(request.clone(), &query), expected);
        }
        // Every one of them beside a signature that is right.
        let right = request.clone().signed_v4();
        scene.serves(&right);
        let own = right.word.algorithm();
        for (word, expected) in [
            ("AWS4-HMAC-SHA1", VERSION_AWS),
            ("AWS4-ECDSA-P256-SHA256", ASYMMETRIC),
            ("aws4-hmac-sha256", SCHEME_AWS),
        ] {
            let mut request = right.clone();
            let last = request.headers.last_mut().expect("Authorization");
            last.1 = last.1.replacen(own, word, 1);
            if right.word == Word::Aws {
                scene.refuses_with(&request, expected);
            }
        }
    });
}

#[test]
fn b12_a_credential_that_stands_twice_is_refused_in_either_order() {
    with_two_users("GET", "/k", |scene, request| {
        let presigned = request.clone().presigned(unix_time(600));
        let (path, query) = presigned.target.split_once('?').expect("a query");
        let own = request.word.access_key_parameter();
        for (further, told) in [
            (format!("{own}=BOB"), own),
            (format!("{}=BOB", own.to_lowercase()), &*own.to_lowercase()),
            (
                format!("{}=AKIAIOSFODNN7EXAMPLE", own.replacen('A', "%41", 1)),
                own,
            ),
            ("Signature=d3Jvbmc=".into(), "Signature"),
            ("signature=d3Jvbmc=".into(), "signature"),
            ("%53ignature=d3Jvbmc=".into(), "Signature"),
            ("Signature".into(), "Signature"),
            (format!("Expires={}", unix_time(6000)), "Expires"),
            ("expires=1".into(), "expires"),
        ] {
            // The later name is the one that is told.
            let canonical = ["Signature", "Expires", own]
                .into_iter()
                .find(|name| name.eq_ignore_ascii_case(told))
                .expect("one of the three");
            for (target, told) in [
                (format!("{path}?{query}&{further}"), told),
                (format!("{path}?{further}&{query}"), canonical),
            ] {
                let message = format!("The query parameter '{told}' stands more than once.");
                let request = Request {
                    target,
                    ..presigned.clone()
                };
                scene.refuses_with(&request, Refused(400, "InvalidArgument", &message));
            }
        }
        for (further, told) in [
            ("X-Amz-Credential=BOB", "X-Amz-Credential"),
            ("x-amz-credential=BOB", "x-amz-credential"),
            ("X-Amz-Signature=11", "X-Amz-Signature"),
            ("X-Amz-Signatur%65=11", "X-Amz-Signature"),
        ] {
            let message = format!("The query parameter '{told}' stands more than once.");
            let twice = appended(appended(request.clone(), V4_QUERY), further);
            scene.refuses_with(&twice, Refused(400, "InvalidArgument", &message));
        }
    });
}
