//! The settings as a configuration file.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::Settings;
use crate::address::{BucketNames, DotSegments, HostNames};
use crate::cluster::{
    Addressing, ClientNodeKey, ClusterOptions, FormFiles, Forward, NodeCredentials, PayloadSigning,
    SignWith as SignWithOptions,
};
use crate::credentials::InlineKey;
use crate::dialect::DialectName;
use crate::logs::{AccessLog, LogFormat, LogLevel, LogOptions};
use crate::runtime::options::{AnswerAs, ListenerOptions, ServerOptions};
use crate::sig::{Diagnostics, VerifyOptions, Version};

/// The settings as TOML; a secret prints itself as `***`.
pub(super) fn to_toml(settings: &Settings) -> String {
    toml::to_string(&Document::of(settings))
        .expect("strings, numbers and tables of them can always be written as TOML")
}

#[derive(Serialize)]
struct Document<'s> {
    server: Server,
    log: Log,
    listener: Vec<Listener<'s>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<Admin>,
    signature: Signature<'s>,
    credentials: Credentials<'s>,
    cluster: [Cluster<'s>; 1],
}

#[derive(Serialize)]
struct Server {
    threads: usize,
    grace_period: Printed,
}

#[derive(Serialize)]
struct Log {
    level: LogLevel,
    format: LogFormat,
    access: bool,
}

#[derive(Serialize)]
struct Listener<'s> {
    address: String,
    #[serde(flatten)]
    hosts: &'s HostNames,
    dialects: &'s [DialectName],
    answer_as: AnswerAs,
    header_timeout: Printed,
    idle_timeout: Printed,
    body_timeout: Printed,
    min_rate: u64,
    min_rate_window: Printed,
    max_connections: usize,
    max_connections_per_network: usize,
}

#[derive(Serialize)]
struct Admin {
    address: SocketAddr,
}

#[derive(Serialize)]
struct Signature<'s> {
    versions: &'s [Version],
    region: &'s str,
    max_clock_skew: Printed,
    max_presigned_lifetime: Printed,
    diagnostics: bool,
}

#[derive(Serialize)]
struct Credentials<'s> {
    store: &'static str,
    key: &'s [InlineKey],
}

#[derive(Serialize)]
struct Cluster<'s> {
    name: &'s str,
    dialect: DialectName,
    nodes: Vec<String>,
    forward: Forward,
    #[serde(skip_serializing_if = "Option::is_none")]
    addressing: Option<Addressing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    form_files: Option<FormFiles>,
    connect_timeout: Printed,
    read_timeout: Printed,
    upstream_keepalive: usize,
    bucket_names: BucketNames,
    dot_segments: DotSegments,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_with: Option<SignWith<'s>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    node_keys: &'s [ClientNodeKey],
}

#[derive(Serialize)]
struct SignWith<'s> {
    dialect: DialectName,
    version: Version,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<PayloadSigning>,
    #[serde(flatten)]
    credentials: &'s NodeCredentials,
}

/// A duration, printed with its units.
struct Printed(Duration);

impl Serialize for Printed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

impl<'s> Document<'s> {
    fn of(settings: &'s Settings) -> Self {
        Self {
            server: Server::of(&settings.server),
            log: Log::of(&settings.log),
            listener: settings.listeners.iter().map(Listener::of).collect(),
            admin: settings.admin.map(|address| Admin { address }),
            signature: Signature::of(&settings.signature),
            credentials: Credentials {
                store: "inline",
                key: &settings.keys,
            },
            cluster: [Cluster::of(&settings.cluster)],
        }
    }
}

impl Server {
    fn of(options: &ServerOptions) -> Self {
        Self {
            threads: options.threads,
            grace_period: Printed(options.grace_period),
        }
    }
}

impl Log {
    fn of(options: &LogOptions) -> Self {
        Self {
            level: options.level,
            format: options.format,
            access: options.access == AccessLog::On,
        }
    }
}

impl<'s> Listener<'s> {
    fn of(options: &'s ListenerOptions) -> Self {
        Self {
            address: options.address.to_string(),
            hosts: &options.hosts,
            dialects: &options.dialects,
            answer_as: options.answer_as,
            header_timeout: Printed(options.header_timeout),
            idle_timeout: Printed(options.idle_timeout),
            body_timeout: Printed(options.body_timeout),
            min_rate: options.min_rate.bytes,
            min_rate_window: Printed(options.min_rate.window),
            max_connections: options.limits.connections,
            max_connections_per_network: options.limits.per_network.unwrap_or(0),
        }
    }
}

impl<'s> Signature<'s> {
    fn of(options: &'s VerifyOptions) -> Self {
        Self {
            versions: &options.versions,
            region: options.region.as_str(),
            max_clock_skew: Printed(options.max_clock_skew),
            max_presigned_lifetime: Printed(options.max_presigned_lifetime),
            diagnostics: options.diagnostics == Diagnostics::On,
        }
    }
}

impl<'s> Cluster<'s> {
    fn of(options: &'s ClusterOptions) -> Self {
        Self {
            name: &options.name,
            dialect: options.dialect,
            nodes: options.nodes.iter().map(ToString::to_string).collect(),
            forward: options.forward,
            addressing: (options.forward != Forward::Passthrough).then_some(options.addressing),
            host: options.host.as_deref(),
            form_files: (options.forward != Forward::Passthrough).then_some(options.form_files),
            connect_timeout: Printed(options.connect_timeout),
            read_timeout: Printed(options.read_timeout),
            upstream_keepalive: options.upstream_keepalive,
            bucket_names: options.names.bucket_names,
            dot_segments: options.names.dot_segments,
            sign_with: options.sign_with.as_ref().map(SignWith::of),
            node_keys: &options.node_keys,
        }
    }
}

impl<'s> SignWith<'s> {
    fn of(options: &'s SignWithOptions) -> Self {
        // Version 2 has neither, and is told so when the printed text is read.
        let v4 = options.version == Version::V4;
        Self {
            dialect: options.dialect,
            version: options.version,
            region: v4.then_some(options.region.as_str()),
            payload: v4.then_some(options.payload),
            credentials: &options.credentials,
        }
    }
}
