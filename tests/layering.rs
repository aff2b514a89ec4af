//! The house rules. The map of rooms that opens `src/lib.rs` is the table: what it says is what holds.
//!
//! Every rule is shown to catch something: it must refuse the small sample beside it.

#[path = "layering/circles.rs"]
mod circles;
#[path = "layering/examples.rs"]
mod examples;
#[path = "layering/makers.rs"]
mod makers;
#[path = "layering/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};

use source::{Named, Source, files};

/// The longest file, inline tests included.
const MAX_LINES: usize = 500;

/// A line that breaks a rule, and why.
type Fault = (usize, String);

/// The rule holds in these files, refuses each of the first samples and accepts each of the second ones.
fn holds(
    files: &[Source],
    rule: impl Fn(&Source) -> Vec<Fault>,
    refused: &[(&str, &str)],
    accepted: &[(&str, &str)],
) {
    assert!(files.len() > 5, "the rule reads nothing");
    let faults: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let faults = rule(file).into_iter();
            faults.map(|(line, why)| format!("{}:{line}: {why}", file.path))
        })
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(
        !refused.is_empty(),
        "no sample shows that the rule can fail"
    );
    for (path, text) in refused {
        let faults = rule(&Source::new(path, text));
        assert!(!faults.is_empty(), "passes, but must not: {path}: {text}");
    }
    for (path, text) in accepted {
        let faults = rule(&Source::new(path, text));
        assert_eq!(faults, [], "is refused, but must pass: {path}: {text}");
    }
}

/// A fault for each path that the rule does not allow.
fn paths_that(file: &Source, why: &str, broken: impl Fn(&Named<'_>) -> bool) -> Vec<Fault> {
    let paths = file.paths();
    let broken = paths.iter().filter(|path| broken(path));
    broken
        .map(|path| (path.line, format!("{}: {why}", path.segments.join("::"))))
        .collect()
}

/// One room of the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    level: u8,
    pure: bool,
}

/// The table in the doc comment of `src/lib.rs`: `| level, and the word pure | rooms in backticks | … |`.
fn read_map(lib: &str) -> BTreeMap<String, Room> {
    let mut map = BTreeMap::new();
    for row in lib.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let mut cells = row.split(" | ");
        let (level, rooms) = (
            cells.next().unwrap_or_default(),
            cells.next().unwrap_or_default(),
        );
        let mut words = level.split(' ');
        let Some(level) = words.next().and_then(|word| word.parse().ok()) else {
            continue;
        };
        let room = Room {
            level,
            pure: words.next() == Some("pure"),
        };
        for name in rooms.split('`').skip(1).step_by(2) {
            let earlier = map.insert(name.to_owned(), room);
            assert_eq!(earlier, None, "{name} stands twice in the map");
        }
    }
    map
}

fn the_map() -> BTreeMap<String, Room> {
    read_map(include_str!("../src/lib.rs"))
}

#[test]
fn the_map_names_every_room() {
    let declared_in = |path, text| -> BTreeSet<String> {
        let lib = Source::new(path, text);
        let paths = lib.paths();
        let modules = paths.windows(2).filter(|pair| pair[0].segments == ["mod"]);
        modules.map(|pair| pair[1].segments[0].to_owned()).collect()
    };
    let pure_rooms = declared_in(
        "src/pure.rs",
        include_str!("../crates/countersign-sig/src/lib.rs"),
    );
    let mut declared = declared_in("src/lib.rs", include_str!("../src/lib.rs"));
    declared.extend(pure_rooms.iter().cloned());
    let map = the_map();
    let named: BTreeSet<String> = map.keys().cloned().collect();
    assert_eq!(named, declared, "the map and the modules of src/lib.rs");
    assert!(named.len() >= 13, "{named:?}");
    let pure = map.keys().filter(|name| map[*name].pure).cloned();
    assert_eq!(
        pure.collect::<BTreeSet<_>>(),
        pure_rooms,
        "the rooms of the pure crate"
    );

    let sample =
        read_map("//! | level | room | x |\n//! |---|---|---|\n//! | 7 pure | [`a`], `b` | y |\n");
    let room = Room {
        level: 7,
        pure: true,
    };
    assert_eq!(sample, [("a".into(), room), ("b".into(), room)].into());
}

