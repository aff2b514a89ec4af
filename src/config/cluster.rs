//! The clusters: their nodes, and how requests go on to them.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::document::{Entry, Table};
use super::once::Once;
use super::ranges::{MAX_TIMEOUT, visible};
use super::{address, secret};
use crate::address::{BucketNames, DotSegments, NameRules};
use crate::cluster::{
    Addressing, ClientNodeKey, ClusterOptions, FormFiles, Forward, NodeCredentials, PayloadSigning,
    SignWith,
};
use crate::credentials::InlineKey;
use crate::dialect::{Dialect, DialectName};
use crate::sig::v4::credential::MAX_REGION_LENGTH;
use crate::sig::{MAX_ACCESS_KEY_ID_LENGTH, Version};

/// One idle connection takes a file descriptor and a local port, and of those there are 65,536 to an address.
const MAX_UPSTREAM_KEEPALIVE: usize = 65_536;
/// The name stands in metrics and logs.
const MAX_CLUSTER_NAME_LENGTH: usize = 64;

/// The one cluster. `keys` are those that clients sign with.
pub(super) fn clusters(
    root: &mut Table<'_>,
    directory: &Path,
    keys: &[InlineKey],
) -> Option<ClusterOptions> {
    let entries = root
        .required("cluster", "write one [[cluster]]")?
        .tables()?;
    let clusters: Vec<_> = entries
        .iter()
        .map(|entry| entry.table(|cluster| self::cluster(cluster, directory, keys))?)
        .collect();
    for further in entries.iter().skip(1) {
        further.refuse("this version supports one [[cluster]]; remove this one");
    }
    clusters.into_iter().next()?
}

fn cluster(
    cluster: &mut Table<'_>,
    directory: &Path,
    keys: &[InlineKey],
) -> Option<ClusterOptions> {
    cluster.later(&["balance"]);
    let name = cluster
        .required("name", "write a name for metrics and logs")
        .and_then(|entry| visible(&entry, MAX_CLUSTER_NAME_LENGTH));
    let nodes = cluster
        .required(
            "nodes",
            "write at least one \"host:port\", \"ip:port\" or \"unix:/path\"",
        )
        .and_then(|entry| address::nodes(&entry, directory));
    let dialect = cluster.word("dialect", DialectName::Aws, &[]);
    let forward = cluster.word("forward", Forward::Trusted, &[]);
    let sign_with = sign_with(cluster, directory, forward, dialect);
    let node_keys = node_keys(cluster, directory, forward, keys);
    let (addressing, host) = host(cluster, forward);
    let form_files = form_files(cluster, forward);
    let connect_timeout = cluster.duration("connect_timeout", Duration::from_secs(5), MAX_TIMEOUT);
    let read_timeout = cluster.duration("read_timeout", Duration::from_secs(60), MAX_TIMEOUT);
    let upstream_keepalive = cluster.integer("upstream_keepalive", 128, 0..=MAX_UPSTREAM_KEEPALIVE);
    let names = NameRules {
        bucket_names: cluster.word("bucket_names", BucketNames::S3, &[]),
        dot_segments: cluster.word("dot_segments", DotSegments::Refuse, &[]),
    };
    Some(ClusterOptions {
        name: name?.to_owned(),
        dialect,
        nodes: nodes?,
        forward,
        sign_with: sign_with?,
        node_keys,
        addressing,
        host,
        form_files,
        connect_timeout,
        read_timeout,
        upstream_keepalive,
        names,
    })
}

/// `sign_with`, which goes with `forward = "resign"` and with nothing else. The outer none is a fault.
fn sign_with(
    cluster: &mut Table<'_>,
    directory: &Path,
    forward: Forward,
    nodes: DialectName,
) -> Option<Option<SignWith>> {
    if forward != Forward::Resign {
        return refused_without_resign(cluster, "sign_with").then_some(None);
    }
    let advice = "write sign_with = { access_key_id = \"…\", secret_access_key = … } for forward = \"resign\"";
    let entry = cluster.required("sign_with", advice)?;
    let sign_with = entry.table(|table| {
        let dialect = signing_dialect(table, nodes);
        let version = table.word("version", Version::V4, &[]);
        let region = region(table, dialect, version);
        let payload = payload(table, dialect, version);
        Some(SignWith {
            dialect,
            version,
            region,
            payload,
            credentials: credentials(table, directory)?,
        })
    })?;
    sign_with.map(Some)
}

