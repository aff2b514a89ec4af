//! Nothing is left behind: at every stage of a request the client goes, the node goes, the configuration is read again, or
//! the gateway is told to stop. Then the gateway has no request in flight, no connection, and no more descriptors open than
//! before, and the node has seen its connection end.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::seen::{Seen, connect};
use super::signed;
use support::form::{Form, Version};
use support::gateway::{Config, Gateway};
use support::peer::{Peer, node};
use support::signer::Word;
use support::wire::{Framing, SAFETY_NET};

const SIZE: usize = 200_000;
/// An answer that is larger than all that the kernels hold.
const LARGE: usize = 32 * 1024 * 1024;
const OK: &str = "HTTP/1.1 200 OK\r\n";

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The gateway has half of its header.
    Header,
    /// The gateway has half of a form.
    Form,
    /// The node has its header, and nothing of its body has come.
    NoBody,
    /// The node has some of its body.
    HalfBody,
    /// The same in chunks.
    HalfChunks,
    /// The client waits for the node's 100.
    Expecting,
    /// The node has all of it and says nothing.
    Silent,
    /// The node has said something that is no answer yet.
    Interim,
    /// The node has sent half a head.
    HalfHead,
    /// The client has half of the answer, of a length.
    HalfAnswer,
    /// The same in chunks.
    AnswerInChunks,
    /// The same of an answer that ends with the connection.
    AnswerToTheEnd,
    /// The client takes no more of the answer.
    Stuck,
    /// The client has the answer, and half of its body is still to be sent.
    Early,
}

use Stage::{
    AnswerInChunks, AnswerToTheEnd, Early, Expecting, HalfAnswer, HalfBody, HalfChunks, HalfHead,
    Header, Interim, NoBody, Silent, Stuck,
};

const STAGES: [Stage; 14] = [
    Header,
    Stage::Form,
    NoBody,
    HalfBody,
    HalfChunks,
    Expecting,
    Silent,
    Interim,
    HalfHead,
    HalfAnswer,
    AnswerInChunks,
    AnswerToTheEnd,
    Stuck,
    Early,
];

impl Stage {
    /// What the client has sent, and what is left to send.
    fn request(self) -> [Vec<u8>; 2] {
        let target = format!("/bucket01/{}", self as usize);
        let put = signed("PUT", &target);
        let (mut start, left) = match self {
            Header => (signed("GET", &target).bytes(), 20),
            Stage::Form => {
                let form = Form::new(Word::Aws, Version::V4, "1").file(vec![b'x'; SIZE]);
                (form.signed().bytes(), SIZE + 300)
            }
            NoBody => (put.body(vec![b'x'; SIZE]).bytes(), SIZE),
            HalfBody | Early => (put.body(vec![b'x'; SIZE]).bytes(), SIZE / 2),
            HalfChunks => {
                let body = format!("{SIZE:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(SIZE));
                let chunks = put.header("Transfer-Encoding", "chunked");
                (chunks.body(body).bytes(), SIZE / 2)
            }
            Expecting => {
                let put = put.header("Expect", "100-continue");
                (put.body("hello").bytes(), 5)
            }
            _ => (signed("GET", &target).bytes(), 0),
        };
        let rest = start.split_off(start.len() - left);
        [start, rest]
    }

    /// What the node has said, and what is left to say.
    fn answer(self) -> [String; 2] {
        let length = |length| format!("{OK}Content-Length: {length}\r\n\r\n");
        match self {
            Interim => ["HTTP/1.1 103 X\r\n\r\n".into(), length(0)],
            HalfHead => [OK.into(), "Content-Length: 0\r\n\r\n".into()],
            HalfAnswer => [length(10) + "hello", "world".into()],
            AnswerInChunks => {
                let head = format!("{OK}Transfer-Encoding: chunked\r\n\r\n");
                [head + "5\r\nhello\r\n", "0\r\n\r\n".into()]
            }
            AnswerToTheEnd => [format!("{OK}\r\nhello"), "world".into()],
            Stuck => [length(LARGE) + &"x".repeat(LARGE), String::new()],
            Early => [
                "HTTP/1.1 507 X\r\nContent-Length: 5\r\n\r\nearly".into(),
                String::new(),
            ],
            _ => [String::new(), length(0)],
        }
    }

    fn is_at_node(self) -> bool {
        !matches!(self, Header | Stage::Form)
    }

    /// What the client has seen of the answer ends so.
    fn seen(self) -> &'static [u8] {
        match self {
            Interim => b" X\r\n\r\n",
            HalfAnswer | AnswerInChunks | AnswerToTheEnd => b"hello",
            Stuck => b"xxxxx",
            Early => b"early",
            _ => b"",
        }
    }
}

/// What the node tells of a request.
#[derive(Debug)]
enum Event {
    /// It has come as far as its stage says, on this connection.
    Reached(TcpStream),
    /// All of it has come.
    Whole,
    /// Its connection has ended.
    Ended,
}

