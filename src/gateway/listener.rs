//! Listeners: sockets bound before anything starts, and the loop that takes connections from them.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, TcpListener as StdTcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpPersistentSettings, HttpServerApp};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::proxy::HttpProxy;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

use super::Gateway;
use super::connection::{Awaited, Connection};
use super::guard::GuardedStream;
use super::options::{AnswerAs, ListenAddress, ListenerOptions};
use super::proxy::Proxy;
use crate::sig::dialect::{Dialect, DialectName};

/// The mode of a Unix socket: its owner and its group.
const SOCKET_MODE: u32 = 0o660;
/// How long the loop waits after the system has refused a connection, for want of file descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why a listener cannot listen.
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

/// A running listener.
#[derive(Debug)]
pub struct Listener {
    /// What it was told.
    pub options: ListenerOptions,
    /// The dialects accepted here, the preferred one first.
    pub dialects: Vec<&'static Dialect>,
}

impl Listener {
    /// Prepares a listener.
    pub fn new(options: ListenerOptions) -> Self {
        let dialects = options
            .dialects
            .iter()
            .map(|name| Dialect::named(*name))
            .collect();
        Self { options, dialects }
    }

    /// Whose words an answer uses, for a request that spoke in `asked`.
    pub fn words(&self, asked: Option<DialectName>) -> DialectName {
        match self.options.answer_as {
            AnswerAs::Aws => DialectName::Aws,
            AnswerAs::Wos => DialectName::Wos,
            AnswerAs::Request => asked.unwrap_or(self.dialects[0].name),
        }
    }
}

/// A socket that is bound.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(StdTcpListener),
    /// Unix, with its path.
    Unix(StdUnixListener, String),
}

impl Socket {
    /// Binds an address. A Unix socket that nobody listens on any more is replaced.
    ///
    /// # Errors
    /// [`ListenError`], with the address.
    pub fn bind(address: &ListenAddress) -> Result<Self, ListenError> {
        let bound = match address {
            ListenAddress::Tcp(to) => StdTcpListener::bind(to).map(Self::Tcp),
            ListenAddress::Unix(path) => {
                bind_unix(path).map(|socket| Self::Unix(socket, path.clone()))
            }
        };
        bound.map_err(|source| ListenError::new(address, source))
    }

    /// The path of a Unix socket, which is to be removed at the end.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(_, path) => Some(path),
        }
    }

    /// The address as a client writes it; a TCP socket's real port in place of 0.
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

fn bind_unix(path: &str) -> io::Result<StdUnixListener> {
    let left_over = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
        && std::os::unix::net::UnixStream::connect(path).is_err();
    if left_over {
        std::fs::remove_file(path)?;
    }
    let socket = StdUnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    Ok(socket)
}

/// All listeners as one service of Pingora's server: its threads serve every one of them.
pub struct Listeners {
    sockets: Vec<Socket>,
    gateway: Arc<Gateway>,
    proxy: Arc<HttpProxy<Proxy>>,
    stopping: watch::Receiver<bool>,
}

impl Listeners {
    /// Makes the service; it takes connections once the server runs, until `stopping` turns true.
    pub fn new(
        sockets: Vec<Socket>,
        gateway: Arc<Gateway>,
        proxy: Arc<HttpProxy<Proxy>>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            sockets,
            gateway,
            proxy,
            stopping,
        }
    }
}

/// Takes the connections of one listener.
struct Acceptor {
    listener: usize,
    gateway: Arc<Gateway>,
    proxy: Arc<HttpProxy<Proxy>>,
    shutdown: ShutdownWatch,
}

impl Acceptor {
    async fn take(self, socket: Socket, mut stopping: watch::Receiver<bool>) {
        let url = socket.url();
        let taken = match socket {
            Socket::Tcp(socket) => {
                take_tcp(socket, &mut stopping, |stream, peer| {
                    self.serve(stream, Some(peer))
                })
                .await
            }
            Socket::Unix(socket, _path) => {
                take_unix(socket, &mut stopping, |stream| self.serve(stream, None)).await
            }
        };
        if let Err(error) = taken {
            tracing::error!(listener = url, %error, "the listener has failed");
        }
    }