#[test]
fn a_room_imports_only_lower_levels_and_itself() {
    let map = the_map();
    let rule = |file: &Source| {
        let Some(own) = file.room() else {
            // The binary stands above all rooms and knows one.
            return paths_that(file, "main.rs uses the command line alone", |path| {
                file.path == "src/main.rs"
                    && path.segments[0] == "countersign"
                    && path.segments.get(1) != Some(&"cli")
            });
        };
        let Some(room) = map.get(own) else {
            return vec![(1, format!("the room {own} is not on the map"))];
        };
        paths_that(file, "is not of a lower level", |path| {
            if path.before == "(" && path.after == ")" || path.before == "in" {
                return false; // pub(crate), pub(in crate::a)
            }
            path.in_crate().is_some_and(|target| match target.first() {
                None => true,
                Some(name) if *name == own => false,
                Some(name) => map.get(*name).is_none_or(|other| other.level >= room.level),
            })
        })
    };
    let refused = [
        ("src/sig/v2.rs", "use crate::gateway::start;"),
        ("src/sig/mod.rs", "fn f() { crate::credentials::f() }"),
        (
            "src/policy/mod.rs",
            "use crate::{address::Address, credentials};",
        ),
        ("src/sig/v2.rs", "use super::super::policy;"),
        ("src/metrics.rs", "mod tests { use super::super::gateway; }"),
        ("src/metrics.rs", "use super::*;"),
        ("src/error/mod.rs", "use crate::*;"),
        ("src/error/mod.rs", "use crate as everything;"),
        ("src/error/mod.rs", "use crate::nowhere;"),
        ("src/nowhere.rs", ""),
        ("src/main.rs", "use countersign::gateway;"),
    ];
    let accepted = [
        (
            "src/sig/v2.rs",
            "use crate::{address::Address, sig::AuthFailure};",
        ),
        ("src/sig/v2.rs", "mod tests { use super::super::dialect; }"),
        (
            "src/sig/v2.rs",
            "pub(crate) fn a() {} pub(in crate::sig) fn b() {}",
        ),
        (
            "src/server/run.rs",
            "// crate::cli\nuse crate::cluster::Cluster;",
        ),
    ];
    holds(&files(&["src"]), rule, &refused, &accepted);
}

#[test]
fn pure_rooms_name_no_runtime_no_clock_and_no_log() {
    let map = the_map();
    let rule = |file: &Source| {
        if !file
            .room()
            .is_some_and(|room| map.get(room).is_some_and(|room| room.pure))
        {
            return Vec::new();
        }
        let impure = |path: &Named<'_>| {
            let roots = ["pingora", "tokio", "tracing", "rand", "prometheus"];
            let parts = ["fs", "net", "io", "os", "env", "process", "thread"];
            let (first, second) = (path.segments[0], path.segments.get(1).unwrap_or(&""));
            roots.iter().any(|root| first.starts_with(root))
                || first == "std" && (parts.contains(second) || *second == "*")
                || path.has(&["crate", "clock"])
                || path.segments.contains(&"Instant")
                || ["println", "print", "eprintln", "eprint", "dbg"].contains(&first)
        };
        let mut faults = paths_that(file, "does not belong into a pure room", impure);
        let asked = file
            .tokens()
            .into_iter()
            .filter(|token| token.text == "elapsed");
        faults.extend(asked.map(|token| (token.line, "asks the clock".into())));
        faults
    };
    let refused = [
        ("src/sig/v2.rs", "use pingora_core::Result;"),
        ("src/sig/v2.rs", "fn f() { tokio::spawn(g()); }"),
        ("src/address/mod.rs", "use std::{fmt, net::Ipv6Addr};"),
        ("src/address/mod.rs", "use std::fs;"),
        ("src/secret.rs", "fn f() { tracing::info!(\"x\"); }"),
        ("src/secret.rs", "fn f() { eprintln!(\"x\"); }"),
        ("src/sig/mod.rs", "use crate::clock::Clock;"),
        ("src/sig/mod.rs", "use std::time::Instant;"),
        ("src/sig/mod.rs", "fn f() { UNIX_EPOCH.elapsed() }"),
    ];
    // The types of an IP address stand in `core` too, where there are no sockets.
    let accepted = [
        ("src/address/mod.rs", "use core::net::Ipv6Addr;"),
        ("src/sig/mod.rs", "use std::time::{Duration, SystemTime};"),
        ("src/server/run.rs", "use std::fs;"),
    ];
    holds(&files(&["src"]), rule, &refused, &accepted);
}

