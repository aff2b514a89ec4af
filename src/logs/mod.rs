//! Logs: what goes to standard error, and in which form.

mod mask;
mod queue;

use std::io::{self, IsTerminal, Write};

use tracing::Metadata;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::SubscriberExt;

pub use mask::{MAX_TEXT_BYTES, claimed_id, is_harmless, masked, shown};
pub use queue::MAX_WAITING_BYTES;
use queue::{Queue, QueueGuard, Urgency};

/// How much is logged. Access lines are apart: they have a switch of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are tracing's own")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Whether each request gets a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLog {
    /// One line a request.
    On,
    /// None.
    Off,
}

/// `[log]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// How much is logged.
    pub level: LogLevel,
    /// How a line looks.
    pub format: LogFormat,
    /// Whether each request gets a line.
    pub access: AccessLog,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            format: LogFormat::Text,
            access: AccessLog::On,
        }
    }
}

/// Keeps the writer of the log alive; what is waiting is written when it is dropped.
#[derive(Debug)]
pub struct LogGuard {
    _writer: QueueGuard,
    log: Log,
}

impl LogGuard {
    /// Where lines that are ready made go.
    pub fn log(&self) -> Log {
        self.log.clone()
    }
}

/// Takes lines that are ready made, and counts those that it had to drop.
#[derive(Debug, Clone)]
pub struct Log {
    options: LogOptions,
    queue: Queue,
}

impl Log {
    /// What it was told.
    pub fn options(&self) -> LogOptions {
        self.options
    }

    /// Writes a line, which ends with a line feed. Past the formatting of other lines: there may be one for each request.
    pub fn write(&self, line: &str) {
        self.queue.push(line.as_bytes(), Urgency::Gathered);
    }

    /// How many lines were dropped so far, because standard error could not take them in time.
    pub fn dropped_lines(&self) -> u64 {
        self.queue.dropped()
    }

    /// The bytes of the lines that wait for standard error.
    pub fn waiting_bytes(&self) -> usize {
        self.queue.waiting()
    }
}

/// Takes the lines of events. They have their text from the code; should one carry a text from outside, it is masked as that
/// of an access line is.
#[derive(Debug, Clone)]
struct Events(Queue);

impl Write for Events {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.0.push(masked(&text).as_bytes(), Urgency::AtOnce);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether lines for people are coloured: on a terminal that knows colours, unless the user wants none
/// (<https://no-color.org>).
fn coloured(format: LogFormat) -> bool {
    let says = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    format == LogFormat::Text
        && io::stderr().is_terminal()
        && says("NO_COLOR").is_none()
        && says("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Starts the log of the process: every line goes to standard error, through a thread of its own, so that a slow disk
/// never holds up a request.
///
/// # Panics
/// When it is called twice.
pub fn start(options: LogOptions) -> LogGuard {
    let (queue, writer) = Queue::start(io::stderr());
    let events = Events(queue.clone());
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(coloured(options.format))
        .with_writer(move || events.clone());
    let lines = match options.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let level = tracing::Level::from(options.level);
    // The libraries' own lines stay out: at their lower levels they print whole requests, signatures included.
    let wanted = move |metadata: &Metadata<'_>| {
        metadata.target().starts_with("countersign") && *metadata.level() <= level
    };
    let subscriber = tracing_subscriber::registry()
        .with(FilterFn::new(wanted))
        .with(lines);
    tracing::subscriber::set_global_default(subscriber).expect("the log is started once");
    LogGuard {
        _writer: writer,
        log: Log { options, queue },
    }
}

impl From<LogLevel> for tracing::Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}
