//! Addresses to listen on, addresses of nodes, and host names of buckets.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;

use thiserror::Error;

use super::document::{Entry, Table};
use super::kind::{list, text};
use super::once::Once;
use super::value::Value;
use crate::address::HostNames;
use crate::socket_address::SocketAddress;

/// The longest path of a Unix socket: `sun_path` has 108 bytes and the last one is NUL (unix(7)).
const MAX_SOCKET_PATH_LENGTH: usize = 107;
/// The longest label of a host name (RFC 1035, section 2.3.4).
const MAX_LABEL_LENGTH: usize = 63;
/// The longest host name (RFC 1035, section 2.3.4: 255 octets on the wire, which are 253 characters).
const MAX_HOST_NAME_LENGTH: usize = 253;

/// The addresses of the listeners read so far.
#[derive(Default)]
pub(super) struct Taken(Once<SocketAddress>);

impl Taken {
    /// A TCP address as [`listen_address`] reads it, or `unix:/path`. A relative path is relative to `directory`.
    pub(super) fn listen(&mut self, entry: &Entry<'_>, directory: &Path) -> Option<SocketAddress> {
        let written = entry.string("a string, \"ip:port\" or \"unix:/path\"")?;
        let address = match written.strip_prefix("unix:") {
            Some(path) => SocketAddress::Unix(socket_path(entry, path, directory)?),
            None => SocketAddress::Tcp(tcp(entry, written, ", or \"unix:/path\"")?),
        };
        self.take(entry, address)
    }

    /// A TCP address as [`listen_address`] reads it.
    pub(super) fn listen_tcp(&mut self, entry: &Entry<'_>) -> Option<SocketAddr> {
        let written = entry.string("a string, \"ip:port\"")?;
        let address = tcp(entry, written, "")?;
        self.take(entry, SocketAddress::Tcp(address))?;
        Some(address)
    }

    fn take(&mut self, entry: &Entry<'_>, address: SocketAddress) -> Option<SocketAddress> {
        // With port 0 each listener gets a different port.
        let any_port = matches!(address, SocketAddress::Tcp(address) if address.port() == 0);
        if any_port {
            return Some(address);
        }
        if let Err(path) = self.0.take(address.clone(), entry) {
            entry.refuse(format_args!("is the same address as {path}; change one"));
            return None;
        }
        Some(address)
    }
}

/// `further` names the other allowed forms in the error.
fn tcp(entry: &Entry<'_>, written: &str, further: &str) -> Option<SocketAddr> {
    listen_address(written)
        .map_err(|fault| {
            let further = match fault {
                ListenFault::Malformed => further,
                ListenFault::PortAlone(_) | ListenFault::Unresolved(_) => "",
            };
            entry.refuse(format_args!("{written:?} {fault}{further}"));
        })
        .ok()
}

/// Why a text is not an address to listen on.
#[derive(Debug, Error)]
pub enum ListenFault {
    /// It is a port alone, which is ambiguous: for some programs that is every address of the machine, for others the loopback.
    #[error(
        "is a port alone; write \":{0}\" for every IPv4 address of this machine, or \"127.0.0.1:{0}\""
    )]
    PortAlone(u16),
    /// It is of no known form.
    #[error("is not an address to listen on; write \"ip:port\", \"name:port\" or \":port\"")]
    Malformed,
    /// The name has no address.
    #[error("cannot be resolved: {0}")]
    Unresolved(io::Error),
}

/// Reads an address to listen on: `ip:port`, `name:port`, or `:port` for every IPv4 address of the machine. A name stands for
/// its first IPv4 address, or for its first address if it has no IPv4 address.
///
/// # Errors
/// [`ListenFault`].
pub fn listen_address(written: &str) -> Result<SocketAddr, ListenFault> {
    if let Ok(address) = written.parse() {
        return Ok(address);
    }
    if let Some(port) = decimal_port(written) {
        return Err(ListenFault::PortAlone(port));
    }
    let (host, port) = written.rsplit_once(':').ok_or(ListenFault::Malformed)?;
    let port = decimal_port(port).ok_or(ListenFault::Malformed)?;
    if host.is_empty() {
        return Ok((Ipv4Addr::UNSPECIFIED, port).into());
    }
    if !is_host_name(host) {
        return Err(ListenFault::Malformed);
    }
    let found = (host, port).to_socket_addrs();
    let found: Vec<SocketAddr> = found.map_err(ListenFault::Unresolved)?.collect();
    let first = found.iter().find(|address| address.is_ipv4());
    let first = first.or(found.first()).copied();
    first.ok_or_else(|| ListenFault::Unresolved(io::Error::other("the name has no address")))
}

/// A port of digits only: `parse` also accepts a `+`.
fn decimal_port(text: &str) -> Option<u16> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// The nodes of a cluster: `ip:port`, `host:port` or `unix:/path`; at least one, without duplicates. A host name stands for
/// every address that it resolves to now.
pub(super) fn nodes(entry: &Entry<'_>, directory: &Path) -> Option<Vec<SocketAddress>> {
    let mut seen = Once::default();
    let mut nodes = Vec::new();
    for item in entry.items()? {
        for node in node(&item, directory) {
            match seen.take(node.clone(), &item) {
                Ok(()) => nodes.push(node),
                // A name may resolve to the same address several times.
                Err(path) if path == item.path => {}
                Err(path) => {
                    item.refuse(format_args!("is the same node as {path}; remove one"));
                }
            }
        }
    }
    Some(nodes)
}

