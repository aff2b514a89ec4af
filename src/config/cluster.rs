//! `[[cluster]]`: its nodes, and how requests are forwarded to them.

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

/// An idle connection uses a file descriptor and a local port, and there are 65,536 ports for each node address.
const MAX_UPSTREAM_KEEPALIVE: usize = 65_536;
/// The name is printed in metrics and logs.
const MAX_CLUSTER_NAME_LENGTH: usize = 64;

pub(super) fn cluster() -> Section<ClusterOptions> {
    Section::<ClusterOptions>::with_defaults()
        .key("name", Visible(MAX_CLUSTER_NAME_LENGTH), field!(name))
        .about("The name in metrics and logs")
        .required("write a name for metrics and logs")
        .key("dialect", Word, field!(dialect))
        .about("The dialect of the nodes")
        .custom("nodes", list(text(".")).with("minItems", 1), |cluster| {
            Some(Value::texts(&cluster.nodes))
        })
        .about("The addresses of the nodes")
        .required("write at least one \"host:port\", \"ip:port\" or \"unix:/path\"")
        .key("forward", Word, field!(forward))
        .about("How verified requests are forwarded")
        .custom("addressing", word::<Addressing>(), |cluster| {
            unless_passthrough(cluster, Value::word(&cluster.addressing))
        })
        .about("Where the bucket name is in requests to nodes")
        .custom("host", text("."), |cluster| {
            cluster.host.as_ref().map(Value::text)
        })
        .about("The Host in requests to nodes")
        .custom("form_files", word::<FormFiles>(), |cluster| {
            unless_passthrough(cluster, Value::word(&cluster.form_files))
        })
        .about("How the file of a form upload is sent when the form has more than 48 KiB")
        .key(
            "connect_timeout",
            Span(MAX_TIMEOUT),
            field!(connect_timeout),
        )
        .about("The longest time to connect to a node")
        .key("read_timeout", Span(MAX_TIMEOUT), field!(read_timeout))
        .about("The longest time in which a node sends no byte after it has got the whole request, or reads no byte of the request")
        .key(
            "upstream_keepalive",
            Count(0..=MAX_UPSTREAM_KEEPALIVE),
            field!(upstream_keepalive),
        )
        .about("The most idle keep-alive connections to nodes for each worker thread")
        .key("bucket_names", Word, field!(names.bucket_names))
        .about("The bucket names that the nodes accept")
        .key("dot_segments", Word, field!(names.dot_segments))
        .about("What to do with a key that has a segment that some stores read as \".\" or \"..\"")
        .table("sign_with", sign_with::sign_with_keys(), |cluster| {
            cluster.sign_with.as_ref()
        })
        .about("Only with forward = \"resign\": the signature of requests to nodes")
        .tables("node_keys", sign_with::node_keys_keys(), |cluster| {
            &cluster.node_keys
        })
        .about("Only with forward = \"resign\": a key at the nodes for one client")
        .later("balance")
}

/// Whether the mode changes the request: `passthrough` does not.
fn unless_passthrough(cluster: &ClusterOptions, value: Value) -> Option<Value> {
    Some(value).filter(|_| cluster.forward != Forward::Passthrough)
}

/// The only cluster. `keys` are the keys that clients sign with.
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

/// `addressing` and `host`. Moving the bucket name needs `host`, because the client's own Host may contain a bucket name.
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
                "cannot be used with forward = \"passthrough\", which changes nothing; remove it",
            );
        }
        return (Addressing::AsReceived, None);
    }
    if let (Some(entry), None) = (&addressing, &host)
        && chosen != Addressing::AsReceived
    {
        entry.refuse("needs host, the host name of the nodes; write host = \"name:port\"");
    }
    if let (Some(entry), Some(text)) = (&host, &host_text)
        && chosen == Addressing::VirtualHost
        && is_address(text)
    {
        entry.refuse("is an IP address, and a bucket name cannot be put before one; write a name");
    }
    (chosen, host_text)
}

/// `form_files`: how a form upload becomes a PUT.
fn form_files(cluster: &mut Table<'_>, forward: Forward) -> FormFiles {
    let entry = cluster.entry("form_files");
    if let (Some(entry), Forward::Passthrough) = (&entry, forward) {
        entry.refuse(
            "cannot be used with forward = \"passthrough\", which forwards a form unchanged; remove it",
        );
    }
    entry.and_then(|entry| entry.word(&[])).unwrap_or({
        // Nodes that verify signatures are Amazon S3 or similar: S3 requires a length (Amazon S3 API Reference, "PutObject").
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
