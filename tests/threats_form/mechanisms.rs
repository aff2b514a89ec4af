//! I8, B4, B7: one mechanism, said in the policy.

use serde_json::json;

use crate::{Scene, form};
use support::form::{Form, Version};
use support::scene::Forward;
use support::signer::{Word, now, unix_time};

fn v4(word: Word) -> Form {
    Form::new(word, Version::V4, "k")
}

#[test]
fn i8_what_version_4_signs_with_stands_in_the_policy() {
    for scene in Scene::both_closing() {
        for word in Word::BOTH {
            let prefix = word.header_prefix();
            scene.stores("right", &v4(word).signed());
            for name in ["algorithm", "credential", "date"] {
                let field = format!("{prefix}{name}");
                let signed = |form: Form| {
                    let document = form.document();
                    form.signed_as(&document)
                };
                let scoped = v4(word).with_scope(|_, value| value);
                let unsaid = signed(scoped.clone().without_condition(&field));
                scene.refuses((&field, &unsaid), 403, "AccessDenied");
                // Left open, it would be whoever's who sends the form.
                let open = scoped.without_condition(&field);
                let open = signed(open.condition(json!(["starts-with", format!("${field}"), ""])));
                scene.refuses((&field, &open), 403, "AccessDenied");
            }
            // The day before, which would be another signing key; the time alone, which would not.
            let late = v4(word).with_scope(|name, value| match name {
                "date" => value.replace("T000000Z", "T000001Z"),
                _ => value,
            });
            let document = late.document();
            scene.refuses(("date", &late.signed_as(&document)), 403, "AccessDenied");
        }
    }
}

#[test]
fn i8_one_form_has_one_signature() {
    for scene in Scene::both_closing() {
        let (v2, v4) = (form("k").signed(), v4(Word::Aws).signed());
        for (name, value) in v4
            .fields
            .iter()
            .filter(|(name, _)| name.starts_with("x-amz-") && name != "x-amz-date")
        {
            let both = v2.clone().only_field(name, value);
            scene.refuses((name, &both), 400, "InvalidArgument");
        }
        for name in ["AWSAccessKeyId", "signature"] {
            let both = v4.clone().only_field(name, v2.value(name));
            scene.refuses((name, &both), 400, "InvalidArgument");
        }
        for name in ["WOSAccessKeyId", "x-wos-signature", "X-Wos-Credential"] {
            for form in [&v2, &v4] {
                let both = form.clone().only_field(name, "1");
                scene.refuses((name, &both), 400, "InvalidArgument");
            }
        }
        // Another vendor's fields are nothing that this vendor's policy could mean.
        let foreign = form("k").field("x-wos-meta-a", "1").signed();
        scene.refuses(("foreign", &foreign), 403, "AccessDenied");
    }
}

#[test]
fn i8_the_scope_is_the_one_of_this_place_and_day() {
    let scene = Scene::closing(Forward::Trusted);
    for word in Word::BOTH {
        for (from, to) in [
            ("/us-east-1/", "/eu-1/"),
            ("/us-east-1/", "//"),
            ("/us-east-1/", "/*/"),
            ("/s3/", "/sts/"),
            ("/wos/", "/s3/"),
            ("/s3/", "/wos/"),
            ("_request", "5_request"),
            ("/20", "/19"),
            ("/us-east-1/", "/us-east-1/x/"),
            ("/us-east-1/", "/"),
        ] {
            let mut form = v4(word).with_scope(|_, value| value);
            let field = format!("{}credential", word.header_prefix());
            let credential = form.value(&field).replacen(from, to, 1);
            if credential == form.value(&field) {
                continue;
            }
            form = form
                .without_condition(&field)
                .without_field(&field)
                .field(&field, &credential);
            let document = form.document();
            let form = form.signed_as(&document);
            // The vendor has a code of its own for another day.
            let code = match (word, from) {
                (Word::Wos, "/20") => "InvalidArgument",
                _ => "AuthorizationQueryParametersError",
            };
            let response = scene.refuses((&credential, &form), 400, code);
            assert_eq!(response.element("ArgumentName"), None);
        }
    }
}

