//! `countersign sign`

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

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
use crate::sig::signer::{SigningCredentials, Unsigned, sign_header, sign_query};

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

/// Sign a request as a client would
#[derive(Debug, Args)]
pub struct Sign {
    /// Whose words the signature uses
    #[arg(long, value_enum, default_value = "aws")]
    dialect: Words,
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
        let request = Unsigned {
            method: method.as_str(),
            host: authority.as_str(),
            path: uri.path(),
            query: uri.query(),
            headers: parse_headers(&self.header)?,
            hosts: &hosts,
        };
        let credentials = SigningCredentials {
            access_key_id: self.access_key_id,
            secret_access_key: Secret::new(self.secret_access_key),
        };
        let dialect = Dialect::named(match self.dialect {
            Words::Aws => DialectName::Aws,
            Words::Wos => DialectName::Wos,
        });
        let now = SystemClock.now();
        let base = format!("{scheme}://{authority}{}", uri.path());
        let (query, headers) = match self.presign {
            Some(life) => {
                let expires = (now + life).duration_since(UNIX_EPOCH)?.as_secs();
                (
                    Some(sign_query(&request, dialect, &credentials, expires)?),
                    request.headers,
                )
            }
            None => (
                uri.query().map(str::to_owned),
                sign_header(&request, dialect, &credentials, now)?,
            ),
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
        println!("{}", render(format, method.as_str(), &url, &headers)?);
        Ok(())
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
