//! `[[listener]]`: where clients connect.

use std::collections::HashSet;
use std::path::Path;

use super::address::{self, Taken};
use super::document::Table;
use super::kind::{Count, Limit, Span, Word, Words, text};
use super::ranges::MAX_TIMEOUT;
use super::section::{Section, field};
use super::value::Value;
use crate::runtime::options::ListenerOptions;

/// As many as a process may have files on any system (Linux, `fs.nr_open`).
const MAX_CONNECTIONS: usize = 1024 * 1024;
/// Bytes in a second: many honest clients are slower than this.
const MAX_MIN_RATE: usize = 1024 * 1024;

pub(super) fn listener() -> Section<ListenerOptions> {
    Section::<ListenerOptions>::with_defaults()
        .own("address", text("."), |listener| {
            Some(Value::text(&listener.address))
        })
        .about("Where it listens")
        .required("write \"ip:port\" or \"unix:/path\"")
        .own("domains", address::host_names_schema(), |listener| {
            Some(Value::texts(&listener.hosts.domains))
        })
        .about("Base names for virtual-host style")
        .own("custom_domains", address::host_names_schema(), |listener| {
            Some(Value::texts(&listener.hosts.custom_domains))
        })
        .about("Host names that are buckets themselves")
        .key("dialects", Words, field!(dialects))
        .about("The signature dialects accepted here")
        .key("answer_as", Word, field!(answer_as))
        .about("Whose words the answers use")
        .key("header_timeout", Span(MAX_TIMEOUT), field!(header_timeout))
        .about("The longest time from the first byte of a request header to its end")
        .key("idle_timeout", Span(MAX_TIMEOUT), field!(idle_timeout))
        .about("The longest time between two requests of one connection")
        .key("body_timeout", Span(MAX_TIMEOUT), field!(body_timeout))
        .about(
            "The longest silence in the middle of a request body, and the longest time in \
             which a client takes nothing of an answer",
        )
        .key("min_rate", Count(0..=MAX_MIN_RATE), field!(min_rate.bytes))
        .about(
            "The slowest pace of a client that sends a body or takes an answer, in bytes per \
             second; 0 is any pace",
        )
        .key(
            "min_rate_window",
            Span(MAX_TIMEOUT),
            field!(min_rate.window),
        )
        .about("Over how long a wait for the client its pace is averaged")
        .key(
            "max_connections",
            Count(1..=MAX_CONNECTIONS),
            field!(limits.connections),
        )
        .about("The most connections")
        .key(
            "max_connections_per_network",
            Limit(MAX_CONNECTIONS),
            field!(limits.per_network),
        )
        .about(
            "The most connections of each client network, an IPv4 address or a /64 of IPv6; \
             0 is as many as there are",
        )
        .later("tls")
}

/// `domains` gathers the names of all listeners.
pub(super) fn listeners(
    root: &mut Table<'_>,
    directory: &Path,
    taken: &mut Taken,
    domains: &mut HashSet<String>,
) -> Option<Vec<ListenerOptions>> {
    let section = listener();
    let mut read = |table: &mut Table<'_>| {
        let mut listener = section.read(table);
        let entry = table.entry("address");
        if let Some(address) = entry.and_then(|entry| taken.listen(&entry, directory)) {
            listener.address = address;
        }
        listener.hosts = address::hosts(table);
        domains.extend(listener.hosts.domains.iter().cloned());
        listener
    };
    let entries = root.entry("listener")?.tables()?;
    let listeners: Vec<_> = entries.iter().map(|entry| entry.table(&mut read)).collect();
    listeners.into_iter().collect()
}
