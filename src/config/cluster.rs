//! The clusters: their nodes, and how requests go on to them.

use std::net::IpAddr;
use std::path::Path;

use super::document::Table;
use super::kind::{Count, Span, Visible, Word, list, text, word};
use super::ranges::MAX_TIMEOUT;
use super::section::{Section, field};
use super::value::Value;
use super::{address, sign_with};
use crate::cluster::{Addressing, ClusterOptions, FormFiles, Forward};
use crate::credentials::InlineKey;

/// One idle connection takes a file descriptor and a local port, and of those there are 65,536 to an address.
const MAX_UPSTREAM_KEEPALIVE: usize = 65_536;
/// The name stands in metrics and logs.
const MAX_CLUSTER_NAME_LENGTH: usize = 64;

pub(super) fn cluster() -> Section<ClusterOptions> {
    Section::<ClusterOptions>::with_defaults()
        .key("name", Visible(MAX_CLUSTER_NAME_LENGTH), field!(name))
        .about("The name in metrics and logs")
        .required("write a name for metrics and logs")
        .key("dialect", Word, field!(dialect))
        .about("Whose words the nodes speak")
        .own("nodes", list(text(".")).with("minItems", 1), |cluster| {
            Some(Value::texts(&cluster.nodes))
        })
        .about("The addresses of the nodes")
        .required("write at least one \"host:port\", \"ip:port\" or \"unix:/path\"")
        .key("forward", Word, field!(forward))
        .about("How verified requests go on")
        .own("addressing", word::<Addressing>(), |cluster| {
            unless_passthrough(cluster, Value::word(&cluster.addressing))
        })
        .about("Where the bucket's name stands towards the nodes")
        .own("host", text("."), |cluster| {
            cluster.host.as_ref().map(Value::text)
        })
        .about("The Host towards the nodes")
        .own("form_files", word::<FormFiles>(), |cluster| {
            unless_passthrough(cluster, Value::word(&cluster.form_files))
        })
        .about("How the file of a form upload goes on where the form has more than 48 KiB")
        .key(
            "connect_timeout",
            Span(MAX_TIMEOUT),
            field!(connect_timeout),
        )
        .about("The longest time to connect to a node")
        .key("read_timeout", Span(MAX_TIMEOUT), field!(read_timeout))
        .about("The longest silence of a node")
        .key(
            "upstream_keepalive",
            Count(0..=MAX_UPSTREAM_KEEPALIVE),
            field!(upstream_keepalive),
        )
        .about("Idle connections to nodes that are kept for further requests")
        .key("bucket_names", Word, field!(names.bucket_names))
        .about("Which bucket names the nodes take")
        .key("dot_segments", Word, field!(names.dot_segments))
        .about("What becomes of a key with a segment that some stores take for \".\" or \"..\"")
        .table("sign_with", sign_with::sign_with_keys(), |cluster| {
            cluster.sign_with.as_ref()
        })
        .about("With forward = \"resign\", and only then: the signature that the nodes get")
        .tables("node_keys", sign_with::node_keys_keys(), |cluster| {
            &cluster.node_keys
        })
        .about(
            "With forward = \"resign\", and only then: a client with a key of its own at the \
             nodes",
        )
        .later("balance")
}

/// In `passthrough` nothing of the request is changed.
fn unless_passthrough(cluster: &ClusterOptions, value: Value) -> Option<Value> {
    Some(value).filter(|_| cluster.forward != Forward::Passthrough)
}

/// The one cluster. `keys` are those that clients sign with.
pub(super) fn clusters(
    root: &mut Table<'_>,
    directory: &Path,
    keys: &[InlineKey],
) -> Option<ClusterOptions> {
    let entries = root.entry("cluster")?.tables()?;
    let clusters: Vec<_> = entries
        .iter()
        .map(|entry| entry.table(|table| options(table, directory, keys))?)
        .collect();
    for further in entries.iter().skip(1) {
        further.refuse("this version supports one [[cluster]]; remove this one");
    }
    clusters.into_iter().next()?
}

fn options(table: &mut Table<'_>, directory: &Path, keys: &[InlineKey]) -> Option<ClusterOptions> {
    let plain = cluster().read(table);
    let forward = plain.forward;
    let nodes = table
        .entry("nodes")
        .and_then(|entry| address::nodes(&entry, directory));
    let sign_with = sign_with::sign_with(table, directory, forward, plain.dialect);
    let node_keys = sign_with::node_keys(table, directory, forward, keys);
    let (addressing, host) = host(table, forward);
    let form_files = form_files(table, forward);
    Some(ClusterOptions {
        nodes: nodes?,
        sign_with: sign_with?,
        node_keys,
        addressing,
        host,
        form_files,
        ..plain
    })
}

/// `addressing` and `host`, which go together: a Host that clients use may name a bucket.
fn host(cluster: &mut Table<'_>, forward: Forward) -> (Addressing, Option<String>) {
    let host = cluster.entry("host");
    let addressing = cluster.entry("addressing");
    let host_text = host.as_ref().and_then(address::node_host);
    let chosen = addressing
        .as_ref()
        .and_then(|entry| entry.word(&[]))
        .unwrap_or(Addressing::AsReceived);
    if forward == Forward::Passthrough {
        for entry in [&host, &addressing].into_iter().flatten() {
            entry.refuse(
                "does not go with forward = \"passthrough\", which changes nothing; remove it",
            );
        }
        return (Addressing::AsReceived, None);
    }
    if let (Some(entry), None) = (&addressing, &host)
        && chosen != Addressing::AsReceived
    {
        entry.refuse("needs host, the name that the nodes go by; write host = \"name:port\"");
    }
    if let (Some(entry), Some(text)) = (&host, &host_text)
        && chosen == Addressing::VirtualHost
        && is_address(text)
    {
        entry.refuse("is an IP address, and no bucket can stand in front of one; write a name");
    }
    (chosen, host_text)
}

/// `form_files`, which says how a form becomes a PUT.
fn form_files(cluster: &mut Table<'_>, forward: Forward) -> FormFiles {
    let entry = cluster.entry("form_files");
    if let (Some(entry), Forward::Passthrough) = (&entry, forward) {
        entry.refuse(
            "does not go with forward = \"passthrough\", where a form stays as it came; remove it",
        );
    }
    entry.and_then(|entry| entry.word(&[])).unwrap_or({
        // Nodes that verify signatures are S3's own, or like it: S3 wants a length (Amazon S3 API Reference, "PutObject").
        match forward {
            Forward::Trusted | Forward::Passthrough => FormFiles::Chunked,
            Forward::Resign => FormFiles::Sized,
        }
    })
}

fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, _port)) if !host.ends_with(']') => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.parse::<IpAddr>().is_ok()
}
