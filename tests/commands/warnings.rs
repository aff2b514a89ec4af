//! What `countersign sign` says on standard error: where a gateway with its default settings would refuse the request.
//! Each is held against a gateway that does.

use super::sign::{request, sign, warned, words};
use super::{countersign, fails, run};
use support::gateway::Gateway;
use support::rec::{Answer, Rec};
use support::signer::{DOMAIN, Request, Word};
use support::wire::Response;

const KEYS: [&str; 5] = ["sign", "--access-key-id", "a", "--secret-access-key", "b"];

/// Signs a request for `headers`, and sends it.
fn answer(gateway: &Gateway, method: &str, url: &str, arguments: &[&str]) -> (Response, String) {
    let presigned = arguments.contains(&"--presign");
    let format: &[&str] = match presigned {
        true => &["--format", "url"],
        false => &["--format", "headers"],
    };
    let (text, warning) = warned(&[format, arguments, &[method, url]].concat());
    let request: Request = if presigned {
        request(Word::Aws, method, &text, [])
    } else {
        let fields = text.lines().map(|line| {
            let (name, value) = line.split_once(": ").expect("a field");
            (name.to_owned(), value.to_owned())
        });
        request(Word::Aws, method, url, fields)
    };
    (gateway.exchange(&request), warning)
}

