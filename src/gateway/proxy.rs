//! The Pingora proxy. Every callback hands over to the room that knows.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::prelude::HttpPeer;
use pingora::protocols::Digest;
use pingora::proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use pingora::{Error, ErrorSource, ErrorType, OrErr, Result};
use tokio::sync::watch;

use super::client::Client;
use super::context::Context;
use super::{admit, form, forward, observe, relay, respond};
use crate::body::End;
use crate::clock::instant;
use crate::cluster::{Exchange, Forward};
use crate::error::Refusal;
use crate::metrics::NodeConnection;
use crate::runtime::Runtime;
use crate::sig;
use crate::wire::connection::{Connection, ReadState};
use crate::wire::h2;
use crate::wire::target::{Target, encode_target};

/// What Pingora runs for each request.
pub struct Proxy {
    runtime: Arc<Runtime>,
    stopping: watch::Receiver<bool>,
}

impl Proxy {
    /// The proxy of a gateway. Once `stopping` is true, every answer is the last one of its connection.
    pub fn new(runtime: Arc<Runtime>, stopping: watch::Receiver<bool>) -> Self {
        Self { runtime, stopping }
    }

    async fn answer(
        &self,
        session: &mut Session,
        context: &mut Context,
        refusal: &Refusal,
    ) -> Result<()> {
        let admitted = context.admitted.as_ref();
        let known = admitted.map(|admitted| admitted.response_dialect);
        let known = known.or(context.refused.response_dialect);
        let dialect = known.unwrap_or_else(|| {
            let query = Target::of(session.req_header()).query;
            let asked = sig::detect_dialect(context.head.fields(), query);
            context.listener().response_dialect(asked)
        });
        let answer = refusal.answer(dialect);
        context.refused.reason = Some(refusal.reason());
        let host_id = &self.runtime.host_id;
        let sent = respond::refuse(
            &mut Client(session),
            &answer,
            dialect,
            &context.request_id,
            host_id,
        )
        .await;
        context.refused.answer = Some(answer);
        context.refused.blame = Some(refusal.blame());
        sent
    }
}

#[async_trait]
impl ProxyHttp for Proxy {
    /// Boxed, since Pingora moves it.
    type CTX = Box<Context>;

    fn new_ctx(&self) -> Self::CTX {
        let live = self.runtime.live.load_full();
        let connection = Connection::current();
        let metrics = &self.runtime.metrics;
        Box::new(Context::new(live, connection, metrics, instant()))
    }

