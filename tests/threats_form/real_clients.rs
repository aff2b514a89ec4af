//! M9, M11, M14: forms that real clients send, and that the vendor takes.

use serde_json::json;

use crate::tail::{bytes, followed, part};
use crate::{Scene, form, path, signers};
use support::form::{Form, Version, time};
use support::rec::{Answer, CLOSING_OK, Rec};
use support::scene::Forward;
use support::signer::Word;

fn document(tags: &[(&str, &str)]) -> String {
    let tags: String = tags
        .iter()
        .map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"))
        .collect();
    format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")
}

fn tagged(tagging: &str) -> Form {
    form("k").field("tagging", tagging)
}

#[test]
fn m9_tags_become_a_header() {
    for dialect in Word::BOTH {
        let scene = Scene::with(
            Forward::Trusted,
            Rec::start(Answer::raw(CLOSING_OK)),
            |config| {
                let dialect = format!("dialect = \"{}\"", dialect.scheme().to_lowercase());
                let cluster = config
                    .text_of("cluster")
                    .replace("dialect = \"aws\"", &dialect);
                config.section("cluster", &cluster)
            },
        );
        let header = format!("{}tagging", dialect.header_prefix());
        for (word, version) in signers() {
            for (tags, value) in [
                (document(&[("0", "0"), ("1", "1")]), Some("0=0&1=1")),
                (
                    document(&[("a b", "c&amp;d=é")]),
                    Some("a%20b=c%26d%3D%C3%A9"),
                ),
                (document(&[]), Some("")),
                (String::new(), None),
            ] {
                let form = Form::new(word, version, "k").field("tagging", &tags);
                let recorded = scene.stores(&tags, &form.signed());
                assert_eq!(recorded.header(&header), value, "{word:?} {tags}");
                assert!(recorded.header("tagging").is_none());
            }
        }
    }
}

#[test]
fn m9_tags_that_no_object_has_are_refused() {
    let scene = Scene::closing(Forward::Trusted);
    let many = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| at.to_string()).collect();
        let tags: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
        document(&tags)
    };
    let long = |key: usize, value: usize| document(&[(&"é".repeat(key), &"é".repeat(value))]);
    for tags in [many(10), long(128, 256)] {
        scene.stores("the most", &tagged(&tags).signed());
    }
    let right = document(&[("a", "b")]);
    for (tags, code) in [
        (many(11), "BadRequest"),
        (long(129, 1), "InvalidTag"),
        (long(0, 1), "InvalidTag"),
        (long(1, 257), "InvalidTag"),
        (document(&[("a", "b"), ("a", "c")]), "InvalidTag"),
        ("v".to_owned(), "MalformedXML"),
        (right.replace("</TagSet>", ""), "MalformedXML"),
        (right.clone() + &right, "MalformedXML"),
        (format!("<!DOCTYPE Tagging>{right}"), "MalformedXML"),
        (
            format!(
                "<!DOCTYPE t [<!ENTITY e \"b\">]>{}",
                document(&[("a", "&e;")])
            ),
            "MalformedXML",
        ),
    ] {
        scene.refuses((&tags, &tagged(&tags).signed()), 400, code);
    }
}

#[test]
fn m9_the_condition_is_about_the_field_as_it_was_sent() {
    for scene in Scene::both_closing() {
        let sent = document(&[("a", "b")]);
        scene.stores("the same", &tagged(&sent).signed());
        // Another way of writing the same tags is another field.
        let other = sent.replace("<TagSet>", "<TagSet> ");
        let changed = tagged(&sent).signed().with_value("tagging", &other);
        scene.refuses(("white space", &changed), 403, "AccessDenied");
        let as_header = form("k").condition(json!({"x-amz-tagging": "a=b"}));
        let as_header = as_header.only_field("tagging", &sent).signed();
        scene.refuses(("as the header", &as_header), 403, "AccessDenied");
        let prefix = form("k").condition(json!(["starts-with", "$tagging", ""]));
        scene.stores("any", &prefix.only_field("tagging", &sent).signed());
    }
}

