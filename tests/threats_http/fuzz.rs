//! K5: whatever the bytes, the gateway lives, and the node sees whole requests that were signed.

use std::thread;

use super::{Forward, Scene, signed};
use support::dice::Dice;
use support::rec::{Answer, Rec};
use support::signer::{ACCESS_KEY_ID, Request, Word, now, unix_time};
use support::wire::Connection;

const MUTATIONS: u64 = 4000;
const WORKERS: u64 = 4;

/// Requests that are served, with the request line that the node sees of each. Every parameter is signed, so that a request
/// line that differs was never signed.
fn seeds() -> Vec<(Vec<u8>, &'static str)> {
    let upload = signed(Word::Aws, "PUT", "/bucket01/a%20b%2Fc");
    vec![
        (
            signed(Word::Aws, "GET", "/bucket01/key")
                .header("Range", "bytes=0-4")
                .bytes(),
            "GET /bucket01/key HTTP/1.1",
        ),
        (
            upload.clone().body("0123456789").bytes(),
            "PUT /bucket01/a%20b%2Fc HTTP/1.1",
        ),
        (
            upload
                .header("Transfer-Encoding", "chunked")
                .body("5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\n\r\n")
                .bytes(),
            "PUT /bucket01/a%20b%2Fc HTTP/1.1",
        ),
        (
            signed(Word::Wos, "POST", "/bucket01/key?uploads").bytes(),
            "POST /bucket01/key?uploads HTTP/1.1",
        ),
        (
            Request::new(Word::Aws, "GET", "/bucket01/key?versionId=1")
                .presigned(unix_time(600))
                .bytes(),
            "GET /bucket01/key?versionId=1 HTTP/1.1",
        ),
        (
            Request::new(Word::Wos, "GET", "/bucket01?acl")
                .presigned(unix_time(600))
                .bytes(),
            // The bucket alone is signed with its slash, and goes on as it was signed.
            "GET /bucket01/?acl HTTP/1.1",
        ),
        (
            Request::new(Word::Aws, "DELETE", "/key")
                .virtual_host("bucket01")
                .header("x-amz-date", &now())
                .signed()
                .bytes(),
            "DELETE /key HTTP/1.1",
        ),
    ]
}

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b":",
    b"%00",
    b"%2F",
    b"%",
    b"?",
    b"&",
    b"?acl",
    b"&acl&acl",
    b"#",
    b"/../",
    b"//",
    b"\0",
    b"\xff",
    b"\x80",
    b"Content-Length: 5\r\n",
    b"Content-Length: 18446744073709551615\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: x\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n",
    b"Connection: upgrade\r\nUpgrade: h2c\r\n",
    b"HTTP/1.0",
    b"HTTP/2.0",
    b"0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"-1",
    b"x-amz-date: x\r\n",
    b"Signature=",
    b"Expires=",
    b"Authorization: AWS a:b\r\n",
    b"http://x/",
    b"Content-Type: multipart/form-data\r\n",
    b"X-Amz-Security-Token: x\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
];

fn mutated(dice: &mut Dice, seeds: &[(Vec<u8>, &str)]) -> Vec<u8> {
    let seed = &seeds[dice.below(seeds.len())].0;
    let other = &seeds[dice.below(seeds.len())].0;
    dice.mutated(seed, WORDS, other)
}

#[derive(Clone, Copy, PartialEq)]
enum Patience {
    None,
    Answer,
}

/// Sends bytes and waits for an answer to them, or says that there are no more and waits until the gateway closes.
fn throw(address: &str, bytes: &[u8], patience: Patience) {
    let mut connection = Connection::open(address);
    connection.send(bytes);
    if patience == Patience::Answer {
        // None is an answer too.
        let _ = connection.try_receive("GET");
    } else {
        connection.finish_sending();
        connection.drain();
    }
}

fn fuzzed() -> Scene {
    let answer = Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let deadlines = "header_timeout = \"50ms\"\nbody_timeout = \"50ms\"";
    Scene::with(Forward::Trusted, Rec::start(answer), |config| {
        config.line("listener", deadlines)
    })
}

