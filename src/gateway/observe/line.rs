//! The format of an access log line.

use std::cell::RefCell;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

use http::HeaderValue;

use crate::logs::{self, Log, LogFormat};
use crate::runtime::Runtime;
use crate::runtime::request_id::RequestId;

/// A byte that needs no quotes: a visible character other than a quote or a backslash.
const PLAIN: u8 = 1;
/// A byte that occurs in no secret's pattern.
const HARMLESS: u8 = 2;

/// The properties of each byte.
static BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut byte = 0;
    while byte < bytes.len() {
        let value = byte as u8;
        if value.is_ascii_graphic() && !matches!(value, b'"' | b'\\') {
            bytes[byte] |= PLAIN;
        }
        if logs::is_harmless(value) {
            bytes[byte] |= HARMLESS;
        }
        byte += 1;
    }
    bytes
};

/// The properties that all bytes of a text have.
fn all_of(text: &str) -> u8 {
    let all = |all, byte| all & BYTES[usize::from(byte)];
    text.bytes().fold(PLAIN | HARMLESS, all)
}

/// A name in an access log line, with what separates it from the values before and after it in each format.
pub struct Key {
    pub text: &'static str,
    pub json: &'static str,
}

/// The key with this name.
macro_rules! key {
    ($name:literal) => {
        $crate::gateway::observe::line::Key {
            text: concat!(" ", $name, "="),
            json: concat!(",\"", $name, "\":"),
        }
    };
}
pub(super) use key;

/// The usual length of a line.
const USUAL_LINE: usize = 640;
/// The largest buffer that is kept for the next line, in bytes.
const MAX_KEPT: usize = 4096;

thread_local! {
    /// The buffer of the line before.
    static KEPT: RefCell<String> = const { RefCell::new(String::new()) };
    /// The latest second with its text up to the fraction: many lines have the same.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
}

/// One access log line, as `key=value` pairs or as a JSON object. There is a method for each kind of text, so that no text
/// from outside is written unmasked.
pub struct Line {
    format: LogFormat,
    text: String,
}

impl Line {
    /// A line that starts with the time and the request id.
    pub fn new(runtime: &Runtime, request_id: &RequestId) -> Self {
        let mut line = Self {
            format: runtime.log.options().format,
            text: KEPT.take(),
        };
        line.text.reserve(USUAL_LINE);
        line.time(runtime.clock.now());
        line.unquoted(key!("request_id"), request_id);
        line
    }

    /// The time as in RFC 3339, with milliseconds.
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

    /// A text from a client or a node: masked, and cut if it is long.
    pub fn foreign(&mut self, key: Key, value: &str) {
        let all = all_of(value);
        if all & HARMLESS != 0 && value.len() <= logs::MAX_TEXT_BYTES {
            self.quoted(key, value, all);
        } else {
            let shown = logs::shown(value);
            self.quoted(key, &shown, all_of(&shown));
        }
    }

    /// A text of the configuration.
    pub fn own(&mut self, key: Key, value: &str) {
        self.quoted(key, value, all_of(value));
    }

    /// A word of the gateway, which needs no quotes.
    pub fn word(&mut self, key: Key, value: &'static str) {
        self.unquoted(key, value);
    }

    /// `all` are the properties that all bytes of the value have.
    fn quoted(&mut self, key: Key, value: &str, all: u8) {
        if all & PLAIN != 0 && !value.is_empty() {
            self.unquoted(key, value);
        } else {
            self.key(key);
            self.quote(value);
        }
    }

    fn unquoted(&mut self, key: Key, value: &str) {
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

    /// A JSON string (RFC 8259, section 7); the text format uses the same quoting.
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

    /// The client's IP address; clients of a Unix socket have none.
    pub fn peer(&mut self, peer: Option<&HeaderValue>) {
        let peer = peer.and_then(|peer| peer.to_str().ok());
        self.unquoted(key!("peer"), peer.unwrap_or("unix"));
    }

    pub fn number(&mut self, key: Key, value: u64) {
        self.key(key);
        self.text.push_str(itoa::Buffer::new().format(value));
    }

    pub fn micros(&mut self, key: Key, duration: Option<Duration>) {
        if let Some(duration) = duration {
            self.number(key, u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        }
    }

    /// Ends the line and passes it to the log.
    pub fn write(mut self, log: &Log) {
        self.text.push_str(match self.format {
            LogFormat::Text => "\n",
            LogFormat::Json => "}\n",
        });
        log.write(&self.text);
        if self.text.capacity() <= MAX_KEPT {
            self.text.clear();
            KEPT.set(self.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_in_both_forms() {
        let line = |format| {
            let mut line = Line {
                format,
                text: String::new(),
            };
            line.time(SystemTime::UNIX_EPOCH + Duration::from_millis(1_369_353_600_007));
            line.foreign(key!("plain"), "/b/k");
            line.foreign(key!("empty"), "");
            line.foreign(key!("secret"), "k%3FSignature=canary");
            line.own(key!("odd"), "a \"b\"\\\n\u{7f}é");
            line.number(key!("n"), 5);
            line.text
        };
        assert_eq!(
            line(LogFormat::Text),
            "time=2013-05-24T00:00:00.007Z plain=/b/k empty=\"\" secret=k%3FSignature=*** odd=\"a \\\"b\\\"\\\\\\u000a\\u007fé\" n=5"
        );
        let json: serde_json::Value = serde_json::from_str(&(line(LogFormat::Json) + "}")).unwrap();
        assert_eq!(json["time"], "2013-05-24T00:00:00.007Z");
        assert_eq!(json["odd"], "a \"b\"\\\n\u{7f}é");
    }
}
