//! The stages of one request, one for each of Pingora's callbacks.

use pingora::proxy::FailToProxy;
use pingora::{Error, ErrorSource, ErrorType, OrErr, Result};

use super::client::Client;
use super::context::{Context, NodeRecord};
use super::exchange;
use super::forwarding::{Failure, Forwarding};
use super::proxy::Proxy;
use super::{admit, respond};
use crate::error::{Refusal, WireFault};
use crate::sig;
use crate::wire::h2;
use crate::wire::target::{Target, encode_target};

impl Proxy {
    /// Takes the head of the request, from HTTP/1 or HTTP/2.
    ///
    /// # Errors
    /// Pingora's, where there is none.
    pub fn begin(&self, client: &mut Client<'_>, context: &mut Context) -> Result<()> {
        context.head = match context.connection.take_head() {
            Some(head) => head,
            // The guard reads every request of HTTP/1, so one without a head is refused here.
            None => {
                let has_body = client.has_body();
                let head = h2::head(client.request(), has_body);
                head.or_err(ErrorType::InvalidHTTPHeader, "the head of a request")?
            }
        };
        client.begin(context.listener().options.body_timeout);
        Ok(())
    }

    /// Admits the request, or refuses it. True if it is refused and has its response.
    ///
    /// # Errors
    /// Pingora's, where the target is none.
    pub async fn admit(&self, client: &mut Client<'_>, context: &mut Context) -> Result<bool> {
        let now = self.runtime.clock.now();
        if context.head.target_is_raw() {
            encode_target(client.request_mut())?;
        }
        match admit::admit(client, context, now).await {
            Ok(admitted) => {
                context.admitted = Some(admitted);
                Ok(false)
            }
            Err(refusal) => {
                let refusal = context.broken_body().unwrap_or(refusal);
                // An error means that the client has disconnected. Boxed, because it would make the future of every request
                // larger.
                let _sent = Box::pin(self.answer(client, context, &refusal)).await;
                Ok(true)
            }
        }
    }

    /// Forwards an admitted request and answers it.
    ///
    /// # Errors
    /// Pingora's, if the client has disconnected or the response has broken off.
    pub async fn forward(&self, client: &mut Client<'_>, context: &mut Context) -> Result<()> {
        let mut record = NodeRecord::default();
        let Some(forwarding) = Forwarding::of(&self.runtime, context, &self.stopping) else {
            return Ok(());
        };
        let forwarded = exchange::forward(&forwarding, client, &mut record).await;
        context.record = record;
        match forwarded {
            Ok(()) => Ok(()),
            // Boxed, because it would make the future of every request larger.
            Err(failure) => Box::pin(self.fail(client, context, failure)).await,
        }
    }

    /// Responds to a request for which another stage has failed without a response.
    pub async fn fail_unanswered(
        &self,
        client: &mut Client<'_>,
        context: &mut Context,
        error: &Error,
    ) -> FailToProxy {
        let own = matches!(error.esource(), ErrorSource::Internal | ErrorSource::Unset);
        if own && !client.is_answered() {
            client.close_after();
            let fault = error.root_cause().downcast_ref::<WireFault>();
            let refusal = fault.map_or(Refusal::Internal, |fault| Refusal::Wire(*fault));
            // An error means that the client has disconnected.
            let _sent = self.answer(client, context, &refusal).await;
        }
        let answer = context.refused.answer.as_ref();
        FailToProxy {
            error_code: answer.map_or(0, |answer| answer.status),
            can_reuse_downstream: false,
        }
    }

    async fn answer(
        &self,
        client: &mut Client<'_>,
        context: &mut Context,
        refusal: &Refusal,
    ) -> Result<()> {
        let admitted = context.admitted.as_ref();
        let known = admitted.map(|admitted| admitted.response_dialect);
        let known = known.or(context.refused.response_dialect);
        let dialect = known.unwrap_or_else(|| {
            let query = Target::of(client.request()).query;
            let asked = sig::detect_dialect(context.head.fields(), query);
            context.listener().response_dialect(asked)
        });
        let answer = refusal.answer(dialect);
        context.refused.reason = Some(refusal.reason());
        let host_id = &self.runtime.host_id;
        let sent = respond::refuse(client, &answer, dialect, &context.request_id, host_id).await;
        context.refused.answer = Some(answer);
        context.refused.blame = Some(refusal.blame());
        sent
    }

    /// Ends a request that has no complete response of a node.
    async fn fail(
        &self,
        client: &mut Client<'_>,
        context: &mut Context,
        failure: Failure,
    ) -> Result<()> {
        let refusal = match &failure {
            _ if client.is_answered() => None,
            Failure::Refused(refusal @ Refusal::Body(_)) => Some(refusal.clone()),
            failure => context
                .broken_body()
                .or_else(|| respond::refusal_of(client, failure)),
        };
        if let Some(refusal) = refusal {
            client.close_after();
            return self.answer(client, context, &refusal).await;
        }
        if !matches!(failure, Failure::Client(_)) {
            client.cut().await;
        }
        Err(failure.into())
    }
}