#[test]
fn what_the_default_limits_refuse_is_told_with_the_code_that_the_gateway_gives() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    let host = gateway.address();
    let many: Vec<String> = (0..101)
        .map(|at| format!("-Hx-amz-meta-a{at}: 1"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let long = format!("x-amz-meta-a: {}", "a".repeat(16 * 1024));
    let v2: &[&str] = &["--version", "v2"];
    let old: &[&str] = &["-H", "x-amz-date: 20130524T000000Z"];
    for (method, target, arguments, told) in [
        (
            "GET",
            "/ab/key",
            &[][..],
            "the bucket name \"ab\" is not 3 to 255 letters",
        ),
        ("GET", "/bucket01/a/../b", &[], "'.' or '..' segment"),
        ("GET", "/bucket01/%2e%2e/b", &[], "'.' or '..' segment"),
        (
            "GET",
            "/bucket01/a%zz",
            &[],
            "the path is not a valid URI path",
        ),
        (
            "GET",
            "/bucket01/key",
            &["--presign", "8d"],
            "from 1 to 604800 seconds (rule 25)",
        ),
        (
            "GET",
            "/bucket01/key",
            &["--presign", "0s"],
            "from 1 to 604800 seconds (rule 25)",
        ),
        (
            "GET",
            "/bucket01/key",
            old,
            "too far from the time here (rule 23)",
        ),
        (
            "GET",
            "/bucket01?acl&uploads",
            &[],
            "'acl' and 'uploads' select two operations",
        ),
        ("GET", "/bucket01/key", &many, "more than 100 fields"),
        (
            "GET",
            "/bucket01/key",
            &["-H", &long],
            "longer than 16384 bytes",
        ),
        ("DELETE", "/", &[], "selects no known operation"),
    ] {
        let url = format!("http://{host}{target}");
        let (answer, warning) = answer(&gateway, method, &url, arguments);
        let case = format!("{method} {target} {arguments:?}: {warning}");
        let code = answer.element("Code").expect("a refusal");
        let start = format!(
            "warning: a gateway with its default settings refuses this request with {} {code}: ",
            answer.status
        );
        assert!(warning.starts_with(&start), "{start} in {case}");
        assert!(warning.contains(told), "{told} in {case}");
        assert_eq!(warning.lines().count(), 1, "{case}");
    }
    node.assert_untouched();
    // What the gateway takes is signed without a word.
    let url = format!("http://{host}/bucket01/key");
    for arguments in [&[][..], v2, &["--presign", "7d"]] {
        let (answer, warning) = answer(&gateway, "GET", &url, arguments);
        assert_eq!(
            (answer.status, warning.as_str()),
            (200, ""),
            "{arguments:?}"
        );
    }
    // The shortest life may be over before the gateway sees it.
    let (_, warning) = warned(&["--presign", "1s", "GET", &url]);
    assert_eq!(warning, "");
}

#[test]
fn what_would_get_lost_is_told() {
    let url = "http://127.0.0.1:9/bucket01/key";
    let (_, warning) = warned(&["--presign", "1m", "-H", "x-amz-meta-a: b", "PUT", url]);
    assert!(
        warning.contains("which must be sent with it: x-amz-meta-a;"),
        "{warning}"
    );
    let (_, warning) = warned(&["--domain", DOMAIN, "GET", url]);
    assert!(
        warning.contains("127.0.0.1:9 is not a --domain nor a name below one"),
        "{warning}"
    );
    let bodied = ["--body", env!("CARGO_MANIFEST_PATH")];
    let (_, warning) = warned(&[&bodied[..], &["GET", url]].concat());
    assert!(
        warning.contains("refuses a GET request with a body"),
        "{warning}"
    );
    let bucket = format!("http://ab.{DOMAIN}/key");
    let (_, warning) = warned(&["--domain", DOMAIN, "GET", &bucket]);
    assert!(warning.contains("the bucket name \"ab\""), "{warning}");
}

/// Whatever the version and the form, nothing is signed for a body that is not there.
#[test]
fn a_body_that_cannot_be_sent_is_an_error() {
    let url = "http://127.0.0.1:9/bucket01/key";
    let folder = env!("CARGO_TARGET_TMPDIR");
    for further in [
        &[][..],
        &["--version", "v2"],
        &["--dialect", "wos"],
        &["--presign", "1m", "--format", "curl"],
    ] {
        for (body, told) in [
            (
                "/no/such/file",
                "cannot read /no/such/file: No such file or directory (os error 2)",
            ),
            (folder, "it is not a regular file"),
            (
                "/dev/null",
                "cannot read /dev/null: it is not a regular file",
            ),
        ] {
            let arguments = [&KEYS[..], further, &["--body", body, "PUT", url]].concat();
            let line = fails(&arguments);
            assert!(line.contains(told), "{arguments:?}: {line}");
        }
    }
}

#[test]
fn a_life_that_no_signature_can_say_is_an_error() {
    let url = "http://127.0.0.1:9/bucket01/key";
    for (life, further, code, told) in [
        ("1500ms", "v4", 2, "must be whole seconds"),
        ("1500ms", "v2", 2, "must be whole seconds"),
        ("18446744073709551615s", "v2", 1, "--presign is too long"),
        ("1 fortnight", "v4", 2, "--presign"),
    ] {
        let arguments = ["--presign", life, "--version", further, "GET", url];
        let (status, stdout, stderr) = run(countersign(&KEYS).args(arguments));
        assert_eq!((status, stdout.as_str()), (Some(code), ""), "{life}");
        assert!(stderr.contains(told), "{life}: {stderr}");
    }
}

/// Version 4 is the default; the words of WOS stay with HMAC-SHA1, as its documentation has it.
#[test]
fn the_default_version_is_that_of_the_dialect() {
    let url = "http://127.0.0.1:9/bucket01/key";
    for (word, scheme, presigned) in [
        (
            Word::Aws,
            "AWS4-HMAC-SHA256 Credential=",
            "X-Amz-Expires=60",
        ),
        (Word::Wos, "WOS ", "WOSAccessKeyId="),
    ] {
        let dialect = ["--dialect", words(word)];
        let lines = sign(&[&dialect[..], &["--format", "headers", "GET", url]].concat());
        let expected = format!("authorization: {scheme}");
        assert!(lines.contains(&expected), "{lines}");
        let line = sign(&[&dialect[..], &["--presign", "1m", "GET", url]].concat());
        assert!(line.contains(presigned), "{line}");
    }
    assert!(sign(&["--format", "headers", "GET", url]).contains("AWS4-HMAC-SHA256"));
}

/// A body is not emptied by the file that is made of it, by whatever name.
#[test]
fn a_body_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("body");
    std::fs::write(&path, "content").expect("a writable directory");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).expect("a writable directory");
    let body = path.to_str().expect("UTF-8");
    for output in [path.clone(), folder.path().join("./body"), link] {
        let output = output.to_str().expect("UTF-8");
        let how = [
            "--payload",
            "signed-chunks",
            "--body",
            body,
            "--output",
            output,
        ];
        let url = "http://127.0.0.1:9/bucket01/key";
        let line = fails(&[&KEYS[..], &how, &["PUT", url]].concat());
        assert_eq!(line, "--output and --body must be different files");
        assert_eq!(std::fs::read(&path).expect("a file"), b"content");
    }
}

/// Where nobody reads the result, that is an error as any other and no panic.
#[test]
fn a_closed_pipe_is_an_error() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/conf/demo.toml");
    let sign = [&KEYS[..], &["GET", "http://127.0.0.1:9/bucket01/key"]].concat();
    for command in [&sign[..], &["check", "--config", config]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = countersign(command);
        command.env("COUNTERSIGN_DEMO_SECRET", "a secret");
        let ended = command.stdout(writer).output().expect("the binary");
        let stderr = String::from_utf8(ended.stderr).expect("UTF-8");
        assert_eq!(ended.status.code(), Some(1), "{stderr}");
        let told = "cannot write to standard output: Broken pipe (os error 32)\n";
        assert_eq!(stderr, told);
        // Neither is it one where nobody reads what is wrong.
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = countersign(&["check", "--config", "/no/such"])
            .stderr(writer)
            .status();
        assert_eq!(ended.expect("the binary").code(), Some(1));
    }
}
