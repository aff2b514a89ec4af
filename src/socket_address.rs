//! The address of a socket, as in the configuration.

use std::fmt;
use std::net::{AddrParseError, SocketAddr};
use std::str::FromStr;

/// The address of a listener or a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SocketAddress {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(String),
}

impl FromStr for SocketAddress {
    type Err = AddrParseError;

    /// Reads `ip:port` or `unix:/path`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("unix:") {
            Some(path) => Ok(Self::Unix(path.to_owned())),
            None => text.parse().map(Self::Tcp),
        }
    }
}

impl fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in [
            "127.0.0.1:9000",
            "[::1]:80",
            "unix:/run/node.sock",
            "unix:relative",
        ] {
            assert_eq!(text.parse::<SocketAddress>().unwrap().to_string(), text);
        }
        for text in ["", "9000", "localhost:9000", "127.0.0.1"] {
            assert!(text.parse::<SocketAddress>().is_err(), "{text:?}");
        }
    }
}
