//! `countersign demo`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use rand::RngExt;
use rand::distr::Alphanumeric;

use super::{Failure, announcement, say};
use crate::address::HostNames;
use crate::clock::SystemClock;
use crate::cluster::{Addressing, ClusterOptions, Forward, NodeAddress};
use crate::credentials::{InlineKey, InlineStore};
use crate::embedded::{self, Node, NodeOptions};
use crate::gateway::options::{AnswerAs, ListenAddress, ListenerOptions, ServerOptions};
use crate::gateway::{self, LiveOptions, RunOptions};
use crate::logs::{self, AccessLog, LogFormat, LogLevel, LogOptions};
use crate::secret::Secret;
use crate::sig::dialect::DialectName;
use crate::sig::{Diagnostics, Identity, Region, VerifyOptions, Version};

/// The base name of virtual-host style: most systems take every name below it for the machine itself (RFC 6761).
const DOMAIN: &str = "localhost";
/// The bucket that the demo makes.
const BUCKET: &str = "bucket01";
/// The lengths of AWS's own keys.
const ACCESS_KEY_ID_LENGTH: usize = 20;
const SECRET_LENGTH: usize = 40;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Words {
    /// The dialect that the request used
    Request,
    Aws,
    Wos,
}

/// Run the gateway in front of a storage node of its own, to try it out
#[derive(Debug, Args)]
pub struct Demo {
    /// Where the gateway listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where metrics and health are told
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
    admin: SocketAddr,
    /// Whose words the answers use
    #[arg(long, value_enum, default_value = "request")]
    answer_as: Words,
    /// Where objects are kept [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The access key id [default: a random one]
    #[arg(long, value_name = "ID", requires = "secret_access_key")]
    access_key_id: Option<String>,
    /// The secret access key [default: a random one]
    #[arg(long, value_name = "SECRET", requires = "access_key_id")]
    secret_access_key: Option<String>,
}

impl Demo {
    /// Runs until it is told to stop.
    pub fn run(self) -> Result<(), Failure> {
        let scratch = tempfile::tempdir()?;
        // In a directory of our own, so that nobody else on the machine reaches the node past the gateway.
        let socket = scratch.path().join("node.sock");
        let node = Node::start(NodeOptions {
            root: self
                .data
                .clone()
                .unwrap_or_else(|| scratch.path().join("data")),
            address: embedded::NodeAddress::Unix(socket.clone()),
            auth: None,
            domains: vec![DOMAIN.into()],
        })?;
        node.create_bucket(BUCKET)?;
        let access_key_id = self
            .access_key_id
            .clone()
            .unwrap_or_else(|| random(ACCESS_KEY_ID_LENGTH).to_uppercase());
        let secret = self
            .secret_access_key
            .clone()
            .unwrap_or_else(|| random(SECRET_LENGTH));
        let log = LogOptions {
            level: LogLevel::Info,
            format: LogFormat::Text,
            access: AccessLog::On,
        };
        let guard = logs::start(log);
        let key = InlineKey {
            session_token: None,
            identity: Identity {
                access_key_id: access_key_id.clone(),
                principal: "demo".into(),
                domains: None,
            },
            secret_access_key: Secret::new(secret.clone()),
        };
        let socket = socket
            .to_str()
            .ok_or("the temporary directory's path is not UTF-8")?;
        let running = gateway::start(
            self.options(socket, key),
            Arc::new(SystemClock),
            guard.log(),
        )?;
        let addresses = &running.addresses;
        let guide = self.guide(&addresses.listeners[0], &access_key_id, &secret);
        let text = announcement(addresses) + &guide;
        running.run(
            Box::new(|| Err("a demo has no configuration file to read again".into())),
            move || say(&text),
        );
        Ok(())
    }