/// The node has seen whole requests that were signed, and the gateway is well.
fn assert_unharmed(scene: Scene, lines: &[&str]) {
    let requests = scene.rec.requests();
    for request in &requests {
        assert!(
            lines.contains(&request.head.line.as_str()),
            "never signed: {}",
            request.head.line
        );
        assert_eq!(
            request.header("x-countersign-access-key-id"),
            Some(ACCESS_KEY_ID)
        );
        for once in [
            "host",
            "x-countersign-principal",
            "x-countersign-request-id",
        ] {
            assert_eq!(request.head.all(once).len(), 1, "{once}");
        }
        for never in ["authorization", "upgrade", "connection"] {
            assert_eq!(request.header(never), None, "{never}");
        }
    }
    scene.still_serves();
    let (status, log) = scene.gateway.stop();
    assert!(status.success(), "{status}");
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn k5_mutated_requests() {
    let scene = fuzzed();
    let seeds = seeds();
    let (address, seeds_of_all) = (scene.gateway.address(), &seeds);
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            scope.spawn(move || {
                let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ worker);
                for turn in 0..MUTATIONS / WORKERS {
                    let patience = if turn % 2 == 0 {
                        Patience::Answer
                    } else {
                        Patience::None
                    };
                    throw(address, &mutated(&mut dice, seeds_of_all), patience);
                }
            });
        }
    });
    // Some mutations change nothing that matters: without one of them this would prove nothing.
    let accepted = scene.rec.requests().len();
    assert!(accepted > 20, "{accepted} accepted");
    let lines: Vec<&str> = seeds.iter().map(|(_, line)| *line).collect();
    assert_unharmed(scene, &lines);
}

#[test]
fn k5_garbage() {
    let scene = fuzzed();
    let mut dice = Dice(0x1234_5678_9abc_def1);
    for byte in 0..=255 {
        throw(scene.gateway.address(), &[byte], Patience::None);
        throw(
            scene.gateway.address(),
            &[byte, b'\r', b'\n', b'\r', b'\n'],
            Patience::None,
        );
    }
    for turn in 0..400 {
        let length = dice.below(if turn % 40 == 0 { 200_000 } else { 2000 });
        let mut bytes: Vec<u8> = (0..length).map(|_| dice.byte()).collect();
        if turn % 2 == 0 {
            bytes.splice(0..0, b"GET / HTTP/1.1\r\n".iter().copied());
        }
        throw(scene.gateway.address(), &bytes, Patience::None);
    }
    scene.rec.assert_untouched();
    assert_unharmed(scene, &[]);
}

/// The second part is sent when the gateway has answered someone else, so that it has read the first one by itself: it has
/// one thread here.
#[test]
fn k5_requests_split_at_every_byte() {
    let scene = Scene::new(Forward::Trusted);
    let mut other = scene.gateway.connect();
    let unsigned = Request::new(Word::Aws, "GET", "/bucket01/key");
    let mut take_turn = || assert_eq!(other.exchange(&unsigned).status, 403);
    for (bytes, line) in seeds() {
        let mut connection = scene.gateway.connect();
        for at in 1..bytes.len() {
            connection.send(&bytes[..at]);
            take_turn();
            connection.send(&bytes[at..]);
            assert_eq!(connection.receive().status, 200, "{line} at {at}");
        }
        for byte in &bytes {
            connection.send([*byte]);
            take_turn();
        }
        assert_eq!(connection.receive().status, 200, "{line} byte by byte");
        let requests = scene.rec.await_requests(bytes.len());
        let whole = &requests[0];
        for request in &requests {
            assert_eq!(request.head.line, line);
            let unlike = |head: &[(String, String)]| {
                head.iter()
                    .filter(|(name, _)| name != "x-countersign-request-id")
                    .cloned()
                    .collect::<Vec<_>>()
            };
            assert_eq!(
                (unlike(&request.head.headers), &request.body),
                (unlike(&whole.head.headers), &whole.body)
            );
        }
        scene.rec.clear();
    }
}
