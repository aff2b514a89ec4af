//! Listening sockets, bound before the threads start.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;

use socket2::{Domain, SockAddr, Type};
use thiserror::Error;

use crate::socket_address::SocketAddress;

/// The backlog of completed connections that are not yet accepted. The standard library's 128 is too small: when a thousand
/// clients connect at once, the others are reset or retry after a second. `net.core.somaxconn` caps it.
const BACKLOG: i32 = 4096;
/// The mode of a Unix socket: read and write for its owner and its group.
const SOCKET_MODE: u32 = 0o660;

/// Why an address cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    address: String,
    source: io::Error,
}

impl ListenError {
    /// The error for an address.
    pub fn new(address: impl ToString, source: io::Error) -> Self {
        Self {
            address: address.to_string(),
            source,
        }
    }
}

/// A bound socket.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpListener),
    /// Unix, with its path.
    Unix(UnixListener, String),
}

impl Socket {
    /// Binds an address. Replaces a Unix socket that no process listens on any more.
    ///
    /// # Errors
    /// [`ListenError`], with the address.
    pub fn bind(address: &SocketAddress) -> Result<Self, ListenError> {
        let bound = match address {
            SocketAddress::Tcp(address) => bind_tcp(*address).map(Self::Tcp),
            SocketAddress::Unix(path) => {
                bind_unix(path).map(|socket| Self::Unix(socket, path.clone()))
            }
        };
        bound.map_err(|source| ListenError::new(address, source))
    }

    /// The path of a Unix socket, to remove it at the end.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(_, path) => Some(path),
        }
    }

    /// The address as a client writes it, with the bound port of a TCP socket.
    pub fn url(&self) -> String {
        match self {
            Self::Tcp(socket) => match socket.local_addr() {
                Ok(address) => format!("http://{address}"),
                Err(error) => format!("http://{error}"),
            },
            Self::Unix(_, path) => format!("unix:{path}"),
        }
    }
}

/// Binds a TCP socket and listens on it.
///
/// # Errors
/// The error of the system call.
pub fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // As the standard library does: a restart must not wait for connections of the previous process in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bind_unix(path: &str) -> io::Result<UnixListener> {
    let left_over = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
        && std::os::unix::net::UnixStream::connect(path).is_err();
    if left_over {
        std::fs::remove_file(path)?;
    }
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Before `listen`, because clients can connect from then on.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    socket.listen(BACKLOG)?;
    Ok(UnixListener::from(OwnedFd::from(socket)))
}
