//! `countersign sign`

mod body;
mod rehearsal;
mod render;
mod target;

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::key::{Key, KeyArguments};
use super::{Failure, complain, print};
use crate::address::HostNames;
use crate::clock::{Clock, SystemClock};
use crate::config::is_host_name;
use crate::dialect::{AWS, DIALECTS, Dialect, DialectName};
use crate::sig;
use crate::sig::signer::v4::ScopedCredentials;
use crate::sig::signer::{
    SigningCredentials, Unsigned, sign_header, sign_header_v4, sign_query, sign_query_v4,
};
use body::Payload;
use rehearsal::Sent;
use render::{Format, Rendered};
use target::Target;

/// The region of clients that are given none, and the gateway's default.
const DEFAULT_REGION: &str = "us-east-1";

/// The values of `--dialect`.
fn dialects() -> impl TypedValueParser<Value = &'static Dialect> {
    PossibleValuesParser::new(DialectName::WORDS).map(|word| {
        let mut named = DIALECTS
            .iter()
            .filter(|dialect| dialect.name.as_str() == word);
        named.next().copied().unwrap_or(&AWS)
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Version {
    V2,
    V4,
}

/// Sign a request as a client would
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  export AWS_ACCESS_KEY_ID=alice-1 AWS_SECRET_ACCESS_KEY=...
  countersign sign GET http://127.0.0.1:8080/bucket01/key | sh
  countersign sign --body photo.jpg PUT http://127.0.0.1:8080/bucket01/photo.jpg | sh
  countersign sign --presign 15m GET http://127.0.0.1:8080/bucket01/key
  countersign sign --dialect wos --secret-file secret --access-key-id alice-1 POST 'http://127.0.0.1:8080/bucket01/key?uploads'
  countersign sign --domain s3.example.com GET https://bucket01.s3.example.com/key

Where a gateway with its default settings would refuse the request, a warning on standard error says why.")]
pub struct Sign {
    /// The dialect of the signature
    #[arg(long, default_value = "aws", value_parser = dialects())]
    dialect: &'static Dialect,
    /// The version of the signature: v2 is HMAC-SHA1, v4 is HMAC-SHA256 [default: v4, with --dialect wos v2]
    #[arg(long, value_enum)]
    version: Option<Version>,
    /// The region, in version 4 [default: us-east-1]
    #[arg(long)]
    region: Option<String>,
    /// How the body is signed, in version 4 without --presign [default: signed]
    #[arg(long, value_enum)]
    payload: Option<Payload>,
    /// The body: its hash is signed in version 4 without --presign, and the curl command sends it
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// The file for the chunked body that is to be sent, for the payload modes in chunks
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Sign in the query string, valid for this long ("15m", "7d")
    #[arg(long, value_name = "DURATION", value_parser = whole_seconds)]
    presign: Option<Duration>,
    /// The output [default: url with --presign, else curl]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// A base name of virtual-host style: the host BUCKET.DOMAIN names the bucket
    #[arg(long, value_name = "DOMAIN")]
    domain: Vec<String>,
    #[command(flatten)]
    key: KeyArguments,
    /// The method: GET, HEAD, PUT, POST or DELETE
    method: String,
    /// The URL
    url: String,
    /// A header to send, and to sign where the dialect signs it
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    header: Vec<String>,
}

/// The result of signing: the query string, and every header to send except the Host.
type Signed = (Option<String>, HeaderMap);

impl Sign {
    /// Prints the signed request.
    pub fn run(self) -> Result<(), Failure> {
        let format = self.check()?;
        let method = target::method(&self.method)?;
        let target = Target::parse(&self.url)?;
        let hosts = self.hosts()?;
        let headers = target::headers(&self.header)?;
        let length = self.body.as_deref().map(body::length_of).transpose()?;
        let key = self.key.required("sign")?;
        let request = Unsigned {
            method: method.as_str(),
            host: &target.host,
            path: target.path(),
            query: target.query(),
            headers: self.with_token(headers, &key)?,
            hosts: &hosts,
        };
        let now = SystemClock.now();
        let (query, headers) = self.sign(request, &key, length.unwrap_or(0), now)?;
        let sent = Sent {
            method: &method,
            host: &target.host,
            path: target.path(),
            query: query.as_deref(),
            headers: &headers,
            hosts: &hosts,
        };
        for warning in self.warnings(format, &sent, &key, now) {
            complain(format_args!("warning: {warning}"));
        }
        let url = match &query {
            Some(query) => format!("{}?{query}", target.base),
            None => target.base.clone(),
        };
        let rendered = Rendered {
            method: &method,
            url: &url,
            headers: &headers,
            body: self.output.as_deref().or(self.body.as_deref()),
        };
        print(&(rendered.text(format)? + "\n"))
    }

    fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    fn version(&self) -> Version {
        self.version.unwrap_or(match self.dialect.usual_version {
            sig::Version::V2 => Version::V2,
            sig::Version::V4 => Version::V4,
        })
    }

    fn payload(&self) -> Payload {
        self.payload.unwrap_or(Payload::Signed)
    }

    /// Refuses options that conflict or would be ignored; returns the format.
    fn check(&self) -> Result<Format, Failure> {
        let in_header = self.presign.is_none();
        let v4 = self.version() == Version::V4;
        let format = self.format.unwrap_or(match self.presign {
            Some(_) => Format::Url,
            None => Format::Curl,
        });
        let framed = self.payload().is_framed();
        let fault = if format == Format::Url && in_header {
            "--format url needs --presign: without it the signature is in a header"
        } else if self.region.is_some() && !v4 {
            "--region is for --version v4: version 2 has no region"
        } else if !(in_header && v4) && (self.payload.is_some() || self.output.is_some()) {
            "--payload and --output are for --version v4 without --presign"
        } else if !(in_header && v4) && self.body.is_some() && format != Format::Curl {
            "--body has no effect here: the signature does not cover it; write --format curl, or remove it"
        } else if framed && (self.body.is_none() || self.output.is_none()) {
            "a body in chunks needs --body and --output"
        } else if !framed && self.output.is_some() {
            "--output is for the payload modes in chunks: every other body is sent as it is"
        } else {
            return Ok(format);
        };
        Err(fault.into())
    }

    fn hosts(&self) -> Result<HostNames, Failure> {
        if let Some(odd) = self.domain.iter().find(|name| !is_host_name(name)) {
            return Err(format!("--domain {odd}: not a host name; write the name alone").into());
        }
        Ok(HostNames {
            domains: self
                .domain
                .iter()
                .map(|domain| domain.to_lowercase())
                .collect(),
            custom_domains: Vec::new(),
        })
    }

    /// The headers; in version 2 with the session token, which is sent in a header.
    fn with_token(&self, mut headers: HeaderMap, key: &Key) -> Result<HeaderMap, Failure> {
        let v4 = &self.dialect().syntaxes[0].v4;
        let header = v4.security_token_header;
        if self.version() == Version::V4 && headers.contains_key(v4.content_sha256_header) {
            let name = v4.content_sha256_header;
            return Err(format!("the header '{name}' is made by --payload; remove it").into());
        }
        let Some(token) = &key.session_token else {
            return Ok(headers);
        };
        if headers.contains_key(header) {
            let fault = format!("the header '{header}' and a session token: remove one");
            return Err(fault.into());
        }
        let mut value = HeaderValue::from_str(token.expose())
            .map_err(|_odd| "the session token has characters that a header cannot contain")?;
        value.set_sensitive(true);
        if self.version() == Version::V2 {
            headers.insert(HeaderName::from_static(header), value);
        }
        Ok(headers)
    }

    fn sign(
        &self,
        request: Unsigned<'_>,
        key: &Key,
        length: u64,
        now: SystemTime,
    ) -> Result<Signed, Failure> {
        let dialect = self.dialect();
        let credentials = SigningCredentials {
            access_key_id: key.access_key_id.clone(),
            secret_access_key: key.secret_access_key.clone(),
        };
        let token = key.session_token.as_ref();
        let scoped = ScopedCredentials {
            credentials: &credentials,
            session_token: token.map(|token| token.expose().as_str()),
            region: self.region.as_deref().unwrap_or(DEFAULT_REGION),
        };
        let query = request.query.map(str::to_owned);
        Ok(match (self.version(), self.presign) {
            (Version::V2, Some(life)) => {
                let end = now.checked_add(life).ok_or("--presign is too long")?;
                let expires = end.duration_since(UNIX_EPOCH)?.as_secs();
                let query = sign_query(&request, dialect, &credentials, expires)?;
                (Some(query), request.headers)
            }
            (Version::V2, None) => (query, sign_header(&request, dialect, &credentials, now)?),
            (Version::V4, Some(life)) => {
                let query = sign_query_v4(&request, dialect, &scoped, life, now)?;
                (Some(query), request.headers)
            }
            (Version::V4, None) => (query, self.sign_body(request, &scoped, length, now)?),
        })
    }

    /// Signs a request of version 4 in the header, and writes its body if it is sent in chunks.
    fn sign_body(
        &self,
        mut request: Unsigned<'_>,
        credentials: &ScopedCredentials<'_>,
        length: u64,
        now: SystemTime,
    ) -> Result<HeaderMap, Failure> {
        let dialect = self.dialect();
        let form = dialect.syntaxes[0];
        let body = self.body.as_deref();
        let payload = self.payload();
        payload.describe(form, length, &mut request.headers)?;
        let text = payload.text(form, body)?;
        let (headers, chain) = sign_header_v4(&request, dialect, credentials, &text, now)?;
        if let (true, Some(body), Some(output)) = (payload.is_framed(), body, &self.output) {
            payload.write(form, chain, body, output)?;
        }
        Ok(headers)
    }

    /// Reasons why the signed request will not work.
    fn warnings(&self, format: Format, sent: &Sent<'_>, key: &Key, now: SystemTime) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.domain.is_empty() && !sent.is_below_a_domain() {
            let host = sent.host;
            warnings.push(format!(
                "{host} is not a --domain nor a name below one, so it names no bucket"
            ));
        }
        if format == Format::Url && !sent.headers.is_empty() {
            let names: Vec<&str> = sent.headers.keys().map(HeaderName::as_str).collect();
            warnings.push(format!(
                "the URL does not contain these headers, which must be sent with it: {}; the other formats print them",
                names.join(", ")
            ));
        }
        let bodyless = [Method::GET, Method::HEAD, Method::DELETE].contains(sent.method);
        if self.body.is_some() && bodyless {
            warnings.push(format!(
                "a gateway refuses a {} request with a body",
                sent.method
            ));
        }
        warnings.extend(rehearsal::refusal(sent, key, self.dialect().name, now));
        warnings
    }
}

/// A duration of whole seconds, as signatures have it.
fn whole_seconds(text: &str) -> Result<Duration, String> {
    let life = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if life.subsec_nanos() == 0 {
        Ok(life)
    } else {
        Err("must be whole seconds".into())
    }
}