#[test]
fn the_clock_is_asked_in_one_room() {
    let rule = |file: &Source| {
        paths_that(
            file,
            "only clock/mod.rs asks the system for the time",
            |path| {
                let [.., owner, "now"] = path.segments[..] else {
                    return false;
                };
                owner.starts_with(char::is_uppercase) && file.path != "src/clock/mod.rs"
            },
        )
    };
    let refused = [
        ("src/sig/mod.rs", "let now = std::time::SystemTime::now();"),
        (
            "src/gateway/proxy.rs",
            "let now = tokio::time::Instant::now();",
        ),
    ];
    let accepted = [("src/gateway/admit.rs", "let now = gateway.clock.now();")];
    holds(&files(&["src"]), rule, &refused, &accepted);
}

/// Words that stand for a signature.
#[rustfmt::skip]
const SIGNATURE_WORDS: &[&str] = &["signature", "signatures", "mac", "hmac", "digest", "provided", "computed"];

/// The lower-case words of the operand beside a comparison: `self.provided.text()` in `self.provided.text() == other`.
fn operand<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let belongs = |text: &&str| {
        ["::", ".", "(", ")", "&", "*", "?"].contains(text)
            || text.starts_with(|c: char| c == '_' || c.is_alphanumeric())
    };
    texts
        .take_while(belongs)
        .take_while(|text| !["if", "while", "let", "match", "return", "assert"].contains(text))
        .flat_map(|text| text.split('_'))
        .collect()
}

#[test]
fn k1_signatures_are_compared_in_one_place_and_in_constant_time() {
    let home = "src/sig/encode.rs";
    let rule = |file: &Source| {
        let tokens = file.tokens();
        let names_one = |words: Vec<&str>| words.iter().any(|word| SIGNATURE_WORDS.contains(word));
        let mut faults = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            let left = || operand(tokens[..at].iter().rev().map(|token| token.text));
            let right = || operand(tokens[at + 1..].iter().map(|token| token.text));
            let compares = match token.text {
                "==" | "!=" => names_one(left()) || names_one(right()),
                "eq" | "ne" | "cmp" => names_one(left()),
                _ => false,
            };
            if compares {
                faults.push((token.line, "compares a signature in variable time".into()));
            }
            if token.text.starts_with("ct_") && file.path != home {
                faults.push((token.line, format!("{home} has the one comparison")));
            }
        }
        // Derived equality takes as long as the two are alike.
        let derives = tokens.split(|token| token.text == "derive").skip(1);
        for item in derives {
            let equal = item.iter().take_while(|token| token.text != "]");
            let equal = equal.filter(|token| token.text == "PartialEq").count() > 0;
            let name = item
                .iter()
                .skip_while(|token| !["struct", "enum"].contains(&token.text))
                .nth(1);
            let secret = |name: &str| {
                ["Signature", "Secret", "Mac"]
                    .iter()
                    .any(|end| name.ends_with(end))
            };
            if let Some(name) = name.filter(|name| equal && secret(name.text)) {
                faults.push((name.line, format!("{} derives PartialEq", name.text)));
            }
        }
        faults
    };
    let refused = [
        ("src/sig/mod.rs", "if signature == other { }"),
        (
            "src/sig/mod.rs",
            "let equal = other != self.provided.text();",
        ),
        (
            "src/sig/mod.rs",
            "let equal = computed_mac.as_slice() == bytes;",
        ),
        ("src/sig/mod.rs", "provided.text().eq(other)"),
        ("src/gateway/admit.rs", "let equal = a.ct_eq(b);"),
        (
            "src/sig/encode.rs",
            "#[derive(Debug, PartialEq)]\npub struct ProvidedSignature;",
        ),
    ];
    let accepted = [
        (
            "src/sig/presigned.rs",
            "name == mechanism::SIGNATURE || name == EXPIRES",
        ),
        ("src/sig/mod.rs", "if a == b { signature() }"),
        (
            "src/sig/mod.rs",
            "#[derive(Debug)] struct ASignature; #[derive(PartialEq)] struct B;",
        ),
        (home, "let equal = computed.ct_eq(&provided);"),
    ];
    let sources = files(&["src"]);
    holds(&sources, rule, &refused, &accepted);
    let compared: usize = sources
        .iter()
        .map(|file| {
            file.tokens()
                .iter()
                .filter(|token| token.text == "ct_eq")
                .count()
        })
        .sum();
    assert_eq!(compared, 1, "the one comparison");
}

