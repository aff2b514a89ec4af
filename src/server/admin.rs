//! The admin listener: `/metrics`, `/healthz`, `/readyz`, and `/`, which lists them.
//!
//! It has no authentication, so its resources are limited: a request header has a deadline, a connection serves one request,
//! and when there are more than [`MAX_CONNECTIONS`] connections, the oldest is closed.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::listener::accept_tcp;
use crate::clock::instant;
use crate::metrics::{self, LogMetrics};
use crate::runtime::Runtime;

/// The most connections at once.
const MAX_CONNECTIONS: usize = 64;
/// The longest time from accepting a connection to the end of its request header.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest time to send a response.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the result of a reachability check is cached.
const ANSWER_HOLDS: Duration = Duration::from_secs(1);
/// How long a node that has answered a request counts as reachable.
const REACHED_LATELY: Duration = Duration::from_secs(10);
/// The longest time to connect to a node for a reachability check.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

const PLAIN: &str = "text/plain";
const METHODS: &str = "GET, HEAD, OPTIONS";
const PATHS: &str = "/metrics  the metrics, in the Prometheus text format\n\
                     /healthz  200 while the process serves\n\
                     /readyz   200 while it takes requests and a node can be reached, else 503\n";

/// The state that the admin listener reports.
pub struct Admin {
    runtime: Arc<Runtime>,
    log: LogMetrics,
    stopping: watch::Receiver<bool>,
    reach: tokio::sync::Mutex<Reach>,
}

/// The cached result of the reachability check.
#[derive(Default)]
struct Reach {
    /// The time of the check, and whether a node could be reached.
    found: Option<(Instant, bool)>,
    /// The number of checks so far.
    rounds: usize,
}

struct Answer {
    status: StatusCode,
    kind: &'static str,
    body: Vec<u8>,
    /// Whether to send the `Allow` field.
    allow: bool,
}

impl Answer {
    fn plain(status: StatusCode, text: &str) -> Self {
        Self {
            status,
            kind: PLAIN,
            body: text.into(),
            allow: false,
        }
    }
}

impl Admin {
    /// Reports on a gateway and its log.
    pub fn new(runtime: Arc<Runtime>, stopping: watch::Receiver<bool>) -> Self {
        Self {
            log: runtime.metrics.of_log(),
            runtime,
            stopping,
            reach: tokio::sync::Mutex::default(),
        }
    }

    async fn answer(&self, request: &RequestHeader) -> Answer {
        let path = request.uri.path();
        if !["/", "/metrics", "/healthz", "/readyz"].contains(&path) {
            return Answer::plain(StatusCode::NOT_FOUND, "not found\n");
        }
        match request.method {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => {
                return Answer {
                    allow: true,
                    ..Answer::plain(StatusCode::OK, "")
                };
            }
            _ => {
                return Answer {
                    allow: true,
                    ..Answer::plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n")
                };
            }
        }
        match path {
            "/metrics" => Answer {
                kind: metrics::TEXT_FORMAT,
                body: self.metrics(),
                ..Answer::plain(StatusCode::OK, "")
            },
            "/healthz" => Answer::plain(StatusCode::OK, "ok\n"),
            "/readyz" if *self.stopping.borrow() => {
                Answer::plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
            }
            "/readyz" if !self.reaches_a_node().await => {
                Answer::plain(StatusCode::SERVICE_UNAVAILABLE, "no node can be reached\n")
            }
            "/readyz" => Answer::plain(StatusCode::OK, "ready\n"),
            _ => Answer::plain(StatusCode::OK, PATHS),
        }
    }

    fn metrics(&self) -> Vec<u8> {
        let log = &self.runtime.log;
        self.log.update(log.dropped_lines(), log.waiting_bytes());
        self.runtime.metrics.render()
    }

