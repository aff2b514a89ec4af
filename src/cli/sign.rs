//! `countersign sign`

mod body;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use serde::Serialize;

use super::Failure;
use crate::address::HostNames;
use crate::clock::{Clock, SystemClock};
use crate::secret::Secret;
use crate::sig::dialect::{Dialect, DialectName};
use crate::sig::signer::v4::ScopedCredentials;
use crate::sig::signer::{
    SigningCredentials, Unsigned, sign_header, sign_header_v4, sign_query, sign_query_v4,
};
use body::Payload;

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A curl command for a shell
    Curl,
    /// One `Name: value` a line
    Headers,
    /// The URL alone; with --presign
    Url,
    /// One JSON object
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Words {
    Aws,
    Wos,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Version {
    V2,
    V4,
}

/// Sign a request as a client would
#[derive(Debug, Args)]
pub struct Sign {
    /// Whose words the signature uses
    #[arg(long, value_enum, default_value = "aws")]
    dialect: Words,
    /// The version of the signature
    #[arg(long, value_enum, default_value = "v2")]
    version: Version,
    /// The region, in version 4
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// The session token that belongs to the access key; version 2 takes it as a header
    #[arg(
        long,
        env = "AWS_SESSION_TOKEN",
        hide_env_values = true,
        value_parser = NonEmptyStringValueParser::new(),
        value_name = "TOKEN"
    )]
    session_token: Option<String>,
    /// How the body is vouched for, in version 4 in the header
    #[arg(long, value_enum, default_value = "signed")]
    payload: Payload,
    /// The body; curl's command sends it
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// Where the body goes as it is sent, for the payload modes in chunks
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Sign in the query string, good for this long ("15m", "7d")
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    presign: Option<Duration>,
    /// What is printed [default: url with --presign, else curl]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// A base name of virtual-host style: BUCKET.DOMAIN in the URL names the bucket
    #[arg(long, value_name = "DOMAIN")]
    domain: Vec<String>,
    /// The access key id
    #[arg(
        long,
        env = "AWS_ACCESS_KEY_ID",
        hide_env_values = true,
        value_parser = NonEmptyStringValueParser::new(),
        value_name = "ID"
    )]
    access_key_id: String,
    /// The secret access key
    #[arg(
        long,
        env = "AWS_SECRET_ACCESS_KEY",
        hide_env_values = true,
        value_parser = NonEmptyStringValueParser::new(),
        value_name = "SECRET"
    )]
    secret_access_key: String,
    /// The method
    method: String,
    /// The URL
    url: String,
    /// A header to send, and to sign where the dialect signs it
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    header: Vec<String>,
}

#[derive(Serialize)]
struct Signed<'s> {
    method: &'s str,
    url: &'s str,
    headers: BTreeMap<&'s str, String>,
}