    fn options(&self, node: &str, key: InlineKey) -> RunOptions {
        RunOptions {
            server: ServerOptions {
                threads: std::thread::available_parallelism().map_or(1, usize::from),
                grace_period: Duration::from_secs(5),
            },
            admin: Some(self.admin),
            live: LiveOptions {
                store: Arc::new(InlineStore::new(&[key])),
                listeners: vec![ListenerOptions {
                    address: ListenAddress::Tcp(self.listen),
                    hosts: HostNames {
                        domains: vec![DOMAIN.into()],
                        custom_domains: Vec::new(),
                    },
                    dialects: vec![DialectName::Aws, DialectName::Wos],
                    answer_as: match self.answer_as {
                        Words::Request => AnswerAs::Request,
                        Words::Aws => AnswerAs::Aws,
                        Words::Wos => AnswerAs::Wos,
                    },
                    header_timeout: Duration::from_secs(30),
                    idle_timeout: Duration::from_secs(60),
                    body_timeout: Duration::from_secs(30),
                }],
                signature: VerifyOptions {
                    versions: vec![Version::V2, Version::V4],
                    region: Region::Any,
                    max_clock_skew: Duration::from_secs(15 * 60),
                    max_presigned_lifetime: Duration::from_secs(7 * 24 * 60 * 60),
                    diagnostics: Diagnostics::On,
                },
                cluster: ClusterOptions {
                    name: "embedded".into(),
                    dialect: DialectName::Aws,
                    nodes: vec![NodeAddress::Unix(node.to_owned())],
                    forward: Forward::Trusted,
                    sign_with: None,
                    node_keys: Vec::new(),
                    addressing: Addressing::AsReceived,
                    host: None,
                    connect_timeout: Duration::from_secs(5),
                    read_timeout: Duration::from_secs(60),
                    upstream_keepalive: 128,
                },
            },
        }
    }

    /// What to paste into a second terminal.
    fn guide(&self, url: &str, access_key_id: &str, secret: &str) -> String {
        let own = std::env::current_exe()
            .map_or_else(|_| "countersign".into(), |path| path.display().to_string());
        let host = url.trim_start_matches("http://");
        let dialect = match self.answer_as {
            Words::Aws => "aws",
            Words::Request | Words::Wos => "wos",
        };
        let (header, declaration, namespace) = match self.answer_as {
            Words::Aws => (
                "x-amz-request-id",
                "",
                "http://s3.amazonaws.com/doc/2006-03-01/",
            ),
            Words::Request | Words::Wos => (
                "x-wos-request-id",
                " standalone=\"yes\"",
                "http://wcs.chinanetcenter.com/document",
            ),
        };
        format!(
            r#"
The key of this demo; paste it into a second terminal first:

  export AWS_ACCESS_KEY_ID={access_key_id}
  export AWS_SECRET_ACCESS_KEY={secret}

InitiateMultipartUpload, signed for curl:

  {own} sign --dialect {dialect} --format curl POST '{url}/{BUCKET}/objectkey?uploads' | sh

  HTTP/1.1 200 OK
  {header}: 32 hexadecimal digits

  <?xml version="1.0" encoding="UTF-8"{declaration}?>
  <InitiateMultipartUploadResult xmlns="{namespace}"><Bucket>{BUCKET}</Bucket><Key>objectkey</Key><UploadId>…</UploadId></InitiateMultipartUploadResult>

The same without `uploads` in what is signed is refused with 403 SignatureDoesNotMatch:

  {own} sign --format curl POST '{url}/{BUCKET}/objectkey' | sed "s/objectkey'/objectkey?uploads'/" | sh

aws-cli:

  echo hello | aws --endpoint-url {url} s3 cp - s3://{BUCKET}/hello
  aws --endpoint-url {url} s3 ls s3://{BUCKET}

boto3:

  python3 -c "import boto3; s3 = boto3.client('s3', endpoint_url='{url}'); s3.put_object(Bucket='{BUCKET}', Key='hello', Body=b'hello'); print(s3.get_object(Bucket='{BUCKET}', Key='hello')['Body'].read())"

s3cmd:

  s3cmd --no-ssl --host={host} --host-bucket={host} ls s3://{BUCKET}

Ctrl-C stops the demo.
"#
        )
    }
}

fn random(length: usize) -> String {
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(length)
        .map(char::from)
        .collect()
}