fn node(entry: &Entry<'_>, directory: &Path) -> Vec<SocketAddress> {
    if entry.is_table() {
        entry.refuse("this version does not support weights; write the address alone, as a string");
        return Vec::new();
    }
    let Some(written) = entry.string("a string, \"host:port\", \"ip:port\" or \"unix:/path\"")
    else {
        return Vec::new();
    };
    if let Some(path) = written.strip_prefix("unix:") {
        let path = socket_path(entry, path, directory);
        return path.map(SocketAddress::Unix).into_iter().collect();
    }
    let split = written.rsplit_once(':');
    let split = split.and_then(|(host, port)| Some((host, decimal_port(port)?)));
    let resolved = match (written.parse::<SocketAddr>(), split) {
        (Ok(address), _) => Ok(vec![address]),
        (Err(_), Some((host, port))) if is_host_name(host) => {
            (host, port).to_socket_addrs().map(Iterator::collect)
        }
        (Err(_), _) => {
            entry.refuse(format_args!(
                "{written:?} is not the address of a node; write \"host:port\", \"ip:port\" or \"unix:/path\""
            ));
            return Vec::new();
        }
    };
    let addresses = resolved.unwrap_or_else(|error| {
        entry.refuse(format_args!("cannot resolve {written:?}: {error}"));
        Vec::new()
    });
    if addresses.iter().any(|address| address.port() == 0) {
        entry.refuse("a node cannot have port 0; write the port that it listens on");
        return Vec::new();
    }
    addresses.into_iter().map(SocketAddress::Tcp).collect()
}

fn socket_path(entry: &Entry<'_>, path: &str, directory: &Path) -> Option<String> {
    let Some(joined) = directory.join(path).to_str().map(str::to_owned) else {
        entry.refuse("the directory of the configuration is not UTF-8; write an absolute path");
        return None;
    };
    let length = joined.len();
    if path.is_empty() {
        entry.refuse("the path of the socket is empty; write \"unix:/path\"");
    } else if path.contains('\0') {
        entry.refuse("the path of the socket has a NUL; remove it");
    } else if length > MAX_SOCKET_PATH_LENGTH {
        entry.refuse(format_args!(
            "the path of the socket has {length} bytes; at most {MAX_SOCKET_PATH_LENGTH} are possible"
        ));
    } else {
        return Some(joined);
    }
    None
}

/// `domains` and `custom_domains` of a listener: no name may occur twice in the two lists together.
pub(super) fn hosts(listener: &mut Table<'_>) -> HostNames {
    let mut seen = Once::default();
    let mut names = |key| match listener.entry(key).and_then(|entry| entry.list()) {
        Some(items) => host_names(&items, &mut seen)
            .map(|(_, name)| name)
            .collect(),
        None => Vec::new(),
    };
    HostNames {
        domains: names("domains"),
        custom_domains: names("custom_domains"),
    }
}

/// `domains` of a key: at least one, without duplicates, each of them in `offered`, the domains of the listeners.
pub(super) fn key_domains(entry: &Entry<'_>, offered: &HashSet<String>) -> Option<Vec<String>> {
    let items = entry.items()?;
    let mut seen = Once::default();
    let mut domains = Vec::new();
    for (item, name) in host_names(&items, &mut seen) {
        if !offered.contains(&name) {
            item.refuse(format_args!(
                "{name:?} is not among the domains of a listener; add it there, or remove it"
            ));
        }
        domains.push(name);
    }
    Some(domains)
}

/// The schema of a list of host names.
pub(super) fn host_names_schema() -> Value {
    list(text("^[A-Za-z0-9_.-]+$").with("maxLength", MAX_HOST_NAME_LENGTH))
}

/// Host names in lower case that are not in `seen`, each with its entry.
fn host_names<'e, 'd>(
    items: &'e [Entry<'d>],
    seen: &mut Once<String>,
) -> impl Iterator<Item = (&'e Entry<'d>, String)> {
    items.iter().filter_map(|item| {
        let name = host_name(item)?;
        if let Err(path) = seen.take(name.clone(), item) {
            item.refuse(format_args!("is the same name as {path}; remove one"));
            return None;
        }
        Some((item, name))
    })
}

fn host_name(entry: &Entry<'_>) -> Option<String> {
    let written = entry.string("a string, a host name")?;
    let advice = if written.parse::<IpAddr>().is_ok() || written.parse::<SocketAddr>().is_ok() {
        "is an IP address; remove it, path style works with every address"
    } else if written.ends_with('.') {
        "ends with a dot; remove the dot"
    } else if written.contains(':') {
        "has a port or a scheme; write the name alone"
    } else if !is_host_name(written) {
        "is not a host name; write labels of 1 to 63 letters, digits, '-' and '_', with dots between them"
    } else {
        return Some(written.to_ascii_lowercase());
    };
    entry.refuse(format_args!("{written:?} {advice}"));
    None
}

/// The Host in requests to nodes: a name or an IP address, with or without a port.
pub(super) fn node_host(entry: &Entry<'_>) -> Option<String> {
    let written = entry.string("a string, \"name\" or \"name:port\"")?;
    let (name, port) = match written.rsplit_once(':') {
        Some((name, port)) if !written.ends_with(']') => (name, Some(port)),
        _ => (written, None),
    };
    let port_holds = port.is_none_or(|port| decimal_port(port).is_some_and(|port| port > 0));
    let bracketed = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let name_holds = match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_host_name(name),
    };
    if port_holds && name_holds {
        return Some(written.to_owned());
    }
    entry.refuse(format_args!(
        "{written:?} is not a Host; write \"name\" or \"name:port\""
    ));
    None
}

/// Whether a text is a host name. Underscores are allowed: they are not part of the standard, but occur in bucket names.
pub fn is_host_name(name: &str) -> bool {
    name.len() <= MAX_HOST_NAME_LENGTH
        && name.split('.').all(|label| {
            (1..=MAX_LABEL_LENGTH).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        })
}
