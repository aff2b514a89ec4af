//! A node that closes idle connections under load: when it likes, and just when a request comes on one.
//!
//! Nobody gets a wrong answer. What may be sent twice is, and succeeds; a POST is sent once, and where its connection ends
//! under it, its client gets 502.

use std::collections::HashMap;
use std::io::{BufReader, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::seen::{Seen, connect};
use super::{get, in_front_of, signed};
use support::dice::{Dice, turns};
use support::gateway::{Config, Gateway};
use support::peer::{Peer, node};
use support::rec::{Answer, Cue, Rec};
use support::refusal::assert_refused;
use support::signer::Request;
use support::wire::Connection;

/// How many clients there are at a time, with as many requests each as `FUZZ_TURNS` says.
const CLIENTS: usize = 8;
/// The most of a body that can be sent again.
const MAX_KEPT: usize = 64 * 1024;

/// What the node has seen of one request.
#[derive(Clone, Copy, Debug, Default)]
struct Came {
    /// Its head.
    heads: usize,
    /// All of it, and it was answered.
    done: usize,
}

/// How the node ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// When nothing has come for a moment.
    Idle,
    /// When a request begins to come: it is left unread, which resets the connection.
    FirstByte,
    /// Behind the head of a request.
    Head,
    /// Behind the whole of a request, with nothing done.
    Whole,
    /// The same with a reset.
    Reset,
}

#[derive(Default)]
struct Play {
    came: Mutex<HashMap<String, Came>>,
    ends: Mutex<HashMap<&'static str, usize>>,
}

impl Play {
    /// Serves some requests, and ends the connection in one of the ways. The first request of a connection is always served:
    /// what meets a new connection that breaks is told so.
    fn serve(&self, mut peer: Peer) {
        let mut dice = Dice(peer.number as u64 + 1);
        let served = 1 + dice.below(6);
        for _ in 0..served {
            if !self.answer(&mut peer) {
                return;
            }
        }
        let end = [End::Idle, End::FirstByte, End::Head, End::Whole, End::Reset][dice.below(5)];
        let wait = Duration::from_micros(1 + dice.below(3_000) as u64);
        if end == End::Idle {
            let waited = peer.stream().set_read_timeout(Some(wait));
            waited.expect("a timeout above zero");
        }
        let peeked = peer.stream().peek(&mut [0]);
        match (end, peeked) {
            // Whether a request has come meanwhile is up to chance.
            (End::Idle, Err(error)) => {
                let kind = error.kind();
                assert!(matches!(
                    kind,
                    ErrorKind::WouldBlock | ErrorKind::ConnectionReset
                ));
                self.note("idle");
            }
            (End::Idle | End::FirstByte, Ok(1)) => self.note("first byte"),
            (End::Head, Ok(1)) => {
                if let Some(head) = peer.head() {
                    self.came(&head.line, |came| came.heads += 1);
                    self.note("head");
                }
            }
            (End::Whole | End::Reset, Ok(1)) => {
                if let Some((head, _)) = peer.request() {
                    self.came(&head.line, |came| came.heads += 1);
                    self.note("whole");
                }
                if end == End::Reset {
                    let linger = SockRef::from(peer.stream()).set_linger(Some(Duration::ZERO));
                    linger.expect("a TCP socket");
                }
            }
            _ => {}
        }
    }

    fn note(&self, end: &'static str) {
        *self.ends.lock().unwrap().entry(end).or_default() += 1;
    }

    fn came(&self, line: &str, change: impl FnOnce(&mut Came)) {
        let target = line.split(' ').nth(1).expect("a target");
        change(self.came.lock().unwrap().entry(target.into()).or_default());
    }

    /// Reads a request and does it: the answer says what came.
    fn answer(&self, peer: &mut Peer) -> bool {
        let Some(head) = peer.head() else {
            return false;
        };
        self.came(&head.line, |came| came.heads += 1);
        let Some(body) = peer.body(head.framing(support::wire::Framing::None)) else {
            return false;
        };
        self.came(&head.line, |came| came.done += 1);
        let text = expected(&head.line, &body);
        let length = text.len();
        peer.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{text}"
        ))
    }
}

/// What the node says to a request: nobody else's answer is the same.
fn expected(line: &str, body: &[u8]) -> String {
    let sum = body.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    let line = line.trim_end_matches(" HTTP/1.1");
    format!("{line} with {} bytes that come to {sum}", body.len())
}

