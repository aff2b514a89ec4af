//! The Host header: which of the configured names it is, and which bucket it names (virtual-host style).

use core::net::Ipv6Addr;

use super::{AddressFailure, HostNames, Style};

/// A Host header, read.
pub(super) struct HostReading {
    pub(super) style: Style,
    /// The index of the domain that it belongs to.
    pub(super) domain: Option<usize>,
    /// The bucket that it names.
    pub(super) bucket: Option<String>,
    /// Whether the name ends with the dot of the DNS root.
    pub(super) root: bool,
}

/// Reads a Host.
///
/// # Errors
/// [`AddressFailure::BadHost`].
pub(super) fn of_host(host: &str, hosts: &HostNames) -> Result<HostReading, AddressFailure> {
    let mut reading = HostReading {
        style: Style::Path,
        domain: position(&hosts.domains, host),
        bucket: None,
        root: false,
    };
    // The whole value first: a configured name is known to be valid.
    if reading.domain.is_some() {
        return Ok(reading);
    }
    let name = name_of(host)?;
    reading.root = host[name.len()..].starts_with('.');
    reading.domain = position(&hosts.domains, name);
    if reading.domain.is_some() {
        return Ok(reading);
    }
    if let Some(index) = position(&hosts.custom_domains, name) {
        reading.style = Style::CustomDomain;
        reading.bucket = Some(hosts.custom_domains[index].clone());
        return Ok(reading);
    }
    // The longest domain wins, so that `a.s3.example.com` is bucket `a` even where `example.com` is a domain too.
    let longest = hosts
        .domains
        .iter()
        .enumerate()
        .filter_map(|(index, domain)| Some((index, label_before(name, domain)?)))
        .min_by_key(|(_, label)| label.len());
    if let Some((index, label)) = longest {
        reading.style = Style::VirtualHost;
        reading.domain = Some(index);
        reading.bucket = Some(label.to_ascii_lowercase());
    }
    Ok(reading)
}

/// The host name without its port and without the dot of the DNS's root.
fn name_of(host: &str) -> Result<&str, AddressFailure> {
    let (name, port) = divided(host).ok_or(AddressFailure::BadHost)?;
    let port_holds = port.is_none_or(|digits| {
        // `parse` would accept a leading `+`.
        digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|n| n > 0)
    });
    let name = name.strip_suffix('.').unwrap_or(name);
    let name_holds = match name.strip_prefix('[') {
        Some(bracketed) => bracketed
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => {
            !name.is_empty()
                // No label is empty.
                && !name.starts_with('.')
                && !name.ends_with('.')
                && !name.as_bytes().windows(2).any(|pair| pair == b"..")
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        }
    };
    if name_holds && port_holds {
        Ok(name)
    } else {
        Err(AddressFailure::BadHost)
    }
}

/// The name and the port of a Host; none where they cannot be told apart.
fn divided(host: &str) -> Option<(&str, Option<&str>)> {
    let name_end = match host.starts_with('[') {
        true => host.find(']')? + 1,
        false => memchr::memchr(b':', host.as_bytes()).unwrap_or(host.len()),
    };
    let (name, port) = host.split_at(name_end);
    match port.strip_prefix(':') {
        None if port.is_empty() => Some((name, None)),
        None => None,
        Some(digits) => Some((name, Some(digits))),
    }
}

/// A Host without the dot of the DNS root at the end of its name (RFC 1034, section 3.1); none where it has no such dot. Both
/// name the same host, but not every storage node treats them alike.
pub fn without_root(host: &str) -> Option<String> {
    let (name, port) = divided(host)?;
    let bare = name.strip_suffix('.')?;
    Some(match port {
        Some(port) => format!("{bare}:{port}"),
        None => bare.to_owned(),
    })
}

fn position(names: &[String], name: &str) -> Option<usize> {
    // Nearly every client writes it as it is configured.
    let same = |domain: &String| domain == name || domain.eq_ignore_ascii_case(name);
    names.iter().position(same)
}

/// What precedes `.domain`, at a label boundary.
fn label_before<'h>(name: &'h str, domain: &str) -> Option<&'h str> {
    let split = name.len().checked_sub(domain.len() + 1)?;
    let (label, rest) = (name.get(..split)?, name.get(split + 1..)?);
    (name.as_bytes()[split] == b'.' && rest.eq_ignore_ascii_case(domain)).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_number_that_a_port_can_have() {
        for host in ["h:1", "h:80", "h:080", "h:65535", "[::1]:65535", "h.:80"] {
            assert!(name_of(host).is_ok(), "{host}");
        }
        for host in [
            "h:",
            "h:0",
            "h:00000",
            "h:65536",
            "h:99999",
            "h:123456",
            "h:+80",
            "h:-1",
            "h:80:80",
            "h: 80",
            "[::1]:",
            "[::1]:0",
            "[::1].",
            "[::1].:80",
            ".",
            ".:80",
            "..",
            "h..",
            ":80",
            "",
        ] {
            assert_eq!(name_of(host), Err(AddressFailure::BadHost), "{host}");
        }
    }

    #[test]
    fn the_root_of_the_dns_is_no_part_of_the_name() {
        for (host, bare) in [
            ("h.", Some("h")),
            ("a.h.:80", Some("a.h:80")),
            ("h", None),
            ("h:80", None),
            ("[::1]:80", None),
        ] {
            assert_eq!(without_root(host).as_deref(), bare, "{host}");
        }
        assert_eq!(name_of("a.h.:80"), Ok("a.h"));
    }
}
