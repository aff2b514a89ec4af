//! Sends the combinations, and compares.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::thread;
use std::time::Instant;

use crate::Kind;
use crate::combination::Combination;
use crate::model::{Node, Verdict, verdict, words};
use crate::requests::{BUCKET, Sent, write};
use crate::resigned::{self, sign_with};
use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec, Recorded};
use support::signer::Word;
use support::wire::{Connection, Response};

/// How many gateways are asked at a time.
const LANES: usize = 3;
/// How many sorts of failures are shown.
const SHOWN: usize = 12;
/// The field that the gateway gives its own id to the node in.
const ID_FIELD: &str = "x-countersign-request-id";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    Trusted,
    Passthrough,
    /// Signed anew, with this version.
    ResignV2,
    ResignV4,
}

/// A combination that did not come out as the model says.
struct Failure {
    combination: Combination,
    what: String,
    request: String,
}

impl Failure {
    fn of(combination: Combination, what: String, sent: &Sent) -> Self {
        let text = String::from_utf8_lossy(&sent.bytes);
        let request = text
            .lines()
            .take_while(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n");
        Self {
            combination,
            what,
            request,
        }
    }
}

/// What the node has seen, by the id that the gateway gives a request.
struct Log {
    rec: Rec,
    /// The end of what came last, in case that an id stands across two readings.
    tail: Vec<u8>,
    /// The ids whose field the node has seen, and those whose message it has seen to the end.
    begun: BTreeSet<String>,
    complete: BTreeSet<String>,
}

impl Log {
    fn of(rec: Rec) -> Self {
        Self {
            rec,
            tail: Vec::new(),
            begun: BTreeSet::new(),
            complete: BTreeSet::new(),
        }
    }

    /// Takes over what the node has recorded.
    fn note(&mut self) -> Vec<Recorded> {
        let (bytes, requests) = self.rec.take();
        self.tail.extend_from_slice(&bytes);
        let text = String::from_utf8_lossy(&self.tail);
        for (at, field) in text.match_indices(ID_FIELD) {
            let rest = &text[at + field.len()..];
            if let Some(id) = rest.get(2..34) {
                self.begun.insert(id.into());
            }
        }
        let keep = self.tail.len().saturating_sub(ID_FIELD.len() + 34);
        self.tail.drain(..keep);
        for request in &requests {
            self.complete
                .extend(request.header(ID_FIELD).map(Into::into));
        }
        requests
    }
}

/// One gateway, its node, and the client's connection.
struct Lane {
    forward: Forward,
    log: Log,
    gateway: Gateway,
    client: Connection,
    /// What the model says of every refused request, by the gateway's id.
    refused: BTreeMap<String, (Combination, Node)>,
    /// The ids of the requests that the node has got, as the client was told.
    served: Vec<String>,
    failures: Vec<Failure>,
}

impl Lane {
    fn start(forward: Forward) -> Self {
        let rec = Rec::start(Answer::Ok);
        let mode = match forward {
            Forward::Trusted => "trusted",
            Forward::Passthrough => "passthrough",
            Forward::ResignV2 | Forward::ResignV4 => "resign",
        };
        let cluster = format!(
            "[[cluster]]\nname = \"main\"\ndialect = \"aws\"\nnodes = [\"{}\"]\nforward = \"{mode}\"\n{}",
            rec.address(),
            sign_with(forward)
        );
        let config = Config::new(rec.address())
            .section("cluster", &cluster)
            .section(
                "signature",
                "[signature]\nversions = [\"v2\", \"v4\"]\nregion = \"us-east-1\"\n",
            )
            .section("log", "[log]\nlevel = \"error\"\nformat = \"text\"\n");
        let gateway = Gateway::start(&config);
        let client = gateway.connect();
        Self {
            forward,
            log: Log::of(rec),
            gateway,
            client,
            refused: BTreeMap::new(),
            served: Vec::new(),
            failures: Vec::new(),
        }
    }

    fn run(mut self, combinations: Vec<Combination>) -> Vec<Failure> {
        for combination in combinations {
            let sent = write(&combination);
            if let Err(what) = self.check(&combination, &sent) {
                self.fail(combination, what, &sent);
            }
        }
        self.finish()
    }

    fn fail(&mut self, combination: Combination, what: String, sent: &Sent) {
        self.failures.push(Failure::of(combination, what, sent));
        // Whatever happened, it happened on that connection.
        self.client = self.gateway.connect();
    }

    fn check(&mut self, combination: &Combination, sent: &Sent) -> Result<(), String> {
        let mut verdict = verdict(combination);
        if self.forward == Forward::Passthrough && verdict.node == Node::Plain {
            // The form itself goes on, and the node answers it: here with a 200.
            verdict.status = 200;
        }
        self.client.send(&sent.bytes);
        let response = self.client.try_receive(combination.operation.method);
        let response = response.map_err(|error| format!("no answer: {error}"))?;
        let id = request_id(&response).ok_or("no request id")?;
        let seen = self.log.note();
        if verdict.node != Node::Plain {
            let own = (combination.clone(), verdict.node);
            self.refused.insert(id, own);
            compare(combination, verdict, &response)?;
        } else {
            compare(combination, verdict, &response)?;
            let mut of_it = seen.iter().filter(|own| own.header(ID_FIELD) == Some(&id));
            let (Some(one), None) = (of_it.next(), of_it.next()) else {
                return Err("the node did not get one complete message".into());
            };
            self.compare_node(combination, sent, one)?;
            self.served.push(id);
        }
        if response.header("connection") == Some("close") {
            if !self.client.closes() {
                return Err("the connection goes on".into());
            }
            self.client = self.gateway.connect();
        }
        Ok(())
    }

