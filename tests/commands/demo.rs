//! `countersign demo`: it starts, prints what can be pasted, serves, and goes without a trace.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::{countersign, run};
use support::gateway::kill;
use support::refusal::assert_refused;
use support::signer::{Request, Word, now};
use support::wire::{Connection, Response};

struct Demo {
    process: Child,
    listener: String,
    admin: String,
    access_key_id: String,
    secret_access_key: String,
    guide: String,
    /// Where its temporary files are.
    scratch: tempfile::TempDir,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let anywhere = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        Self::started(&[&anywhere, arguments].concat(), &[])
    }

    fn started(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let mut command = countersign(&["demo"]);
        command.args(arguments).env("TMPDIR", scratch.path());
        command.envs(environment.iter().copied());
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary that cargo built");
        let mut lines = BufReader::new(process.stdout.take().expect("piped above")).lines();
        let mut line = || lines.next().expect("the guide goes on").expect("UTF-8");
        let listener = line();
        let admin = line();
        let mut guide = String::new();
        while !guide.ends_with("Ctrl-C stops the demo.\n") {
            guide += &(line() + "\n");
        }
        // As the shell of a second terminal reads it.
        let exports = guide.lines().filter(|line| line.starts_with("  export "));
        let exports = exports.collect::<Vec<_>>().join("\n");
        let value = |name: &str| {
            let script = format!("{exports}\nprintf %s \"${name}\"");
            let output = Command::new("sh")
                .args(["-euc", &script])
                .env("AWS_SECRET_ACCESS_KEY", "not shown")
                .output()
                .expect("a POSIX shell");
            assert!(output.status.success(), "{script}");
            String::from_utf8(output.stdout).expect("UTF-8")
        };
        Self {
            listener: listener
                .strip_prefix("listening on http://")
                .expect("the first line")
                .to_owned(),
            admin: admin
                .strip_prefix("admin on http://")
                .expect("the second line")
                .to_owned(),
            access_key_id: value("AWS_ACCESS_KEY_ID"),
            secret_access_key: value("AWS_SECRET_ACCESS_KEY"),
            guide,
            process,
            scratch,
        }
    }

    fn exchange(&self, word: Word, method: &str, target: &str, body: Option<&str>) -> Response {
        let mut request = Request::new(word, method, target)
            .host(&self.listener)
            .keys(&self.access_key_id, &self.secret_access_key);
        request.body = body.map(Into::into);
        Connection::open(&self.listener).exchange(&request.date(&now()).signed())
    }

    /// Stops it, and gives the status and standard error.
    fn stop(mut self, signal: &str) -> (ExitStatus, String) {
        kill(signal, self.process.id());
        let mut log = String::new();
        self.process
            .stderr
            .take()
            .expect("piped above")
            .read_to_string(&mut log)
            .expect("UTF-8");
        let status = self.process.wait().expect("a child of ours");
        let left = std::fs::read_dir(self.scratch.path())
            .expect("a directory of ours")
            .count();
        assert_eq!(left, 0, "temporary files are left");
        (status, log)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn it_serves_what_it_prints_until_it_is_told_to_stop() {
    for signal in ["INT", "TERM"] {
        let demo = Demo::start(&[]);
        assert_eq!(
            (demo.access_key_id.len(), demo.secret_access_key.len()),
            (20, 40)
        );
        for command in [
            "sign --dialect wos --format curl POST '",
            "boto3.client('s3', endpoint_url=",
            "s3cmd --no-ssl --host=",
            "aws --endpoint-url http://",
        ] {
            assert!(demo.guide.contains(command), "{command} in {}", demo.guide);
        }
        assert!(demo.guide.contains(&format!(
            "http://{}/bucket01/objectkey?uploads",
            demo.listener
        )));
        for (word, header) in [
            (Word::Aws, "x-amz-request-id"),
            (Word::Wos, "x-wos-request-id"),
        ] {
            let begun = demo.exchange(word, "POST", "/bucket01/objectkey?uploads", None);
            assert_eq!(begun.status, 200, "{}", begun.text());
            assert!(begun.header(header).is_some_and(|id| id.len() == 32));
            assert_eq!(begun.element("Bucket").as_deref(), Some("bucket01"));
        }
        assert_eq!(
            demo.exchange(Word::Aws, "PUT", "/bucket01/hello", Some("hello"))
                .status,
            200
        );
        assert_eq!(
            demo.exchange(Word::Aws, "GET", "/bucket01/hello", None)
                .text(),
            "hello"
        );
        let unsigned = Request::new(Word::Aws, "GET", "/bucket01/hello").host(&demo.listener);
        let refused = Connection::open(&demo.listener).exchange(&unsigned);
        assert_refused("unsigned", &refused, 403, "AccessDenied");
        let ready = Connection::open(&demo.admin)
            .exchange(&Request::new(Word::Aws, "GET", "/readyz").header("Connection", "close"));
        assert_eq!(ready.status, 200);
        let (secret, (status, log)) = (demo.secret_access_key.clone(), demo.stop(signal));
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(!log.contains(&secret), "{log}");
        assert_eq!(log.matches("status=200").count(), 4, "{log}");
    }
}

#[test]
fn its_answers_use_the_words_that_it_is_told() {
    for (words, header, namespace) in [
        (
            "aws",
            "x-amz-request-id",
            "http://s3.amazonaws.com/doc/2006-03-01/",
        ),
        (
            "wos",
            "x-wos-request-id",
            "http://wcs.chinanetcenter.com/document",
        ),
    ] {
        let demo = Demo::start(&["--answer-as", words]);
        for word in Word::BOTH {
            let begun = demo.exchange(word, "POST", "/bucket01/objectkey?uploads", None);
            assert!(
                begun.header(header).is_some() && begun.text().contains(namespace),
                "{}",
                begun.text()
            );
        }
        assert!(demo.guide.contains(namespace));
    }
}

#[test]
fn keys_and_data_can_be_given() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let path = data.path().to_str().expect("UTF-8");
    let arguments = [
        "--data",
        path,
        "--access-key-id",
        "AKGIVEN",
        "--secret-access-key",
        "given secret",
    ];
    for round in 0..2 {
        let demo = Demo::start(&arguments);
        assert_eq!(
            (demo.access_key_id.as_str(), demo.secret_access_key.as_str()),
            ("AKGIVEN", "given secret")
        );
        if round == 0 {
            assert_eq!(
                demo.exchange(Word::Aws, "PUT", "/bucket01/kept", Some("kept"))
                    .status,
                200
            );
        }
        assert_eq!(
            demo.exchange(Word::Aws, "GET", "/bucket01/kept", None)
                .text(),
            "kept"
        );
        assert!(demo.stop("TERM").0.success());
    }
    assert!(data.path().join("bucket01").is_dir());
    let one = Demo::start(&[]);
    let other = Demo::start(&[]);
    assert!(
        one.access_key_id != other.access_key_id
            && one.secret_access_key != other.secret_access_key
    );
}

