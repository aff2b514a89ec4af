//! A node that misbehaves at every byte of its answer: the answer is cut, reset, split, garbled, doubled, or followed by
//! something, at each place, for each method and each way to frame a body.
//!
//! What a client of the gateway sees is what it would see of the node itself, read by [`Seen`], or less: where the node's
//! head is none, the client gets 502; where its body breaks off, the client gets what came of it and a cut. It never gets a
//! whole answer that the node has not given, nor waits without end. Each answer says whose it is, in its head and in its
//! body.

use std::collections::HashMap;
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::seen::{Seen, connect};
use support::gateway::{Config, Gateway};
use support::peer::{Peer, node};
use support::refusal::{assert_refused, assert_refused_head};
use support::signer::{Request, Word, now};

const METHODS: [&str; 5] = ["GET", "HEAD", "PUT", "DELETE", "POST"];
/// How many clients there are at a time.
const CLIENTS: usize = 6;
/// An answer to nobody.
const STRANGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nstrange";
/// The most of an error document that waits for what follows it: the beginning of a tag whose text is replaced.
const HELD: usize = "<RequestId".len();

/// How the answers are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framed {
    Length,
    Chunks,
    Close,
    NoContent,
    NotModified,
    /// An error document, with a length and in chunks.
    Error,
    ErrorInChunks,
    /// An error document that says who may not. A gateway that signs anew holds it until it knows whom that means.
    Refusal,
}

impl Framed {
    const ALL: [Self; 8] = [
        Self::Length,
        Self::Chunks,
        Self::Close,
        Self::NoContent,
        Self::NotModified,
        Self::Error,
        Self::ErrorInChunks,
        Self::Refusal,
    ];

    fn is_document(self) -> bool {
        matches!(self, Self::Error | Self::ErrorInChunks | Self::Refusal)
    }
}

/// What a byte of an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Head,
    Body,
    Frame,
}

/// What is done to an answer, and at which of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// The connection ends ahead of it.
    Cut,
    /// The connection is reset ahead of it.
    Reset,
    /// The node waits ahead of it, until the gateway has seen what stands before.
    Split,
    /// It becomes another one, which stands in no head and frames nothing.
    Garbled,
    /// It comes twice.
    Doubled,
    /// So many bytes of another answer follow the whole.
    Followed,
}

impl Done {
    const ALL: [Self; 6] = [
        Self::Cut,
        Self::Reset,
        Self::Split,
        Self::Garbled,
        Self::Doubled,
        Self::Followed,
    ];
}

#[derive(Clone, Copy, Debug)]
struct Case {
    id: usize,
    method: &'static str,
    framed: Framed,
    done: Done,
    at: usize,
    forward: Forward,
}

/// How the nodes are spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forward {
    Trusted,
    Resign,
}

impl Forward {
    fn config(self, node: &str) -> Config {
        let config = Config::new(node);
        if self == Self::Trusted {
            return config;
        }
        let cluster = config.text_of("cluster").replace("trusted", "resign");
        let key = "access_key_id = \"NODEKEY\", secret_access_key = \"a-secret-of-the-gateway\"";
        let sign_with = format!("sign_with = {{ dialect = \"aws\", version = \"v2\", {key} }}\n");
        config.section("cluster", &format!("{cluster}{sign_with}"))
    }
}

