//! Mutants of signed requests: whatever is changed on the wire, a node gets what was signed or nothing.
//!
//! A bounded run is a part of `cargo test`. More of them, and other ones:
//!
//! ```sh
//! MUTANTS=100000 MUTANTS_SEED=1 cargo test --test mutants -- --nocapture
//! ```
//!
//! Each original is served first, and what a node reads in it is its meaning, once for a node that decodes names and reads a
//! `+` as a blank, and once for one that does neither. A mutant that a node gets as a whole has to mean the same to both. In
//! `passthrough` a node verifies for itself: another meaning counts there where the signature holds in that reading, or where
//! it held for the original in none.

mod meaning;
mod mutate;
mod node;
mod originals;
mod words;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use meaning::{Meaning, Reading};
use originals::{Kind, Original};
use support::dice::Dice;
use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec, Recorded};
use support::signer::{DOMAIN, Word};
use support::verifier::NodeSide;
use support::wire::Connection;

/// Mutants of a usual run.
const USUAL: usize = 3200;
/// Gateways of each kind at once: most of the time of a mutant is waiting.
const OF_A_KIND: usize = 2;
/// Mutants between two signings, so that no date grows old.
const A_ROUND: usize = 1000;
/// Findings that are printed.
const SHOWN: usize = 20;
/// How long a gateway waits for the rest of a request that has lost it.
const PATIENCE: &str = "header_timeout = \"250ms\"\nbody_timeout = \"250ms\"";
const NODE_KEY: &str = "GATEWAYATTHENODES";
const NODE_SECRET: &str = "the+gateway/has%another=secret";

/// How the gateway forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    Trusted,
    ResignV4,
    ResignV2,
    Passthrough,
}

const MODES: [Mode; 4] = [
    Mode::Trusted,
    Mode::ResignV4,
    Mode::ResignV2,
    Mode::Passthrough,
];

impl Mode {
    fn gateway(self, node: &str) -> Gateway {
        let forward = match self {
            Self::Trusted => "forward = \"trusted\"".to_owned(),
            Self::Passthrough => "forward = \"passthrough\"".to_owned(),
            Self::ResignV4 | Self::ResignV2 => {
                let version = if self == Self::ResignV2 {
                    "version = \"v2\""
                } else {
                    "version = \"v4\", region = \"eu-test-1\""
                };
                format!(
                    "forward = \"resign\"\nsign_with = {{ dialect = \"aws\", {version}, access_key_id = \"{NODE_KEY}\", \
                     secret_access_key = \"{NODE_SECRET}\" }}"
                )
            }
        };
        let cluster = format!(
            "[[cluster]]\nname = \"main\"\ndialect = \"aws\"\nnodes = [\"{node}\"]\n{forward}\n"
        );
        let config = Config::new(node)
            .line("listener", PATIENCE)
            .section("cluster", &cluster);
        Gateway::start(&config)
    }
}

/// What became of the mutants.
#[derive(Debug, Default)]
struct Count {
    mutants: usize,
    /// Served with the meaning of the original.
    same: usize,
    /// Served in `passthrough` with another meaning in one reading, in which the signature does not hold: such a node
    /// refuses it.
    unverified: usize,
    /// Originals that were served, over all gateways of this kind.
    originals: usize,
    /// By status and code. An answer to HEAD has no code.
    answers: BTreeMap<String, usize>,
    findings: Vec<String>,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.mutants += other.mutants;
        self.same += other.same;
        self.unverified += other.unverified;
        self.originals += other.originals;
        self.findings.extend(other.findings);
        for (answer, count) in other.answers {
            *self.answers.entry(answer).or_default() += count;
        }
    }

    fn answered(&self, word: &str) -> usize {
        let found = self
            .answers
            .iter()
            .filter(|(answer, _)| answer.contains(word));
        found.map(|(_, count)| count).sum()
    }
}

