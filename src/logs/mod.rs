//! The log on standard error.

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

/// The level of the log. It has no effect on access log lines, which have their own setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are those of tracing")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Plain text.
    Text,
    /// One JSON object per line.
    Json,
}

/// Whether each request gets an access log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLog {
    /// One line per request.
    On,
    /// No lines.
    Off,
}

/// `[log]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// The level of the log.
    pub level: LogLevel,
    /// The format of a line.
    pub format: LogFormat,
    /// Whether each request gets an access log line.
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

/// Keeps the writer of the log alive. Dropping it writes the lines that wait.
#[derive(Debug)]
pub struct LogGuard {
    _writer: QueueGuard,
    log: Log,
}

impl LogGuard {
    /// The log, for access log lines.
    pub fn log(&self) -> Log {
        self.log.clone()
    }
}

/// Takes formatted lines, and counts those that it has to drop.
#[derive(Debug, Clone)]
pub struct Log {
    options: LogOptions,
    queue: Queue,
}

impl Log {
    /// The options of the log.
    pub fn options(&self) -> LogOptions {
        self.options
    }

    /// Writes a formatted line, which ends with a line feed. It bypasses `tracing`, because there may be one line for each request
    /// (`benches/wrk`).
    pub fn write(&self, line: &str) {
        self.queue.push(line.as_bytes(), Urgency::Gathered);
    }

    /// The number of lines dropped so far because standard error was too slow.
    pub fn dropped_lines(&self) -> u64 {
        self.queue.dropped()
    }

    /// The bytes of lines that wait for standard error.
    pub fn waiting_bytes(&self) -> usize {
        self.queue.waiting()
    }
}

/// Takes the lines of `tracing` events. Their text is masked like that of an access log line, because it may contain input from
/// outside.
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

/// Whether text lines are coloured: on a terminal with colours, unless `NO_COLOR` is set (<https://no-color.org>).
fn coloured(format: LogFormat) -> bool {
    let says = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    format == LogFormat::Text
        && io::stderr().is_terminal()
        && says("NO_COLOR").is_none()
        && says("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Starts the log of the process. A separate thread writes the lines to standard error, so that a slow disk never delays a
/// request.
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
    // Lines of libraries are not logged: at lower levels they contain whole requests with their signatures.
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
