//! How long does a configuration with very many keys take to load, and is the time linear in their number?
//!
//! - `load`: a start or a reload: reads the file and prepares its keys for verification.
//! - `check`: `countersign check`: reads the file and prints it.
//! - `node keys`: as `load`, with a key at the nodes for each client.
//! - `refused`: a file with a fault in each key.
//!
//! Throughput is in keys: if it is the same for 10,000 and for 100,000, the time is linear.
//!
//!     cargo bench --bench config -- --quick

use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;

use countersign::config::Settings;
use countersign::credentials::InlineStore;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const COUNTS: [usize; 2] = [10_000, 100_000];

/// A configuration with that many keys, each with `further` lines.
fn text(count: usize, cluster: &str, further: &str) -> String {
    let mut text = format!(
        "[[listener]]\naddress = \"127.0.0.1:8080\"\n\
         [[cluster]]\nname = \"main\"\nnodes = [\"127.0.0.1:9000\"]\n{cluster}"
    );
    for at in 0..count {
        let _ = writeln!(
            text,
            "[[credentials.key]]\naccess_key_id = \"AKID{at:016}\"\n\
             secret_access_key = \"wJalrXUtnFEMI/K7MDENG/bPxRfiCY{at:010}\"\n{further}"
        );
    }
    text
}

fn with_node_keys(count: usize) -> String {
    let mut cluster = String::from(
        "forward = \"resign\"\nsign_with = { access_key_id = \"g\", secret_access_key = \"s\" }\n",
    );
    for at in 0..count {
        let _ = writeln!(
            cluster,
            "[[cluster.node_keys]]\nclient = \"AKID{at:016}\"\n\
             access_key_id = \"node-{at}\"\nsecret_access_key = \"secret of {at}\""
        );
    }
    text(count, &cluster, "")
}

fn parse(text: &str) -> Result<Settings, countersign::config::ConfigErrors> {
    Settings::parse(text, Path::new("bench.toml"))
}

fn load(text: &str) -> (Settings, InlineStore) {
    let settings = parse(text).expect("a configuration that is right");
    let store = InlineStore::new(&settings.keys);
    (settings, store)
}

fn configurations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("config");
    group.sample_size(10);
    for count in COUNTS {
        group.throughput(Throughput::Elements(count as u64));
        let plain = text(count, "", "principal = \"alice\"");
        group.bench_with_input(BenchmarkId::new("load", count), &plain, |bencher, text| {
            bencher.iter(|| load(black_box(text)));
        });
        group.bench_with_input(BenchmarkId::new("check", count), &plain, |bencher, text| {
            bencher.iter(|| parse(black_box(text)).map(|settings| settings.to_toml()));
        });
        let node_keys = with_node_keys(count);
        let id = BenchmarkId::new("node keys", count);
        group.bench_with_input(id, &node_keys, |bencher, text| {
            bencher.iter(|| load(black_box(text)));
        });
        let faults = text(count, "", "principal = \"\"");
        let id = BenchmarkId::new("refused", count);
        group.bench_with_input(id, &faults, |bencher, text| {
            bencher.iter(|| parse(black_box(text)).expect_err("faults"));
        });
    }
    group.finish();
}

criterion_group!(benches, configurations);
criterion_main!(benches);
