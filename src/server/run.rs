//! Starts and stops the process: sockets, threads and signals.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use pingora::proxy::http_proxy;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server, ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::admin::{Admin, AdminService};
use super::descriptors::{self, Shares};
use super::listener::Listeners;
use super::socket::{ListenError, Socket, bind_tcp};
use crate::clock::Clock;
use crate::gateway::Proxy;
use crate::logs::Log;
use crate::metrics::Metrics;
use crate::runtime::Runtime;
use crate::runtime::active_config::{ActiveConfig, Reload, ReloadableOptions};
use crate::runtime::options::ServerOptions;
use crate::runtime::request_id::RequestId;

/// Below this number of client connections the missing file descriptors are a warning.
const FEW_CONNECTIONS: usize = 1024;
const TOO_FEW_DESCRIPTORS: &str = "the limit of open files allows fewer client connections than max_connections; raise the hard limit";
/// How often a stopping gateway checks whether the last request has ended.
const STOP_INTERVAL: Duration = Duration::from_millis(20);

/// The options of a gateway.
pub struct RunOptions {
    /// Threads and grace period.
    pub server: ServerOptions,
    /// The address of the admin listener, if there is one.
    pub admin: Option<SocketAddr>,
    /// The options that a reload can change.
    pub live: ReloadableOptions,
}

/// The addresses of a gateway, as URLs with the bound ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Of each listener, in order.
    pub listeners: Vec<String>,
    /// Of the admin listener.
    pub admin: Option<String>,
}

/// A gateway with bound sockets: clients can connect, and are served once [`Self::run`] is called.
pub struct Running {
    server: Server,
    stop: Stop,
    /// The addresses of its sockets.
    pub addresses: Addresses,
}

/// Binds every socket. Access log lines go to `log`, if it has an access log.
///
/// # Errors
/// [`ListenError`], with the address that cannot be bound.
pub fn start(
    mut options: RunOptions,
    clock: Arc<dyn Clock>,
    log: Log,
) -> Result<Running, ListenError> {
    let mut sockets = Vec::new();
    for listener in &options.live.listeners {
        sockets.push(Socket::bind(&listener.address)?);
    }
    let socket_paths = sockets
        .iter()
        .filter_map(Socket::path)
        .map(str::to_owned)
        .collect();
    let admin = match options.admin {
        Some(address) => Some(bind_admin(address)?),
        None => None,
    };
    let addresses = Addresses {
        listeners: sockets.iter().map(Socket::url).collect(),
        admin: admin.as_ref().map(|(_, url)| url.clone()),
    };
    let listeners = &options.live.listeners;
    let configured: Vec<_> = listeners
        .iter()
        .map(|listener| listener.limits.connections)
        .collect();
    let shares = Shares::of(
        descriptors::raise(),
        options.server.threads,
        options.live.cluster.upstream_keepalive,
    );
    options.live.cluster.upstream_keepalive = shares.idle_nodes;
    let ceilings = shares.ceilings(&configured);
    let connections = shares.clients;
    if configured.iter().sum::<usize>() > connections {
        // Many systems have a limit below the default of max_connections, and the rest is enough.
        if connections < FEW_CONNECTIONS {
            tracing::warn!(connections, "{TOO_FEW_DESCRIPTORS}");
        } else {
            tracing::debug!(connections, "{TOO_FEW_DESCRIPTORS}");
        }
    }
    let configuration = ServerConf {
        threads: options.server.threads,
        // Each connection stays on the thread that accepted it: requests are short, and this takes less CPU time (`benches/wrk`).
        work_stealing: false,
        ..ServerConf::default()
    };
    let metrics = Metrics::new();
    let runtime = Arc::new(Runtime {
        live: ArcSwap::from_pointee(ActiveConfig::new(options.live, &metrics)),
        clock,
        metrics,
        host_id: RequestId::random().to_string(),
        log,
    });
    let (stopping, stopped) = watch::channel(false);
    let mut server = Server::new_with_opt_and_conf(None, configuration);
    let proxy = Arc::new(http_proxy(
        &server.configuration,
        Proxy::new(Arc::clone(&runtime), stopped.clone()),
    ));
    server.add_service(Listeners::new(
        sockets.into_iter().zip(ceilings).collect(),
        Arc::clone(&runtime),
        proxy,
        stopped.clone(),
    ));
    if let Some((socket, _)) = admin {
        server.add_service(AdminService::new(
            socket,
            Admin::new(Arc::clone(&runtime), stopped),
        ));
    }
    Ok(Running {
        server,
        stop: Stop {
            runtime,
            socket_paths,
            stopping,
            grace_period: options.server.grace_period,
        },
        addresses,
    })
}

fn bind_admin(address: SocketAddr) -> Result<(TcpListener, String), ListenError> {
    let failed = |source| ListenError::new(address, source);
    let socket = bind_tcp(address).map_err(failed)?;
    let url = format!("http://{}", socket.local_addr().map_err(failed)?);
    Ok((socket, url))
}

impl Running {
    /// Serves until SIGTERM or Ctrl-C, and then until the requests in flight or the grace period have ended. SIGHUP reloads the
    /// configuration; if it is invalid, the one in use stays. `ready` is called once the signal handlers are installed: an
    /// earlier signal would end the process.
    pub fn run(self, reload: Reload, ready: impl FnOnce() + Send + 'static) {
        let shutdown_signal = Box::new(Signals {
            reload,
            ready: Mutex::new(Some(Box::new(ready))),
            stop: self.stop,
        });
        self.server.run(RunArgs { shutdown_signal });
    }
}

/// The graceful stop.
struct Stop {
    runtime: Arc<Runtime>,
    /// The paths of the bound Unix sockets, which are removed.
    socket_paths: Vec<String>,
    stopping: watch::Sender<bool>,
    grace_period: Duration,
}

/// The handling of signals.
struct Signals {
    reload: Reload,
    ready: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    stop: Stop,
}

#[async_trait]
impl ShutdownSignalWatch for Signals {
    async fn recv(&self) -> ShutdownSignal {
        let kinds = [
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
        ];
        let [Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)] = kinds.map(signal) else {
            tracing::error!("the signal handlers could not be installed");
            return ShutdownSignal::FastShutdown;
        };
        if let Some(ready) = self.ready.lock().ok().and_then(|mut ready| ready.take()) {
            ready();
        }
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => self.stop.runtime.reload(&self.reload),
            }
        }
        let again = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        self.stop.stop(again).await;
        ShutdownSignal::FastShutdown
    }
}

impl Stop {
    /// Stops accepting connections and waits for the requests in flight: for the grace period at most, and not after a second
    /// signal, `again`.
    async fn stop(&self, again: impl Future<Output = ()>) {
        tracing::info!(grace_period = ?self.grace_period, "stopping; waiting for requests in flight");
        self.stopping.send_replace(true);
        for path in &self.socket_paths {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!(path, %error, "the socket could not be removed");
            }
        }
        let Metrics {
            in_flight,
            connections,
            ..
        } = &self.runtime.metrics;
        let ended = async {
            // Idle connections are closed at once; a connection that is still open may be about to send a request.
            while in_flight.get() > 0 || connections.get() > 0 {
                tokio::time::sleep(STOP_INTERVAL).await;
            }
        };
        tokio::select! {
            () = ended => tracing::info!("stopped"),
            () = tokio::time::sleep(self.grace_period) => {
                tracing::warn!(requests = in_flight.get(), "the grace period is over; closing connections with requests in flight");
            }
            () = again => {
                tracing::warn!(requests = in_flight.get(), "second signal to stop; closing connections with requests in flight");
            }
        }
    }
}