/// What `requests.post(url, files={…})` sends.
#[test]
fn m14_each_part_has_the_name_of_a_file() {
    for scene in Scene::both_closing() {
        for (word, version) in signers() {
            for size in [3, 117_000] {
                let form = Form::new(word, version, "foo.txt").field("acl", "private");
                let mut form = form.filename("file").file(bytes(size)).signed();
                scene.stores("without", &form);
                // The name of the part and that of its file are the same there.
                for (name, _) in &mut form.fields {
                    *name = format!("{name}\"; filename=\"{name}");
                }
                let recorded = scene.stores("each part", &form);
                if scene.forward == Forward::Trusted {
                    assert_eq!(recorded.target(), path("foo.txt"));
                    assert_eq!(recorded.header("x-amz-acl"), Some("private"));
                }
            }
        }
        // Two files stay two, wherever the second one stands; and one that nothing covers is no field, either.
        let twice = form("k").signed();
        let second = part(&twice, "file\"; filename=\"b", "x");
        let code = "IncorrectNumberOfFilesInPostRequest";
        scene.refuses(("twice", &followed(twice.clone(), &second)), 400, code);
        let other = twice.only_field("upload\"; filename=\"b", "x");
        let response = scene.refuses(("another name", &other), 403, "AccessDenied");
        assert!(crate::message(&response).contains("Extra input fields: upload"));
    }
}

#[test]
fn m14_a_field_with_the_name_of_a_file_is_bounded_as_fields_are() {
    for scene in Scene::both_closing() {
        let long = |length: usize| {
            let name = "x-ignore-a\"; filename=\"a";
            let form = form("k").signed().only_field(name, "");
            let rest = form.head().len();
            form.with_value(name, &"x".repeat(length - rest))
        };
        scene.stores("20 KiB", &long(20 * 1024));
        let code = "MaxPostPreDataLengthExceededError";
        scene.refuses(("20 KiB and one", &long(20 * 1024 + 1)), 400, code);
    }
}

/// Types and spellings of policies that have one meaning.
#[test]
fn m11_policies_as_their_makers_write_them() {
    for scene in Scene::both_closing() {
        for version in Version::BOTH {
            let new = || Form::new(Word::Aws, version, "$foo/k");
            // AWS takes texts (Fine Uploader writes them), MinIO and radosgw numbers with a point as well.
            for range in [
                json!(["content-length-range", "0", "104857600000"]),
                json!(["Content-Length-Range", 0.0, 1e6]),
                json!(["content-length-range", "5", 5]),
            ] {
                let case = range.to_string();
                scene.stores(&case, &new().condition(range).signed());
            }
            let short = new().condition(json!(["content-length-range", "6", "10"]));
            scene.refuses(("texts", &short.signed()), 400, "EntityTooSmall");
            for (name, written, value) in [
                ("success_action_status", json!(201), "201"),
                ("x-amz-meta-n", json!(-7), "-7"),
                ("x-amz-meta-b", json!(true), "true"),
            ] {
                for condition in [
                    json!({name: written}),
                    json!(["EQ", format!("${}", name.to_uppercase()), written]),
                    json!(["StArTs-WiTh", format!("${name}"), written]),
                ] {
                    let case = condition.to_string();
                    let form = new().condition(condition);
                    let right = form.clone().only_field(name, value).signed();
                    assert!(scene.stored(&case, &right).0.status < 300);
                    let other = form.only_field(name, "0").signed();
                    scene.refuses((&case, &other), 403, "AccessDenied");
                }
            }
            // Without milliseconds, with microseconds, with an offset from UTC.
            for expiration in [
                time(60).replace(".000Z", "Z"),
                time(60).replace(".000Z", ".000000Z"),
                time(60).replace('Z', "+00:00"),
                time(3660).replace('Z', "+01:00"),
                time(-3540).replace('Z', "-01:00"),
            ] {
                let mut form = new();
                form.expiration = Some(expiration.clone().into());
                scene.stores(&expiration, &form.signed());
            }
            for expiration in [
                time(60).replace('Z', "+01:00"),
                time(-3660).replace('Z', "-01:00"),
            ] {
                let mut form = new();
                form.expiration = Some(expiration.clone().into());
                scene.refuses((&expiration, &form.signed()), 403, "AccessDenied");
            }
            // Amazon S3 API Reference, "Creating a POST policy": "Character escaping".
            let scoped = match version {
                Version::V2 => new(),
                Version::V4 => new().with_scope(|_, value| value),
            };
            let escaped = scoped.document().replace("\"$foo/k\"", "\"\\$foo/k\"");
            assert_ne!(escaped, scoped.document());
            scene.stores("\\$", &scoped.clone().signed_as(&escaped));
            let other = scoped.with_value("key", "\\$foo/k").signed_as(&escaped);
            scene.refuses(("\\$", &other), 403, "AccessDenied");
        }
    }
}

