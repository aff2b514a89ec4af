//! Resolves the sections of the file into settings, and checks that sections agree.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::slice;
use std::time::Duration;

use super::address::Taken;
use super::document::{Entry, Table};
use super::kind::{Count, Kind, Seconds, Span, Switch, Word, Words, text};
use super::ranges::MAX_TIMEOUT;
use super::section::{Section, field};
use super::value::Value;
use super::{Settings, cluster, credentials, listener};
use crate::logs::{AccessLog, LogOptions};
use crate::runtime::options::ServerOptions;
use crate::sig::v4::credential::{MAX_REGION_LENGTH, is_region};
use crate::sig::{Diagnostics, Region, VerifyOptions};

/// More threads than any machine has cores: a typing error.
const MAX_THREADS: usize = 1024;
/// A stolen request can be replayed within the skew, and no working clock is off by more than a day.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(24 * 60 * 60);
/// AWS's limit (Amazon S3 API Reference, "Authenticating requests: using query parameters").
const MAX_PRESIGNED_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Every section.
pub(super) fn root() -> Section<Settings> {
    Section::<Settings>::without_defaults()
        .table("server", server(), |settings| Some(&settings.server))
        .about("The process")
        .table("log", log(), |settings| Some(&settings.log))
        .about("The log")
        .tables("listener", listener::listener(), |settings| {
            &settings.listeners
        })
        .about("Where clients connect")
        .required("write at least one [[listener]]")
        .table("admin", admin(), |settings| settings.admin.as_ref())
        .about("Metrics and health; without this table there is no admin listener")
        .table("signature", signature(), |settings| {
            Some(&settings.signature)
        })
        .about("How requests are verified")
        .table("credentials", credentials::credentials(), |settings| {
            Some(&settings.keys)
        })
        .about("Who may sign")
        .needed()
        .tables("cluster", cluster::cluster(), |settings| {
            slice::from_ref(&settings.cluster)
        })
        .about("The storage nodes; exactly one cluster")
        .required("write one [[cluster]]")
        .later("policy")
        .later("route")
}

/// The settings; none where something required is missing. They are valid only if no fault was reported.
pub(super) fn settings(table: &mut Table<'_>, directory: &Path) -> Option<Settings> {
    root().know(table);
    let mut taken = Taken::default();
    let mut domains = HashSet::new();
    let mut server = table.section("server", |table| server().read(table));
    if server.threads == 0 {
        server.threads = ServerOptions::default().threads;
    }
    let log = table.section("log", |table| log().read(table));
    let listeners = listener::listeners(table, directory, &mut taken, &mut domains);
    let admin = table
        .entry("admin")
        .and_then(|entry| entry.table(|admin| admin_address(admin, &mut taken))?);
    let signature = table.section("signature", |table| signature().read(table));
    let keys = table.section("credentials", |table| {
        credentials::keys(table, directory, &domains)
    });
    let cluster = cluster::clusters(table, directory, keys.as_deref().unwrap_or_default());
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

fn server() -> Section<ServerOptions> {
    Section::<ServerOptions>::with_defaults()
        .key("threads", Count(0..=MAX_THREADS), field!(threads))
        .about("Worker threads; 0 is one for each core")
        .default(0)
        .key("grace_period", Span(MAX_TIMEOUT), field!(grace_period))
        .about("How long requests in flight may take to end when the gateway is stopped")
        .later("upgrade_socket")
}

fn log() -> Section<LogOptions> {
    let access = Switch {
        on: AccessLog::On,
        off: AccessLog::Off,
    };
    Section::<LogOptions>::with_defaults()
        .key("level", Word, field!(level))
        .about("The level of the log on standard error")
        .key("format", Word, field!(format))
        .about("The format of a line")
        .key("access", access, field!(access))
        .about("Whether each request gets an access log line")
}

fn admin() -> Section<SocketAddr> {
    Section::<SocketAddr>::without_defaults()
        .own("address", text("."), |address| Some(Value::text(address)))
        .about("The address to listen on")
        .required("write \"ip:port\"")
}

fn admin_address(table: &mut Table<'_>, taken: &mut Taken) -> Option<SocketAddr> {
    admin().know(table);
    taken.listen_tcp(&table.entry("address")?)
}

fn signature() -> Section<VerifyOptions> {
    let diagnostics = Switch {
        on: Diagnostics::On,
        off: Diagnostics::Off,
    };
    Section::<VerifyOptions>::with_defaults()
        .key("versions", Words, field!(versions))
        .about("The accepted signature versions")
        .key("region", Regions, field!(region))
        .about("The region in the credential scope of version 4, or \"*\" for any region")
        .key(
            "max_clock_skew",
            Span(MAX_CLOCK_SKEW),
            field!(max_clock_skew),
        )
        .about(
            "How far the date of a request may differ from the gateway's clock, before and after",
        )
        .key(
            "max_presigned_lifetime",
            Seconds(MAX_PRESIGNED_LIFETIME),
            field!(max_presigned_lifetime),
        )
        .about("The longest lifetime of a presigned request of version 4, whole seconds")
        .key("diagnostics", diagnostics, field!(diagnostics))
        .about(
            "Whether the 403 for a wrong signature contains the StringToSign and the \
             canonical request",
        )
}

/// A region, or any region.
struct Regions;

impl Kind<Region> for Regions {
    fn read(&self, entry: &Entry<'_>) -> Option<Region> {
        match entry.string("a region, or \"*\" for any region")? {
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

    fn value(&self, region: &Region) -> Value {
        region.as_str().into()
    }

    fn schema(&self) -> Value {
        text(r"^(\*|[A-Za-z0-9._-]+)$").with("maxLength", MAX_REGION_LENGTH)
    }
}
