//! `[credentials]`: the keys that clients sign with.

use std::collections::HashSet;
use std::path::Path;

use super::document::Table;
use super::kind::{Kind, Visible, word};
use super::once::Once;
use super::ranges::visible;
use super::section::Section;
use super::value::Value;
use super::{address, secret};
use crate::credentials::InlineKey;
use crate::sig::{Identity, MAX_ACCESS_KEY_ID_LENGTH};

/// The principal is sent to the node in a header field.
const MAX_PRINCIPAL_LENGTH: usize = 128;

/// Where keys are stored.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Store {
    Inline,
}

pub(super) fn credentials() -> Section<Vec<InlineKey>> {
    Section::<Vec<InlineKey>>::without_defaults()
        .own("store", word::<Store>(), |_| {
            Some(Value::word(&Store::Inline))
        })
        .about("Where the keys are stored")
        .default("inline")
        .tables("key", key(), |keys| keys)
        .about("The keys that clients sign with")
        .required("write at least one [[credentials.key]]")
}

fn key() -> Section<InlineKey> {
    Section::<InlineKey>::without_defaults()
        .own(
            "access_key_id",
            Visible(MAX_ACCESS_KEY_ID_LENGTH).schema(),
            |key| Some(Value::text(&key.identity.access_key_id)),
        )
        .about("The access key id that clients sign with")
        .required("write the access key id that clients sign with")
        .own("principal", Visible(MAX_PRINCIPAL_LENGTH).schema(), |key| {
            Some(Value::text(&key.identity.principal))
        })
        .about("The owner of the key")
        .own(
            "domains",
            address::host_names_schema().with("minItems", 1),
            |key| key.identity.domains.as_deref().map(Value::texts),
        )
        .about("The key is valid only at these domains of the listeners")
        .own("secret_access_key", secret::schema(), |key| {
            Some(Value::text(&key.secret_access_key))
        })
        .about("The secret itself, { env = \"NAME\" }, or { file = \"path\" }")
        .required(secret::ADVICE)
        .own("session_token", secret::schema(), |key| {
            key.session_token.as_ref().map(Value::text)
        })
        .about("The session token of a temporary key, written like the secret")
}

/// `domains` are the domains of all listeners.
pub(super) fn keys(
    credentials: &mut Table<'_>,
    directory: &Path,
    domains: &HashSet<String>,
) -> Option<Vec<InlineKey>> {
    self::credentials().know(credentials);
    let later = ["file", "sqlite", "postgres", "redis"];
    let Store::Inline = credentials.word("store", Store::Inline, &later);
    let entries = credentials.entry("key")?.tables()?;
    let section = key();
    let mut seen = Once::default();
    let mut keys = Vec::new();
    for entry in &entries {
        let key = entry.table(|key| {
            section.know(key);
            let id = access_key_id(key, &mut seen);
            let secret = key
                .entry("secret_access_key")
                .and_then(|entry| secret::read(&entry, directory));
            let principal = key
                .entry("principal")
                .map_or(id, |entry| visible(&entry, MAX_PRINCIPAL_LENGTH));
            let domains = key
                .entry("domains")
                .map(|entry| address::key_domains(&entry, domains));
            let session_token = key
                .entry("session_token")
                .map(|entry| secret::read(&entry, directory));
            Some(InlineKey {
                session_token: match session_token {
                    Some(read) => Some(read?),
                    None => None,
                },
                identity: Identity {
                    access_key_id: id?.to_owned(),
                    principal: principal?.to_owned(),
                    domains: domains.flatten(),
                },
                secret_access_key: secret?,
            })
        });
        keys.push(key.flatten());
    }
    keys.into_iter().collect()
}

/// An access key id that is not in `seen`. Errors do not quote it: people mix up ids and secrets.
fn access_key_id<'d>(key: &mut Table<'d>, seen: &mut Once<&'d str>) -> Option<&'d str> {
    let entry = key.entry("access_key_id")?;
    let id = visible(&entry, MAX_ACCESS_KEY_ID_LENGTH)?;
    if let Err(path) = seen.take(id, &entry) {
        entry.refuse(format_args!("is the same id as {path}; remove one"));
        return None;
    }
    Some(id)
}
