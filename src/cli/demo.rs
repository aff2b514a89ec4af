//! `countersign demo`

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use rand::RngExt;
use rand::distr::Alphanumeric;

use super::key::{Key, KeyArguments, Source};
use super::shell::word;
use super::{Failure, announcement, say};
use crate::address::HostNames;
use crate::clock::SystemClock;
use crate::cluster::ClusterOptions;
use crate::config::{self, ListenFault};
use crate::credentials::{InlineKey, InlineStore};
use crate::dialect::{Dialect, DialectName};
use crate::embedded::{Node, NodeOptions};
use crate::logs::{self, LogOptions};
use crate::runtime::active_config::ReloadableOptions;
use crate::runtime::options::{AnswerAs, ListenerOptions, ServerOptions};
use crate::secret::Secret;
use crate::server::{self, RunOptions};
use crate::sig::{Diagnostics, Identity, Region, VerifyOptions};
use crate::socket_address::SocketAddress;

/// The base name of virtual-host style: most systems resolve every name below it to the loopback address (RFC 6761).
const DOMAIN: &str = "localhost";
/// The dialect of the example request.
const PREFERRED: DialectName = DialectName::Wos;
/// The bucket that the demo creates.
const BUCKET: &str = "bucket01";
/// The lengths of AWS's keys.
const ACCESS_KEY_ID_LENGTH: usize = 20;
const SECRET_LENGTH: usize = 40;

/// The values of `--answer-as`.
fn answer_as() -> impl TypedValueParser<Value = AnswerAs> {
    let words = AnswerAs::WORDS.iter().map(|word| {
        let value = PossibleValue::new(*word);
        match *word {
            AnswerAs::REQUEST => value.help("The dialect that the request used"),
            _ => value,
        }
    });
    PossibleValuesParser::new(words).map(|word| AnswerAs::of(&word).unwrap_or(AnswerAs::Request))
}

/// Run the gateway with a built-in storage node, to try it out
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign demo
  countersign demo --listen 8000 --admin 8001
  countersign demo --listen :8080 --data /var/tmp/demo
  countersign demo --access-key-id demo --secret-file secret

ADDR is PORT (of 127.0.0.1), :PORT (of every IPv4 address of this machine), IP:PORT or NAME:PORT; port 0 uses a free one.
Without a key the demo creates a random one and prints it. A secret from a file or the environment is not printed.")]
pub struct Demo {
    /// The address that the gateway listens on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address)]
    listen: SocketAddr,
    /// The address of the admin listener, with metrics and health
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090", value_parser = address)]
    admin: SocketAddr,
    /// The dialect of the responses
    #[arg(long, default_value = AnswerAs::REQUEST, value_parser = answer_as())]
    answer_as: AnswerAs,
    /// Where objects are stored [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArguments,
}

impl Demo {
    /// Runs until a signal stops it.
    pub fn run(self) -> Result<(), Failure> {
        let given = self.key.key("demo")?;
        let key = given.as_ref().map_or_else(random_key, inline);
        let scratch = tempfile::tempdir()?;
        // In a private directory, so that no other user of the machine can bypass the gateway.
        let socket = scratch.path().join("node.sock");
        let socket = socket
            .to_str()
            .ok_or("the temporary directory's path is not UTF-8")?;
        let node = Node::start(NodeOptions {
            root: self
                .data
                .clone()
                .unwrap_or_else(|| scratch.path().join("data")),
            address: SocketAddress::Unix(socket.to_owned()),
            auth: None,
            domains: vec![DOMAIN.into()],
        })?;
        node.create_bucket(BUCKET)?;
        let guard = logs::start(LogOptions::default());
        let running = server::start(
            self.options(socket, &key),
            Arc::new(SystemClock),
            guard.log(),
        )
        .map_err(|error| format!("{error}; --listen and --admin choose other addresses"))?;
        let addresses = &running.addresses;
        let source = given.map_or(Source::Argument, |given| given.source);
        let url = reachable(&addresses.listeners[0]);
        let guide = exports(&key, &source) + &self.guide(&url);
        let text = announcement(addresses) + &guide;
        running.run(
            Box::new(|| Err("a demo has no configuration file to read again".into())),
            move || say(&text),
        );
        Ok(())
    }

