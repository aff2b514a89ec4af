//! What is seen of a request: one access line and one set of metrics.

use std::fmt::Write;
use std::time::Duration;

use http::HeaderValue;
use pingora::Error;
use pingora::proxy::Session;

use super::Gateway;
use super::admit::Target;
use super::connection::Connection;
use super::context::Context;
use crate::address::Operation;
use crate::error::{Answer, Blame};
use crate::logs::{ACCESS, LogFormat};
use crate::metrics::{Outcome, RequestLabels};
use crate::sig::Placement;

/// Records a request that has ended.
pub fn request(gateway: &Gateway, session: &Session, context: &Context, error: Option<&Error>) {
    let outcome = match &context.answer {
        Some(answer) if answer.blame == Blame::Client => Outcome::Refused,
        Some(_) => Outcome::Failed,
        None if error.is_some() => Outcome::Aborted,
        None => Outcome::Forwarded,
    };
    let duration = context.started.elapsed();
    let (received, sent) = (
        session.body_bytes_read() as u64,
        session.body_bytes_sent() as u64,
    );
    let metrics = &gateway.metrics;
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
    if let Some(answer) = &context.answer {
        metrics.refusal(answer.code);
    }
    if let Some(taken) = context.verification {
        metrics.verification(taken);
    }
    if let Some(taken) = context.node_duration {
        metrics.node(taken);
    }
    if !tracing::enabled!(target: ACCESS, tracing::Level::INFO) {
        return;
    }
    let request = session.req_header();
    let target = Target::of(request);
    let status = session
        .response_written()
        .map_or(0, |answer| answer.status.as_u16());
    let mut line = Line::new(gateway, &context.request_id);
    line.peer(
        context
            .connection
            .as_ref()
            .and_then(|connection| connection.peer()),
    );
    line.text("method", request.method.as_str());
    line.text("path", target.path);
    if let Some(query) = target.query {
        line.text("query", &masked(query));
    }
    if let Some(address) = context.address() {
        line.text("bucket", address.bucket().unwrap_or(""));
        line.text("key", address.key().unwrap_or(""));
    }
    line.text("operation", operation.name());
    if let Some(dialect) = dialect {
        line.text("dialect", dialect.as_str());
    }
    if let Some(version) = context.version() {
        line.text("version", version.as_str());
    }
    if let Some(access_key_id) = context.access_key_id() {
        line.text("access_key_id", access_key_id);
    }
    if let Some(permit) = &context.permit {
        let verified = permit.verified();
        line.text("principal", &verified.identity().principal);
        let placement = match verified.placement() {
            Placement::Header => "header",
            Placement::Query => "query",
            Placement::Form => "form",
        };
        line.text("placement", placement);
    }
    line.number("status", u64::from(status));
    line.text("outcome", outcome.as_str());
    if let Some(answer) = &context.answer {
        line.text("code", answer.code.as_str());
    }
    line.number("received", received);
    line.number("sent", sent);
    line.micros("duration_us", Some(duration));
    line.micros("verification_us", context.verification);
    if let Some((node, _)) = context.node() {
        line.text("node", node);
        line.micros("node_us", context.node_duration);
    }
    if let Some(id) = &context.node_request_id {
        line.text("node_request_id", id);
    }
    line.write();
}

/// Records bytes that were no request.
pub fn wire_fault(gateway: &Gateway, connection: &Connection, request_id: &str, answer: &Answer) {
    gateway.metrics.refusal(answer.code);
    gateway.metrics.request(
        RequestLabels {
            dialect: None,
            version: None,
            operation: Operation::Unknown,
            outcome: Outcome::Refused,
        },
        Duration::ZERO,
    );
    let mut line = Line::new(gateway, request_id);
    line.peer(connection.peer());
    line.number("status", u64::from(answer.status));
    line.text("outcome", Outcome::Refused.as_str());
    line.text("code", answer.code.as_str());
    line.text("fault", &answer.message);
    line.write();
}

/// The query string without the value of any signature: also not of one that a client spelled or encoded wrongly, which
/// is as good as the right one for whoever reads the log.
pub fn masked(query: &str) -> String {
    let mut shown = String::with_capacity(query.len());
    for (at, pair) in query.split('&').enumerate() {
        if at > 0 {
            shown.push('&');
        }
        if !is_secret(pair) {
            shown.push_str(pair);
            continue;
        }
        if let Some((name, _)) = pair.split_once('=').filter(|(name, _)| !is_secret(name)) {
            shown.push_str(name);
            shown.push('=');
        }
        shown.push_str("***");
    }
    shown
}

