//! I3, I5: the key and the bucket of a form, and fields that stand twice.

use countersign::embedded::{Node, NodeOptions};
use serde_json::json;

use crate::{Scene, form, message, path};
use support::form::{BUCKET, Form, Version};
use support::gateway::Gateway;
use support::scene::Forward;
use support::signer::{DOMAIN, Request, Word};
use support::wire::Connection;

#[test]
fn i3_the_bucket_is_the_one_of_the_address() {
    for scene in Scene::both_closing() {
        for version in Version::BOTH {
            let new = || Form::new(Word::Aws, version, "k");
            let elsewhere = |form: Form| Form {
                target: "/bucket02".into(),
                ..form
            };
            let response =
                scene.refuses(("address", &elsewhere(new().signed())), 403, "AccessDenied");
            assert!(message(&response).contains(r#"["eq", "$bucket", "bucket01"]"#));
            let named = new().only_field("bucket", BUCKET).signed();
            scene.stores("a field that says the same", &named);
            scene.refuses(("field", &elsewhere(named)), 403, "AccessDenied");
            let other = new().only_field("bucket", "bucket02").signed();
            scene.refuses(("another field", &other), 403, "AccessDenied");
            let anywhere =
                new()
                    .without_condition("bucket")
                    .condition(json!(["starts-with", "$bucket", ""]));
            scene.stores("any bucket", &anywhere.clone().signed());
            let both = anywhere.clone().only_field("bucket", "bucket02").signed();
            scene.refuses(("any bucket, and a field", &both), 403, "AccessDenied");
            // A signature over another bucket's policy is good for that bucket alone, in each style of address.
            let mut virtual_host = elsewhere(new().signed());
            virtual_host.target = "/".into();
            virtual_host.headers[0].1 = format!("bucket02.{DOMAIN}");
            scene.refuses(("virtual host", &virtual_host), 403, "AccessDenied");
            virtual_host.headers[0].1 = format!("{BUCKET}.{DOMAIN}");
            let recorded = scene.stores("virtual host", &virtual_host);
            if scene.forward == Forward::Trusted {
                assert_eq!(recorded.target(), "/k");
                assert_eq!(recorded.header("host"), Some(&*virtual_host.headers[0].1));
            }
        }
    }
}

/// Keys with what would lead out of the bucket, and what the others become: the path that a PUT of the key has.
const LEADING_OUT: [&str; 8] = [
    "../bucket02/k",
    "..",
    "a/../../bucket02/k",
    "./k",
    "..\\bucket02\\k",
    "a/..",
    "a\0b",
    "u/.",
];

#[test]
fn i3_no_key_leads_out_of_its_bucket() {
    for scene in Scene::both_closing() {
        for key in LEADING_OUT {
            let response = scene.refuses((key, &form(key).signed()), 400, "InvalidURI");
            assert_eq!(response.header("location"), None);
            // The name of the file is part of the key.
            if !key.contains(['\\', '\0', '/']) {
                let named = form("u/${filename}").filename(key);
                let named =
                    named
                        .without_condition("key")
                        .condition(json!(["starts-with", "$key", "u/"]));
                scene.refuses((key, &named.signed()), 400, "InvalidURI");
            }
        }
    }
    let scene = Scene::closing(Forward::Trusted);
    for (key, encoded) in [
        ("a b+c%d", "a%20b%2Bc%25d"),
        ("é/~-._", "%C3%A9/~-._"),
        ("..%2fbucket02%2fk", "..%252fbucket02%252fk"),
        ("?acl", "%3Facl"),
        ("k#f", "k%23f"),
        ("/k", "/k"),
        ("a//b/", "a//b/"),
        ("...", "..."),
        ("\t\u{7f}", "%09%7F"),
        (
            "k HTTP/1.1\r\nx-amz-acl: public-read",
            "k%20HTTP/1.1%0D%0Ax-amz-acl%3A%20public-read",
        ),
    ] {
        let recorded = scene.stores(key, &form(key).signed());
        assert_eq!(recorded.target(), path(encoded), "{key}");
        assert_eq!(recorded.header("x-amz-acl"), None);
    }
    let longest = "k".repeat(1024);
    scene.stores("1024 bytes", &form(&longest).signed());
    scene.refuses(
        ("1025 bytes", &form(&(longest + "k")).signed()),
        400,
        "KeyTooLongError",
    );
    scene.refuses(("empty", &form("").signed()), 400, "InvalidArgument");
    let none = form("k").without_condition("key").without_field("key");
    scene.refuses(("none", &none.signed()), 400, "InvalidArgument");
}

/// The embedded node keeps keys as paths of files: whatever reaches it is resolved.
#[test]
fn i3_a_store_of_files_keeps_each_form_in_its_bucket() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let node = Node::start(NodeOptions {
        root: root.path().into(),
        address: "127.0.0.1:0".parse().expect("an address"),
        auth: None,
        domains: vec![DOMAIN.into()],
    });
    let node = node.expect("a free port");
    for bucket in [BUCKET, "bucket02"] {
        node.create_bucket(bucket).expect("a writable directory");
    }
    let gateway = Gateway::in_front_of(node.address());
    let mut connection = gateway.connect();
    for key in LEADING_OUT {
        assert_eq!(
            connection.exchange(&form(key).signed().request()).status,
            400,
            "{key}"
        );
    }
    let mut node = Connection::open(node.address());
    let keys = ["plain.txt", "a b/é+%25.bin", "${filename}"];
    for (at, size) in [0, 5, 200_000].into_iter().enumerate() {
        let body: Vec<u8> = (0..size).map(|byte| (byte % 251) as u8).collect();
        let form = form(keys[at]).file(body.clone()).without_condition("key");
        let form = form
            .condition(json!(["starts-with", "$key", ""]))
            .filename("named.txt");
        let answer = gateway.connect().exchange(&form.signed().request());
        assert_eq!(answer.status, 204, "{}", answer.text());
        let location = answer.header("location").expect("a place").to_owned();
        let stored = location
            .strip_prefix(&format!("http://{DOMAIN}"))
            .expect("a path");
        let read = node.exchange(&Request::new(Word::Aws, "GET", stored));
        assert_eq!((read.status, read.body == body), (200, true), "{stored}");
    }
    let mut count = |bucket: &str| {
        let list = Request::new(Word::Aws, "GET", &format!("/{bucket}?list-type=2"));
        node.exchange(&list).text().matches("<Contents>").count()
    };
    assert_eq!((count(BUCKET), count("bucket02")), (keys.len(), 0));
}

#[test]
fn i5_starts_with_nothing_matches_everything_that_is_there() {
    for scene in Scene::both_closing() {
        let open = |key: &str| {
            let form = form(key).without_condition("key");
            form.condition(json!(["starts-with", "$key", ""]))
        };
        for key in ["k", "anything/at/all", "ÄÖ"] {
            scene.stores(key, &open(key).signed());
        }
        let typed = |prefix: &str, value: &str| {
            form("k")
                .condition(json!(["starts-with", "$Content-Type", prefix]))
                .only_field("Content-Type", value)
                .signed()
        };
        scene.stores("one type", &typed("image/", "image/png"));
        scene.stores("a list", &typed("image/", "image/png,image/gif"));
        scene.refuses(
            ("a list", &typed("image/", "image/png,text/html")),
            403,
            "AccessDenied",
        );
        scene.refuses(("case", &typed("image/", "Image/png")), 403, "AccessDenied");
    }
}

#[test]
fn i5_the_name_of_the_file_is_put_in_before_anything_is_matched() {
    let scene = Scene::closing(Forward::Trusted);
    for (filename, key) in [
        ("photo.jpg", "u/photo.jpg"),
        ("/home/a/photo.jpg", "u/photo.jpg"),
        ("C:\\Pictures\\photo.jpg", "u/photo.jpg"),
        ("a b.jpg", "u/a%20b.jpg"),
        ("", "u/"),
        ("${filename}", "u/%24%7Bfilename%7D"),
    ] {
        let named = form("u/${filename}")
            .filename(filename)
            .without_condition("key");
        let recorded = scene.stores(
            filename,
            &named
                .clone()
                .condition(json!(["starts-with", "$key", "u/"]))
                .signed(),
        );
        assert_eq!(recorded.target(), path(key), "{filename}");
        if filename == "photo.jpg" {
            let exact = named
                .clone()
                .condition(json!(["eq", "$key", "u/photo.jpg"]));
            scene.stores(filename, &exact.signed());
            let literal = named.condition(json!(["eq", "$key", "u/${filename}"]));
            scene.refuses((filename, &literal.signed()), 403, "AccessDenied");
        }
    }
    let everywhere = form("k")
        .condition(json!(["eq", "$x-amz-meta-name", "hello.txt"]))
        .only_field("x-amz-meta-name", "${filename}");
    let recorded = scene.stores("metadata", &everywhere.signed());
    assert_eq!(recorded.header("x-amz-meta-name"), Some("hello.txt"));
}

#[test]
fn i5_names_are_insensitive_and_values_exact() {
    for scene in Scene::both_closing() {
        let cased = form("k").condition(json!({"ACL": "private"}));
        scene.stores(
            "names",
            &cased.clone().only_field("Acl", "private").signed(),
        );
        scene.refuses(
            ("values", &cased.only_field("acl", "PRIVATE").signed()),
            403,
            "AccessDenied",
        );
        let mut signed = form("k").signed();
        for (name, _) in &mut signed.fields {
            *name = name.to_uppercase();
        }
        scene.stores("every name", &signed);
    }
}

#[test]
fn i5_a_field_stands_once_and_metadata_is_joined() {
    for scene in Scene::both_closing() {
        for name in [
            "key",
            "acl",
            "Content-Type",
            "policy",
            "signature",
            "AWSAccessKeyId",
            "bucket",
            "x-ignore-a",
        ] {
            let form = form("k")
                .field("acl", "private")
                .field("Content-Type", "a/b");
            let form = form
                .only_field("bucket", BUCKET)
                .only_field("x-ignore-a", "v")
                .signed();
            let value = form.value(name).to_owned();
            scene.stores(name, &form);
            for (twin, value) in [
                (name, value.as_str()),
                (name, "other"),
                (&name.to_uppercase(), &value),
            ] {
                let twice = form.clone().only_field(twin, value);
                scene.refuses((name, &twice), 400, "InvalidArgument");
            }
        }
        let metadata = |condition: &str| {
            form("k")
                .condition(json!({"x-amz-meta-a": condition}))
                .only_field("x-amz-meta-a", "1")
                .only_field("X-Amz-Meta-A", "2")
                .signed()
        };
        let recorded = scene.stores("metadata", &metadata("1,2"));
        if scene.forward == Forward::Trusted {
            assert_eq!(recorded.head.all("x-amz-meta-a"), ["1,2"]);
        }
        for first_or_last in ["1", "2"] {
            scene.refuses(("metadata", &metadata(first_or_last)), 403, "AccessDenied");
        }
    }
}

#[test]
fn i5_fields_behind_the_file_do_not_count() {
    for scene in Scene::both_closing() {
        let behind = |name: &str, value: &str| {
            let form = form("k").signed();
            let boundary = &form.boundary;
            let part = format!(
                "\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}"
            );
            let end = part + &form.closing();
            form.end(&end)
        };
        let recorded = scene.stores("submit", &behind("submit", "Upload to Amazon S3"));
        if scene.forward == Forward::Trusted {
            assert_eq!(recorded.target(), path("k"));
        }
        scene.stores("acl", &behind("acl", "public-read"));
        scene.stores("key", &behind("key", "other"));
        // In front of the file they would have made the form a right one.
        let late = |name: &str| {
            let form = form("k").signed();
            let value = form.value(name).to_owned();
            let end = behind(name, &value).end;
            form.without_field(name).end(&end)
        };
        scene.refuses(("late policy", &late("policy")), 400, "InvalidArgument");
        scene.refuses(
            ("late signature", &late("signature")),
            400,
            "InvalidArgument",
        );
        scene.refuses(("late key", &late("key")), 403, "AccessDenied");
        scene.refuses(
            ("file twice", &behind("file", "x")),
            400,
            "IncorrectNumberOfFilesInPostRequest",
        );
        scene.refuses(
            ("File twice", &behind("File", "x")),
            400,
            "IncorrectNumberOfFilesInPostRequest",
        );
        // Whatever the size of the file.
        let long = |form: Form| form.file(vec![b'x'; 300_000]);
        scene.stores("long", &long(behind("key", "other")));
        let twice = long(behind("file", "x")).bytes();
        let code = "IncorrectNumberOfFilesInPostRequest";
        scene.breaks_off(("long, file twice", &twice), 400, code);
    }
}
