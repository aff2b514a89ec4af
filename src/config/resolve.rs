//! What is true: defaults, ranges, and what must agree.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::address::Taken;
use super::document::{Entry, Table};
use super::once::Once;
use super::{Settings, address, cluster, secret};
use crate::credentials::InlineKey;
use crate::logs::{AccessLog, LogFormat, LogLevel, LogOptions};
use crate::runtime::options::{
    AnswerAs, ConnectionLimits, ListenerOptions, MinRate, ServerOptions,
};
use crate::sig::dialect::DialectName;
use crate::sig::v4::credential::{MAX_REGION_LENGTH, is_region};
use crate::sig::{Diagnostics, Identity, MAX_ACCESS_KEY_ID_LENGTH, Region, VerifyOptions};

/// More threads than any machine has cores are a slip of the pen.
const MAX_THREADS: usize = 1024;
/// As many as a process may have files on any system (Linux, `fs.nr_open`).
const MAX_CONNECTIONS: usize = 1024 * 1024;
/// Bytes in a second: many honest clients are slower than this.
const MAX_MIN_RATE: usize = 1024 * 1024;
/// No client, node or operator waits longer.
pub(super) const MAX_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// A stolen header can be replayed for as long as the skew; nobody's clock is off by more than a day.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(24 * 60 * 60);
/// AWS's bound (Amazon S3 API Reference, "Authenticating requests: using query parameters").
const MAX_PRESIGNED_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The principal goes to the node in a header.
const MAX_PRINCIPAL_LENGTH: usize = 128;

/// The settings; none where something is missing. Only without a fault are they true.
pub(super) fn settings(root: &mut Table<'_>, directory: &Path) -> Option<Settings> {
    root.later(&["route", "policy"]);
    let mut taken = Taken::default();
    let mut domains = HashSet::new();
    let server = root.section("server", server);
    let log = root.section("log", log);
    let listeners = listeners(root, directory, &mut taken, &mut domains);
    let admin = root
        .entry("admin")
        .and_then(|entry| entry.table(|admin| admin_address(admin, &mut taken))?);
    let signature = root.section("signature", signature);
    let keys = root.section("credentials", |credentials| {
        keys(credentials, directory, &domains)
    });
    let cluster = cluster::clusters(root, directory, keys.as_deref().unwrap_or_default());
    Some(Settings {
        server,
        log,
        listeners: listeners?,
        admin,
        signature,
        keys: keys?,
        cluster: cluster?,
    })
}

fn server(server: &mut Table<'_>) -> ServerOptions {
    server.later(&["upgrade_socket"]);
    let threads = match server.integer("threads", 0, 0..=MAX_THREADS) {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    ServerOptions {
        threads,
        grace_period: server.duration("grace_period", Duration::from_secs(30), MAX_TIMEOUT),
    }
}

fn log(log: &mut Table<'_>) -> LogOptions {
    LogOptions {
        level: log.word("level", LogLevel::Info, &[]),
        format: log.word("format", LogFormat::Text, &[]),
        access: log.switch("access", AccessLog::On, AccessLog::On, AccessLog::Off),
    }
}

/// `domains` gathers the names of all listeners.
fn listeners(
    root: &mut Table<'_>,
    directory: &Path,
    taken: &mut Taken,
    domains: &mut HashSet<String>,
) -> Option<Vec<ListenerOptions>> {
    let entry = root.required("listener", "write at least one [[listener]]")?;
    let listeners: Vec<_> = entry
        .tables()?
        .iter()
        .map(|entry| entry.table(|listener| self::listener(listener, directory, taken, domains))?)
        .collect();
    listeners.into_iter().collect()
}

fn listener(
    listener: &mut Table<'_>,
    directory: &Path,
    taken: &mut Taken,
    domains: &mut HashSet<String>,
) -> Option<ListenerOptions> {
    listener.later(&["tls"]);
    let address = listener
        .required("address", "write \"ip:port\" or \"unix:/path\"")
        .and_then(|entry| taken.listen(&entry, directory));
    let hosts = address::hosts(listener);
    domains.extend(hosts.domains.iter().cloned());
    let mut timeout =
        |name, default| listener.duration(name, Duration::from_secs(default), MAX_TIMEOUT);
    let header_timeout = timeout("header_timeout", 30);
    let idle_timeout = timeout("idle_timeout", 60);
    let body_timeout = timeout("body_timeout", 30);
    let min_rate = MinRate::default();
    let min_rate = MinRate {
        bytes: listener.integer("min_rate", min_rate.bytes as usize, 0..=MAX_MIN_RATE) as u64,
        window: listener.duration("min_rate_window", min_rate.window, MAX_TIMEOUT),
    };
    let limits = connection_limits(listener);
    let dialects = listener.words("dialects", &[DialectName::Aws, DialectName::Wos], &[]);
    let answer_as = listener.word("answer_as", AnswerAs::Request, &[]);
    Some(ListenerOptions {
        address: address?,
        hosts,
        dialects,
        answer_as,
        header_timeout,
        idle_timeout,
        body_timeout,
        min_rate,
        limits,
    })
}

fn connection_limits(listener: &mut Table<'_>) -> ConnectionLimits {
    let default = ConnectionLimits::default();
    let connections = listener.integer("max_connections", default.connections, 1..=MAX_CONNECTIONS);
    let per_network = listener.integer("max_connections_per_network", 0, 0..=MAX_CONNECTIONS);
    ConnectionLimits {
        connections,
        per_network: Some(per_network).filter(|most| *most > 0),
    }
}

fn admin_address(admin: &mut Table<'_>, taken: &mut Taken) -> Option<SocketAddr> {
    let entry = admin.required("address", "write \"ip:port\"")?;
    taken.listen_tcp(&entry)
}

fn signature(signature: &mut Table<'_>) -> VerifyOptions {
    let default = VerifyOptions::default();
    VerifyOptions {
        versions: signature.words("versions", &default.versions, &[]),
        region: signature
            .entry("region")
            .and_then(|entry| region(&entry))
            .unwrap_or(default.region),
        max_clock_skew: signature.duration(
            "max_clock_skew",
            default.max_clock_skew,
            MAX_CLOCK_SKEW,
        ),
        max_presigned_lifetime: signature.seconds(
            "max_presigned_lifetime",
            default.max_presigned_lifetime,
            MAX_PRESIGNED_LIFETIME,
        ),
        diagnostics: signature.switch(
            "diagnostics",
            default.diagnostics,
            Diagnostics::On,
            Diagnostics::Off,
        ),
    }
}

fn region(entry: &Entry<'_>) -> Option<Region> {
    match entry.string("a region, or \"*\" for every one")? {
        "*" => Some(Region::Any),
        name if is_region(name) => Some(Region::Named(name.to_owned())),
        _ => {
            entry.refuse(format_args!(
                "must be \"*\" or 1 to {MAX_REGION_LENGTH} letters, digits, hyphens, dots and underscores"
            ));
            None
        }
    }
}

/// Where keys are kept.
#[derive(serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Store {
    Inline,
}