/// Whether a key that goes with `forward = "resign"` alone is not there.
fn refused_without_resign(cluster: &mut Table<'_>, name: &'static str) -> bool {
    let entry = cluster.entry(name);
    if let Some(entry) = &entry {
        entry.refuse("goes with forward = \"resign\" alone; write that, or remove it");
    }
    entry.is_none()
}

/// The nodes read a request in the words that it is signed in.
fn signing_dialect(table: &mut Table<'_>, nodes: DialectName) -> DialectName {
    let Some(entry) = table.entry("dialect") else {
        return nodes;
    };
    match entry.word::<DialectName>(&[]) {
        Some(dialect) if dialect != nodes => {
            entry.refuse(format_args!(
                "must be the dialect of the nodes, {:?}; change one",
                nodes.as_str()
            ));
            nodes
        }
        _ => nodes,
    }
}

fn region(table: &mut Table<'_>, dialect: DialectName, version: Version) -> String {
    let default = Dialect::named(dialect).default_region;
    let entry = v4_alone(table, "region", version);
    let written = entry.and_then(|entry| {
        let region = visible(&entry, MAX_REGION_LENGTH)?;
        if region.contains(['/', ',']) {
            entry
                .refuse("cannot have a '/' or a ',', which stand between the parts of a signature");
        }
        Some(region)
    });
    written.unwrap_or(default).to_owned()
}

fn payload(table: &mut Table<'_>, dialect: DialectName, version: Version) -> PayloadSigning {
    let entry = v4_alone(table, "payload", version);
    let payload = entry
        .as_ref()
        .and_then(|entry| entry.word(&[]))
        .unwrap_or(PayloadSigning::Unsigned);
    let is_taken = Dialect::named(dialect).takes_signed_chunks;
    if let (Some(entry), PayloadSigning::SignedChunks, false) = (entry, payload, is_taken) {
        entry.refuse("\"signed-chunks\" is of the dialect \"aws\" alone; write \"unsigned\"");
    }
    payload
}

/// The value of a key that version 2 has no use for.
fn v4_alone<'d>(table: &mut Table<'d>, name: &'static str, version: Version) -> Option<Entry<'d>> {
    let entry = table.entry(name)?;
    if version == Version::V2 {
        entry.refuse("goes with version = \"v4\" alone; remove it");
        return None;
    }
    Some(entry)
}

fn credentials(table: &mut Table<'_>, directory: &Path) -> Option<NodeCredentials> {
    let id = table
        .required("access_key_id", "write the id that the nodes know")
        .and_then(|entry| visible(&entry, MAX_ACCESS_KEY_ID_LENGTH));
    let secret = table
        .required(
            "secret_access_key",
            "write the secret, { env = \"NAME\" } or { file = \"path\" }",
        )
        .and_then(|entry| secret::read(&entry, directory));
    Some(NodeCredentials {
        access_key_id: id?.to_owned(),
        secret_access_key: secret?,
    })
}

/// `node_keys`: an array of tables, each for one of the clients' keys.
fn node_keys(
    cluster: &mut Table<'_>,
    directory: &Path,
    forward: Forward,
    keys: &[InlineKey],
) -> Vec<ClientNodeKey> {
    if forward != Forward::Resign {
        refused_without_resign(cluster, "node_keys");
        return Vec::new();
    }
    let items = cluster
        .entry("node_keys")
        .and_then(|entry| entry.list())
        .unwrap_or_default();
    let ids = keys.iter().map(|key| &*key.identity.access_key_id);
    let known: HashSet<&str> = ids.collect();
    let mut seen = Once::default();
    let mut node_keys = Vec::new();
    for item in &items {
        let node_key = item.table(|table| {
            let client = client(table, &known, &mut seen);
            let credentials = credentials(table, directory);
            Some(ClientNodeKey {
                client: client?.to_owned(),
                credentials: credentials?,
            })
        });
        node_keys.extend(node_key.flatten());
    }
    node_keys
}

/// The AccessKeyId of one of the clients' `keys` that is not among those `seen`. It is not quoted: ids and secrets get mixed up.
fn client<'d>(
    table: &mut Table<'d>,
    keys: &HashSet<&str>,
    seen: &mut Once<&'d str>,
) -> Option<&'d str> {
    let entry = table.required(
        "client",
        "write the access key id that the client signs with",
    )?;
    let client = visible(&entry, MAX_ACCESS_KEY_ID_LENGTH)?;
    if let Err(path) = seen.take(client, &entry) {
        entry.refuse(format_args!("is the same client as {path}; remove one"));
    } else if !keys.contains(client) && !keys.is_empty() {
        entry.refuse("is no access_key_id of a [[credentials.key]]; change one");
    }
    Some(client)
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
