//! Logs: what goes to standard error, and in which form.

use std::fmt;
use std::io::IsTerminal;

use tracing::{Event, Metadata, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

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

/// The target of access lines.
pub const ACCESS: &str = "countersign::access";

/// How many lines wait for standard error before lines are dropped and counted.
const WAITING_LINES: usize = 16_384;

/// Keeps the writer of the log alive; what is waiting is written when it is dropped.
#[derive(Debug)]
pub struct LogGuard {
    _worker: WorkerGuard,
    dropped: ErrorCounter,
}

impl LogGuard {
    /// Where dropped lines are counted.
    pub fn dropped_lines(&self) -> DroppedLines {
        DroppedLines(self.dropped.clone())
    }
}

/// Counts the lines that were dropped because standard error could not take them in time.
#[derive(Debug, Clone)]
pub struct DroppedLines(ErrorCounter);

impl DroppedLines {
    /// How many were dropped so far.
    pub fn count(&self) -> usize {
        self.0.dropped_lines()
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
    let dropped = writer.error_counter();
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(writer)
        .event_format(Lines {
            format: options.format,
            text: tracing_subscriber::fmt::format(),
            json: tracing_subscriber::fmt::format().json().flatten_event(true),
        });
    let level = tracing::Level::from(options.level);
    let wanted = move |metadata: &Metadata<'_>| {
        if metadata.target() == ACCESS {
            options.access == AccessLog::On
        } else {
            // The libraries' own lines stay out: at their lower levels they print whole requests, signatures included.
            metadata.target().starts_with("countersign") && *metadata.level() <= level
        }
    };
    let subscriber = tracing_subscriber::registry()
        .with(FilterFn::new(wanted))
        .with(lines.boxed());
    tracing::subscriber::set_global_default(subscriber).expect("the log is started once");
    LogGuard {
        _worker: worker,
        dropped,
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

type Format<F> = tracing_subscriber::fmt::format::Format<F>;

/// Access lines come ready made; everything else is formatted here.
struct Lines {
    format: LogFormat,
    text: Format<tracing_subscriber::fmt::format::Full>,
    json: Format<tracing_subscriber::fmt::format::Json>,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() == ACCESS {
            let mut line = ReadyLine {
                writer,
                written: Ok(()),
            };
            event.record(&mut line);
            line.written?;
            return line.writer.write_char('\n');
        }
        match self.format {
            LogFormat::Text => self.text.format_event(context, writer.by_ref(), event),
            LogFormat::Json => self.json.format_event(context, writer.by_ref(), event),
        }
    }
}

struct ReadyLine<'w> {
    writer: Writer<'w>,
    written: fmt::Result,
}

impl tracing::field::Visit for ReadyLine<'_> {
    fn record_debug(&mut self, _field: &tracing::field::Field, value: &dyn fmt::Debug) {
        self.written = self.written.and_then(|()| write!(self.writer, "{value:?}"));
    }
}