/// An original and what the nodes read in it.
struct Known {
    original: Original,
    meanings: [Meaning; 2],
    /// Whether the signature holds for a node of that reading.
    verified: [bool; 2],
}

struct Worker {
    mode: Mode,
    rec: Rec,
    gateway: Gateway,
    dice: Dice,
    count: Count,
}

impl Worker {
    fn new(mode: Mode, seed: u64) -> Self {
        let rec = Rec::start(Answer::Ok);
        Self {
            mode,
            gateway: mode.gateway(rec.address()),
            rec,
            dice: Dice(seed),
            count: Count::default(),
        }
    }

    /// Sends bytes and gives the answer's status and code, and every request that the node has got as a whole.
    fn send(&mut self, bytes: &[u8]) -> (String, Vec<Recorded>) {
        let head = bytes.trim_ascii_start().starts_with(b"HEAD ");
        let mut connection = Connection::open(self.gateway.address());
        connection.send(bytes);
        let answer = loop {
            match connection.try_receive(if head { "HEAD" } else { "GET" }) {
                Ok(response) if response.status == 100 => {}
                Ok(response) => {
                    let code = response.element("Code").unwrap_or_default();
                    break format!("{} {code}", response.status).trim().to_owned();
                }
                Err(_) => break "none".into(),
            }
        };
        connection.finish_sending();
        connection.drain();
        (answer, self.rec.take().1)
    }

    /// The same for an original. Where the machine has no time the gateway's patience ends: it is sent again.
    fn served(&mut self, bytes: &[u8]) -> (String, Vec<Recorded>) {
        let tries = (0..10).map(|_| self.send(bytes));
        let mut tries = tries.skip_while(|(answer, _)| answer.starts_with("408"));
        tries.next().unwrap_or_else(|| ("408".into(), Vec::new()))
    }

    /// The originals that are served here, with their meaning.
    fn originals(&mut self) -> Vec<Known> {
        let mut known = Vec::new();
        for original in originals::all() {
            let (answer, requests) = self.served(&original.bytes);
            // What was signed is what is meant, whatever was sent.
            let signed = original.signed.clone().map(|bytes| self.served(&bytes).1);
            if let ([_], [meant]) = (
                &requests[..],
                &signed.unwrap_or_else(|| requests.clone())[..],
            ) {
                known.push(Known {
                    meanings: Reading::BOTH.map(|reading| Meaning::of(&original, meant, reading)),
                    verified: self.verified(&original, meant),
                    original,
                });
            } else if !original.optional && self.mode != Mode::ResignV2 {
                let finding = format!(
                    "{:?}: the original {} is refused: {answer}\n{}",
                    self.mode,
                    original.name,
                    shown(&original.bytes)
                );
                self.count.findings.push(finding);
            }
        }
        self.count.originals = known.len();
        known
    }

    fn verified(&self, original: &Original, recorded: &Recorded) -> [bool; 2] {
        let verifies = self.mode == Mode::Passthrough && original.kind != Kind::Form;
        Reading::BOTH.map(|reading| verifies && node::verifies(original.word, recorded, reading))
    }

    fn round(&mut self, mutants: usize) {
        let known = self.originals();
        let mut last = &known[0];
        for _ in 0..mutants {
            let one = &known[self.dice.below(known.len())];
            let bytes = mutate::mutant(&mut self.dice, &one.original.bytes);
            let (answer, requests) = self.send(&bytes);
            self.count.mutants += 1;
            for recorded in &requests {
                // An original that stood behind the last mutant was still on its way when the client had its first answer.
                let judged = self.judge(one, recorded);
                if let Err(why) = judged.or_else(|why| self.judge(last, recorded).map_err(|_| why))
                {
                    let finding = format!(
                        "{:?}, {}, answered {answer}: {why}\n--- original\n{}\n--- mutant\n{}\n--- the node got\n{}{}",
                        self.mode,
                        one.original.name,
                        shown(&one.original.bytes),
                        shown(&bytes),
                        shown(&recorded.head.raw),
                        shown(&recorded.body)
                    );
                    self.count.findings.push(finding);
                }
            }
            *self.count.answers.entry(answer).or_default() += 1;
            last = one;
        }
    }