impl Case {
    /// The answer as it should be, with what each of its bytes is.
    fn answer(&self) -> (Vec<u8>, Vec<Part>) {
        use Part::{Body, Frame, Head};
        let id = format!("{:05}", self.id);
        let text = match self.framed.is_document() {
            true => format!("<Error><Code>Odd</Code><RequestId>n</RequestId><I>{id}</I></Error>"),
            false => format!("the body of {id}"),
        };
        let (status, fields) = match self.framed {
            Framed::NoContent => (204, String::new()),
            Framed::NotModified => (304, String::new()),
            Framed::Length => (200, format!("Content-Length: {}\r\n", text.len())),
            Framed::Chunks => (200, "Transfer-Encoding: chunked\r\n".into()),
            Framed::Close => (200, String::new()),
            Framed::Error | Framed::Refusal => {
                let status = if self.framed == Framed::Error {
                    500
                } else {
                    403
                };
                let fields = "Content-Type: text/xml\r\nContent-Length:";
                (status, format!("{fields}{}\r\n", text.len()))
            }
            Framed::ErrorInChunks => {
                let fields = "Content-Type: text/xml\r\nTransfer-Encoding:chunked\r\n";
                (500, fields.into())
            }
        };
        let head = format!("HTTP/1.1 {status} X\r\nETag: {id}\r\n{fields}\r\n");
        let mut parts = vec![(Head, head)];
        let chunked = matches!(self.framed, Framed::Chunks | Framed::ErrorInChunks);
        if self.method == "HEAD" || matches!(status, 204 | 304) {
        } else if chunked {
            let (first, rest) = text.split_at(text.len() / 2);
            for piece in [first, rest] {
                parts.push((Frame, format!("{:x}\r\n", piece.len())));
                parts.push((Body, piece.into()));
                parts.push((Frame, "\r\n".into()));
            }
            parts.push((Frame, "0\r\n\r\n".into()));
        } else {
            parts.push((Body, text));
        }
        let kinds = parts
            .iter()
            .flat_map(|(kind, text)| vec![*kind; text.len()]);
        let kinds = kinds.collect();
        let bytes: Vec<String> = parts.into_iter().map(|(_, text)| text).collect();
        (bytes.concat().into_bytes(), kinds)
    }

    /// What the node sends, in the pieces in which it does.
    fn sent(&self) -> [Vec<u8>; 2] {
        let (mut bytes, _) = self.answer();
        let rest = match self.done {
            Done::Cut | Done::Reset => {
                bytes.truncate(self.at);
                Vec::new()
            }
            Done::Split => bytes.split_off(self.at),
            Done::Garbled => {
                bytes[self.at] = 0;
                Vec::new()
            }
            Done::Doubled => {
                bytes.insert(self.at, bytes[self.at]);
                Vec::new()
            }
            Done::Followed => {
                bytes.extend_from_slice(&STRANGE[..self.at]);
                Vec::new()
            }
        };
        [bytes, rest]
    }

    /// Whether the node goes on with the connection: then its end is no help.
    fn goes_on(&self) -> bool {
        matches!(self.done, Done::Split | Done::Followed) && self.framed != Framed::Close
    }

    fn request(&self) -> Request {
        let query = if self.method == "POST" {
            "?uploads"
        } else {
            ""
        };
        let target = format!("/bucket01/{}{query}", self.id);
        let request = Request::new(Word::Aws, self.method, &target)
            .date(&now())
            .signed();
        match self.method {
            "PUT" => request.body("0123456789"),
            _ => request,
        }
    }

