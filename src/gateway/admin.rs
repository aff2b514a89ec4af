//! The admin listener: `/metrics`, `/healthz`, `/readyz`. Anything else is 404.

use std::net::TcpListener;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, Response, StatusCode};
use pingora::apps::ServerApp;
use pingora::apps::http_app::{HttpServer, ServeHttp};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;
use prometheus::IntCounter;
use tokio::sync::watch;

use super::Gateway;
use super::listener::take_tcp;

/// What the admin listener tells.
pub struct Admin {
    gateway: Arc<Gateway>,
    log_lines_dropped: IntCounter,
    stopping: watch::Receiver<bool>,
}

impl Admin {
    /// Tells about a gateway and the lines that its log has dropped.
    pub fn new(gateway: Arc<Gateway>, stopping: watch::Receiver<bool>) -> Self {
        Self {
            log_lines_dropped: gateway.metrics.log_lines_dropped(),
            gateway,
            stopping,
        }
    }

    fn metrics(&self) -> Vec<u8> {
        let dropped = self.gateway.log.dropped_lines() as u64;
        let counted = self.log_lines_dropped.get();
        self.log_lines_dropped
            .inc_by(dropped.saturating_sub(counted));
        self.gateway.metrics.render()
    }
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let request = session.req_header();
        let (status, kind, body) = match (&request.method, request.uri.path()) {
            (&Method::GET, "/metrics") => (StatusCode::OK, prometheus::TEXT_FORMAT, self.metrics()),
            (&Method::GET, "/healthz") => (StatusCode::OK, "text/plain", b"ok\n".to_vec()),
            (&Method::GET, "/readyz") if *self.stopping.borrow() => (
                StatusCode::SERVICE_UNAVAILABLE,
                "text/plain",
                b"stopping\n".to_vec(),
            ),
            (&Method::GET, "/readyz") => (StatusCode::OK, "text/plain", b"ready\n".to_vec()),
            _ => (StatusCode::NOT_FOUND, "text/plain", b"not found\n".to_vec()),
        };
        Response::builder()
            .status(status)
            .header(CONTENT_TYPE, kind)
            .header(CONTENT_LENGTH, body.len())
            .body(body)
            .expect("the headers are constants and a number")
    }
}

/// The admin listener as a service of Pingora's server.
pub struct AdminService {
    socket: Option<TcpListener>,
    app: Arc<HttpServer<Admin>>,
}

impl AdminService {
    /// Makes the service for a bound socket.
    pub fn new(socket: TcpListener, admin: Admin) -> Self {
        Self {
            socket: Some(socket),
            app: Arc::new(HttpServer::new_app(admin)),
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
        // Until the very end, so that a stopping gateway can say that it is one.
        let taken = take_tcp(socket, &mut shutdown.clone(), |stream, _peer| {
            let (app, shutdown) = (Arc::clone(&self.app), shutdown.clone());
            let stream: Stream = Box::new(L4Stream::from(stream));
            pingora_runtime::current_handle()
                .spawn(async move { app.process_new(stream, &shutdown).await });
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
