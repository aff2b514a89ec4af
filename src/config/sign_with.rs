//! `sign_with` and `node_keys` of a cluster: how requests to nodes are re-signed.

use std::collections::HashSet;
use std::path::Path;

use super::document::{Entry, Table};
use super::kind::{Kind, Visible, text, word};
use super::once::Once;
use super::ranges::visible;
use super::secret;
use super::section::Section;
use super::value::Value;
use crate::cluster::{ClientNodeKey, Forward, NodeCredentials, PayloadSigning, SignWith};
use crate::credentials::InlineKey;
use crate::dialect::{Dialect, DialectName};
use crate::sig::v4::credential::MAX_REGION_LENGTH;
use crate::sig::{MAX_ACCESS_KEY_ID_LENGTH, Version};

/// The keys of `sign_with`.
pub(super) fn sign_with_keys() -> Section<SignWith> {
    let section = Section::<SignWith>::without_defaults()
        .own("dialect", word::<DialectName>(), |sign_with| {
            Some(Value::word(&sign_with.dialect))
        })
        .about("The dialect of the signature, which must be that of the nodes")
        .own("version", word::<Version>(), |sign_with| {
            Some(Value::word(&sign_with.version))
        })
        .about("The signature version")
        .default("v4")
        .own(
            "region",
            text("^[!-~]+$").with("maxLength", MAX_REGION_LENGTH),
            |sign_with| of_v4(sign_with, Value::text(&sign_with.region)),
        )
        .about("The region in the credential scope, with \"v4\" only")
        .own("payload", word::<PayloadSigning>(), |sign_with| {
            of_v4(sign_with, Value::word(&sign_with.payload))
        })
        .about("How a body is signed whose hash the client has not declared, with \"v4\" only")
        .default("unsigned");
    credentials_keys(section, |sign_with| &sign_with.credentials)
}

/// The keys of `node_keys`.
pub(super) fn node_keys_keys() -> Section<ClientNodeKey> {
    let section = Section::<ClientNodeKey>::without_defaults()
        .own(
            "client",
            Visible(MAX_ACCESS_KEY_ID_LENGTH).schema(),
            |own| Some(Value::text(&own.client)),
        )
        .about("The access key id that the client signs with")
        .required("write the access key id that the client signs with");
    credentials_keys(section, |own| &own.credentials)
}

/// The configuration keys of a table with credentials at the nodes.
fn credentials_keys<T: 'static>(
    section: Section<T>,
    credentials: fn(&T) -> &NodeCredentials,
) -> Section<T> {
    section
        .own(
            "access_key_id",
            Visible(MAX_ACCESS_KEY_ID_LENGTH).schema(),
            move |own| Some(Value::text(&credentials(own).access_key_id)),
        )
        .about("The access key id at the nodes")
        .required("write the access key id at the nodes")
        .own("secret_access_key", secret::schema(), move |own| {
            Some(Value::text(&credentials(own).secret_access_key))
        })
        .about("The secret of that key, written like the secret of a client's key")
        .required(secret::ADVICE)
}

/// The value in version 4 only: version 2 has neither region nor payload, and a printed one would be refused on reading.
fn of_v4(sign_with: &SignWith, value: Value) -> Option<Value> {
    Some(value).filter(|_| sign_with.version == Version::V4)
}

/// `sign_with`, which requires `forward = "resign"` and is required by it. The outer `None` means that a fault was reported.
pub(super) fn sign_with(
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
        sign_with_keys().know(table);
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

/// Reports a key that needs `forward = "resign"`; true where the key is absent.
fn refused_without_resign(cluster: &mut Table<'_>, name: &'static str) -> bool {
    let entry = cluster.entry(name);
    if let Some(entry) = &entry {
        entry.refuse("needs forward = \"resign\"; write that, or remove it");
    }
    entry.is_none()
}

/// The dialect of the signature; another one than the nodes' is a fault.
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
            entry.refuse("cannot have a '/' or a ',', which separate the parts of a signature");
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
        entry.refuse("\"signed-chunks\" needs the dialect \"aws\"; write \"unsigned\"");
    }
    payload
}

/// The value of a key that only version 4 has.
fn v4_alone<'d>(table: &mut Table<'d>, name: &'static str, version: Version) -> Option<Entry<'d>> {
    let entry = table.entry(name)?;
    if version == Version::V2 {
        entry.refuse("needs version = \"v4\"; remove it");
        return None;
    }
    Some(entry)
}

fn credentials(table: &mut Table<'_>, directory: &Path) -> Option<NodeCredentials> {
    let id = table
        .entry("access_key_id")
        .and_then(|entry| visible(&entry, MAX_ACCESS_KEY_ID_LENGTH));
    let secret = table
        .entry("secret_access_key")
        .and_then(|entry| secret::read(&entry, directory));
    Some(NodeCredentials {
        access_key_id: id?.to_owned(),
        secret_access_key: secret?,
    })
}

/// `node_keys`: an array of tables, one for each client that has its own key at the nodes.
pub(super) fn node_keys(
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
    let section = node_keys_keys();
    let mut seen = Once::default();
    let mut node_keys = Vec::new();
    for item in &items {
        let node_key = item.table(|table| {
            section.know(table);
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

/// The access key id of a client: in `keys` and not yet in `seen`. Errors do not quote it: people mix up ids and secrets.
fn client<'d>(
    table: &mut Table<'d>,
    keys: &HashSet<&str>,
    seen: &mut Once<&'d str>,
) -> Option<&'d str> {
    let entry = table.entry("client")?;
    let client = visible(&entry, MAX_ACCESS_KEY_ID_LENGTH)?;
    if let Err(path) = seen.take(client, &entry) {
        entry.refuse(format_args!("is the same client as {path}; remove one"));
    } else if !keys.contains(client) && !keys.is_empty() {
        entry.refuse("is not the access_key_id of a [[credentials.key]]; change one");
    }
    Some(client)
}