#[test]
fn b4_a_form_is_signed_by_its_fields_alone() {
    for scene in Scene::both_closing() {
        for version in Version::BOTH {
            let form = Form::new(Word::Aws, version, "k").signed();
            for value in [
                "AWS AKIAIOSFODNN7EXAMPLE:c2ln",
                "AWS4-HMAC-SHA256 Credential=x",
                "Bearer x",
                "",
            ] {
                let both = form.clone().header("Authorization", value);
                scene.refuses((value, &both), 400, "InvalidArgument");
            }
            let header = form.request().date(&now()).signed().bytes();
            scene.refuses(("a right header", &header), 400, "InvalidArgument");
            let query = form.request().presigned(unix_time(600)).bytes();
            scene.refuses(("a right query", &query), 400, "InvalidArgument");
            let both = form
                .request()
                .presigned(unix_time(600))
                .date(&now())
                .signed()
                .bytes();
            scene.refuses(("both", &both), 400, "InvalidArgument");
            // Nothing outside of the form is signed.
            for name in [
                "x-amz-acl",
                "x-amz-copy-source",
                "x-amz-security-token",
                "x-wos-acl",
            ] {
                let more = form.clone().header(name, "public-read");
                scene.refuses((name, &more), 403, "AccessDenied");
            }
            for query in [
                "?acl",
                "?uploads",
                "?delete",
                "?tagging",
                "?x-id=PostObject",
                "?a=b",
            ] {
                let mut more = form.clone();
                more.target += query;
                scene.refuses((query, &more), 403, "AccessDenied");
            }
        }
        // Signed in the header it is no form at all, whatever it is for.
        let unsigned = form("k").request().date(&now());
        scene.refuses(
            ("a header and no policy", &unsigned.clone().signed().bytes()),
            400,
            "InvalidArgument",
        );
        let mut delete = unsigned;
        delete.target += "?delete";
        scene.refuses(("delete", &delete.signed()), 400, "InvalidArgument");
    }
}

#[test]
fn b7_the_algorithm_of_a_form_is_the_dialects() {
    for scene in Scene::both_closing() {
        for word in Word::BOTH {
            for algorithm in [
                "AWS4-HMAC-SHA1",
                "AWS4-ECDSA-P256-SHA256",
                "aws4-hmac-sha256",
                "AWS4-HMAC-SHA256-PAYLOAD",
                "AWS4-HMAC-SHA512",
                "none",
                " ",
            ] {
                let field = format!("{}algorithm", word.header_prefix());
                let form = v4(word).with_scope(|_, value| value);
                let form = form
                    .without_condition(&field)
                    .without_field(&field)
                    .field(&field, algorithm);
                let document = form.document();
                let form = form.signed_as(&document);
                scene.refuses((algorithm, &form), 400, "InvalidRequest");
            }
        }
    }
}

#[test]
fn b7_a_version_that_is_switched_off_is_off_in_forms_too() {
    for (on, off) in [("v2", Version::V4), ("v4", Version::V2)] {
        let scene = Scene::configured(Forward::Trusted, |config| {
            config.section(
                "signature",
                &format!("[signature]\nversions = [\"{on}\"]\n"),
            )
        });
        for word in Word::BOTH {
            let form = Form::new(word, off, "k").signed();
            scene.refuses((on, &form), 400, "InvalidRequest");
        }
    }
    let scene = Scene::configured(Forward::Trusted, |config| {
        let listener = config.text_of("listener").replace("\"aws\", ", "");
        config.section("listener", &listener)
    });
    // A WOS listener understands both words, as WOS does.
    for word in Word::BOTH {
        scene.stores("wos", &Form::new(word, Version::V2, "k").signed());
    }
}

#[test]
fn c_session_tokens_are_for_keys_that_carry_one() {
    for scene in Scene::both_closing() {
        for version in Version::BOTH {
            let form = Form::new(Word::Aws, version, "k").field("x-amz-security-token", "token");
            scene.refuses(("token", &form.signed()), 400, "InvalidToken");
        }
    }
}
