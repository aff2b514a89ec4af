//! What `countersign sign` prints for curl, given to the real one: it sends what was signed, and changes nothing of it.

use std::path::PathBuf;
use std::process::Command;

use super::sign::{KEYS, warned};
use super::{countersign, run};
use support::gateway::Gateway;
use support::rec::{Answer, Rec};
use support::signer_v4::target_as_signed_v4;

/// Has a shell run the printed command; gives what curl printed.
fn run_by_a_shell(command: &str) -> String {
    let output = Command::new("sh").args(["-euc", command]).output();
    let output = output.expect("a POSIX shell");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{command}: {stderr}");
    // curl asks for leave to send a file.
    stdout.replacen("HTTP/1.1 100 Continue\r\n\r\n", "", 1)
}

#[test]
fn curl_sends_what_was_signed() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    let content = "it's a body\n";
    let body = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("curl's body [1-2]");
    std::fs::write(&body, content).expect("a file");
    let body = ["--body", body.to_str().expect("UTF-8")];
    // The method, the target, what else is signed, and the target as it is sent. The node gets it as it is signed: in version
    // 4 with every byte encoded anew.
    let cases: &[(&str, &str, &[&str], &str)] = &[
        ("GET", "/bucket01/key", &[], "/bucket01/key"),
        ("HEAD", "/bucket01/key", &[], "/bucket01/key"),
        // curl leaves out a header that is written "Name:".
        (
            "PUT",
            "/bucket01/key",
            &["-H", "x-amz-meta-a:"],
            "/bucket01/key",
        ),
        (
            "PUT",
            "/bucket01/a[1]%7B2,3%7D$HOME;'",
            &body,
            "/bucket01/a[1]%7B2,3%7D$HOME;'",
        ),
        // It writes the name of the file behind a slash.
        ("PUT", "/bucket01/folder/", &body, "/bucket01/folder/"),
        (
            "PUT",
            "/bucket01/\u{e4} \u{20ac}",
            &body,
            "/bucket01/%C3%A4%20%E2%82%AC",
        ),
        (
            "POST",
            "/bucket01/key?uploads",
            &[],
            "/bucket01/key?uploads",
        ),
    ];
    for dialect in [&[][..], &["--version", "v2"], &["--dialect", "wos"]] {
        for (method, target, further, sent) in cases {
            // A blank in a URL is a mistake.
            let url = format!("http://{}{}", gateway.address(), target.replace(' ', "%20"));
            let wos = dialect.contains(&"wos");
            let further: Vec<String> = further
                .iter()
                .map(|own| {
                    if wos {
                        own.replace("x-amz-", "x-wos-")
                    } else {
                        (*own).to_owned()
                    }
                })
                .collect();
            let further: Vec<&str> = further.iter().map(String::as_str).collect();
            let (command, _) = warned(&[dialect, &further, &[method, &url]].concat());
            node.clear();
            let answer = run_by_a_shell(&command);
            assert!(answer.starts_with("HTTP/1.1 200"), "{command}\n{answer}");
            let requests = node.await_requests(1);
            let signed = match dialect {
                [] => target_as_signed_v4(sent),
                _ => (*sent).to_owned(),
            };
            assert_eq!(requests[0].target(), signed, "{command}");
            let bodied = further.first() == Some(&"--body");
            let expected = if bodied { content } else { "" };
            assert_eq!(requests[0].body, expected.as_bytes(), "{command}");
        }
    }
}

/// A presigned URL, and its body, are sent by the command that `--format curl` gives.
#[test]
fn curl_sends_what_is_presigned() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    let url = format!("http://{}/bucket01/key", gateway.address());
    let body = [
        "--body",
        env!("CARGO_MANIFEST_PATH"),
        "-H",
        "x-amz-meta-a: b",
    ];
    for version in ["v2", "v4"] {
        let how = ["--version", version, "--presign", "1m", "--format", "curl"];
        let (command, warning) = warned(&[&how[..], &body, &["PUT", &url]].concat());
        assert_eq!(warning, "");
        let answer = run_by_a_shell(&command);
        assert!(answer.starts_with("HTTP/1.1 200"), "{command}\n{answer}");
    }
    let content = std::fs::read(env!("CARGO_MANIFEST_PATH")).expect("this crate's manifest");
    for request in node.await_requests(2) {
        assert!(request.body == content);
        assert_eq!(request.header("x-amz-meta-a"), Some("b"));
    }
}

/// Dot segments are sent as they were signed, for the gateway to judge; curl would take them out.
#[test]
fn curl_leaves_dot_segments_alone() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    for target in ["/bucket01/a/../b", "/bucket01/%2e%2E/b", "/bucket01/./b"] {
        let url = format!("http://{}{target}", gateway.address());
        let (command, warning) = warned(&["GET", &url]);
        let answer = run_by_a_shell(&command);
        // What was refused is what was sent: without its dots the signature would not match.
        let code = answer
            .split("<Code>")
            .nth(1)
            .and_then(|rest| rest.split('<').next());
        assert!(!answer.contains("SignatureDoesNotMatch"), "{answer}");
        assert!(
            warning.contains(code.expect("a refusal")),
            "{warning}\n{answer}"
        );
    }
    node.assert_untouched();
}

/// Clients leave the port of the scheme out of the Host, and so does the signature.
#[test]
fn the_port_of_the_scheme_is_not_signed() {
    let authorization = |url: &str| {
        let fixed = ["--format", "json", "-H", "x-amz-date: 20260101T000000Z"];
        let mut command = countersign(&["sign"]);
        let (_, stdout, _) = run(command.args(KEYS).args(fixed).args(["GET", url]));
        let json: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
        json["headers"]["authorization"].as_str().map(str::to_owned)
    };
    let plain = authorization("http://s3.test/bucket01/k");
    assert!(plain.is_some());
    for (url, same) in [
        ("http://s3.test:80/bucket01/k", true),
        ("https://s3.test:443/bucket01/k", true),
        ("http://s3.test:443/bucket01/k", false),
        ("http://s3.test:8080/bucket01/k", false),
    ] {
        assert_eq!(authorization(url) == plain, same, "{url}");
    }
}