    /// None: Pingora's default would look at every piece of every body for something to compress.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    /// The first filter, for every protocol: the head of the request.
    async fn early_request_filter(
        &self,
        session: &mut Session,
        context: &mut Self::CTX,
    ) -> Result<()> {
        context.head = match context.connection.take_head() {
            Some(head) => head,
            // The guard has read every request of HTTP/1: another one of those is refused.
            None => {
                let has_body = !session.as_mut().is_body_empty();
                let head = h2::head(session.req_header(), has_body);
                head.or_err(ErrorType::InvalidHTTPHeader, "the head of a request")?
            }
        };
        session.set_read_timeout(Some(context.listener().options.body_timeout));
        // HTTP/1.0 knows no interim answers (RFC 9110, section 15.2).
        let old = session.req_header().version == Version::HTTP_10;
        session.set_ignore_info_resp(old);
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, context: &mut Self::CTX) -> Result<bool> {
        let now = self.runtime.clock.now();
        if context.head.target_is_raw() {
            encode_target(session.req_header_mut())?;
        }
        match admit::admit(&mut Client(session), context, now).await {
            Ok(admitted) => {
                context.admitted = Some(admitted);
                Ok(false)
            }
            Err(refusal) => {
                let refusal = context.broken_body().unwrap_or(refusal);
                // Whoever is gone by now misses the answer; there is nobody else to tell. Boxed, since its room would
                // else be part of every request's future.
                let _sent = Box::pin(self.answer(session, context, &refusal)).await;
                Ok(true)
            }
        }
    }

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        context: &mut Self::CTX,
    ) -> Result<Box<HttpPeer>> {
        let Some(admitted) = &mut context.admitted else {
            return Error::e_explain(ErrorType::InternalError, "a request without a permit");
        };
        let now = admitted.verified_at.take().unwrap_or_else(instant);
        context.attempt.started = Some(now);
        let exchange = Exchange {
            now,
            has_body: context.head.body_length() != Some(0),
            single_use: context.attempt.single_use,
            requests: self.runtime.metrics.in_flight.get(),
        };
        let nodes = &mut context.attempt.nodes;
        let peer = context.live.cluster.peer(&admitted.permit, nodes, exchange);
        peer.ok_or_else(|| {
            Error::explain(ErrorType::ConnectError, "no node is left to try").into_up()
        })
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        context: &mut Self::CTX,
        mut error: Box<Error>,
    ) -> Box<Error> {
        note_node_failure(context, &error);
        // Nothing of the request has been read for this node, so the next one gets it whole.
        error.set_retry(context.live.cluster.has_untried(&context.attempt.nodes));
        error
    }

    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        reused: bool,
        _peer: &HttpPeer,
        _fd: std::os::unix::io::RawFd,
        digest: Option<&Digest>,
        context: &mut Self::CTX,
    ) -> Result<()> {
        if reused && digest.is_some_and(|digest| self.runtime.spent.contains(digest)) {
            context.attempt.single_use = true;
            return Error::e_explain(ErrorType::ConnectionClosed, "a spent connection");
        }
        context.attempt.connection = digest.and_then(|digest| digest.socket_digest.clone());
        let (state, connected) = if reused {
            (NodeConnection::Reused, context.attempt.started)
        } else {
            (NodeConnection::New, Some(instant()))
        };
        // What has a body, be it one of nothing in chunks, waits for the client before it waits for the node.
        context.attempt.connected = connected.filter(|_| context.head.body_length() == Some(0));
        if let Some((_, metrics)) = context.node() {
            metrics.connection(state);
        }
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        _session: &mut Session,
        request: &mut RequestHeader,
        context: &mut Self::CTX,
    ) -> Result<()> {
        let Some(admitted) = &mut context.admitted else {
            return Error::e_explain(ErrorType::InternalError, "a request without a permit");
        };
        admitted.body.begin_attempt();
        let mut head = &context.head;
        if let Some(form) = &mut admitted.form
            && let Some(own) = form.begin_attempt(request)
        {
            head = own;
        }
        let node = context.live.cluster.latest(&context.attempt.nodes);
        let node = node.and_then(|at| context.live.cluster.labels().get(at));
        context.attempt.signed_chunks = forward::rewrite(
            request,
            head,
            &admitted.permit,
            &context.live.cluster,
            forward::ForwardInfo {
                body: &admitted.body,
                request_id: &context.request_id,
                peer: context.connection.peer(),
                node: node.map_or("localhost", String::as_str),
                clock: &*self.runtime.clock,
                signed_fields: &admitted.signed_fields,
            },
        )?;
        forward::mark_single_use(
            request,
            context.head.body_length(),
            context.attempt.single_use,
        )
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        piece: &mut Option<Bytes>,
        end: bool,
        context: &mut Self::CTX,
    ) -> Result<()> {
        if end {
            let connection = &context.connection;
            match context.attempt.connected {
                Some(connected) => {
                    let patience = context.live.cluster.options().read_timeout;
                    connection.await_node_until(connected + patience);
                }
                None => connection.set_state(ReadState::Answer),
            }
        }
        if let Some(admitted) = &mut context.admitted {
            if let Some(form) = &mut admitted.form {
                form.pass(piece, end)?;
            }
            admitted.body.pass(piece, end)?;
        }
        if let Some(chunks) = &mut context.attempt.signed_chunks {
            let data = piece.take().unwrap_or_default();
            *piece = Some(chunks.push(data, if end { End::Last } else { End::More }));
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        answer: &mut ResponseHeader,
        context: &mut Self::CTX,
    ) -> Result<()> {
        if answer.status == StatusCode::SWITCHING_PROTOCOLS {
            // No request asks for it: the nodes see no Upgrade.
            let refused = Error::explain(ErrorType::InvalidHTTPHeader, "101 without an upgrade");
            return Err(refused.into_up());
        }
        // 100 Continue and its like pass; what is final comes behind. An answer ahead of the end of the body ends the
        // connection: for Pingora a 100 would be one, and every upload that waits for it would cost a connection.
        let now = instant();
        context.connection.restart_timer();
        let interim = answer.status.is_informational();
        session.set_close_on_response_before_downstream_finish(!interim);
        let (method, version) = (&session.req_header().method, session.req_header().version);
        let settled = relay::settle(answer, method, version)?;
        if interim {
            return context.attempt.count_interim_answer();
        }
        if settled.out_of_step || context.is_answered_early() {
            context.attempt.spend(&self.runtime.spent);
        }
        context.attempt.duration = context.attempt.started.map(|started| now - started);
        let Some(admitted) = &context.admitted else {
            return Error::e_explain(ErrorType::InternalError, "a request without a permit");
        };
        if answer.status.is_success() && admitted.is_unproven() {
            // It has not got the end of the body and cannot have kept it; nor may the client take it for kept.
            let early = Error::explain(ErrorType::InvalidHTTPHeader, "success before the body");
            return Err(early.into_up());
        }
        let (dialect, is_form) = (admitted.response_dialect, admitted.form.is_some());
        let signed_anew = context.live.cluster.options().forward == Forward::Resign;
        let request = session.req_header();
        let (request_id, host_id) = (&context.request_id, &self.runtime.host_id);
        let own_refusal: &dyn Fn() -> Vec<u8> =
            &|| respond::document(request, &Refusal::OwnKey, dialect, request_id, host_id);
        let (relay, node_request_id) = relay::head(
            answer,
            dialect,
            context.live.cluster.options().dialect,
            &session.req_header().method,
            admitted.permit.address().operation(),
            relay::Identity {
                request_id: context.request_id.value()?,
                host_id,
            },
            signed_anew.then_some(own_refusal),
        )?;
        context.attempt.relay = relay;
        context.attempt.node_request_id = node_request_id;
        if settled.no_body {
            context.attempt.relay = relay::Relay::Nothing;
        }
        // The end of the body is that of the connection, for whoever knows no chunks.
        if settled.until_close || *self.stopping.borrow() {
            session.set_keepalive(None);
        }
        if is_form {
            Box::pin(form::answer(&mut Client(session), answer, context)).await?;
        }
        Ok(())
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        piece: &mut Option<Bytes>,
        end: bool,
        context: &mut Self::CTX,
    ) -> Result<Option<Duration>> {
        context.connection.restart_timer();
        if let Some(code) = context.attempt.relay.body(piece, end) {
            note_own_key_refused(context, code);
        }
        Ok(None)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        context: &mut Self::CTX,
        reused: bool,
    ) -> Box<Error> {
        if context.node_is_overdue() {
            error = Error::explain(ErrorType::ReadTimedout, "the node is silent").into_up();
        }
        if reused && context.attempt.single_use {
            // Nothing was sent on it.
            context.attempt.nodes.retry_same_node();
            error.set_retry(true);
            return error;
        }
        let from_node = *error.esource() == ErrorSource::Upstream;
        // A form is a PUT in another dress.
        let admitted = context.admitted.as_ref();
        let idempotent = session.req_header().method.is_idempotent()
            || admitted.is_some_and(|admitted| admitted.form.is_some());
        let replayable = idempotent
            && !session.as_ref().retry_buffer_truncated()
            && session.response_written().is_none();
        // Pingora marks the read that fails as one to repeat, but not the write that often fails before it.
        let broke_off = matches!(
            error.etype(),
            ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError
        );
        error.set_retry(reused && replayable && from_node && broke_off);
        if error.retry() {
            // A pooled connection had gone stale; that says nothing about the node.
            context.attempt.nodes.retry_same_node();
        } else if from_node {
            note_node_failure(context, &error);
        }
        error
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        context: &mut Self::CTX,
    ) -> FailToProxy {
        let answered = session
            .response_written()
            .is_some_and(|answer| !answer.status.is_informational());
        let admitted = context.admitted.as_ref();
        let refusal = match answered {
            true => None,
            false => admitted
                .and_then(|admitted| admitted.body_failure())
                .or_else(|| context.broken_body())
                .or_else(|| admitted?.form_refusal())
                .or_else(|| respond::refusal_of(&mut Client(session), error)),
        };
        let mut error_code = 0;
        if let Some(refusal) = refusal {
            session.set_keepalive(None);
            let _sent = self.answer(session, context, &refusal).await;
            error_code = context
                .refused
                .answer
                .as_ref()
                .map_or(0, |answer| answer.status);
        }
        FailToProxy {
            error_code,
            can_reuse_downstream: false,
        }
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, context: &mut Self::CTX) {
        observe::request(&self.runtime, &Client(session), context, error);
    }

    /// Pingora's own summary would print the signature of a presigned request.
    fn request_summary(&self, _session: &Session, context: &Self::CTX) -> String {
        format!("request {}", context.request_id)
    }

    fn suppress_error_log(&self, _session: &Session, _context: &Self::CTX, _error: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _context: &Self::CTX,
        _error: &Error,
        _phase: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}

fn note_node_failure(context: &Context, error: &Error) {
    let Some((node, metrics)) = context.node() else {
        return;
    };
    metrics.failure();
    tracing::warn!(
        request_id = &*context.request_id,
        node,
        error = error.etype().as_str(),
        "a node failed"
    );
}

/// The client cannot help it: the operator has to.
fn note_own_key_refused(context: &Context, code: &str) {
    let Some((node, metrics)) = context.node() else {
        return;
    };
    metrics.failure();
    tracing::error!(
        request_id = &*context.request_id,
        node,
        code,
        "the node does not accept the gateway's own signature: look at sign_with, node_keys and the clock"
    );
}
