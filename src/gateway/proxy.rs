//! The Pingora proxy. Each callback calls one function of another file.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::modules::http::HttpModules;
use pingora::prelude::HttpPeer;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::{Error, ErrorType, Result};
use tokio::sync::watch;

use super::client::Client;
use super::context::Context;
use super::observe;
use crate::clock::instant;
use crate::runtime::Runtime;
use crate::wire::connection::Connection;

/// What Pingora runs for each request.
pub struct Proxy {
    pub(super) runtime: Arc<Runtime>,
    pub(super) stopping: watch::Receiver<bool>,
}

impl Proxy {
    /// The proxy of a gateway. While `stopping` is true, each connection closes after its response.
    pub fn new(runtime: Arc<Runtime>, stopping: watch::Receiver<bool>) -> Self {
        Self { runtime, stopping }
    }
}

#[async_trait]
impl ProxyHttp for Proxy {
    /// Boxed, because Pingora moves it.
    type CTX = Box<Context>;

    fn new_ctx(&self) -> Self::CTX {
        let live = self.runtime.live.load_full();
        let connection = Connection::current();
        let metrics = &self.runtime.metrics;
        Box::new(Context::new(live, connection, metrics, instant()))
    }

    /// None: Pingora's default modules would inspect every part of every body, for compression.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    /// Pingora's first callback, for every protocol.
    async fn early_request_filter(
        &self,
        session: &mut Session,
        context: &mut Self::CTX,
    ) -> Result<()> {
        self.begin(&mut Client(session), context)
    }

    async fn request_filter(&self, session: &mut Session, context: &mut Self::CTX) -> Result<bool> {
        self.admit(&mut Client(session), context).await
    }

    async fn proxy_upstream_filter(
        &self,
        session: &mut Session,
        context: &mut Self::CTX,
    ) -> Result<bool> {
        self.forward(&mut Client(session), context).await?;
        Ok(false)
    }

    /// Never called: after `proxy_upstream_filter` Pingora connects to nothing.
    async fn upstream_peer(&self, _: &mut Session, _: &mut Self::CTX) -> Result<Box<HttpPeer>> {
        Error::e_explain(
            ErrorType::ConnectError,
            "the gateway connects to nodes itself",
        )
    }

    /// Responds to a request that failed for an internal error of the gateway.
    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        context: &mut Self::CTX,
    ) -> FailToProxy {
        self.fail_unanswered(&mut Client(session), context, error)
            .await
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, context: &mut Self::CTX) {
        observe::request(&self.runtime, &Client(session), context, error);
    }

    /// Pingora's default summary contains the signature of a presigned request.
    fn request_summary(&self, _session: &Session, context: &Self::CTX) -> String {
        format!("request {}", context.request_id)
    }

    fn suppress_error_log(&self, _session: &Session, _context: &Self::CTX, _error: &Error) -> bool {
        true
    }
}
