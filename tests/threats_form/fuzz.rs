//! K5 for forms: whatever is sent, an answer or an end, and at the node whole requests that somebody signed.

use std::thread;
use std::time::UNIX_EPOCH;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::body::form::{Boundary, FormBody, HeadReader};
use countersign::body::{End, Framing};
use countersign::sig::form::{FormFields, PolicyDocument};
use serde_json::json;

use crate::{Scene, form, path};
use support::form::{Form, Version};
use support::rec::{Answer, Rec};
use support::scene::Forward;
use support::signer::Word;

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
    // Mostly in the head: the middle of a file is any bytes.
    let body = mutate(dice, form.body(), form.head().len() + 64);
    form.request_of(body).bytes()
}

fn mutate(dice: &mut Dice, mut body: Vec<u8>, within: usize) -> Vec<u8> {
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
    body
}

#[test]
fn k5_mutated_forms() {
    let answer = Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let scene = Scene::with(Forward::Trusted, Rec::start(answer), |config| {
        config.line(
            "listener",
            "header_timeout = \"200ms\"\nbody_timeout = \"200ms\"",
        )
    });
    let seeds = seeds();
    for form in &seeds {
        assert_eq!(scene.send(("seed", form)).status, 204);
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
        match request.header("content-length") {
            Some(length) => assert_eq!(length, request.body.len().to_string()),
            None => assert_eq!(request.header("transfer-encoding"), Some("chunked")),
        }
        for never in ["x-amz-copy-source", "authorization"] {
            assert_eq!(request.header(never), None);
        }
    }
    let (status, log) = scene.gateway.stop();
    assert!(status.success(), "{status}");
    assert!(!log.contains("panicked"), "{log}");
}

/// What a policy's text is read as, by another reader of JSON: nothing that is read here is none there.
#[test]
fn k5_mutated_policies() {
    let seed = json!({
        "expiration": "2044-12-01T12:00:00.000Z",
        "conditions": [
            {"bucket": "bucket01"},
            ["starts-with", "$key", "user/"],
            ["eq", "$acl", "pri\"vate"],
            ["content-length-range", 1, 1_048_576],
        ],
    });
    let seed = seed.to_string().into_bytes();
    let mut dice = Dice(0x0dd_ba11);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let text = mutate(&mut dice, seed.clone(), seed.len());
        let Ok(document) = PolicyDocument::read(&STANDARD.encode(&text)) else {
            refused += 1;
            continue;
        };
        read += 1;
        // The other reader does not know the vendor's escapes.
        if text
            .windows(2)
            .any(|pair| [b"\\$", b"\\v"].contains(&pair.try_into().expect("two")))
        {
            continue;
        }
        let value: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let names: Vec<&String> = value.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["conditions", "expiration"]);
        // Whatever it says, a form without a field meets no condition but the bucket's.
        let checked = document.check(&FormFields::default(), "bucket01", UNIX_EPOCH);
        let conditions = value["conditions"].as_array().expect("a list");
        let about_fields = conditions.iter().any(|condition| {
            let operator = condition[0].as_str().unwrap_or("eq");
            let bucket = json!("bucket01");
            let of_bucket = condition.get("bucket") == Some(&bucket);
            !of_bucket && !operator.eq_ignore_ascii_case("content-length-range")
        });
        assert!(
            checked.is_err() || !about_fields,
            "{}",
            String::from_utf8_lossy(&text)
        );
    }
    assert!(
        read > 200 && refused > 200,
        "{read} read, {refused} refused"
    );
}

/// The head of a form is read alike in whatever pieces, and what follows it never goes on unless it ends as it should.
#[test]
fn k5_mutated_bodies_in_any_pieces() {
    let form = form("k").signed();
    let content_type = format!("multipart/form-data; boundary={}", form.boundary);
    let boundary = Boundary::of(content_type.as_bytes()).expect("a boundary");
    let closing = form.closing();
    let delimiter = &closing[..closing.len() - 4];
    let mut dice = Dice(0xf0_0d5);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..5000 {
        let body = form.body();
        let length = body.len();
        let body = mutate(&mut dice, body, length);
        let whole = HeadReader::new(&boundary).push(&body);
        let mut reader = HeadReader::new(&boundary);
        let mut apart = Ok(None);
        let mut rest = body.as_slice();
        while !rest.is_empty() && apart == Ok(None) {
            let (piece, more) = rest.split_at(1 + dice.below(rest.len().min(40)));
            apart = reader.push(piece);
            rest = more;
        }
        assert_eq!(apart, whole, "{}", String::from_utf8_lossy(&body));
        let Ok(Some(head)) = whole else {
            refused += 1;
            continue;
        };
        read += 1;
        let plan = FormBody::of_stream(Some(body.len() as u64), &head, &boundary, Framing::Plain);
        let own = &body[head.length..];
        let find = |text: &[u8]| own.windows(text.len()).position(|part| part == text);
        let end = find(delimiter.as_bytes());
        let (proven, file) = push(&mut dice, &plan, &body);
        // Whatever follows it: the file ends where its boundary stands.
        if proven {
            assert_eq!(Some(file.len()), end);
            assert_eq!(file, own[..file.len()]);
        } else {
            assert!(file.len() < end.unwrap_or(own.len()).max(1));
        }
        // A file that begins with its own boundary has no reading.
        let readable = !own.starts_with(&delimiter.as_bytes()[2..]);
        if readable
            && own.ends_with(closing.as_bytes())
            && end == own.len().checked_sub(closing.len())
        {
            assert!(proven);
        }
        // A node that was told a length gets so much, and where nothing else follows the file.
        let Ok(told) = plan.promised() else {
            continue;
        };
        let (proven, file) = push(&mut dice, &told, &body);
        let length = told.file_length().expect("a promise");
        let right = readable && own.ends_with(closing.as_bytes()) && end == Some(length as usize);
        assert_eq!(proven, right, "{}", String::from_utf8_lossy(own));
        match proven {
            true => assert_eq!(file, own[..length as usize]),
            false => assert!((file.len() as u64) < length.max(1)),
        }
    }
    assert!(
        read > 200 && refused > 200,
        "{read} read, {refused} refused"
    );
}

/// Pushes a body in pieces: whether it was proven, and what went on.
fn push(dice: &mut Dice, plan: &FormBody, body: &[u8]) -> (bool, Vec<u8>) {
    let mut verifier = plan.verifier();
    let mut passed = Vec::new();
    let mut rest = body;
    loop {
        let (piece, more) = rest.split_at(1 + dice.below(rest.len().min(90)));
        let end = if more.is_empty() {
            End::Last
        } else {
            End::More
        };
        match verifier.push(piece.to_vec().into(), end) {
            Ok(ready) => passed.extend_from_slice(&ready),
            Err(_) => return (false, passed),
        }
        if more.is_empty() {
            return (true, passed);
        }
        rest = more;
    }
}
