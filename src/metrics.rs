//! All metrics. The values of labels are enums or names from the configuration, so the number of time series is bounded.

mod node;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};

use strum::EnumCount;

use crate::address::Operation;
use crate::answer::S3ErrorCode;
use crate::dialect::DialectName;
use crate::error::Reason;
use crate::sig::Version;
pub use node::NodeMetrics;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::EnumCount)]
pub enum Outcome {
    /// A node's response was passed on completely.
    Forwarded,
    /// The gateway refused the request.
    Refused,
    /// A node or the connection to it failed.
    Failed,
    /// The client closed the connection.
    Aborted,
}

impl Outcome {
    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }
}

/// Whether a connection to a node is new or from the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeConnection {
    /// Opened for this request.
    New,
    /// From the pool.
    Reused,
}

/// The result of a configuration reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// The new configuration is in use.
    Applied,
    /// The new configuration is invalid; the old one stays in use.
    Kept,
}

/// Why the gateway closed a client connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DroppedConnection {
    /// It was idle longest, and closed to make room at a limit.
    Idle,
    /// It was new, the listener was at `max_connections`, and no connection was idle.
    Full,
    /// The same for `max_connections_per_network`.
    Network,
    /// The client was slower than `min_rate`.
    Slow,
}

impl DroppedConnection {
    const ALL: [Self; 4] = [Self::Idle, Self::Full, Self::Network, Self::Slow];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Full => "full",
            Self::Network => "network",
            Self::Slow => "slow",
        }
    }
}

/// The labels of a request that has ended.
#[derive(Debug, Clone, Copy)]
pub struct RequestLabels {
    /// The dialect of the signature; none if it is unknown.
    pub dialect: Option<DialectName>,
    /// The version of the signature; none if it is unknown.
    pub version: Option<Version>,
    /// The operation.
    pub operation: Operation,
    /// How it ended.
    pub outcome: Outcome,
}

impl RequestLabels {
    /// With one more for "none".
    const DIALECTS: usize = DialectName::COUNT + 1;
    const VERSIONS: usize = Version::COUNT + 1;
    const OUTCOMES: usize = Outcome::COUNT;
    /// The number of combinations.
    const COUNT: usize =
        (Operation::Unknown as usize + 1) * Self::DIALECTS * Self::VERSIONS * Self::OUTCOMES;

    fn index(self) -> usize {
        let dialect = self.dialect.map_or(0, |dialect| dialect as usize + 1);
        let version = self.version.map_or(0, |version| version as usize + 1);
        let kind = (self.operation as usize * Self::DIALECTS + dialect) * Self::VERSIONS + version;
        kind * Self::OUTCOMES + self.outcome as usize
    }
}

/// A current number of something that the gateway's code uses too. The gauge of the same name is set from it when the metrics
/// are rendered.
#[derive(Debug, Clone, Default)]
pub struct Count(Arc<AtomicUsize>);

impl Count {
    /// Adds one.
    pub fn inc(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Subtracts one.
    pub fn dec(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// The current number.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn exported(&self) -> i64 {
        i64::try_from(self.get()).unwrap_or(i64::MAX)
    }
}

/// The metrics of the log, whose values the log counts.
#[derive(Debug, Clone)]
pub struct LogMetrics {
    dropped: IntCounter,
    /// The value of `dropped` at the latest update.
    known_dropped: Arc<AtomicU64>,
    waiting: IntGauge,
}

impl LogMetrics {
    /// Sets the metrics to the lines dropped so far, and the bytes that wait.
    pub fn update(&self, dropped: u64, waiting: usize) {
        let known = self.known_dropped.fetch_max(dropped, Ordering::Relaxed);
        self.dropped.inc_by(dropped.saturating_sub(known));
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }
}

/// Upper bounds of the durations, in seconds: from a small object in memory to a large one on a slow connection.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];
/// Upper bounds of the duration of a verification, in seconds.
const VERIFICATION_SECONDS: &[f64] = &[
    0.000_001, 0.000_002, 0.000_005, 0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.001, 0.01, 0.1,
];

/// The content type of [`Metrics::render`].
pub const TEXT_FORMAT: &str = prometheus::TEXT_FORMAT;

/// The metrics of one gateway. Every name starts with `countersign_`.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    /// The counters of `requests` that have been used: a look-up by labels costs more than counting (`benches/wrk`).
    found_requests: Arc<[OnceLock<IntCounter>]>,
    refusals: IntCounterVec,
    request_duration: Histogram,
    verification_duration: Histogram,
    node_duration: Histogram,
    received: IntCounter,
    sent: IntCounter,
    /// Requests that have been read and not yet answered in full.
    pub in_flight: Count,
    in_flight_gauge: IntGauge,
    /// Connections from clients.
    pub connections: Count,
    connections_gauge: IntGauge,
    connections_dropped: IntCounterVec,
    node_connections: IntCounterVec,
    node_failures: IntCounterVec,
    reloads: IntCounterVec,
}