    fn judge(&mut self, known: &Known, recorded: &Recorded) -> Result<(), String> {
        if self.mode == Mode::Trusted {
            for (name, value) in [
                ("x-countersign-principal", "alice"),
                (
                    "x-countersign-access-key-id",
                    support::signer::ACCESS_KEY_ID,
                ),
            ] {
                if recorded.head.all(name) != [value] {
                    return Err(format!("{name}: {:?}", recorded.head.all(name)));
                }
            }
        }
        if matches!(self.mode, Mode::ResignV4 | Mode::ResignV2) {
            let node = NodeSide {
                word: Word::Aws,
                access_key_id: NODE_KEY.into(),
                secret_access_key: NODE_SECRET.into(),
                region: "eu-test-1".into(),
                domain: DOMAIN.into(),
            };
            let read = catch_unwind(AssertUnwindSafe(|| node.reads(recorded)));
            read.map_err(|_| "the node's verifier refuses it".to_owned())?;
        }
        let verified = self.verified(&known.original, recorded);
        let mut same = true;
        for (at, reading) in Reading::BOTH.into_iter().enumerate() {
            let meaning = Meaning::of(&known.original, recorded, reading);
            if meaning != known.meanings[at] {
                same = false;
                // A node that verifies refuses what it reads otherwise, if it took the original at all.
                if verified[at] || !known.verified[at] {
                    return Err(format!(
                        "read as {reading:?}:\n  {:?}\n  {meaning:?}",
                        known.meanings[at]
                    ));
                }
            }
        }
        if same {
            self.count.same += 1
        } else {
            self.count.unverified += 1
        }
        Ok(())
    }
}

fn shown(bytes: &[u8]) -> String {
    let text = bytes[..bytes.len().min(4000)].escape_ascii().to_string();
    text.replace("\\r\\n", "\\r\\n\n")
}

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number"))
    })
}

#[test]
fn l2_no_mutant_of_a_signed_request_means_something_else() {
    let (mutants, seed) = (number("MUTANTS", USUAL), number("MUTANTS_SEED", 1));
    let workers = MODES.len() * OF_A_KIND;
    let share = mutants.div_ceil(workers);
    let counts: Vec<(Mode, Count)> = thread::scope(|scope| {
        let started: Vec<_> = (0..workers)
            .map(|at| {
                scope.spawn(move || {
                    let mode = MODES[at % MODES.len()];
                    let start = (seed * workers + at + 1) as u64;
                    let mut worker = Worker::new(mode, start.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                    let mut left = share;
                    while left > 0 {
                        worker.round(left.min(A_ROUND));
                        left -= left.min(A_ROUND);
                    }
                    (mode, worker.count)
                })
            })
            .collect();
        started
            .into_iter()
            .map(|one| one.join().expect("a worker ends"))
            .collect()
    });
    let mut modes: BTreeMap<Mode, Count> = BTreeMap::new();
    for (mode, count) in counts {
        modes.entry(mode).or_default().add(count);
    }
    let mut findings = Vec::new();
    println!("MUTANTS_SEED={seed}");
    for (mode, count) in &mut modes {
        findings.append(&mut count.findings);
        println!("{mode:?}: {count:?}");
        // What is refused for its signature was worth asking; what is accepted shows that mutants get so far.
        let refused = count.answered("SignatureDoesNotMatch");
        assert!(
            refused > count.mutants / 10,
            "{mode:?}: {refused} refused by signature"
        );
        assert!(
            count.same > count.mutants / 20,
            "{mode:?}: {} accepted",
            count.same
        );
    }
    let all = findings.len();
    findings.truncate(SHOWN);
    assert!(
        all == 0,
        "MUTANTS_SEED={seed}: {all} findings\n{}",
        findings.join("\n\n")
    );
}