    /// Whether a node can be reached: it has answered a request recently, or it accepts a connection. Concurrent calls wait for
    /// one check, and its result is cached, so that the number of connections to nodes does not grow with the number of calls.
    async fn reaches_a_node(&self) -> bool {
        let mut reach = self.reach.lock().await;
        let now = instant();
        if let Some((at, reached)) = reach.found
            && now.duration_since(at) < ANSWER_HOLDS
        {
            return reached;
        }
        let live = self.runtime.live.load_full();
        let lately =
            |node: &crate::metrics::NodeMetrics| node.has_answered_within(REACHED_LATELY, now);
        let reached = live.node_metrics.iter().any(lately)
            || live.cluster.is_reachable(PROBE_TIMEOUT, reach.rounds).await;
        reach.rounds = reach.rounds.wrapping_add(1);
        reach.found = Some((instant(), reached));
        reached
    }

    /// Serves the one request of a connection.
    async fn serve(&self, stream: Stream) {
        let mut session = ServerSession::new_http1(stream);
        match timeout(HEADER_TIMEOUT, session.read_request()).await {
            Ok(Ok(true)) => {}
            // Without a valid request the connection is closed without a response.
            Ok(Ok(false) | Err(_)) | Err(_) => return,
        }
        session.set_keepalive(None);
        let answer = self.answer(session.req_header()).await;
        // The client may have gone away, or may not read: its response is dropped.
        let _sent = timeout(ANSWER_TIMEOUT, send(session, answer)).await;
    }
}

async fn send(mut session: ServerSession, answer: Answer) -> pingora::Result<()> {
    let mut header = ResponseHeader::build(answer.status, Some(4))?;
    header.insert_header(CONTENT_TYPE, answer.kind)?;
    header.insert_header(CONTENT_LENGTH, answer.body.len())?;
    if answer.allow {
        header.insert_header(ALLOW, METHODS)?;
    }
    let head_only = session.req_header().method == Method::HEAD;
    session.write_response_header(Box::new(header)).await?;
    if !head_only && !answer.body.is_empty() {
        let body = Bytes::from(answer.body);
        session.write_response_body(body, true).await?;
    }
    // Reads an unexpected body to its end: closing with unread bytes would reset the connection and could lose the response.
    session.drain_request_body().await?;
    session.finish().await.map(|_closed| ())
}

/// The connections of the admin listener, the oldest first.
#[derive(Default)]
struct Connections(Mutex<VecDeque<AbortHandle>>);

impl Connections {
    /// Adds a connection, and closes the oldest where there are too many: silent clients must not lock out others.
    fn add(&self, connection: AbortHandle) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|other| !other.is_finished());
        if open.len() >= MAX_CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        open.push_back(connection);
    }
}

/// The admin listener as a service of Pingora's server.
pub struct AdminService {
    socket: Option<TcpListener>,
    admin: Arc<Admin>,
}

impl AdminService {
    /// Creates the service for a bound socket.
    pub fn new(socket: TcpListener, admin: Admin) -> Self {
        Self {
            socket: Some(socket),
            admin: Arc::new(admin),
        }
    }
}

#[async_trait]
impl Service for AdminService {
    async fn start_service(
        &mut self,
        _fds: Option<ListenFds>,
        shutdown: ShutdownWatch,
        _listeners_per_fd: usize,
    ) {
        let Some(socket) = self.socket.take() else {
            return;
        };
        let connections = Connections::default();
        // Accepts until the process ends, so that `/readyz` can report `stopping`.
        let taken = accept_tcp(socket, &mut shutdown.clone(), |stream, _peer| {
            let admin = Arc::clone(&self.admin);
            let stream: Stream = Box::new(L4Stream::from(stream));
            let served =
                pingora_runtime::current_handle().spawn(async move { admin.serve(stream).await });
            connections.add(served.abort_handle());
        })
        .await;
        if let Err(error) = taken {
            tracing::error!(%error, "the admin listener has failed");
        }
    }

    fn name(&self) -> &str {
        "admin"
    }

    fn threads(&self) -> Option<usize> {
        Some(1)
    }
}
