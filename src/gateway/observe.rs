//! What is seen of a request: one access line and one set of metrics.

use std::cell::RefCell;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use pingora::Error;
use pingora::proxy::Session;

use super::Gateway;
use super::admit::Target;
use super::connection::Connection;
use super::context::Context;
use crate::address::Operation;
use crate::error::{Answer, Blame};
use crate::logs::{AccessLog, Log, LogFormat};
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
    if gateway.log.options().access == AccessLog::Off {
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
    line.word(key!("method"), request.method.as_str());
    line.text(key!("path"), target.path);
    if let Some(query) = target.query {
        line.text(key!("query"), &masked(query));
    }
    if let Some(address) = context.address() {
        line.text(key!("bucket"), address.bucket().unwrap_or(""));
        line.text(key!("key"), address.key().unwrap_or(""));
    }
    line.word(key!("operation"), operation.name());
    if let Some(dialect) = dialect {
        line.word(key!("dialect"), dialect.as_str());
    }
    if let Some(version) = context.version() {
        line.word(key!("version"), version.as_str());
    }
    if let Some(access_key_id) = context.access_key_id() {
        line.text(key!("access_key_id"), access_key_id);
    }
    if let Some(permit) = &context.permit {
        let verified = permit.verified();
        line.text(key!("principal"), &verified.identity().principal);
        let placement = match verified.placement() {
            Placement::Header => "header",
            Placement::Query => "query",
            Placement::Form => "form",
        };
        line.word(key!("placement"), placement);
    }
    line.number(key!("status"), u64::from(status));
    line.word(key!("outcome"), outcome.as_str());
    if let Some(answer) = &context.answer {
        line.word(key!("code"), answer.code.as_str());
    }
    line.number(key!("received"), received);
    line.number(key!("sent"), sent);
    line.micros(key!("duration_us"), Some(duration));
    line.micros(key!("verification_us"), context.verification);
    if let Some((node, _)) = context.node() {
        line.text(key!("node"), node);
        line.micros(key!("node_us"), context.node_duration);
    }
    if let Some(id) = &context.node_request_id {
        line.text(key!("node_request_id"), id);
    }
    line.write(&gateway.log);
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
    if gateway.log.options().access == AccessLog::Off {
        return;
    }
    let mut line = Line::new(gateway, request_id);
    line.peer(connection.peer());
    line.number(key!("status"), u64::from(answer.status));
    line.word(key!("outcome"), Outcome::Refused.as_str());
    line.word(key!("code"), answer.code.as_str());
    line.text(key!("fault"), &answer.message);
    line.write(&gateway.log);
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

/// The bytes that need no quotes: visible ones, but for quotes and backslashes.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        plain[byte as usize] = !matches!(byte, b'"' | b'\\');
        byte += 1;
    }
    plain
};

/// A name in an access line, as each form has it between the value before and its own.
struct Key {
    text: &'static str,
    json: &'static str,
}

/// The key with this name.
macro_rules! key {
    ($name:literal) => {
        Key {
            text: concat!(" ", $name, "="),
            json: concat!(",\"", $name, "\":"),
        }
    };
}
use key;

/// The most bytes that a line has usually.
const USUAL_LINE: usize = 640;

thread_local! {
    /// The second that was written last, and its text up to the fraction: it is that of many lines.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
}

/// One access line, as `key=value` pairs or as a JSON object.
struct Line {
    format: LogFormat,
    text: String,
}

impl Line {
    fn new(gateway: &Gateway, request_id: &str) -> Self {
        let mut line = Self {
            format: gateway.log.options().format,
            text: String::with_capacity(USUAL_LINE),
        };
        line.time(gateway.clock.now());
        line.word(key!("request_id"), request_id);
        line
    }

    /// The beginning: the time in RFC 3339's form, with milliseconds.
    fn time(&mut self, now: SystemTime) {
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or_default();
        let (before, behind) = match self.format {
            LogFormat::Text => ("time=", "Z"),
            LogFormat::Json => ("{\"time\":\"", "Z\""),
        };
        self.text.push_str(before);
        SECOND.with_borrow_mut(|(second, text)| {
            if *second != since.as_secs() {
                *second = since.as_secs();
                *text = humantime::format_rfc3339_seconds(now).to_string();
                text.pop();
            }
            self.text.push_str(text);
        });
        let digits = |number: u32| char::from_digit(number % 10, 10).unwrap_or('0');
        let millis = since.subsec_millis();
        let fraction = [millis / 100, millis / 10, millis].map(digits);
        self.text.push('.');
        self.text.extend(fraction);
        self.text.push_str(behind);
    }

    fn key(&mut self, key: Key) {
        self.text.push_str(match self.format {
            LogFormat::Text => key.text,
            LogFormat::Json => key.json,
        });
    }

    fn text(&mut self, key: Key, value: &str) {
        let all = |all, byte| all & PLAIN[usize::from(byte)];
        let plain = !value.is_empty() && value.bytes().fold(true, all);
        if plain {
            self.word(key, value);
        } else {
            self.key(key);
            self.quote(value);
        }
    }

    /// A value that needs no quotes in the text form.
    fn word(&mut self, key: Key, value: &str) {
        self.key(key);
        match self.format {
            LogFormat::Text => self.text.push_str(value),
            LogFormat::Json => {
                self.text.push('"');
                self.text.push_str(value);
                self.text.push('"');
            }
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
        let peer = peer.and_then(|peer| peer.to_str().ok());
        self.word(key!("peer"), peer.unwrap_or("unix"));
    }

    fn number(&mut self, key: Key, value: u64) {
        self.key(key);
        self.text.push_str(itoa::Buffer::new().format(value));
    }

    fn micros(&mut self, key: Key, duration: Option<Duration>) {
        if let Some(duration) = duration {
            self.number(key, u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        }
    }

    fn write(mut self, log: &Log) {
        self.text.push_str(match self.format {
            LogFormat::Text => "\n",
            LogFormat::Json => "}\n",
        });
        log.write(&self.text);
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
            line.time(SystemTime::UNIX_EPOCH + Duration::from_millis(1_369_353_600_007));
            line.text(key!("plain"), "/b/k");
            line.text(key!("empty"), "");
            line.text(key!("odd"), "a \"b\"\\\n\u{7f}é");
            line.number(key!("n"), 5);
            line.text
        };
        assert_eq!(
            line(LogFormat::Text),
            "time=2013-05-24T00:00:00.007Z plain=/b/k empty=\"\" odd=\"a \\\"b\\\"\\\\\\u000a\\u007fé\" n=5"
        );
        let json: serde_json::Value = serde_json::from_str(&(line(LogFormat::Json) + "}")).unwrap();
        assert_eq!(json["time"], "2013-05-24T00:00:00.007Z");
        assert_eq!(json["odd"], "a \"b\"\\\n\u{7f}é");
    }
}
