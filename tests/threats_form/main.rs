//! Threats to form uploads: a POST whose signature is over a policy, and whose policy has to be kept. Each test bears the
//! name of its threat.

mod answers;
mod fields;
mod framing;
mod fuzz;
mod length;
mod mechanisms;
mod policy;
mod real_clients;
mod tail;

use support::deployment::Forward;
use support::form::{BUCKET, Form, Version};
use support::gateway::{Config, Gateway};
use support::rec::{Answer, CLOSING_OK, Rec, Recorded};
use support::refusal::assert_refused;
use support::signer::{ACCESS_KEY_ID, Word};
use support::wire::{Connection, Response};

/// A gateway for both versions in front of REC.
struct Scene {
    rec: Rec,
    gateway: Gateway,
    forward: Forward,
}

impl Scene {
    fn new(forward: Forward) -> Self {
        Self::with(forward, [Answer::raw(CLOSING_OK)], |config| config)
    }

    fn with(
        forward: Forward,
        answers: impl IntoIterator<Item = Answer>,
        change: impl Fn(Config) -> Config,
    ) -> Self {
        let rec = Rec::scripted(answers);
        let config = Config::new(rec.address())
            .section("cluster", &forward.cluster(rec.address()))
            .section("signature", "[signature]\nversions = [\"v2\", \"v4\"]\n");
        let gateway = Gateway::start(&change(config));
        Self {
            rec,
            gateway,
            forward,
        }
    }

    /// One for each forward mode.
    fn both() -> [Self; 2] {
        Forward::BOTH.map(Self::new)
    }

    fn send(&self, case: &str, bytes: &[u8]) -> Response {
        let mut connection = self.gateway.connect();
        connection.send(bytes);
        let received = connection.try_receive("POST");
        received.unwrap_or_else(|error| panic!("{case}, {:?}: {error}", self.forward))
    }

    /// The form is served. To nodes that trust the gateway it goes on as a PUT of the file, to others as it came.
    fn stores(&self, case: &str, form: &Form) -> Recorded {
        let (response, recorded) = self.stored(case, form);
        let status = match self.forward {
            Forward::Trusted => 204,
            Forward::Passthrough => 200,
        };
        assert_eq!(response.status, status, "{case}: {}", response.text());
        recorded
    }

    /// The same, whatever the status of the answer.
    fn stored(&self, case: &str, form: &Form) -> (Response, Recorded) {
        let case = format!("{case}, {:?}", self.forward);
        let response = self.send(&case, &form.bytes());
        assert!(response.status < 400, "{case}: {}", response.text());
        let mut seen = self.rec.await_requests(1);
        assert_eq!(seen.len(), 1, "{case}");
        let recorded = seen.remove(0);
        self.rec.clear();
        match self.forward {
            Forward::Passthrough => {
                assert_eq!(recorded.head.line, format!("POST {} HTTP/1.1", form.target));
                assert!(recorded.body == form.body(), "{case}: another body");
            }
            Forward::Trusted => {
                assert!(recorded.head.line.starts_with("PUT "), "{case}");
                let length = form.file.len().to_string();
                // How long the file of a form is that is too long to be held is known when it has been read.
                let (lengths, codings): (&[&str], &[&str]) = match form.is_held() {
                    true => (&[&length], &[]),
                    false => (&[], &["chunked"]),
                };
                assert_eq!(recorded.head.all("content-length"), lengths, "{case}");
                assert_eq!(recorded.head.all("transfer-encoding"), codings, "{case}");
                assert!(recorded.body == form.file, "{case}: another file");
                let who = recorded.header("x-countersign-access-key-id");
                assert_eq!(who, Some(ACCESS_KEY_ID), "{case}");
                let raw = String::from_utf8_lossy(&recorded.head.raw).to_lowercase();
                for word in ["signature", "credential", "multipart", "policy"] {
                    assert!(!raw.contains(word), "{case}: {word} in\n{raw}");
                }
            }
        }
        (response, recorded)
    }

    /// The form is refused, and no byte of it reaches the node.
    fn refuses(&self, case: &str, form: &Form, status: u16, code: &str) -> Response {
        self.refuses_bytes(case, &form.bytes(), status, code)
    }

    fn refuses_bytes(&self, case: &str, bytes: &[u8], status: u16, code: &str) -> Response {
        let case = format!("{case}, {:?}", self.forward);
        let response = self.send(&case, bytes);
        assert_refused(&case, &response, status, code);
        self.rec.assert_untouched();
        response
    }

    /// The form is refused when it has been read: the node has got the beginning of a message and not the end.
    fn never_completes(&self, case: &str, bytes: &[u8], status: u16, code: &str) -> Response {
        let case = format!("{case}, {:?}", self.forward);
        let before = self.rec.connections();
        let response = self.send(&case, bytes);
        assert_refused(&case, &response, status, code);
        self.rec.await_closed(before + 1);
        assert_eq!(self.rec.requests().len(), 0, "{case}: a whole request");
        self.rec.clear();
        response
    }
}

/// The message of a refusal, as text.
fn message(response: &Response) -> String {
    support::deployment::unescape(&response.element("Message").unwrap_or_default())
}

/// Every way of signing a form.
fn signers() -> impl Iterator<Item = (Word, Version)> {
    Word::BOTH
        .into_iter()
        .flat_map(|word| Version::BOTH.map(|version| (word, version)))
}

/// A form to sign in version 2 and AWS words.
fn form(key: &str) -> Form {
    Form::new(Word::Aws, Version::V2, key)
}

/// A connection on which every byte is sent by itself.
fn drip(address: &str, bytes: &[u8]) -> Response {
    let mut connection = Connection::open(address);
    for byte in bytes {
        connection.send([*byte]);
    }
    connection.receive()
}

/// The node's path of a key.
fn path(key: &str) -> String {
    format!("/{BUCKET}/{key}")
}