    fn options(&self, node: &str, key: &InlineKey) -> RunOptions {
        RunOptions {
            server: ServerOptions {
                grace_period: Duration::from_secs(5),
                ..ServerOptions::default()
            },
            admin: Some(self.admin),
            live: ReloadableOptions {
                store: Arc::new(InlineStore::new(std::slice::from_ref(key))),
                listeners: vec![ListenerOptions {
                    address: SocketAddress::Tcp(self.listen),
                    hosts: HostNames {
                        domains: vec![DOMAIN.into()],
                        custom_domains: Vec::new(),
                    },
                    answer_as: self.answer_as,
                    ..ListenerOptions::default()
                }],
                signature: VerifyOptions {
                    region: Region::Any,
                    diagnostics: Diagnostics::On,
                    ..VerifyOptions::default()
                },
                cluster: ClusterOptions {
                    name: "embedded".into(),
                    nodes: vec![SocketAddress::Unix(node.to_owned())],
                    ..ClusterOptions::default()
                },
            },
        }
    }

    /// The commands to paste into a second terminal.
    fn guide(&self, url: &str) -> String {
        let program = std::env::current_exe()
            .map_or_else(|_| "countersign".into(), |path| path.display().to_string());
        let program = word(&program);
        let host = url.trim_start_matches("http://");
        let dialect = Dialect::named(match self.answer_as {
            AnswerAs::Request => PREFERRED,
            AnswerAs::Dialect(name) => name,
        });
        let header = &dialect.syntaxes[0].request_id_header;
        let namespace = dialect.documents.namespaces[0];
        let declaration = match dialect.documents.standalone {
            true => " standalone=\"yes\"",
            false => "",
        };
        let dialect = dialect.name.as_str();
        format!(
            r#"
InitiateMultipartUpload, signed for curl:

  {program} sign --dialect {dialect} --format curl POST '{url}/{BUCKET}/objectkey?uploads' | sh

  HTTP/1.1 200 OK
  {header}: 32 hexadecimal digits

  <?xml version="1.0" encoding="UTF-8"{declaration}?>
  <InitiateMultipartUploadResult xmlns="{namespace}"><Bucket>{BUCKET}</Bucket><Key>objectkey</Key><UploadId>…</UploadId></InitiateMultipartUploadResult>

The same request, signed without `uploads`, is refused with 403 SignatureDoesNotMatch:

  {program} sign --format curl POST '{url}/{BUCKET}/objectkey' | sed "s/objectkey'/objectkey?uploads'/" | sh

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

/// `PORT` of the loopback address, or an address as in a configuration.
fn address(text: &str) -> Result<SocketAddr, String> {
    config::listen_address(text).or_else(|fault| match fault {
        ListenFault::PortAlone(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        ListenFault::Malformed => Err(format!("{fault}, or the port alone")),
        ListenFault::Unresolved(_) => Err(fault.to_string()),
    })
}

/// The URL for a client on this machine: the loopback address in place of the unspecified one.
fn reachable(url: &str) -> String {
    url.replace("//0.0.0.0:", "//127.0.0.1:")
        .replace("//[::]:", "//[::1]:")
}

fn inline(given: &Key) -> InlineKey {
    InlineKey {
        session_token: given.session_token.clone(),
        identity: identity(given.access_key_id.clone()),
        secret_access_key: given.secret_access_key.clone(),
    }
}

fn random_key() -> InlineKey {
    InlineKey {
        session_token: None,
        identity: identity(random(ACCESS_KEY_ID_LENGTH).to_uppercase()),
        secret_access_key: Secret::new(random(SECRET_LENGTH)),
    }
}

fn identity(access_key_id: String) -> Identity {
    Identity {
        access_key_id,
        principal: "demo".into(),
        domains: None,
    }
}

/// The commands that set the key in a second terminal. Only a secret from the arguments, or a random one, is printed.
fn exports(key: &InlineKey, source: &Source) -> String {
    let id = word(&key.identity.access_key_id);
    let id = format!("  export AWS_ACCESS_KEY_ID={id}\n");
    let token = match &key.session_token {
        Some(_) => " The session token too: AWS_SESSION_TOKEN.",
        None => "",
    };
    match source {
        Source::Argument => {
            let secret = word(key.secret_access_key.expose());
            format!(
                "\nThe key of this demo; paste it into a second terminal first.{token}\n\n\
                 {id}  export AWS_SECRET_ACCESS_KEY={secret}\n"
            )
        }
        Source::File(path) => {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let path = word(&path.display().to_string());
            format!(
                "\nThe key of this demo; paste it into a second terminal first.{token}\n\n\
                 {id}  export AWS_SECRET_ACCESS_KEY=\"$(cat {path})\"\n"
            )
        }
        Source::Environment => format!(
            "\nThe key of this demo; set it in a second terminal first, with the AWS_SECRET_ACCESS_KEY that is set here.{token}\n\n\
             {id}"
        ),
    }
}

fn random(length: usize) -> String {
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(length)
        .map(char::from)
        .collect()
}