impl Metrics {
    /// Declares the metrics.
    pub fn new() -> Self {
        let registry = Registry::new_custom(Some("countersign".into()), None)
            .expect("the prefix is a valid name");
        let this = Self {
            requests: counters(
                &registry,
                "requests_total",
                "Requests by signature dialect and version, operation and outcome.",
                &["dialect", "version", "operation", "outcome"],
            ),
            found_requests: (0..RequestLabels::COUNT).map(|_| OnceLock::new()).collect(),
            refusals: counters(
                &registry,
                "refusals_total",
                "Error responses made by the gateway, by error code and broken rule.",
                &["code", "reason"],
            ),
            request_duration: histogram(
                &registry,
                "request_duration_seconds",
                "From the end of the request header to the end of the response.",
                SECONDS,
            ),
            verification_duration: histogram(
                &registry,
                "verification_duration_seconds",
                "The verification of a signature, including the key look-up.",
                VERIFICATION_SECONDS,
            ),
            node_duration: histogram(
                &registry,
                "node_duration_seconds",
                "From the start of the successful attempt to the node's response header.",
                SECONDS,
            ),
            received: counter(
                &registry,
                "received_bytes_total",
                "Bytes of request bodies read from clients.",
            ),
            sent: counter(
                &registry,
                "sent_bytes_total",
                "Bytes of response bodies written to clients.",
            ),
            in_flight: Count::default(),
            in_flight_gauge: gauge(
                &registry,
                "requests_in_flight",
                "Requests in progress: read and not yet answered in full.",
            ),
            connections: Count::default(),
            connections_gauge: gauge(&registry, "connections", "Open client connections."),
            connections_dropped: counters(
                &registry,
                "connections_dropped_total",
                "Client connections that the gateway closed because of a connection limit or min_rate, by reason.",
                &["reason"],
            ),
            node_connections: counters(
                &registry,
                "node_connections_total",
                "Requests sent to nodes, by node and by whether the connection was new or reused.",
                &["node", "state"],
            ),
            node_failures: counters(
                &registry,
                "node_failures_total",
                "Failed attempts to send a request to a node, by node.",
                &["node"],
            ),
            reloads: counters(
                &registry,
                "reloads_total",
                "Configuration reloads, by whether the new configuration was applied or the old one kept.",
                &["outcome"],
            ),
            registry,
        };
        let build = Opts::new("build_info", "Always 1; the label is the version.")
            .const_label("version", env!("CARGO_PKG_VERSION"));
        let build = IntGauge::with_opts(build).expect("the name is valid");
        build.set(1);
        register(&this.registry, build);
        for reason in DroppedConnection::ALL {
            this.connections_dropped
                .with_label_values(&[reason.as_str()]);
        }
        this
    }

    /// Counts a request that has ended.
    pub fn request(&self, labels: RequestLabels, duration: Duration) {
        let counter = self.found_requests[labels.index()].get_or_init(|| {
            self.requests.with_label_values(&[
                labels.dialect.map_or("none", DialectName::as_str),
                labels.version.map_or("none", Version::as_str),
                labels.operation.name(),
                labels.outcome.as_str(),
            ])
        });
        counter.inc();
        self.request_duration.observe(duration.as_secs_f64());
    }

    /// Counts an error response made by the gateway.
    pub fn refusal(&self, code: S3ErrorCode, reason: Option<Reason>) {
        let reason = reason.map_or("none", |reason| reason.name);
        self.refusals
            .with_label_values(&[code.as_str(), reason])
            .inc();
    }

    /// Counts the bytes of the bodies of a request that has ended.
    pub fn bytes(&self, received: u64, sent: u64) {
        self.received.inc_by(received);
        self.sent.inc_by(sent);
    }

    /// Records the duration of a verification.
    pub fn verification(&self, duration: Duration) {
        self.verification_duration.observe(duration.as_secs_f64());
    }

