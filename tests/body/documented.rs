//! `docs/bodies.md` says what is answered: its tables against the code's own.

use std::collections::BTreeMap;

use countersign::body::{BodyOptions, MAX_HELD};

const DOCUMENT: &str = include_str!("../../docs/bodies.md");
/// What every refusal answers: `src/error` holds this file to the code.
const ANSWERS: &str = include_str!("../golden/refusals.txt");

/// The cells of the table's rows that begin with this.
fn rows(start: &str) -> Vec<Vec<&'static str>> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with(start));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn every_failure_is_documented_with_its_answers() {
    let mut answered: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    let lines: Vec<&str> = ANSWERS.lines().collect();
    for pair in lines.windows(2) {
        let Some(failure) = pair[0].strip_prefix("Body(") else {
            continue;
        };
        let end = failure
            .find(|c: char| !c.is_alphanumeric())
            .expect("a bracket");
        let words: Vec<&str> = pair[1].split_whitespace().collect();
        let answers = answered.entry(&failure[..end]).or_default();
        answers.insert(words[0], format!("{} {}", words[1], words[2]));
    }
    let rows = rows("| `");
    let failures: Vec<_> = rows.iter().filter(|row| row.len() == 4).collect();
    assert_eq!(failures.len(), answered.len());
    assert_eq!(failures.len(), 25);
    for row in failures {
        let name = row[0].trim_matches('`');
        let answers = answered
            .get(name)
            .unwrap_or_else(|| panic!("{name} is no failure"));
        assert_eq!(
            (row[2], row[3]),
            (answers["aws"].as_str(), answers["wos"].as_str()),
            "{name}"
        );
    }
}

#[test]
fn the_limits_are_the_documented_ones() {
    let documented = |start: &str, value: u64, unit: (&str, u64)| {
        let rows = rows(&format!("| {start}"));
        let [row] = rows.as_slice() else {
            panic!("{start}: {rows:?}")
        };
        assert!(
            row[1].ends_with(&format!("{} {}", value / unit.1, unit.0)),
            "{row:?}"
        );
        assert_eq!(value % unit.1, 0);
    };
    let (kib, mib, gib) = (("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30));
    documented("withheld data", MAX_HELD as u64, kib);
    let options = BodyOptions::default();
    documented("data of one body", options.max_body, gib);
    documented("a chunk that", options.min_chunk, kib);
    documented("a signed chunk |", options.max_signed_chunk, mib);
}
