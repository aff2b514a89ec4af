//! One access line: how its parts are written.

use std::cell::RefCell;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

use http::HeaderValue;

use crate::logs::{self, Log, LogFormat};
use crate::runtime::Runtime;
use crate::runtime::request_id::RequestId;

/// A byte that needs no quotes: a visible one, but for quotes and backslashes.
const PLAIN: u8 = 1;
/// A byte that names no secret.
const HARMLESS: u8 = 2;

/// What is known of each byte.
static BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut byte = 0;
    while byte < bytes.len() {
        let own = byte as u8;
        if own.is_ascii_graphic() && !matches!(own, b'"' | b'\\') {
            bytes[byte] |= PLAIN;
        }
        if logs::is_harmless(own) {
            bytes[byte] |= HARMLESS;
        }
        byte += 1;
    }
    bytes
};

/// What holds for every byte of a text.
fn all_of(text: &str) -> u8 {
    let all = |all, byte| all & BYTES[usize::from(byte)];
    text.bytes().fold(PLAIN | HARMLESS, all)
}

/// A name in an access line, as each form has it between the value before and its own.
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

/// The most bytes that a line has usually.
const USUAL_LINE: usize = 640;
/// The most memory that is kept from one line for the next, in bytes.
const MAX_KEPT: usize = 4096;

thread_local! {
    /// The memory of the line before.
    static KEPT: RefCell<String> = const { RefCell::new(String::new()) };
    /// The second that was written last, and its text up to the fraction: it is that of many lines.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
}

/// One access line, as `key=value` pairs or as a JSON object. There is a method for each kind of text, so that none from
/// outside stands in a line unmasked.
pub struct Line {
    format: LogFormat,
    text: String,
}

impl Line {
    /// A line that starts with the time and the id of the request.
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

    /// A text from outside, whoever sent it: masked, and cut where it is long.
    pub fn foreign(&mut self, key: Key, value: &str) {
        let all = all_of(value);
        if all & HARMLESS != 0 && value.len() <= logs::MAX_TEXT_BYTES {
            self.quoted(key, value, all);
        } else {
            let shown = logs::shown(value);
            self.quoted(key, &shown, all_of(&shown));
        }
    }

    /// A text of the configuration's.
    pub fn own(&mut self, key: Key, value: &str) {
        self.quoted(key, value, all_of(value));
    }

    /// A word of the gateway's, which needs no quotes.
    pub fn word(&mut self, key: Key, value: &'static str) {
        self.unquoted(key, value);
    }

    /// `all` is what holds for every byte of the value.
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

    /// The client's IP address; a Unix socket's client has none.
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

    /// Ends the line and hands it over.
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