/// The first line of what the demo prints, for a way to say where it listens.
#[test]
fn it_listens_where_it_is_told() {
    for (listen, admin, at) in [
        ("0", "0", "127.0.0.1:"),
        ("localhost:0", "localhost:0", "127.0.0.1:"),
        (":0", "127.0.0.1:0", "0.0.0.0:"),
    ] {
        let demo = Demo::started(&["--listen", listen, "--admin", admin], &[]);
        assert!(demo.listener.starts_with(at), "{}", demo.listener);
        assert!(demo.admin.starts_with("127.0.0.1:"), "{}", demo.admin);
        // Nobody sends a request to every address.
        assert!(!demo.guide.contains("0.0.0.0"), "{}", demo.guide);
        let answer = demo.exchange(Word::Aws, "GET", "/bucket01", None);
        assert_eq!(answer.status, 200, "{listen}");
    }
    for (odd, told) in [
        ("65536", "or the port alone"),
        ("127.0.0.1", "is not an address to listen on"),
        ("+80", "is not an address to listen on"),
        ("no-such-host.invalid:80", "cannot be resolved"),
    ] {
        let (code, stdout, stderr) = run(&mut countersign(&["demo", "--listen", odd]));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{odd}");
        assert!(
            stderr.contains(told) && stderr.contains("--listen"),
            "{stderr}"
        );
    }
}

