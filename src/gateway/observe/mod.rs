//! The access log line and the metrics of a request.

mod line;

use std::time::Duration;

use pingora::Error;

use super::client::Client;
use super::context::Context;
use crate::address::Operation;
use crate::answer::Answer;
use crate::clock::instant;
use crate::error::{Blame, Reason};
use crate::logs::{self, AccessLog};
use crate::metrics::{Outcome, RequestLabels};
use crate::runtime::Runtime;
use crate::runtime::request_id::RequestId;
use crate::sig::Placement;
use crate::wire::connection::Connection;
use crate::wire::target::Target;
use line::{Line, key};

/// Records a request that has ended.
pub fn request(
    runtime: &Runtime,
    client: &Client<'_>,
    context: &mut Context,
    error: Option<&Error>,
) {
    context.note_claim(client.request());
    let outcome = match context.refused.blame {
        Some(Blame::Client) => Outcome::Refused,
        Some(_) => Outcome::Failed,
        None if error.is_some() => Outcome::Aborted,
        None => Outcome::Forwarded,
    };
    let now = instant();
    let duration = now - context.started;
    let (received, sent) = client.body_bytes();
    let metrics = &runtime.metrics;
    let operation = context
        .address()
        .map_or(Operation::Unknown, |address| address.operation());
    let dialect = context.dialect().map(|chosen| chosen.dialect.name);
    metrics.request(
        RequestLabels {
            dialect,
            version: context.version(),
            operation,
            outcome,
        },
        duration,
    );
    metrics.bytes(received, sent);
    if let Some(answer) = &context.refused.answer {
        metrics.refusal(answer.code, context.refused.reason);
    }
    if let Some(taken) = context.verification {
        metrics.verification(taken);
    }
    if let Some(taken) = context.record.duration {
        metrics.node(taken);
        if let (Outcome::Forwarded, Some((_, node))) = (outcome, context.node()) {
            node.answered(now);
        }
    }
    if runtime.log.options().access == AccessLog::Off {
        return;
    }
    let request = client.request();
    let target = Target::of(request);
    let status = client.status();
    let mut line = Line::new(runtime, &context.request_id);
    line.peer(context.connection.peer());
    line.foreign(key!("method"), request.method.as_str());
    line.foreign(key!("path"), target.path);
    if let Some(query) = target.query {
        line.foreign(key!("query"), query);
    }
    if let Some(address) = context.address() {
        line.foreign(key!("bucket"), address.bucket().unwrap_or(""));
        line.foreign(key!("key"), address.key().unwrap_or(""));
    }
    line.word(key!("operation"), operation.name());
    if let Some(dialect) = dialect {
        line.word(key!("dialect"), dialect.as_str());
    }
    if let Some(version) = context.version() {
        line.word(key!("version"), version.as_str());
    }
    who(&mut line, context);
    line.number(key!("status"), u64::from(status));
    line.word(key!("outcome"), outcome.as_str());
    if let Some(answer) = &context.refused.answer {
        line.word(key!("code"), answer.code.as_str());
        why(&mut line, context.refused.reason);
    }
    line.number(key!("received"), received);
    line.number(key!("sent"), sent);
    line.micros(key!("duration_us"), Some(duration));
    line.micros(key!("verification_us"), context.verification);
    if let Some((node, _)) = context.node() {
        line.own(key!("node"), node);
        line.micros(key!("node_us"), context.record.duration);
    }
    if let Some(id) = &context.record.node_request_id {
        line.foreign(key!("node_request_id"), id);
    }
    line.write(&runtime.log);
}

/// Records an invalid request header.
pub fn wire_fault(
    runtime: &Runtime,
    connection: &Connection,
    request_id: &RequestId,
    answer: &Answer,
    reason: Reason,
) {
    runtime.metrics.refusal(answer.code, Some(reason));
    runtime.metrics.request(
        RequestLabels {
            dialect: None,
            version: None,
            operation: Operation::Unknown,
            outcome: Outcome::Refused,
        },
        Duration::ZERO,
    );
    if runtime.log.options().access == AccessLog::Off {
        return;
    }
    let mut line = Line::new(runtime, request_id);
    line.peer(connection.peer());
    line.number(key!("status"), u64::from(answer.status));
    line.word(key!("outcome"), Outcome::Refused.as_str());
    line.word(key!("code"), answer.code.as_str());
    why(&mut line, Some(reason));
    line.foreign(key!("fault"), &answer.message);
    line.write(&runtime.log);
}

/// Adds the identity of the signer, and whether it is verified. A claimed one is text from the client.
fn who(line: &mut Line, context: &Context) {
    let placement = if let Some(admitted) = &context.admitted {
        let verified = admitted.permit.verified();
        let identity = verified.identity();
        line.own(key!("access_key_id"), &identity.access_key_id);
        line.word(key!("identity"), "verified");
        line.own(key!("principal"), &identity.principal);
        verified.placement()
    } else if let Some(claimed) = &context.refused.claimed {
        let id = &*claimed.access_key_id;
        let key = context.live.store.known(id).and_then(Result::ok);
        let id = match key {
            Some(_) => id.into(),
            None => logs::claimed_id(id),
        };
        line.foreign(key!("access_key_id"), &id);
        if context.refused.verified {
            line.word(key!("identity"), "verified");
            if let Some(key) = &key {
                line.own(key!("principal"), &key.identity().principal);
            }
        } else {
            line.word(key!("identity"), "claimed");
        }
        claimed.placement
    } else {
        return;
    };
    let placement = match placement {
        Placement::Header => "header",
        Placement::Query => "query",
        Placement::Form => "form",
    };
    line.word(key!("placement"), placement);
}

/// Adds the reason of a refusal.
fn why(line: &mut Line, reason: Option<Reason>) {
    let Some(Reason { rule, name }) = reason else {
        return;
    };
    if let Some(rule) = rule {
        line.number(key!("rule"), u64::from(rule));
    }
    line.word(key!("reason"), name);
}