/// `domains` are those of the listeners.
fn keys(
    credentials: &mut Table<'_>,
    directory: &Path,
    domains: &HashSet<String>,
) -> Option<Vec<InlineKey>> {
    let later = ["file", "sqlite", "postgres", "redis"];
    let Store::Inline = credentials.word("store", Store::Inline, &later);
    let entries = credentials
        .required("key", "write at least one [[credentials.key]]")?
        .tables()?;
    let mut seen = Once::default();
    let mut keys = Vec::new();
    for entry in &entries {
        let key = entry.table(|key| {
            let id = access_key_id(key, &mut seen);
            let secret = key
                .required(
                    "secret_access_key",
                    "write the secret, { env = \"NAME\" } or { file = \"path\" }",
                )
                .and_then(|entry| secret::read(&entry, directory));
            let principal = key
                .entry("principal")
                .map_or(id, |entry| visible(&entry, MAX_PRINCIPAL_LENGTH));
            let domains = key
                .entry("domains")
                .map(|entry| address::key_domains(&entry, domains));
            let session_token = key
                .entry("session_token")
                .map(|entry| secret::read(&entry, directory));
            Some(InlineKey {
                session_token: match session_token {
                    Some(read) => Some(read?),
                    None => None,
                },
                identity: Identity {
                    access_key_id: id?.to_owned(),
                    principal: principal?.to_owned(),
                    domains: domains.flatten(),
                },
                secret_access_key: secret?,
            })
        });
        keys.push(key.flatten());
    }
    keys.into_iter().collect()
}

/// An AccessKeyId that is not among those `seen`. It is not quoted: ids and secrets get mixed up.
fn access_key_id<'d>(key: &mut Table<'d>, seen: &mut Once<&'d str>) -> Option<&'d str> {
    let entry = key.required("access_key_id", "write the id that clients sign with")?;
    let id = visible(&entry, MAX_ACCESS_KEY_ID_LENGTH)?;
    if let Err(path) = seen.take(id, &entry) {
        entry.refuse(format_args!("is the same id as {path}; remove one"));
        return None;
    }
    Some(id)
}

/// Whether a text is 1 to `longest` visible ASCII characters, which a header can carry without quoting.
pub fn is_visible(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Text that a header can carry without quoting.
pub(super) fn visible<'d>(entry: &Entry<'d>, longest: usize) -> Option<&'d str> {
    let written = entry.string("a string")?;
    if is_visible(written, longest) {
        return Some(written);
    }
    entry.refuse(format_args!(
        "must be 1 to {longest} visible ASCII characters without spaces"
    ));
    None
}
