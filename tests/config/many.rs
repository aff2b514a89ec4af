//! Threat L11: a file with very many keys, names, nodes or faults takes as long as it is long, and no longer.

use std::fmt::Write;

use countersign::config::Settings;
use countersign::credentials::InlineStore;

use super::{FILE, parse};

/// Small enough for a debug build, and large enough that a search through all earlier ones would be most of the time.
const FEW: usize = 500;
/// How many files with few are held against one file with as many as they have together.
const FILES: usize = 20;
/// How many times as long the one file may take. With a search through all earlier ones it takes at least three times
/// as long.
const LONGER: u64 = 2;

/// A configuration with `count` keys; `change` may write a key in another way.
fn with_keys(count: usize, further: &str, cluster: &str, key: impl Fn(usize) -> String) -> String {
    let mut text = format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n{further}\n\
         [[cluster]]\nname = \"main\"\nnodes = [\"127.0.0.1:9000\"]\n{cluster}\n"
    );
    for at in 0..count {
        let _ = writeln!(text, "[[credentials.key]]\n{}", key(at));
    }
    text
}

fn key(at: usize) -> String {
    format!("access_key_id = \"AKID{at:016}\"\nsecret_access_key = \"secret of {at}\"")
}

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    let items: Vec<String> = (0..count).map(|at| format!("{:?}", item(at))).collect();
    items.join(", ")
}

/// Each kind of setting of which there may be very many, `count` times.
fn kinds(count: usize) -> Vec<(&'static str, String)> {
    let name = |at: usize| format!("b{at}.example");
    let names = list(count, name);
    let node = |at: usize| format!("10.{}.{}.{}:9000", at >> 16, (at >> 8) & 255, at & 255);
    let mut node_keys = String::from(
        "forward = \"resign\"\nsign_with = { access_key_id = \"g\", secret_access_key = \"s\" }\n",
    );
    for at in 0..count {
        let own = format!("access_key_id = \"n{at}\"\nsecret_access_key = \"s\"");
        let _ = writeln!(
            node_keys,
            "[[cluster.node_keys]]\nclient = \"AKID{at:016}\"\n{own}"
        );
    }
    let one = |further: &str| with_keys(1, further, "", key);
    vec![
        ("keys", with_keys(count, "", "", key)),
        ("node keys", with_keys(count, "", &node_keys, key)),
        ("domains", one(&format!("domains = [{names}]"))),
        (
            "custom domains",
            one(&format!("custom_domains = [{names}]")),
        ),
        (
            "domains of a key",
            with_keys(1, &format!("domains = [{names}]"), "", |at| {
                format!("{}\ndomains = [{names}]", key(at))
            }),
        ),
        (
            "a domain for each key",
            with_keys(count, &format!("domains = [{names}]"), "", |at| {
                format!("{}\ndomains = [{:?}]", key(at), name(at))
            }),
        ),
        (
            "nodes",
            one("").replace("\"127.0.0.1:9000\"", &list(count, node)),
        ),
        (
            "faults, each on its line",
            with_keys(count, "", "", |at| format!("{}\nprincipal = \"\"", key(at))),
        ),
        (
            "faults on one line",
            one(&format!("domains = [{}]", list(2 * count, |_| "-".into()))),
        ),
        (
            "unknown keys",
            with_keys(1, "", "", |at| {
                let unknown: String = (0..count).map(|at| format!("x{at} = 1\n")).collect();
                format!("{}\n{unknown}", key(at))
            }),
        ),
    ]
}

/// The processor time of this thread so far, in nanoseconds (proc(5), `schedstat`). What else the machine does is no part
/// of it.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// What a gateway does with a file at its start, and `check` with it; gives the processor time that it takes.
fn load(text: &str) -> u64 {
    let start = processor_time();
    match parse(text) {
        Ok(settings) => {
            let store = InlineStore::new(&settings.keys);
            let printed = settings.to_toml();
            drop((store, printed));
        }
        Err(errors) => drop(errors),
    }
    processor_time() - start
}

#[test]
fn l11_time_grows_with_the_length_of_the_file() {
    for ((kind, few), (_, many)) in kinds(FEW).into_iter().zip(kinds(FILES * FEW)) {
        let each: u64 = (0..FILES).map(|_| load(&few)).sum();
        let one = load(&many);
        assert!(
            one < LONGER * each,
            "{kind}: {FILES} files take {each} ns, one as long as all of them takes {one} ns"
        );
    }
}

#[test]
fn l11_every_one_of_very_many_is_read() {
    for (kind, text) in kinds(FEW) {
        match parse(&text) {
            Ok(settings) => {
                let counts = [
                    settings.keys.len(),
                    settings.listeners[0].hosts.domains.len(),
                    settings.listeners[0].hosts.custom_domains.len(),
                    settings.cluster.nodes.len(),
                ];
                assert!(counts.contains(&FEW), "{kind}: {counts:?}");
            }
            Err(errors) => assert_eq!(errors.lines().count() % FEW, 0, "{kind}"),
        }
    }
}

/// The last of very many is held against the first.
#[test]
fn l11_a_key_that_stands_twice_among_very_many_is_found() {
    let last = FEW - 1;
    let text = with_keys(FEW, "", "", |at| key(at % last));
    let line = text.lines().count() - 1;
    assert_eq!(
        parse(&text).unwrap_err(),
        format!(
            "{FILE}:{line}:17: credentials.key[{last}].access_key_id: is the same id as \
             credentials.key[0].access_key_id; remove one"
        )
    );
}

#[test]
fn l11_each_of_very_many_faults_has_its_place() {
    let text = with_keys(FEW, "", "", |at| format!("{}\nprincipal = \"\"", key(at)));
    let errors = Settings::parse(&text, std::path::Path::new(FILE)).unwrap_err();
    let lines = text.lines().enumerate();
    let wrong = lines.filter(|(_, line)| line.starts_with("principal"));
    let expected: Vec<(usize, usize)> = wrong.map(|(at, _)| (at + 1, 13)).collect();
    let positions = errors.faults().iter().map(|fault| fault.position.unwrap());
    let found: Vec<(usize, usize)> = positions.map(|at| (at.line, at.column)).collect();
    assert_eq!(found, expected);
}
