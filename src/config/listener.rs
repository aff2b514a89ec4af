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

/// The most open files that a process may have by default (Linux, `fs.nr_open`).
const MAX_CONNECTIONS: usize = 1024 * 1024;
/// In bytes per second: many legitimate clients are slower than this.
const MAX_MIN_RATE: usize = 1024 * 1024;

pub(super) fn listener() -> Section<ListenerOptions> {
    Section::<ListenerOptions>::with_defaults()
        .own("address", text("."), |listener| {
            Some(Value::text(&listener.address))
        })
        .about("The address to listen on")
        .required("write \"ip:port\" or \"unix:/path\"")
        .own("domains", address::host_names_schema(), |listener| {
            Some(Value::texts(&listener.hosts.domains))
        })
        .about("Base names for virtual-host style")
        .own("custom_domains", address::host_names_schema(), |listener| {
            Some(Value::texts(&listener.hosts.custom_domains))
        })
        .about("Host names that are bucket names")
        .key("dialects", Words, field!(dialects))
        .about("The signature dialects accepted here")
        .key("answer_as", Word, field!(answer_as))
        .about("The dialect of the responses")
        .key("header_timeout", Span(MAX_TIMEOUT), field!(header_timeout))
        .about("The longest time from the first byte of a request header to its end")
        .key("idle_timeout", Span(MAX_TIMEOUT), field!(idle_timeout))
        .about("The longest time a keep-alive connection waits for its next request")
        .key("body_timeout", Span(MAX_TIMEOUT), field!(body_timeout))
        .about(
            "The longest time in which a client sends no byte of a request body, or reads no \
            byte of a response",
        )
        .key("min_rate", Count(0..=MAX_MIN_RATE), field!(min_rate.bytes))
        .about(
            "The lowest rate of a client that sends a body or reads a response, in bytes per \
            second; 0 is no minimum",
        )
        .key(
            "min_rate_window",
            Span(MAX_TIMEOUT),
            field!(min_rate.window),
        )
        .about("The time of waiting for the client over which its rate is averaged")
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
            "The most connections from one client network, which is an IPv4 address or an \
            IPv6 /64; 0 is no limit",
        )
        .later("tls")
}

/// Adds the host names of this listener to `domains`, which collects those of all listeners.
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
