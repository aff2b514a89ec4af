//! Listeners: accepting connections, and serving their requests.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, TcpListener as StdTcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpPersistentSettings, HttpServerApp};
use pingora::protocols::http::ServerSession;
use pingora::proxy::HttpProxy;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

use super::connection_slots::{ConnectionSlots, Slot};
use super::idle_nodes::sweep_this_thread;
use super::socket::Socket;
use crate::gateway::{Proxy, answer_to_fault};
use crate::runtime::Runtime;
use crate::runtime::active_config::Listener;
use crate::wire::GuardedStream;
use crate::wire::connection::{Connection, ReadState};

/// The pause after `accept` has failed, for example because there was no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often a listener that is stopping closes the connections that have become idle.
const STOP_INTERVAL: Duration = Duration::from_millis(20);
/// The most bytes of a response that the kernel buffers unsent (`TCP_NOTSENT_LOWAT`). The socket becomes writable again when
/// less than half of them are left, so the progress of a slow client is seen in such steps, and a client that does not read
/// uses little kernel memory.
const MAX_UNSENT: u32 = 64 * 1024;

/// All listeners as one service of Pingora's server, so that they share its threads.
pub struct Listeners {
    /// Each socket with the most connections that the limit of file descriptors allows for it.
    sockets: Vec<(Socket, usize)>,
    runtime: Arc<Runtime>,
    proxy: Arc<HttpProxy<Proxy>>,
    stopping: watch::Receiver<bool>,
}

impl Listeners {
    /// Creates the service. It accepts connections once the server runs, until `stopping` is true.
    pub fn new(
        sockets: Vec<(Socket, usize)>,
        runtime: Arc<Runtime>,
        proxy: Arc<HttpProxy<Proxy>>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            sockets,
            runtime,
            proxy,
            stopping,
        }
    }
}

/// Accepts the connections of one listener.
struct Acceptor {
    listener: Arc<Listener>,
    slots: Arc<ConnectionSlots>,
    runtime: Arc<Runtime>,
    proxy: Arc<HttpProxy<Proxy>>,
    shutdown: ShutdownWatch,
}

impl Acceptor {
    async fn accept(self, socket: Socket, mut stopping: watch::Receiver<bool>) {
        let url = socket.url();
        let ended = match socket {
            Socket::Tcp(socket) => {
                accept_tcp(socket, &mut stopping, |stream, peer| {
                    self.serve(stream, Some(peer))
                })
                .await
            }
            Socket::Unix(socket, _path) => {
                accept_unix(socket, &mut stopping, |stream| self.serve(stream, None)).await
            }
        };
        if let Err(error) = ended {
            tracing::error!(listener = url, %error, "the listener has failed");
        }
    }

    fn serve<S>(&self, socket: S, peer: Option<IpAddr>)
    where
        S: AsyncRead + AsyncWrite + AsRawFd + Debug + Unpin + Send + Sync + 'static,
    {
        let live = self.runtime.live.load();
        let listener = live.successor(&self.listener).unwrap_or(&self.listener);
        let limits = listener.options.limits;
        let Some(slot) = self.slots.enter(&limits, peer) else {
            return;
        };
        let id = slot.id();
        let connection = Arc::new(Connection::new(
            Arc::clone(&self.runtime),
            Arc::clone(&self.listener),
            peer,
            Arc::clone(slot.activity()),
            answer_to_fault,
        ));
        let stream = Box::new(GuardedStream::new(socket, Arc::clone(&connection)));
        let (proxy, shutdown) = (Arc::clone(&self.proxy), self.shutdown.clone());
        let task = pingora_runtime::current_handle()
            .spawn(serve_connection(proxy, stream, connection, slot, shutdown));
        self.slots.served_by(id, task.abort_handle());
    }
}

/// Serves the requests of one connection, one after the other.
async fn serve_connection<S>(
    proxy: Arc<HttpProxy<Proxy>>,
    stream: Box<GuardedStream<S>>,
    connection: Arc<Connection>,
    _slot: Slot,
    shutdown: ShutdownWatch,
) where
    S: AsyncRead + AsyncWrite + AsRawFd + Debug + Unpin + Send + Sync + 'static,
{
    sweep_this_thread();
    let (mut stream, mut settings) = (stream, None::<HttpPersistentSettings>);
    loop {
        connection.set_state(ReadState::Header);
        // Pingora's session is created only once a request header is there: an idle connection uses less memory
        // (`benches/connections`).
        if !stream.header().await {
            return;
        }
        let mut session = ServerSession::new_http1(stream);
        match settings {
            Some(settings) => settings.apply_to_session(&mut session),
            // Pingora's keep-alive timeout is off: it restarts with every read. The guard has deadlines instead.
            None => session.set_keepalive(Some(0)),
        }
        let request = proxy.process_new_http(session, &shutdown);
        let Some(reused) = Arc::clone(&connection).handling(request).await else {
            return;
        };
        let (reused, next) = reused.consume();
        let Ok(guarded) = reused.into_any().downcast() else {
            return;
        };
        (stream, settings) = (guarded, next);
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
        let mut all_slots = Vec::new();
        let accepting: Vec<_> = std::mem::take(&mut self.sockets)
            .into_iter()
            .zip(&self.runtime.live.load().listeners)
            .map(|((socket, ceiling), listener)| {
                let slots = Arc::new(ConnectionSlots::new(ceiling, &self.runtime.metrics));
                all_slots.push(Arc::clone(&slots));
                let acceptor = Acceptor {
                    listener: Arc::clone(listener),
                    slots,
                    runtime: Arc::clone(&self.runtime),
                    proxy: Arc::clone(&self.proxy),
                    shutdown: shutdown.clone(),
                };
                pingora_runtime::current_handle()
                    .spawn(acceptor.accept(socket, self.stopping.clone()))
            })
            .collect();
        for acceptor in accepting {
            if let Err(error) = acceptor.await {
                tracing::error!(%error, "the task of a listener has failed");
            }
        }
        // Idle connections are closed now, the others as soon as they are idle, so that requests in flight can end.
        while !dismiss_idle(&all_slots) {
            tokio::time::sleep(STOP_INTERVAL).await;
        }
    }

    fn name(&self) -> &str {
        "listeners"
    }
}

/// Closes the idle connections of all listeners. True once no connection is left.
fn dismiss_idle(all_slots: &[Arc<ConnectionSlots>]) -> bool {
    let left = all_slots
        .iter()
        .filter(|slots| !slots.dismiss_idle())
        .count();
    left == 0
}

/// Accepts connections on a TCP socket until `stopping` is true.
///
/// # Errors
/// The socket cannot be used at all. A failed `accept` is only logged.
pub async fn accept_tcp(
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
                // A small response must not wait for the acknowledgement of the previous one (Nagle's algorithm).
                let _already_closed = stream.set_nodelay(true);
                let _already_closed = SockRef::from(&stream).set_tcp_notsent_lowat(MAX_UNSENT);
                serve(stream, peer.ip());
            }
            Err(error) => pause_after(&error).await,
        }
    }
}

async fn accept_unix(
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
