//! Sockets, threads and signals: the gateway as a process.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::proxy::http_proxy;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server, ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::admin::{Admin, AdminService};
use super::listener::{ListenError, Listener, Listeners, Socket};
use super::options::{ListenerOptions, ServerOptions};
use super::proxy::Proxy;
use super::{Gateway, context, decoy};
use crate::clock::Clock;
use crate::cluster::{Cluster, ClusterOptions};
use crate::credentials::CredentialStore;
use crate::logs::{DroppedLines, LogFormat};
use crate::metrics::Metrics;
use crate::sig::VerifyOptions;

/// The fewest attempts that Pingora may make for one request: stale connections of the pool count too.
const MIN_ATTEMPTS: usize = 16;
/// How often a stopping gateway looks whether the last request has ended.
const STOP_INTERVAL: Duration = Duration::from_millis(20);

/// What a gateway is told.
pub struct RunOptions {
    /// Threads and the stop.
    pub server: ServerOptions,
    /// Where it listens; at least one.
    pub listeners: Vec<ListenerOptions>,
    /// Where metrics and health are told.
    pub admin: Option<SocketAddr>,
    /// How requests are verified.
    pub signature: VerifyOptions,
    /// The nodes.
    pub cluster: ClusterOptions,
    /// The form of the access lines.
    pub log_format: LogFormat,
}

/// Where a gateway listens, as URLs with real ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Each listener, in order.
    pub listeners: Vec<String>,
    /// The admin listener.
    pub admin: Option<String>,
}

/// A gateway whose sockets are bound: clients can connect already, and are served once it runs.
pub struct Running {
    server: Server,
    stop: Stop,
    /// Where it listens.
    pub addresses: Addresses,
}

/// Binds every socket.
///
/// # Errors
/// [`ListenError`], with the address that cannot be bound.
pub fn start(
    options: RunOptions,
    store: Arc<dyn CredentialStore>,
    clock: Arc<dyn Clock>,
    dropped_lines: DroppedLines,
) -> Result<Running, ListenError> {
    let mut sockets = Vec::new();
    for listener in options.listeners {
        let socket = Socket::bind(&listener.address)?;
        sockets.push((socket, Arc::new(Listener::new(listener))));
    }
    let admin = match options.admin {
        Some(address) => Some(bind_admin(address)?),
        None => None,
    };
    let addresses = Addresses {
        listeners: sockets.iter().map(|(socket, _)| socket.url()).collect(),
        admin: admin.as_ref().map(|(_, url)| url.clone()),
    };
    let configuration = ServerConf {
        threads: options.server.threads,
        // Each connection stays on the thread that took it: measured cheaper, and requests are short.
        work_stealing: false,
        upstream_keepalive_pool_size: options.cluster.upstream_keepalive,
        max_retries: MIN_ATTEMPTS.max(options.cluster.nodes.len() + 1),
        ..ServerConf::default()
    };
    let gateway = Arc::new(Gateway {
        signature: options.signature,
        store,
        decoy: decoy(),
        cluster: Cluster::new(options.cluster),
        clock,
        metrics: Metrics::new(),
        host_id: context::request_id(),
        log_format: options.log_format,
    });
    let (stopping, stopped) = watch::channel(false);
    let mut server = Server::new_with_opt_and_conf(None, configuration);
    let proxy = Arc::new(http_proxy(
        &server.configuration,
        Proxy::new(Arc::clone(&gateway)),
    ));
    server.add_service(Listeners::new(
        sockets,
        Arc::clone(&gateway),
        proxy,
        stopped.clone(),
    ));
    if let Some((socket, _)) = admin {
        server.add_service(AdminService::new(
            socket,
            Admin::new(Arc::clone(&gateway), dropped_lines, stopped),
        ));
    }
    Ok(Running {
        server,
        stop: Stop {
            gateway,
            stopping,
            grace_period: options.server.grace_period,
        },
        addresses,
    })
}

fn bind_admin(address: SocketAddr) -> Result<(TcpListener, String), ListenError> {
    let failed = |source| ListenError::new(address, source);
    let socket = TcpListener::bind(address).map_err(failed)?;
    let url = format!("http://{}", socket.local_addr().map_err(failed)?);
    Ok((socket, url))
}

impl Running {
    /// Serves until SIGTERM or Ctrl-C, and then until the requests in flight have ended or the grace period has.
    pub fn run(self) {
        let shutdown_signal = Box::new(self.stop);
        self.server.run(RunArgs { shutdown_signal });
    }
}

/// Waits for the end.
struct Stop {
    gateway: Arc<Gateway>,
    stopping: watch::Sender<bool>,
    grace_period: Duration,
}

#[async_trait]
impl ShutdownSignalWatch for Stop {
    async fn recv(&self) -> ShutdownSignal {
        let (Ok(mut terminate), Ok(mut interrupt)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) else {
            tracing::error!("signals cannot be awaited here");
            return ShutdownSignal::FastShutdown;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!(grace_period = ?self.grace_period, "stopping; requests in flight go on");
        self.stopping.send_replace(true);
        let ended = async {
            while self.gateway.metrics.in_flight.get() > 0 {
                tokio::time::sleep(STOP_INTERVAL).await;
            }
        };
        tokio::select! {
            () = ended => tracing::info!("stopped"),
            () = tokio::time::sleep(self.grace_period) => {
                let cut = self.gateway.metrics.in_flight.get();
                tracing::warn!(requests = cut, "the grace period is over; requests in flight are cut");
            }
            _ = terminate.recv() => tracing::warn!("told to stop again; requests in flight are cut"),
            _ = interrupt.recv() => tracing::warn!("told to stop again; requests in flight are cut"),
        }
        ShutdownSignal::FastShutdown
    }
}