    /// What the node has to see of the target: no credentials, and where the gateway or version 2 signs it so, a bucket alone
    /// as `/bucket/`.
    fn node_target(&self, kind: Kind, sent: &Sent) -> String {
        let signs = match self.forward {
            Forward::ResignV2 | Forward::ResignV4 => true,
            Forward::Trusted => matches!(kind, Kind::V2Header | Kind::V2Query),
            Forward::Passthrough => false,
        };
        let (path, query) = match sent.target.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (sent.target.as_str(), String::new()),
        };
        let slash = if signs && path == format!("/{BUCKET}") {
            "/"
        } else {
            ""
        };
        format!("{path}{slash}{query}")
    }

    fn compare_node(
        &self,
        combination: &Combination,
        sent: &Sent,
        seen: &Recorded,
    ) -> Result<(), String> {
        let plain = self.forward != Forward::Passthrough;
        let body = if plain { &sent.data } else { &sent.body };
        if seen.body != *body {
            let (got, wanted) = (seen.body.len(), body.len());
            return Err(format!(
                "the node got another body: {got} bytes, not {wanted}"
            ));
        }
        let target = self.node_target(combination.kind, sent);
        if plain && seen.target() != target {
            return Err(format!("the node got {}, not {target}", seen.target()));
        }
        let framed = [
            "content-encoding",
            "x-amz-decoded-content-length",
            "x-amz-trailer",
        ];
        let left = framed.iter().find(|name| seen.header(name).is_some());
        if let Some(name) = left.filter(|_| plain && combination.payload.mode.is_chunked()) {
            return Err(format!("the node got {name} with a plain body"));
        }
        resigned::check(self.forward, seen)
    }

    /// Once the gateway has stopped, nothing more comes to the node: what it has got by then of a refused request is all.
    fn finish(self) -> Vec<Failure> {
        let Self {
            gateway,
            client,
            mut log,
            mut failures,
            ..
        } = self;
        drop(client);
        let (status, text) = gateway.stop();
        assert!(status.success(), "{status}: {text}");
        log.rec.await_closed(log.rec.connections());
        log.note();
        let lost = self.served.iter().find(|id| !log.begun.contains(*id));
        assert_eq!(lost, None, "the ids are not read as they are written");
        for (id, (combination, node)) in self.refused {
            let what = match node {
                _ if log.complete.contains(&id) => "the node got a complete message",
                Node::Nothing if log.begun.contains(&id) => "the node got a part of it",
                _ => continue,
            };
            failures.push(Failure::of(
                combination.clone(),
                what.into(),
                &write(&combination),
            ));
        }
        failures
    }
}

/// The gateway's id, in whosever words.
fn request_id(response: &Response) -> Option<String> {
    let ids = Word::BOTH.map(|word| format!("{}request-id", word.header_prefix()));
    let id = ids.iter().find_map(|name| response.header(name));
    id.map(Into::into)
}

/// The client is told what the model says, in the words that the model says.
fn compare(combination: &Combination, verdict: Verdict, response: &Response) -> Result<(), String> {
    let code = response.element("Code");
    let silent = combination.operation.method == "HEAD";
    if response.status != verdict.status || (!silent && code.as_deref() != verdict.code) {
        let text = response.text();
        return Err(format!("{} {code:?}: {text}", response.status));
    }
    let id = words(combination).map(|word| format!("{}request-id", word.header_prefix()));
    if id.is_some_and(|name| response.header(&name).is_none()) {
        return Err("the answer is in other words".into());
    }
    Ok(())
}

/// Sends them all, and shows the first that come out in another way.
pub fn all(forward: Forward, combinations: Vec<Combination>) {
    let started = Instant::now();
    let count = combinations.len();
    let mut lanes: Vec<Vec<Combination>> = vec![Vec::new(); LANES];
    for (at, combination) in combinations.into_iter().enumerate() {
        lanes[at % LANES].push(combination);
    }
    let running: Vec<_> = lanes
        .into_iter()
        .map(|lane| thread::spawn(move || Lane::start(forward).run(lane)))
        .collect();
    let mut failures = Vec::new();
    for lane in running {
        failures.extend(lane.join().expect("a lane does not panic"));
    }
    println!(
        "{count} combinations in {:?}, {} failures",
        started.elapsed(),
        failures.len()
    );
    assert!(
        failures.is_empty(),
        "{} of {count}:\n{}",
        failures.len(),
        shown(&failures)
    );
}

/// One failure of each sort, with their number.
fn shown(failures: &[Failure]) -> String {
    let mut sorts: BTreeMap<_, (usize, &Failure)> = BTreeMap::new();
    for failure in failures {
        let own = &failure.combination;
        let got: String = failure.what.chars().take(40).collect();
        let sort = (own.kind, verdict(own), got);
        sorts.entry(sort).or_insert((0, failure)).0 += 1;
    }
    let mut text = format!("{} sorts\n", sorts.len());
    for (count, failure) in sorts.values().take(SHOWN) {
        let Failure {
            combination,
            what,
            request,
        } = failure;
        let verdict = verdict(combination);
        let _ = writeln!(
            text,
            "{count} × {combination:?}\n  {verdict:?}\n  {what}\n{request}\n"
        );
    }
    text
}