impl Sign {
    /// Prints the signed request.
    pub fn run(self) -> Result<(), Failure> {
        self.check()?;
        let method = Method::from_bytes(self.method.as_bytes())
            .map_err(|_| format!("not a method: {}", self.method))?;
        let uri: Uri = self
            .url
            .parse()
            .map_err(|error| format!("not a URL: {}: {error}", self.url))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(format!(
                "not an absolute URL: {}; write http://host/bucket/key",
                self.url
            )
            .into());
        };
        if authority.as_str().contains('@') {
            return Err("the URL must not hold a user name".into());
        }
        let hosts = HostNames {
            domains: self.domain.clone(),
            custom_domains: Vec::new(),
        };
        let mut request = Unsigned {
            method: method.as_str(),
            host: authority.as_str(),
            path: uri.path(),
            query: uri.query(),
            headers: parse_headers(&self.header)?,
            hosts: &hosts,
        };
        let credentials = SigningCredentials {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: Secret::new(self.secret_access_key.clone()),
        };
        let dialect = Dialect::named(match self.dialect {
            Words::Aws => DialectName::Aws,
            Words::Wos => DialectName::Wos,
        });
        if let (Version::V2, Some(token)) = (self.version, &self.session_token) {
            let name = HeaderName::from_static(dialect.forms[0].v4.security_token_header);
            request.headers.insert(name, HeaderValue::from_str(token)?);
        }
        let now = SystemClock.now();
        let base = format!("{scheme}://{authority}{}", uri.path());
        let scoped = ScopedCredentials {
            credentials: &credentials,
            session_token: self.session_token.as_deref(),
            region: &self.region,
        };
        let (query, headers) = match (self.version, self.presign) {
            (Version::V2, Some(life)) => {
                let expires = (now + life).duration_since(UNIX_EPOCH)?.as_secs();
                let query = sign_query(&request, dialect, &credentials, expires)?;
                (Some(query), request.headers)
            }
            (Version::V2, None) => {
                let headers = sign_header(&request, dialect, &credentials, now)?;
                (uri.query().map(str::to_owned), headers)
            }
            (Version::V4, Some(life)) => {
                let query = sign_query_v4(&request, dialect, &scoped, life, now)?;
                (Some(query), request.headers)
            }
            (Version::V4, None) => {
                let headers = self.sign_body(request, dialect, &scoped, now)?;
                (uri.query().map(str::to_owned), headers)
            }
        };
        let url = query.map_or_else(|| base.clone(), |query| format!("{base}?{query}"));
        let format = self.format.unwrap_or(if self.presign.is_some() {
            Format::Url
        } else {
            Format::Curl
        });
        if format == Format::Url && self.presign.is_none() {
            return Err(
                "--format url needs --presign: without it the signature stands in a header".into(),
            );
        }
        let sent = self.output.as_deref().or(self.body.as_deref());
        let rendered = render(format, method.as_str(), &url, &headers)?;
        match sent.filter(|_| format == Format::Curl) {
            Some(file) => println!("{rendered} -T {}", quoted(&file.display().to_string())),
            None => println!("{rendered}"),
        }
        Ok(())
    }

    /// Refuses what does not go together.
    fn check(&self) -> Result<(), Failure> {
        let in_header = self.version == Version::V4 && self.presign.is_none();
        if !in_header && (self.payload != Payload::Signed || self.output.is_some()) {
            return Err("--payload and --output are for --version v4 without --presign".into());
        }
        if self.payload.is_framed() && (self.body.is_none() || self.output.is_none()) {
            return Err("a body in chunks needs --body and --output".into());
        }
        if !self.payload.is_framed() && self.output.is_some() {
            return Err(
                "--output is for the payload modes in chunks: every other body is sent as it is"
                    .into(),
            );
        }
        Ok(())
    }

    /// Signs a request of version 4 in the header, and writes its body where that is framed.
    fn sign_body(
        &self,
        mut request: Unsigned<'_>,
        dialect: &'static Dialect,
        credentials: &ScopedCredentials<'_>,
        now: SystemTime,
    ) -> Result<HeaderMap, Failure> {
        let form = dialect.forms[0];
        let body = self.body.as_deref();
        let length = body.map(body::length_of).transpose()?.unwrap_or(0);
        self.payload.describe(form, length, &mut request.headers)?;
        let text = self.payload.text(form, body)?;
        let (headers, chain) = sign_header_v4(&request, dialect, credentials, &text, now)?;
        if let (true, Some(body), Some(output)) = (self.payload.is_framed(), body, &self.output) {
            self.payload.write(form, chain, body, output)?;
        }
        Ok(headers)
    }
}

fn parse_headers(written: &[String]) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for header in written {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| format!("not a header: {header}; write 'Name: value'"))?;
        let name: HeaderName = name
            .trim()
            .parse()
            .map_err(|_| format!("not a header name: {name}"))?;
        let value = HeaderValue::from_str(value.trim())
            .map_err(|_| format!("not a header value: {header:?}"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn render(format: Format, method: &str, url: &str, headers: &HeaderMap) -> Result<String, Failure> {
    let mut lines = Vec::new();
    for (name, value) in headers {
        lines.push((name.as_str(), value.to_str()?));
    }
    Ok(match format {
        Format::Url => url.to_owned(),
        Format::Headers => {
            let lines: Vec<String> = lines
                .iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            lines.join("\n")
        }
        Format::Json => serde_json::to_string(&Signed {
            method,
            url,
            headers: joined(&lines),
        })?,
        Format::Curl => {
            let headers: Vec<String> = lines
                .iter()
                .map(|(name, value)| format!(" -H {}", quoted(&format!("{name}: {value}"))))
                .collect();
            let method = match method {
                "HEAD" => "-I".to_owned(),
                plain if plain.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                    format!("-i -X {plain}")
                }
                odd => format!("-i -X {}", quoted(odd)),
            };
            // -g: brackets and braces in a key are no ranges.
            format!("curl -gsS {method}{} {}", headers.concat(), quoted(url))
        }
    })
}

/// Fields of one name become one, as they are signed.
fn joined<'h>(lines: &[(&'h str, &'h str)]) -> BTreeMap<&'h str, String> {
    let mut joined: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in lines {
        joined
            .entry(name)
            .and_modify(|earlier| *earlier += &format!(",{value}"))
            .or_insert_with(|| (*value).to_owned());
    }
    joined
}

/// A word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