    /// Records the time until a node's response header.
    pub fn node(&self, duration: Duration) {
        self.node_duration.observe(duration.as_secs_f64());
    }

    /// The counters of one node.
    pub fn of_node(&self, node: &str) -> NodeMetrics {
        NodeMetrics::new(
            self.node_connections.with_label_values(&[node, "new"]),
            self.node_connections.with_label_values(&[node, "reused"]),
            self.node_failures.with_label_values(&[node]),
        )
    }

    /// Counts a client connection that the gateway closed.
    pub fn connection_dropped(&self, reason: DroppedConnection) {
        self.connections_dropped
            .with_label_values(&[reason.as_str()])
            .inc();
    }

    /// Counts a configuration reload.
    pub fn reload(&self, outcome: ReloadOutcome) {
        let outcome = match outcome {
            ReloadOutcome::Applied => "applied",
            ReloadOutcome::Kept => "kept",
        };
        self.reloads.with_label_values(&[outcome]).inc();
    }

    /// Declares the metrics of the log.
    pub fn of_log(&self) -> LogMetrics {
        LogMetrics {
            dropped: counter(
                &self.registry,
                "log_lines_dropped_total",
                "Log lines dropped because standard error could not take them in time.",
            ),
            known_dropped: Arc::default(),
            waiting: gauge(
                &self.registry,
                "log_waiting_bytes",
                "Bytes of log lines that wait for standard error.",
            ),
        }
    }

    /// The text exposition format, version 0.0.4.
    pub fn render(&self) -> Vec<u8> {
        self.in_flight_gauge.set(self.in_flight.exported());
        self.connections_gauge.set(self.connections.exported());
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .expect("a Vec takes every write");
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn register(registry: &Registry, metric: impl prometheus::core::Collector + 'static) {
    registry
        .register(Box::new(metric))
        .expect("no name is declared twice");
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    let metric = IntCounterVec::new(Opts::new(name, help), labels).expect("the name is valid");
    register(registry, metric.clone());
    metric
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    let metric = IntCounter::new(name, help).expect("the name is valid");
    register(registry, metric.clone());
    metric
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    let metric = IntGauge::new(name, help).expect("the name is valid");
    register(registry, metric.clone());
    metric
}

fn histogram(registry: &Registry, name: &str, help: &str, bounds: &[f64]) -> Histogram {
    let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
    let metric = Histogram::with_opts(options).expect("the bounds rise");
    register(registry, metric.clone());
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renewed with `UPDATE_GOLDEN=1` after a change that is meant.
    #[test]
    fn the_families_are_those_of_the_table() {
        let metrics = Metrics::new();
        metrics.of_log();
        metrics.refusal(S3ErrorCode::AccessDenied, None);
        metrics
            .of_node("127.0.0.1:9000")
            .connection(NodeConnection::New);
        metrics.reload(ReloadOutcome::Applied);
        metrics.request(
            RequestLabels {
                dialect: None,
                version: None,
                operation: Operation::Unknown,
                outcome: Outcome::Refused,
            },
            Duration::ZERO,
        );
        let text = String::from_utf8(metrics.render()).unwrap();
        let families: Vec<&str> = text.lines().filter(|line| line.starts_with("# ")).collect();
        let table = families.join("\n") + "\n";
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/metrics.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(file, &table).unwrap();
        }
        assert_eq!(families.len(), 16 * 2);
        assert_eq!(table, std::fs::read_to_string(file).unwrap());
    }

    #[test]
    fn no_two_labels_share_a_counter() {
        let dialects = [None, Some(DialectName::Aws), Some(DialectName::Wos)];
        let outcomes = [
            Outcome::Forwarded,
            Outcome::Refused,
            Outcome::Failed,
            Outcome::Aborted,
        ];
        let mut seen = std::collections::BTreeSet::new();
        for operation in [
            Operation::ListBuckets,
            Operation::GetObject,
            Operation::Unknown,
        ] {
            for dialect in dialects {
                for version in [None, Some(Version::V2), Some(Version::V4)] {
                    for outcome in outcomes {
                        let labels = RequestLabels {
                            dialect,
                            version,
                            operation,
                            outcome,
                        };
                        assert!(labels.index() < RequestLabels::COUNT);
                        assert!(seen.insert(labels.index()), "{labels:?}");
                    }
                }
            }
        }
        assert_eq!(seen.len(), 108);
    }
}
