//! Logs: what goes to standard error, and in which form.

use std::io::{IsTerminal, Write};

use tracing::Metadata;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::SubscriberExt;

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

/// How many lines wait for standard error before lines are dropped and counted.
const WAITING_LINES: usize = 16_384;

/// Keeps the writer of the log alive; what is waiting is written when it is dropped.
#[derive(Debug)]
pub struct LogGuard {
    _worker: WorkerGuard,
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
    writer: NonBlocking,
    dropped: ErrorCounter,
}

impl Log {
    /// What it was told.
    pub fn options(&self) -> LogOptions {
        self.options
    }

    /// Writes a line, which ends with a line feed. Past the formatting of other lines: there may be one for each request.
    pub fn write(&self, line: &str) {
        // A line that finds no room is counted there.
        let _counted = self.writer.clone().write_all(line.as_bytes());
    }

    /// How many lines were dropped so far, because standard error could not take them in time.
    pub fn dropped_lines(&self) -> usize {
        self.dropped.dropped_lines()
    }
}

/// Starts the log of the process: every line goes to standard error, through a thread of its own, so that a slow disk
/// never holds up a request.
///
/// # Panics
/// When it is called twice.
pub fn start(options: LogOptions) -> LogGuard {
    let (writer, worker) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .lossy(true)
        .thread_name("log")
        .finish(std::io::stderr());
    let log = Log {
        options,
        dropped: writer.error_counter(),
        writer: writer.clone(),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(writer);
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
        _worker: worker,
        log,
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