    /// Whether what a client has seen is right. The request has come to the node so often.
    fn judge(&self, seen: Seen, came: usize) {
        let (right, parts) = self.answer();
        let direct = Seen::read(&mut &self.sent().concat()[..], self.method).map(|mut direct| {
            // What ends with the connection has no end where that is cut.
            let ends = direct.head.framing(support::wire::Framing::Close);
            let to_the_end = direct.status == 200 && ends == support::wire::Framing::Close;
            direct.is_whole &= self.done != Done::Reset || !to_the_end || self.method == "HEAD";
            direct
        });
        let head = parts.iter().filter(|part| **part == Part::Head).count();
        // Nothing but a head that comes whole and is one is passed on.
        let breaks = matches!(self.done, Done::Cut | Done::Reset | Done::Garbled);
        let must_refuse = breaks && self.at < head;
        let may_refuse = must_refuse || self.done == Done::Doubled && self.at < head;
        let is_own = seen.status == 502 && seen.header("etag").is_none();
        if is_own {
            // A connection may end just when it is used again, and a POST is sent once.
            let is_stale = self.method == "POST" && came == 0;
            assert!(
                (may_refuse || is_stale) && seen.is_whole,
                "{self:?}: {seen:?}"
            );
            match self.method {
                "HEAD" => assert_refused_head(&format!("{self:?}"), &seen.into(), 502),
                _ => assert_refused(&format!("{self:?}"), &seen.into(), 502, "BadGateway"),
            }
            return;
        }
        assert!(!must_refuse, "{self:?}: {seen:?}");
        let direct = direct.unwrap_or_else(|| panic!("{self:?}: the node said nothing: {seen:?}"));
        let facts = |of: &Seen| (of.status, of.header("etag").map(str::to_owned), of.is_whole);
        assert_eq!(
            facts(&seen),
            facts(&direct),
            "{self:?}\nnode: {}\n{seen:?}",
            right.escape_ascii()
        );
        let is_right = match self.framed.is_document() {
            true => {
                let is_held = self.framed == Framed::Refusal && self.forward == Forward::Resign;
                is_translated(&seen, &direct.body, if is_held { usize::MAX } else { HELD })
            }
            false => seen.body == direct.body,
        };
        assert!(is_right, "{self:?}\n{seen:?}\n{direct:?}");
    }
}

/// Whether a client has seen what the gateway makes of a document, or of its beginning: the id is the gateway's, and white
/// space makes up for an announced length. Of a beginning no more than `held` bytes are missing.
fn is_translated(seen: &Seen, sent: &[u8], held: usize) -> bool {
    if seen.body == sent {
        return true;
    }
    let id = seen.header("x-amz-request-id").expect("an id");
    let sent = String::from_utf8_lossy(sent);
    let full = match sent.split_once("<RequestId>") {
        Some((before, rest)) => {
            let behind = rest.find('<').map_or("", |at| &rest[at..]);
            format!("{before}<RequestId>{id}{behind}")
        }
        None => sent.into_owned(),
    };
    let body = String::from_utf8_lossy(&seen.body);
    match seen.is_whole {
        true => body.trim_end_matches([' ', '\n']) == full,
        false => full.starts_with(&*body) && full.len() - body.len() <= held,
    }
}

/// What the node knows.
struct Play {
    cases: Vec<Case>,
    gateway: OnceLock<String>,
    /// How often each request has come.
    came: Mutex<HashMap<usize, usize>>,
    connections: AtomicUsize,
    faults: Mutex<Vec<String>>,
}

impl Play {
    fn serve(&self, mut peer: Peer) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        let mut spent = None;
        while let Some((head, _body)) = peer.request() {
            let key = head.line.split(['/', '?', ' ']).nth(3);
            let id: usize = key.and_then(|key| key.parse().ok()).expect("an id");
            let case = self.cases[id];
            if let Some(before) = spent {
                let fault = format!("{case:?} on the connection of {before:?}");
                self.faults.lock().unwrap().push(fault);
            }
            let often = {
                let mut came = self.came.lock().unwrap();
                let often = came.entry(id).or_default();
                *often += 1;
                *often
            };
            if often > 2 || often == 2 && case.method == "POST" {
                self.faults
                    .lock()
                    .unwrap()
                    .push(format!("{case:?} came {often} times"));
            }
            let [first, rest] = case.sent();
            peer.send(first);
            if case.done == Done::Split {
                self.let_the_gateway_read();
                peer.send(rest);
            }
            if case.done == Done::Reset {
                let linger = SockRef::from(peer.stream()).set_linger(Some(Duration::ZERO));
                linger.expect("a TCP socket");
            }
            if !case.goes_on() {
                return;
            }
            spent = (case.done == Done::Followed && case.at > 0).then_some(case);
        }
    }

    /// The gateway has one thread, which has seen what came before once it has answered another request.
    fn let_the_gateway_read(&self) {
        let mut ping = connect(self.gateway.get().expect("it runs"));
        let request = Request::new(Word::Aws, "GET", "/bucket01/ping").date(&now());
        let sent = ping.get_mut().write_all(&request.bytes());
        sent.expect("it reads");
        let seen = Seen::read(&mut ping, "GET").expect("an answer");
        assert_eq!(seen.status, 403, "it is not signed");
    }
}