/// Writers of multipart/form-data that differ from browsers, and from each other, where no reader can.
#[test]
fn m11_multipart_bodies_as_their_writers_write_them() {
    for scene in Scene::both_closing() {
        for size in [5, 117_000] {
            let form = form("k").file(vec![b'x'; size]).signed();
            let line = format!("--{}\r\n", form.boundary);
            let sends = |case: &str, content_type: Option<&str>, body: String| {
                let mut request = form.request_of(body.clone());
                if let Some(content_type) = content_type {
                    let boundary = format!("boundary={}", form.boundary);
                    let own = content_type.replace("BOUNDARY", &boundary);
                    request.headers.last_mut().expect("the Content-Type").1 = own;
                }
                let response = scene.send((case, &request));
                assert!(response.status < 300, "{case}: {}", response.text());
                let recorded = scene.rec.await_requests(1).remove(0);
                let whole = match scene.forward {
                    Forward::Trusted => form.file.clone(),
                    Forward::Passthrough => body.into_bytes(),
                };
                assert!(recorded.body == whole, "{case}");
                scene.rec.clear();
            };
            let body = String::from_utf8(form.body()).expect("a form in UTF-8");
            for (case, from, to) in [
                ("a preamble", &*line, format!("A preamble.\r\n\r\n{line}")),
                ("an empty line", &line, format!("\r\n{line}")),
                // Apache HttpClient, for each text.
                (
                    "ISO-8859-1",
                    "name=\"key\"\r\n",
                    "name=\"key\"\r\nContent-Type: text/plain; charset=ISO-8859-1\r\n\
                     Content-Transfer-Encoding: 8bit\r\n"
                        .into(),
                ),
                ("a semicolon", "name=\"key\"", "name=\"key\";".into()),
                ("a parameter", "name=\"key\"", "name=\"key\"; size=1".into()),
                ("a token", "name=\"key\"", "name=key".into()),
                (
                    "a name",
                    "name=\"key\"\r\n",
                    "name=\"key\"\r\nx_y: z\r\n".into(),
                ),
                // The bytes of a file are its owner's affair.
                (
                    "a file's charset",
                    "application/x-ignored",
                    "text/html; charset=windows-1251".into(),
                ),
                // .NET, for a name that is not in ASCII; urllib3 doubles a backslash.
                (
                    "two names",
                    "filename=\"hello.txt\"",
                    "filename=\"=?utf-8?B?w6kudHh0?=\"; filename*=utf-8''%C3%A9.txt".into(),
                ),
                (
                    "backslashes",
                    "filename=\"hello.txt\"",
                    "filename=\"C:\\\\hello.txt\"".into(),
                ),
            ] {
                assert!(body.contains(from), "{case}");
                sends(case, None, body.replacen(from, &to, 1));
            }
            for content_type in [
                "multipart/form-data; BOUNDARY;",
                "multipart/form-data; BOUNDARY; type=\"text/xml\"",
                "multipart/form-data; charset=ISO-8859-1; BOUNDARY",
            ] {
                sends(content_type, Some(content_type), body.clone());
            }
        }
        // JavaMail's boundaries, without quotation marks.
        let mut unquoted = form("k").signed();
        unquoted.boundary = "----=_Part_1_23.45".into();
        let closing = unquoted.closing();
        scene.stores("=", &unquoted.end(&closing));
    }
}

#[test]
fn m11_a_file_with_two_names_is_for_keys_that_say_none() {
    for scene in Scene::both_closing() {
        let names = "a.txt\"; filename*=\"utf-8''b.txt";
        let named = |key: &str| {
            let form = form(key).filename(names).without_condition("key");
            form.condition(json!(["starts-with", "$key", ""])).signed()
        };
        scene.stores("no variable", &named("k"));
        let response = scene.refuses(
            ("a variable", &named("u/${filename}")),
            400,
            "InvalidArgument",
        );
        assert_eq!(response.element("ArgumentName").as_deref(), Some("key"));
    }
}