/// Serves one request as far as its stage says. What comes after that is up to the test, which has the socket.
fn serve(mut peer: Peer, tell: &Mutex<Sender<(Stage, Event)>>) {
    let Some(head) = peer.head() else {
        return;
    };
    let stage = head.line.split(['/', ' ']).nth(3);
    let stage = stage.and_then(|stage| stage.parse::<usize>().ok());
    let stage = STAGES[stage.expect("a stage")];
    // The test may be over.
    let tell = |event| drop(tell.lock().unwrap().send((stage, event)));
    let needed = usize::from(matches!(stage, HalfBody | HalfChunks | Early));
    let (mut body, mut is_reached, mut is_whole) = (Vec::new(), false, false);
    loop {
        if !is_reached && body.len() >= needed {
            is_reached = true;
            let socket = peer.stream().try_clone().expect("a socket");
            let [first, _] = stage.answer();
            if stage != Stuck {
                peer.send(&first);
            }
            tell(Event::Reached(socket));
            if stage == Stuck {
                peer.send(first);
            }
        }
        let has_ended = match head.framing(Framing::None) {
            Framing::Length(length) => body.len() == length,
            Framing::Chunked => body.ends_with(b"0\r\n\r\n"),
            _ => true,
        };
        if has_ended && !is_whole {
            is_whole = true;
            tell(Event::Whole);
        }
        let piece = peer.read_some();
        if piece.is_empty() {
            break;
        }
        body.extend(piece);
    }
    drop(peer);
    tell(Event::Ended);
}

/// A gateway that keeps no connection, so that each that is open is in use.
struct Bench {
    gateway: Gateway,
    config: Config,
    events: Receiver<(Stage, Event)>,
    /// How many descriptors are open at rest.
    descriptors: usize,
}

/// A request at its stage.
struct Held {
    stage: Stage,
    client: BufReader<TcpStream>,
    rest: Vec<u8>,
    /// The node's end.
    node: Option<TcpStream>,
}

impl Bench {
    fn start() -> Self {
        let (tell, events) = mpsc::channel();
        let tell = Mutex::new(tell);
        let address = node(move |peer| serve(peer, &tell));
        let config = Config::new(&address)
            .line("cluster", "upstream_keepalive = 0")
            .section(
                "server",
                "[server]\nthreads = 1\ngrace_period = \"300ms\"\n",
            );
        let gateway = Gateway::start(&config);
        let mut bench = Self {
            gateway,
            config,
            events,
            descriptors: usize::MAX,
        };
        // Whatever is opened once is open.
        let held = bench.hold(Silent);
        bench.finish(held);
        bench.await_rest(Silent);
        // One of the metrics may still be open: the least of many counts is right.
        let counts = (0..1_000).map(|_| bench.gateway.open_descriptors());
        bench.descriptors = counts.min().expect("some");
        bench
    }

    /// What the node tells next of this request.
    fn event(&self, of: Stage) -> Event {
        loop {
            let (stage, event) = self.events.recv_timeout(SAFETY_NET).expect("an event");
            if stage == of {
                return event;
            }
        }
    }

    /// Brings a request to its stage.
    fn hold(&self, stage: Stage) -> Held {
        let [start, rest] = stage.request();
        let mut client = connect(self.gateway.address());
        client.get_mut().write_all(&start).expect("it reads");
        let node = stage.is_at_node().then(|| match self.event(stage) {
            Event::Reached(node) => node,
            other => panic!("{stage:?}: {other:?}"),
        });
        match stage {
            Header => self.gateway.await_metric("countersign_connections 1\n"),
            Stage::Form => self
                .gateway
                .await_metric("countersign_requests_in_flight 1\n"),
            _ => {}
        }
        let mut seen = Vec::new();
        while !seen.ends_with(stage.seen()) {
            let mut byte = [0];
            client.read_exact(&mut byte).expect("more of an answer");
            seen.push(byte[0]);
        }
        Held {
            stage,
            client,
            rest,
            node,
        }
    }

    /// Lets a request go on to its end, which is a good one.
    fn finish(&self, held: Held) {
        let Held {
            stage,
            mut client,
            rest,
            node,
        } = held;
        let Some(mut node) = node else {
            return;
        };
        if stage == Stuck {
            let mut read = 0;
            while read < LARGE - 5 {
                read += client.read(&mut [0; 65536]).expect("more of an answer");
            }
            return;
        }
        if stage == Expecting {
            let go_on = "HTTP/1.1 100 Continue\r\n\r\n";
            node.write_all(go_on.as_bytes()).expect("it reads");
            client.read_exact(&mut [0; 25]).expect("an interim answer");
        }
        client.get_mut().write_all(&rest).expect("it reads");
        assert!(matches!(self.event(stage), Event::Whole));
        let [first, rest] = stage.answer();
        node.write_all(rest.as_bytes()).expect("it reads");
        if stage == AnswerToTheEnd {
            node.shutdown(Shutdown::Both).expect("it is open");
        }
        let end: &[u8] = match stage {
            HalfAnswer => b"world",
            AnswerInChunks => b"\r\n0\r\n\r\n",
            AnswerToTheEnd => b"\r\n5\r\nworld\r\n0\r\n\r\n",
            Early => return,
            _ => {
                let seen = Seen::read(&mut client, "GET");
                let seen = seen.unwrap_or_else(|| panic!("{stage:?}: no answer behind {first}"));
                assert!(seen.status == 200 && seen.is_whole, "{stage:?}: {seen:?}");
                return;
            }
        };
        let mut seen = vec![0; end.len()];
        client.read_exact(&mut seen).expect("more of an answer");
        assert_eq!(seen, end, "{stage:?}");
    }