/// Every case for GET; the other methods have theirs at every `step`th byte, and each starts at another one.
fn cases(forward: Forward, methods: &[&'static str], framed: &[Framed], step: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for (turn, method) in methods.iter().copied().enumerate() {
        let step = if method == "GET" { 1 } else { step };
        for framed in framed.iter().copied() {
            for done in Done::ALL {
                let case = |id, at| Case {
                    id,
                    method,
                    framed,
                    done,
                    at,
                    forward,
                };
                let length = case(0, 0).answer().0.len();
                let places = match done {
                    Done::Cut | Done::Reset | Done::Split => length + 1,
                    Done::Garbled | Done::Doubled => length,
                    // What follows an answer whose end is that of the connection is its body.
                    Done::Followed if framed == Framed::Close && method != "HEAD" => 0,
                    Done::Followed => STRANGE.len() + 1,
                };
                for at in (turn % step..places).step_by(step) {
                    cases.push(case(cases.len(), at));
                }
            }
        }
    }
    cases
}

/// Plays the cases, and gives how many there were.
fn play(forward: Forward, methods: &[&'static str], framed: &[Framed], step: usize) -> usize {
    let play = Arc::new(Play {
        cases: cases(forward, methods, framed, step),
        gateway: OnceLock::new(),
        came: Mutex::default(),
        connections: AtomicUsize::new(0),
        faults: Mutex::default(),
    });
    let serving = Arc::clone(&play);
    let gateway = Gateway::start(&forward.config(&node(move |peer| serving.serve(peer))));
    let (next, address) = (AtomicUsize::new(0), gateway.address());
    let known = play.gateway.set(address.to_owned());
    known.expect("it is said once");
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut kept: Option<BufReader<TcpStream>> = None;
                while let Some(case) = play.cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut client = kept.take().unwrap_or_else(|| connect(address));
                    let sent = client.get_mut().write_all(&case.request().bytes());
                    sent.expect("the gateway reads");
                    let seen = Seen::read(&mut client, case.method)
                        .unwrap_or_else(|| panic!("{case:?}: no answer"));
                    kept = Some(client).filter(|_| seen.is_whole && !seen.closes());
                    let came = play.came.lock().unwrap().get(&case.id).copied();
                    case.judge(seen, came.unwrap_or(0));
                }
            });
        }
    });
    let faults = play.faults.lock().unwrap();
    assert!(faults.is_empty(), "{faults:#?}");
    let count = play.cases.len();
    let came: usize = play.came.lock().unwrap().values().sum();
    let connections = play.connections.load(Ordering::Relaxed);
    assert!(came + count / 50 >= count, "{came} of {count} requests");
    assert!(connections < came, "some connections are used again");
    gateway.await_metric("countersign_requests_in_flight 0\n");
    count
}

#[test]
fn what_a_node_breaks_is_broken_and_nothing_else() {
    let count = play(Forward::Trusted, &METHODS, &Framed::ALL, 7);
    assert!(count > 4_000, "{count}");
}

/// The gateway looks into the bodies of refusals, and at nothing else, where the signature is its own.
#[test]
fn what_a_node_breaks_of_what_the_gateway_asked_in_its_own_name() {
    let framed = [Framed::Length, Framed::ErrorInChunks, Framed::Refusal];
    let count = play(Forward::Resign, &["PUT", "GET"], &framed, 7);
    assert!(count > 1_000, "{count}");
}

/// Every method at every byte: `cargo test --test faults -- --ignored`.
#[test]
#[ignore = "it takes a minute"]
fn what_a_node_breaks_at_every_byte_of_every_method() {
    for forward in [Forward::Trusted, Forward::Resign] {
        let count = play(forward, &METHODS, &Framed::ALL, 1);
        assert!(count > 15_000, "{count}");
    }
}