#[test]
fn no_file_is_longer_than_can_be_read() {
    let rule = |file: &Source| {
        let lines = file.text.lines().count();
        Vec::from_iter((lines > MAX_LINES).then(|| (lines, format!("more than {MAX_LINES} lines"))))
    };
    let (long, full) = ("\n".repeat(MAX_LINES + 1), "\n".repeat(MAX_LINES));
    let (refused, accepted) = ([("src/a.rs", long.as_str())], [("src/a.rs", full.as_str())]);
    holds(
        &files(&["src", "tests", "benches"]),
        rule,
        &refused,
        &accepted,
    );
}

#[test]
fn an_exception_to_a_lint_has_a_reason() {
    let rule = |file: &Source| {
        let tokens = file.tokens();
        let attributes = tokens.split(|token| token.text == "#").skip(1);
        let excepted = attributes.filter_map(|after| {
            let inside = || after.iter().take_while(|token| token.text != "]");
            let exception = inside().find(|token| ["allow", "expect"].contains(&token.text))?;
            let reason = inside().any(|token| token.text == "reason");
            (!reason).then(|| (exception.line, "say why: reason = \"…\"".to_owned()))
        });
        excepted.collect()
    };
    let refused = [
        ("src/a.rs", "#[allow(dead_code)]\nfn f() {}"),
        ("src/a.rs", "#![cfg_attr(test, allow(missing_docs))]"),
        ("tests/a.rs", "#[expect(unused)]\nfn f() {}"),
    ];
    let accepted = [(
        "src/a.rs",
        "#[allow(dead_code, reason = \"b\")]\n#[derive(Debug)]\nstruct A;",
    )];
    holds(
        &files(&["src", "tests", "benches"]),
        rule,
        &refused,
        &accepted,
    );
}

#[test]
fn tests_await_events_and_never_sleep() {
    let rule = |file: &Source| {
        paths_that(file, "a test waits for an event, not for a time", |path| {
            let in_test = file.path.starts_with("tests/") || path.modules.contains(&"tests");
            let last = path.segments.last().unwrap_or(&"");
            in_test && (last.starts_with("sleep") || *last == "park_timeout")
        })
    };
    let refused = [
        ("tests/a.rs", "use std::thread::sleep;"),
        ("tests/a.rs", "tokio::time::sleep(second).await;"),
        (
            "src/logs.rs",
            "mod tests { fn f() { std::thread::sleep(second); } }",
        ),
        ("src/error/tests.rs", "std::thread::sleep(second);"),
    ];
    let accepted = [("src/server/run.rs", "tokio::time::sleep(second).await;")];
    holds(&files(&["src", "tests"]), rule, &refused, &accepted);
}

#[test]
fn a_tests_signer_shares_nothing_with_the_verifier() {
    let rule = |file: &Source| {
        let mut faults = paths_that(file, "the library's signer proves nothing here", |path| {
            path.has(&["sig", "signer"])
                || ["sign_v2", "sign_header", "sign_query"]
                    .contains(path.segments.last().unwrap_or(&""))
        });
        let signs = file.paths().iter().any(|path| path.segments[0] == "hmac");
        if signs {
            faults.extend(paths_that(
                file,
                "a signer of a test knows nothing of src/",
                |path| path.segments[0] == "countersign",
            ));
        }
        faults
    };
    let refused = [
        (
            "tests/a.rs",
            "use hmac::Hmac;\nuse countersign::sig::claim;",
        ),
        ("tests/a.rs", "use countersign::sig::signer::Unsigned;"),
        ("tests/a.rs", "fn f() { sign_v2(&secret, &text); }"),
    ];
    let accepted = [(
        "tests/a.rs",
        "use countersign::sig::claim;\nuse support::signer;",
    )];
    holds(&files(&["tests"]), rule, &refused, &accepted);

    // What it does not depend on it cannot use.
    let manifest = include_str!("support/Cargo.toml");
    let (_, dependencies) = manifest.split_once("\n[dependencies]\n").expect("some");
    assert!(dependencies.contains("\nhmac"), "{dependencies}");
    assert!(!dependencies.contains("\ncountersign"), "{dependencies}");
}
