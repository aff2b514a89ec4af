//! I1, I2, I4, I7: the policy is signed, and what it says is kept.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::{Scene, form, message, path, signers};
use support::form::{Form, Version, time};
use support::scene::Forward;
use support::signer::Word;

/// The policy of a form that is refused in a way that says which condition it breaks.
fn broken(scene: &Scene, case: &str, form: Form, condition: &str) {
    let response = scene.refuses((case, &form.signed()), 403, "AccessDenied");
    let expected = format!("Invalid according to Policy: Policy Condition failed: {condition}");
    assert_eq!(message(&response), expected, "{case}");
    // A violation never sends the browser anywhere.
    assert_eq!(response.header("location"), None, "{case}");
}

#[test]
fn i1_every_kind_of_condition_is_checked() {
    for scene in Scene::both_closing() {
        for (word, version) in signers() {
            let case = &format!("{word:?} {version:?}");
            let new = |key: &str| Form::new(word, version, key);
            let recorded = scene.stores(case, &new("user/k").signed());
            if scene.forward == Forward::Trusted {
                assert_eq!(recorded.target(), path("user/k"));
            }
            let other_key = new("k").signed().with_value("key", "other");
            let response = scene.refuses((case, &other_key), 403, "AccessDenied");
            assert!(message(&response).contains(r#"["eq", "$key", "k"]"#));
            let acl = new("k").condition(json!(["eq", "$acl", "private"]));
            let public = acl.only_field("acl", "public-read");
            broken(&scene, case, public, r#"["eq", "$acl", "private"]"#);
            let prefix = new("k").without_condition("key").condition(json!([
                "starts-with",
                "$key",
                "user/"
            ]));
            broken(
                &scene,
                case,
                prefix.clone(),
                r#"["starts-with", "$key", "user/"]"#,
            );
            scene.stores(case, &prefix.with_value("key", "user/a").signed());
            let sized = |min: u64, max: u64| {
                new("k")
                    .condition(json!(["content-length-range", min, max]))
                    .signed()
            };
            scene.stores(case, &sized(5, 5));
            scene.refuses((case, &sized(6, 10)), 400, "EntityTooSmall");
            scene.refuses((case, &sized(0, 4)), 400, "EntityTooLarge");
        }
    }
}

#[test]
fn i1_another_secret_or_another_policy_is_no_signature() {
    for scene in Scene::both_closing() {
        for (word, version) in signers() {
            let case = &format!("{word:?} {version:?}");
            let mut form = Form::new(word, version, "k");
            form.secret_access_key = "another secret".into();
            scene.refuses((case, &form.signed()), 403, "SignatureDoesNotMatch");
            let signed = Form::new(word, version, "k").signed();
            let other = STANDARD.encode(signed.document() + " ");
            let changed = signed.clone().with_value("policy", &other);
            scene.refuses((case, &changed), 403, "SignatureDoesNotMatch");
            // What an unsigned policy says is nobody's to know.
            let garbage = signed.with_value("policy", "garbage");
            scene.refuses((case, &garbage), 403, "SignatureDoesNotMatch");
        }
    }
}

#[test]
fn i2_no_form_is_anonymous() {
    for scene in Scene::both_closing() {
        scene.refuses(("key and file", &form("k")), 403, "AccessDenied");
        scene.refuses(
            ("file", &form("k").without_field("key")),
            403,
            "AccessDenied",
        );
        let open = form("k").field("acl", "public-read-write");
        scene.refuses(("acl", &open), 403, "AccessDenied");
        for gone in ["policy", "signature", "AWSAccessKeyId"] {
            let partly = form("k").signed().without_field(gone);
            let response = scene.refuses((gone, &partly), 400, "InvalidArgument");
            assert_eq!(response.element("ArgumentName").as_deref(), Some(gone));
            let empty = form("k").signed().with_value(gone, "");
            scene.refuses((gone, &empty), 400, "InvalidArgument");
        }
        let v4 = Form::new(Word::Aws, Version::V4, "k").signed();
        for gone in [
            "policy",
            "x-amz-signature",
            "x-amz-credential",
            "x-amz-date",
            "x-amz-algorithm",
        ] {
            scene.refuses(
                (gone, &v4.clone().without_field(gone)),
                400,
                "InvalidArgument",
            );
        }
        let neither = v4
            .without_field("policy")
            .without_field("x-amz-signature")
            .without_field("x-amz-credential")
            .without_field("x-amz-algorithm");
        scene.refuses(("no mark", &neither), 403, "AccessDenied");
    }
}

#[test]
fn i4_a_condition_without_a_field_and_a_field_without_a_condition() {
    for scene in Scene::both_closing() {
        for name in [
            "acl",
            "success_action_status",
            "x-amz-meta-a",
            "tagging",
            "nobody-knows-this",
        ] {
            let alone = form("k").condition(json!({name: "v"}));
            broken(&scene, name, alone, &format!(r#"["eq", "${name}", "v"]"#));
            let anything = form("k").condition(json!(["starts-with", format!("${name}"), ""]));
            broken(
                &scene,
                name,
                anything,
                &format!(r#"["starts-with", "${name}", ""]"#),
            );
            let extra = form("k").only_field(name, "v").signed();
            let response = scene.refuses((name, &extra), 403, "AccessDenied");
            let expected = format!("Invalid according to Policy: Extra input fields: {name}");
            assert_eq!(message(&response), expected);
        }
        let unbound = form("k").without_condition("key").signed();
        scene.refuses(("key", &unbound), 403, "AccessDenied");
        let unbound = form("k").without_condition("bucket").signed();
        let response = scene.refuses(("bucket", &unbound), 403, "AccessDenied");
        assert!(message(&response).ends_with("Extra input fields: bucket"));
        // Only these need no condition.
        let ignored = form("k").only_field("x-ignore-anything", "v").signed();
        scene.stores("x-ignore-", &ignored);
    }
}

#[test]
fn i4_what_the_policy_allows_is_what_the_node_gets() {
    let scene = Scene::closing(Forward::Trusted);
    let fields = [
        ("acl", "x-amz-acl", "public-read"),
        ("Content-Type", "content-type", "image/png"),
        ("Cache-Control", "cache-control", "max-age=60"),
        (
            "Content-Disposition",
            "content-disposition",
            "attachment; filename=\"a\"",
        ),
        ("Content-Encoding", "content-encoding", "gzip"),
        ("Expires", "expires", "Thu, 01 Dec 2044 16:00:00 GMT"),
        ("x-amz-meta-Colour", "x-amz-meta-colour", "deep  blue"),
        ("x-amz-storage-class", "x-amz-storage-class", "STANDARD"),
        (
            "x-amz-server-side-encryption",
            "x-amz-server-side-encryption",
            "AES256",
        ),
        (
            "x-amz-website-redirect-location",
            "x-amz-website-redirect-location",
            "/x",
        ),
    ];
    let full = fields.iter().fold(form("k"), |form, (field, _, value)| {
        form.field(field, value)
    });
    let recorded = scene.stores("every header", &full.signed());
    for (field, header, value) in fields {
        assert_eq!(recorded.head.all(header), [value], "{field}");
    }
    // Nothing of the form's own header says something about the object.
    let form = form("k")
        .header("Cache-Control", "no-store")
        .header("Content-Disposition", "attachment")
        .header("Content-Encoding", "gzip")
        .header("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")
        .header("Range", "bytes=0-1")
        .header("If-None-Match", "*")
        .header("Cookie", "a=b");
    let recorded = scene.stores("outer header", &form.signed());
    for name in [
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-md5",
        "content-type",
        "range",
        "if-none-match",
        "cookie",
    ] {
        assert_eq!(recorded.header(name), None, "{name}");
    }
    // What cannot be applied is refused: whoever signed it would think that it holds.
    for name in [
        "x-amz-tagging",
        "x-amz-copy-source",
        "x-amz-content-sha256",
        "x-amz-bypass-governance-retention",
        "x-amz-acl",
    ] {
        let odd = crate::form("k").field(name, "v").signed();
        scene.refuses((name, &odd), 501, "NotImplemented");
    }
    let lines = crate::form("k")
        .field("x-amz-meta-a", "a\r\nx-amz-acl: public-read")
        .signed();
    scene.refuses(("line ends", &lines), 400, "InvalidArgument");
}

#[test]
fn i4_checksums_among_the_fields_are_proven() {
    let scene = Scene::closing(Forward::Trusted);
    // Base64 of the SHA-256, the CRC-32 and the MD5 of "hello".
    let right = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    scene.stores(
        "sha256",
        &form("k").field("x-amz-checksum-sha256", right).signed(),
    );
    scene.stores(
        "crc32",
        &form("k").field("x-amz-checksum-crc32", "NhCmhg==").signed(),
    );
    let md5 = |digest| form("k").field("Content-MD5", digest).signed();
    scene.stores("Content-MD5", &md5("XUFAKrxLKna5cZ2REBfFkg=="));
    let of_nothing = md5("1B2M2Y8AsgTpgAmY7PhCfg==").bytes();
    scene.breaks_off(("Content-MD5", &of_nothing), 400, "BadDigest");
    let wrong = form("k").field("x-amz-checksum-crc32", "AAAAAA==").signed();
    scene.breaks_off(("crc32", &wrong), 400, "BadDigest");
    let large = wrong.file(vec![7; 200_000]);
    scene.breaks_off(("crc32", &large), 400, "BadDigest");
}

#[test]
fn i7_a_policy_holds_until_it_expires() {
    for scene in Scene::both_closing() {
        for version in Version::BOTH {
            let expiring = |expiration: serde_json::Value| {
                let mut form = Form::new(Word::Aws, version, "k");
                form.expiration = Some(expiration);
                form.signed()
            };
            scene.stores("fresh", &expiring(time(60).into()));
            scene.stores("seconds", &expiring(time(60).replace(".000", "").into()));
            for past in [time(-1), time(-600), "2007-12-01T12:00:00.000Z".into()] {
                let response =
                    scene.refuses((&past, &expiring(past.clone().into())), 403, "AccessDenied");
                assert_eq!(
                    message(&response),
                    "Invalid according to Policy: Policy expired."
                );
            }
            for garbage in [
                json!(""),
                json!("tomorrow"),
                json!(4_102_444_800_u64),
                json!(null),
                json!("2044-02-30T12:00:00Z"),
            ] {
                let case = garbage.to_string();
                scene.refuses((&case, &expiring(garbage)), 400, "InvalidPolicyDocument");
            }
            let mut never = Form::new(Word::Aws, version, "k");
            never.expiration = None;
            scene.refuses(("missing", &never.signed()), 400, "InvalidPolicyDocument");
        }
    }
}

#[test]
fn i7_what_is_no_policy_is_refused() {
    for scene in Scene::both_closing() {
        for version in Version::BOTH {
            let new = || match version {
                Version::V2 => form("k"),
                Version::V4 => Form::new(Word::Aws, version, "k").with_scope(|_, value| value),
            };
            let valid = new().document();
            scene.stores("right", &new().signed_as(&valid));
            let twice = valid.replacen("{\"conditions\":", "{\"conditions\":[],\"conditions\":", 1);
            assert_ne!(twice, valid);
            let two_in_one = valid.replacen("{\"key\":\"k\"}", "{\"key\":\"k\",\"key\":\"k\"}", 1);
            assert_ne!(two_in_one, valid);
            let deep = valid.replacen(
                "\"conditions\":[",
                &format!("\"conditions\":[{}", "[".repeat(10_000)),
                1,
            );
            for document in [
                "",
                "garbage",
                "null",
                "[]",
                "{}",
                &valid[..valid.len() - 1],
                &format!("{valid}{valid}"),
                &twice,
                &two_in_one,
                &deep,
            ] {
                let form = match document {
                    // An empty field counts as none.
                    "" => new().signed_over("===="),
                    _ => new().signed_as(document),
                };
                let case = &document[..document.len().min(60)];
                scene.refuses((case, &form), 400, "InvalidPolicyDocument");
            }
            for policy in [valid.as_str(), "!!!!", " e30=", "e30"] {
                scene.refuses(
                    (policy, &new().signed_over(policy)),
                    400,
                    "InvalidPolicyDocument",
                );
            }
            let wrapped = STANDARD.encode(&valid);
            let (one, other) = wrapped.split_at(60);
            let wrapped = format!("{one}\r\n{other}");
            scene.refuses(
                ("line ends", &new().signed_over(&wrapped)),
                400,
                "InvalidPolicyDocument",
            );
            let long = " ".repeat(16_000) + &valid;
            let form = new().signed_as(&long);
            scene.refuses(("21 kB", &form), 400, "MaxPostPreDataLengthExceededError");
        }
    }
}

#[test]
fn i7_conditions_that_are_none_are_refused() {
    let scene = Scene::closing(Forward::Trusted);
    for condition in [
        json!(null),
        json!(1),
        json!("key"),
        json!([]),
        json!({}),
        json!({"acl": 1.5}),
        json!({"acl": null}),
        json!({"acl": "a", "other": "b"}),
        json!(["eq", "$key"]),
        json!(["eq", "key", "k"]),
        json!(["eq", "$key", "k", "k"]),
        json!(["matches", "$key", "k"]),
        json!(["content-length-range", 1]),
        json!(["content-length-range", "1", "ten"]),
        json!(["content-length-range", -1, 10]),
        json!(["content-length-range", 10, 1]),
        json!(["content-length-range", 1.5, 10]),
        json!(["content-length-range", 1, 10, 100]),
    ] {
        let case = condition.to_string();
        let form = form("k").condition(condition).signed();
        scene.refuses((&case, &form), 400, "InvalidPolicyDocument");
    }
}