/// Whether what is named a signature or a token stands in a part of a query, be it percent-encoded once or twice.
fn is_secret(part: &str) -> bool {
    let mut text = part.to_ascii_lowercase();
    for _ in 0..=2 {
        let named = |name: &str| {
            let found = text.split_once(name);
            found.is_some_and(|(_, rest)| rest.contains('='))
        };
        if named("signature") || named("security-token") {
            return true;
        }
        if !text.contains('%') {
            return false;
        }
        let decoded = percent_encoding::percent_decode_str(&text).decode_utf8_lossy();
        text = decoded.to_ascii_lowercase();
    }
    false
}

/// One access line, as `key=value` pairs or as a JSON object.
struct Line {
    format: LogFormat,
    text: String,
}

impl Line {
    fn new(gateway: &Gateway, request_id: &str) -> Self {
        let mut line = Self {
            format: gateway.log_format,
            text: String::with_capacity(512),
        };
        if line.format == LogFormat::Json {
            line.text.push('{');
        }
        let time = humantime::format_rfc3339_millis(gateway.clock.now());
        line.name("time");
        match line.format {
            LogFormat::Json => write!(line.text, "\"{time}\""),
            LogFormat::Text => write!(line.text, "{time}"),
        }
        .expect("a String takes every write");
        line.text("request_id", request_id);
        line
    }

    fn name(&mut self, name: &str) {
        match self.format {
            LogFormat::Json => {
                if self.text.len() > 1 {
                    self.text.push(',');
                }
                self.text.push('"');
                self.text.push_str(name);
                self.text.push_str("\":");
            }
            LogFormat::Text => {
                if !self.text.is_empty() {
                    self.text.push(' ');
                }
                self.text.push_str(name);
                self.text.push('=');
            }
        }
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        let plain = |byte: u8| matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~');
        let bare = value.bytes().all(plain);
        if bare && self.format == LogFormat::Text && !value.is_empty() {
            self.text.push_str(value);
        } else if bare {
            self.text.push('"');
            self.text.push_str(value);
            self.text.push('"');
        } else {
            self.quote(value);
        }
    }

    /// A JSON string (RFC 8259, section 7); the text form quotes in the same way.
    fn quote(&mut self, value: &str) {
        self.text.push('"');
        for c in value.chars() {
            match c {
                '"' | '\\' => self.text.extend(['\\', c]),
                c if c.is_control() => {
                    write!(self.text, "\\u{:04x}", u32::from(c))
                        .expect("a String takes every write");
                }
                c => self.text.push(c),
            }
        }
        self.text.push('"');
    }

    fn peer(&mut self, peer: Option<&HeaderValue>) {
        self.text(
            "peer",
            peer.and_then(|peer| peer.to_str().ok()).unwrap_or("unix"),
        );
    }

    fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        write!(self.text, "{value}").expect("a String takes every write");
    }

    fn micros(&mut self, name: &str, duration: Option<Duration>) {
        if let Some(duration) = duration {
            self.number(
                name,
                u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            );
        }
    }

    fn write(mut self) {
        if self.format == LogFormat::Json {
            self.text.push('}');
        }
        tracing::info!(target: ACCESS, "{}", self.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_masked_in_any_spelling() {
        for (query, shown) in [
            ("a=b&Signature=canary&acl", "a=b&Signature=***&acl"),
            (
                "%53ignature=canary&signature=canary",
                "%53ignature=***&signature=***",
            ),
            (
                "X-Amz-Signature=canary&X-Amz-Security-Token=canary",
                "X-Amz-Signature=***&X-Amz-Security-Token=***",
            ),
            ("Signature%3Dcanary&x", "***&x"),
            ("Signature%253Dcanary", "***"),
            ("a=b%26Signature=canary", "a=***"),
            ("a=1;Signature=canary", "a=***"),
            ("Signature[]=canary", "Signature[]=***"),
            ("Signature=", "Signature=***"),
            ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host"),
            (
                "prefix=signature-files/&%zz=%",
                "prefix=signature-files/&%zz=%",
            ),
        ] {
            assert_eq!(masked(query), shown);
        }
    }

    #[test]
    fn a_line_is_one_line_in_both_forms() {
        let line = |format| {
            let mut line = Line {
                format,
                text: String::new(),
            };
            if format == LogFormat::Json {
                line.text.push('{');
            }
            line.text("plain", "/b/k");
            line.text("empty", "");
            line.text("odd", "a \"b\"\\\n\u{7f}é");
            line.number("n", 5);
            line.text
        };
        assert_eq!(
            line(LogFormat::Text),
            "plain=/b/k empty=\"\" odd=\"a \\\"b\\\"\\\\\\u000a\\u007fé\" n=5"
        );
        let json: serde_json::Value = serde_json::from_str(&(line(LogFormat::Json) + "}")).unwrap();
        assert_eq!(json["odd"], "a \"b\"\\\n\u{7f}é");
    }
}