fn request(dice: &mut Dice, client: usize, turn: u64) -> Request {
    let key = format!("/bucket01/{client}-{turn}");
    match dice.below(4) {
        0 => signed("GET", &key),
        1 => signed("POST", &format!("{key}?uploads")),
        kind => {
            let size = match (kind, dice.below(4)) {
                (2, 0) => MAX_KEPT,
                (2, _) => dice.below(MAX_KEPT),
                _ => dice.below(2_000),
            };
            signed("PUT", &key).body(vec![dice.byte(); size])
        }
    }
}

#[test]
fn a_node_that_closes_idle_connections_under_load_costs_nobody_an_answer() {
    let play = Arc::new(Play::default());
    let serving = Arc::clone(&play);
    let address = node(move |peer| serving.serve(peer));
    let gateway = Gateway::start(&Config::new(&address));
    let (posts, lost) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let address = gateway.address();
    let trials = turns(400);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (play, posts, lost) = (&play, &posts, &lost);
            scope.spawn(move || {
                let mut dice = Dice(1_000 + client as u64);
                let mut kept: Option<BufReader<TcpStream>> = None;
                for turn in 0..trials {
                    let request = request(&mut dice, client, turn);
                    let mut socket = kept.take().unwrap_or_else(|| connect(address));
                    let sent = socket.get_mut().write_all(&request.bytes());
                    sent.expect("the gateway reads");
                    let seen = Seen::read(&mut socket, &request.method).expect("an answer");
                    kept = Some(socket).filter(|_| !seen.closes());
                    let line = format!("{} {}", request.method, request.target);
                    assert!(seen.is_whole, "{line}: {seen:?}");
                    let came = {
                        let all = play.came.lock().unwrap();
                        all.get(&request.target).copied().unwrap_or_default()
                    };
                    let is_post = request.method == "POST";
                    posts.fetch_add(usize::from(is_post), Ordering::Relaxed);
                    if is_post && seen.status == 502 {
                        lost.fetch_add(1, Ordering::Relaxed);
                        assert!(came.heads <= 1 && came.done == 0, "{line} {came:?}");
                        assert_refused(&line, &seen.into(), 502, "BadGateway");
                        continue;
                    }
                    let body = request.body.unwrap_or_default();
                    let told = String::from_utf8_lossy(&seen.body);
                    assert_eq!((seen.status, &*told), (200, &*expected(&line, &body)));
                    let most = if is_post { 1 } else { 2 };
                    assert!(came.heads <= most && came.done == 1, "{line} {came:?}");
                }
            });
        }
    });
    let [posts, lost] = [posts, lost].map(|count| count.load(Ordering::Relaxed));
    let ends = play.ends.lock().unwrap();
    println!("{lost} of {posts} POSTs got 502; connections ended: {ends:?}");
    assert!(posts > lost && lost > 0, "{lost} of {posts}");
    assert_eq!(ends.len(), 4, "{ends:?}");
    let all = play.came.lock().unwrap();
    let twice = all.values().filter(|came| came.heads == 2).count();
    assert!(twice > 0, "nothing was sent again");
    let log = gateway.log();
    assert!(log.matches("a node failed").count() <= lost, "{log}");
    gateway.await_metric("countersign_requests_in_flight 0\n");
}

/// A connection ends under a request, its node takes no other one, and that of the next node ends too: what can be sent
/// again is sent a third time, with all of its body. A POST stops at the first.
#[test]
fn a_request_goes_on_to_the_next_node_where_its_own_has_gone_meanwhile() {
    for method in ["PUT", "GET", "POST"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let first = listener.local_addr().expect("a bound socket").to_string();
        let second = Rec::scripted([Answer::Ok, Answer::Die(Cue::Head), Answer::Ok]);
        let gateway = in_front_of(&[&first, second.address()], "");
        let request = match method {
            "PUT" => signed("PUT", "/bucket01/key").body(vec![b'x'; MAX_KEPT]),
            "POST" => signed("POST", "/bucket01/key?uploads"),
            _ => signed(method, "/bucket01/key"),
        };
        let node = thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            let mut connection = Connection::from(stream);
            connection.read_head();
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            connection.read_head();
            // First the listener, so that nobody gets another connection.
            drop(listener);
        });
        for _ in 0..2 {
            assert_eq!(gateway.exchange(&get()).status, 200);
        }
        let response = gateway.exchange(&request);
        node.join().expect("it has seen two heads");
        if method == "POST" {
            assert_refused(method, &response, 502, "BadGateway");
            assert_eq!(second.requests().len(), 1);
            continue;
        }
        assert_eq!(response.status, 200, "{method}: {}", response.text());
        let seen = second.requests();
        let connections: Vec<usize> = seen.iter().map(|seen| seen.connection).collect();
        assert_eq!(connections, [0, 1], "{method}");
        assert!(seen[1].body == request.body.unwrap_or_default(), "{method}");
    }
}
