//! K5 for forms: whatever is sent, an answer or an end, and at the node whole requests that somebody signed.

use std::thread;

use serde_json::json;

use crate::support::deployment::Forward;
use crate::support::form::{Form, Version};
use crate::support::rec::Answer;
use crate::support::signer::Word;
use crate::{Scene, form, path};

const MUTATIONS: u64 = 3000;
const WORKERS: u64 = 4;

/// A xorshift generator: the same bytes in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        *[b'\r', b'\n', b'-', b'"', b';', b'\\', b':', 0, 0xff, b'=']
            .get(self.below(16))
            .unwrap_or(&(self.next() as u8))
    }
}

/// Forms that differ in how they are signed, framed and how long they are. All of them write the same key.
fn seeds() -> Vec<Form> {
    let open = |form: Form| {
        form.without_condition("key")
            .condition(json!(["starts-with", "$key", "k"]))
    };
    vec![
        form("k").signed(),
        open(form("k")).field("acl", "private").signed(),
        Form::new(Word::Wos, Version::V4, "k")
            .field("x-wos-meta-a", "1")
            .signed(),
        Form::new(Word::Aws, Version::V4, "k")
            .file(vec![b'x'; 60_000])
            .signed(),
    ]
}

fn mutated(dice: &mut Dice, form: &Form) -> Vec<u8> {
    let mut body = form.body();
    // Mostly in the head: the middle of a file is any bytes.
    let within = form.head().len() + 64;
    for _ in 0..=dice.below(3) {
        let at = match dice.below(4) {
            0 => body.len().saturating_sub(dice.below(80)),
            _ => dice.below(within.min(body.len())),
        };
        match dice.below(6) {
            0 => body.truncate(at),
            1 => body.insert(at, dice.byte()),
            2 if at < body.len() => drop(body.remove(at)),
            3 => {
                let from = dice.below(body.len().max(1)).min(at);
                let copied: Vec<u8> = body[from..at].iter().take(200).copied().collect();
                body.splice(at..at, copied);
            }
            _ if at < body.len() => body[at] = dice.byte(),
            _ => {}
        }
    }
    form.request_of(body).bytes()
}

#[test]
fn k5_mutated_forms() {
    let answer = Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let scene = Scene::with(Forward::Trusted, [answer], |config| {
        config.line(
            "listener",
            "header_timeout = \"200ms\"\nbody_timeout = \"200ms\"",
        )
    });
    let seeds = seeds();
    for form in &seeds {
        assert_eq!(scene.send("seed", &form.bytes()).status, 204);
    }
    let (address, forms) = (scene.gateway.address(), &seeds);
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            scope.spawn(move || {
                let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (worker + 1));
                for _ in 0..MUTATIONS / WORKERS {
                    let form = &forms[dice.below(forms.len())];
                    let bytes = mutated(&mut dice, form);
                    let mut connection = crate::Connection::open(address);
                    connection.send(&bytes);
                    // The header is right, so there is an answer, whatever follows.
                    let response = connection.receive();
                    assert!(response.status < 500 || response.status == 501);
                }
            });
        }
    });
    let requests = scene.rec.requests();
    // Some mutations change nothing that matters: without one of them this would prove nothing.
    assert!(
        requests.len() > seeds.len() + 20,
        "{} accepted",
        requests.len()
    );
    for request in &requests {
        let key = request.target();
        assert!(key.starts_with(&path("k")), "never signed: {key}");
        assert!(request.head.line.starts_with("PUT "));
        let length: usize = request
            .header("content-length")
            .and_then(|text| text.parse().ok())
            .expect("a length");
        assert_eq!(length, request.body.len());
        for never in ["x-amz-copy-source", "authorization", "transfer-encoding"] {
            assert_eq!(request.header(never), None);
        }
    }
    let (status, log) = scene.gateway.stop();
    assert!(status.success(), "{status}");
    assert!(!log.contains("panicked"), "{log}");
}