    /// Nothing is left of a request, once its client has gone.
    fn await_rest(&self, stage: Stage) {
        if stage.is_at_node() {
            while !matches!(self.event(stage), Event::Ended) {}
        }
        self.gateway
            .await_metric("countersign_requests_in_flight 0\n");
        self.gateway.await_metric("countersign_connections 0\n");
        let until = Instant::now() + SAFETY_NET;
        loop {
            let open = self.gateway.open_descriptors();
            if open <= self.descriptors {
                return;
            }
            let known = self.descriptors;
            assert!(
                Instant::now() < until,
                "{stage:?}: {open} are open, not {known}"
            );
        }
    }
}

fn reset(stream: &TcpStream) {
    let linger = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    linger.expect("a TCP socket");
}

/// Waits for the end of what the client is sent.
fn await_end(held: &mut Held) {
    if let Err(error) = held.client.read_to_end(&mut Vec::new()) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{:?}", held.stage);
    }
}

#[test]
fn a_client_that_goes_at_any_stage_leaves_nothing() {
    let bench = Bench::start();
    for stage in STAGES {
        for resets in [false, true] {
            let held = bench.hold(stage);
            if resets {
                reset(held.client.get_ref());
            }
            drop(held);
            bench.await_rest(stage);
        }
    }
}

#[test]
fn a_node_that_goes_at_any_stage_leaves_nothing() {
    let bench = Bench::start();
    for stage in STAGES.into_iter().filter(|stage| stage.is_at_node()) {
        for resets in [false, true] {
            let mut held = bench.hold(stage);
            let node = held.node.take().expect("it has come");
            if resets {
                reset(&node);
            }
            // Whoever reads finds the end; only that of what is sent would come before a reset.
            let how = match resets && stage != Stuck {
                true => Shutdown::Read,
                false => Shutdown::Both,
            };
            node.shutdown(how).expect("it is open");
            drop(node);
            match stage {
                // It has its answer, and may send on.
                Early => {}
                NoBody | HalfBody | HalfChunks | Expecting | Silent | Interim | HalfHead => {
                    let seen = Seen::read(&mut held.client, "GET").expect("an answer");
                    assert_eq!((seen.status, seen.closes()), (502, true), "{stage:?}");
                }
                AnswerToTheEnd if !resets => {
                    let mut end = [0; 7];
                    held.client.read_exact(&mut end).expect("the last chunk");
                    assert_eq!(&end, b"\r\n0\r\n\r\n");
                }
                _ => await_end(&mut held),
            }
            drop(held);
            bench.await_rest(stage);
        }
    }
}

/// Requests that have begun go on as they began; and where the client goes then, nothing is left either.
#[test]
fn a_reload_at_any_stage_leaves_nothing() {
    let bench = Bench::start();
    let file = bench.gateway.directory().join("countersign.toml");
    let mut count = 0;
    for stage in STAGES {
        for goes_on in [false, true] {
            let held = bench.hold(stage);
            count += 1;
            let line = format!("read_timeout = \"{}s\"", 60 + count);
            let text = bench.config.clone().line("cluster", &line).text();
            std::fs::write(&file, text).expect("a file");
            bench.gateway.signal("HUP");
            let applied = format!("countersign_reloads_total{{outcome=\"applied\"}} {count}\n");
            bench.gateway.await_metric(&applied);
            if goes_on {
                bench.finish(held);
            } else {
                drop(held);
            }
            bench.await_rest(stage);
        }
    }
}

/// All stages at once: what does not end within the grace period is cut, for the client and for the node.
#[test]
fn a_stop_at_any_stage_leaves_nothing() {
    let bench = Bench::start();
    // Those of which the metrics tell first.
    let mut held: Vec<Held> = STAGES.map(|stage| bench.hold(stage)).into();
    let Bench {
        gateway, events, ..
    } = bench;
    let (status, log) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    for held in &mut held {
        await_end(held);
    }
    let at_node = STAGES.into_iter().filter(|stage| stage.is_at_node());
    let mut open: Vec<Stage> = at_node.collect();
    while !open.is_empty() {
        let (stage, event) = events.recv_timeout(SAFETY_NET).expect("an end");
        if matches!(event, Event::Ended) {
            open.retain(|other| *other != stage);
        }
    }
}