/// A secret from the environment or a file stands neither among the arguments nor in what is printed.
#[test]
fn its_secret_can_stay_out_of_sight() {
    let secret = "a secret+of/one's own";
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("the secret");
    std::fs::write(&path, format!("{secret}\n")).expect("a writable directory");
    let path = path.to_str().expect("UTF-8");
    let anywhere = ["--listen", "0", "--admin", "0"];
    let from_file = [
        &anywhere[..],
        &["--access-key-id", "AK", "--secret-file", path],
    ]
    .concat();
    let environment = [
        ("AWS_ACCESS_KEY_ID", "AK"),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ];
    let demos = [
        (Demo::started(&from_file, &[]), secret),
        (Demo::started(&anywhere, &environment), "not shown"),
    ];
    for (mut demo, exported) in demos {
        assert_eq!(demo.access_key_id, "AK");
        assert_eq!(demo.secret_access_key, exported, "{}", demo.guide);
        assert!(!demo.guide.contains(secret), "{}", demo.guide);
        let arguments = std::fs::read(format!("/proc/{}/cmdline", demo.process.id()));
        let arguments = String::from_utf8(arguments.expect("a process")).expect("UTF-8");
        assert!(!arguments.contains(secret), "{arguments}");
        demo.secret_access_key = secret.into();
        let answer = demo.exchange(Word::Aws, "GET", "/bucket01", None);
        assert_eq!(answer.status, 200);
    }
}

#[test]
fn a_second_demo_on_the_same_port_says_so() {
    let first = Demo::start(&[]);
    for taken in [
        [
            "--listen",
            first.listener.as_str(),
            "--admin",
            "127.0.0.1:0",
        ],
        ["--listen", "127.0.0.1:0", "--admin", first.admin.as_str()],
    ] {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let (code, stdout, stderr) = run(countersign(&["demo"])
            .args(taken)
            .env("TMPDIR", scratch.path()));
        assert_eq!((code, stdout.as_str()), (Some(1), ""));
        let address = if taken[1] == first.listener {
            taken[1]
        } else {
            taken[3]
        };
        assert_eq!(
            stderr,
            format!(
                "cannot listen on {address}: Address already in use (os error 98); --listen and --admin choose other addresses\n"
            )
        );
        assert_eq!(
            std::fs::read_dir(scratch.path())
                .expect("a directory of ours")
                .count(),
            0
        );
    }
    assert_eq!(
        first.exchange(Word::Aws, "GET", "/bucket01", None).status,
        200
    );
    assert!(first.stop("INT").0.success());
}

#[test]
fn half_a_key_and_no_directory_are_mistakes() {
    for half in [["--access-key-id", "AK"], ["--secret-access-key", "canary"]] {
        let (code, _, stderr) = run(countersign(&["demo"]).args(half));
        assert_eq!(code, Some(2));
        assert!(
            stderr.contains("is missing; set AWS_") && !stderr.contains("canary"),
            "{stderr}"
        );
    }
    let (code, stdout, stderr) = run(&mut countersign(&[
        "demo",
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "--data",
        "/dev/null/data",
    ]));
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(
        stderr.contains("/dev/null/data") && stderr.lines().count() == 1,
        "{stderr}"
    );
    let (code, _, stderr) = run(&mut countersign(&["demo", "--listen", "nowhere"]));
    assert!(code == Some(2) && stderr.contains("--listen"), "{stderr}");
}

/// Runs a command on a terminal, presses Ctrl-C once it says how to stop, and gives all that it wrote.
const ON_A_TERMINAL: &str = r#"
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
text, pressed = b"", False
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    text += piece
    if not pressed and b"Ctrl-C stops the demo." in text:
        os.write(terminal, b"\x03")
        pressed = True
sys.stdout.buffer.write(text)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn d_on_a_terminal_it_has_colours_and_nothing_to_complain_of() {
    for (variable, value, coloured) in [
        ("NO_COLOR", "", true),
        ("NO_COLOR", "1", false),
        ("TERM", "dumb", false),
    ] {
        let mut command = std::process::Command::new("python3");
        command
            .args([
                "-c",
                ON_A_TERMINAL,
                env!("CARGO_BIN_EXE_countersign"),
                "demo",
            ])
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .env("TERM", "xterm")
            .env(variable, value);
        let (code, text, stderr) = run(&mut command);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{text}");
        assert!(text.starts_with("listening on http://"), "{text}");
        assert!(text.contains("stopping"), "{text}");
        for word in ["tracing", "panicked", "feature"] {
            assert!(!text.contains(word), "{text}");
        }
        assert_eq!(text.contains("\x1b[32m INFO\x1b[0m"), coloured, "{text}");
        assert_eq!(text.contains('\x1b'), coloured, "{text}");
    }
}