    fn serve<S>(&self, socket: S, peer: Option<IpAddr>)
    where
        S: AsyncRead + AsyncWrite + AsRawFd + Debug + Unpin + Send + Sync + 'static,
    {
        let connection = Arc::new(Connection::new(
            Arc::clone(&self.gateway),
            self.listener,
            peer,
        ));
        let stream: Stream = Box::new(GuardedStream::new(socket, Arc::clone(&connection)));
        let (proxy, shutdown) = (Arc::clone(&self.proxy), self.shutdown.clone());
        pingora_runtime::current_handle()
            .spawn(serve_connection(proxy, stream, connection, shutdown));
    }
}

/// Serves the requests of one connection, one after the other.
async fn serve_connection(
    proxy: Arc<HttpProxy<Proxy>>,
    stream: Stream,
    connection: Arc<Connection>,
    shutdown: ShutdownWatch,
) {
    let (mut stream, mut settings) = (stream, None::<HttpPersistentSettings>);
    loop {
        connection.await_next(Awaited::Header);
        let mut session = ServerSession::new_http1(stream);
        match settings {
            Some(settings) => settings.apply_to_session(&mut session),
            // Pingora's own deadline starts anew with every read; the guard has better ones.
            None => session.set_keepalive(Some(0)),
        }
        session.set_connection_user_context(Some(Box::new(Arc::clone(&connection))));
        let Some(reused) = proxy.process_new_http(session, &shutdown).await else {
            return;
        };
        (stream, settings) = reused.consume();
    }
}

#[async_trait]
impl Service for Listeners {
    async fn start_service(
        &mut self,
        _fds: Option<ListenFds>,
        shutdown: ShutdownWatch,
        _listeners_per_fd: usize,
    ) {
        let accepting: Vec<_> = std::mem::take(&mut self.sockets)
            .into_iter()
            .enumerate()
            .map(|(listener, socket)| {
                let acceptor = Acceptor {
                    listener,
                    gateway: Arc::clone(&self.gateway),
                    proxy: Arc::clone(&self.proxy),
                    shutdown: shutdown.clone(),
                };
                pingora_runtime::current_handle()
                    .spawn(acceptor.take(socket, self.stopping.clone()))
            })
            .collect();
        for acceptor in accepting {
            if let Err(error) = acceptor.await {
                tracing::error!(%error, "a listener has broken off");
            }
        }
        // Idle connections end now; requests in flight go on.
        self.proxy.http_cleanup().await;
    }

    fn name(&self) -> &str {
        "listeners"
    }
}

/// Takes connections from a TCP socket until `stopping` turns true.
///
/// # Errors
/// Where the socket cannot be used at all; a connection that fails is logged.
pub async fn take_tcp(
    socket: StdTcpListener,
    stopping: &mut watch::Receiver<bool>,
    serve: impl Fn(tokio::net::TcpStream, IpAddr),
) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let socket = TcpListener::from_std(socket)?;
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => return Ok(()),
        };
        match accepted {
            Ok((stream, peer)) => {
                // A small answer must not wait for the acknowledgement of the one before.
                let _not_tcp_any_more = stream.set_nodelay(true);
                serve(stream, peer.ip());
            }
            Err(error) => pause_after(&error).await,
        }
    }
}

async fn take_unix(
    socket: StdUnixListener,
    stopping: &mut watch::Receiver<bool>,
    serve: impl Fn(tokio::net::UnixStream),
) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let socket = UnixListener::from_std(socket)?;
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => return Ok(()),
        };
        match accepted {
            Ok((stream, _peer)) => serve(stream),
            Err(error) => pause_after(&error).await,
        }
    }
}

async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}
