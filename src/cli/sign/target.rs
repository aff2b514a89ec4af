//! The method and the URL to sign.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use percent_encoding::{CONTROLS, utf8_percent_encode};

use crate::cli::Failure;

/// The methods of S3 and WOS without OPTIONS, which browsers send unsigned.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::HEAD,
    Method::PUT,
    Method::POST,
    Method::DELETE,
];
/// A parsed URL.
#[derive(Debug)]
pub struct Target {
    uri: Uri,
    /// Everything before the query.
    pub base: String,
    /// The Host that clients send: without the port where it is the default port of the scheme.
    pub host: String,
}

impl Target {
    /// Reads an absolute URL.
    ///
    /// # Errors
    /// The URL cannot be signed.
    pub fn parse(url: &str) -> Result<Self, Failure> {
        let fault = |why: &str| -> Failure { format!("not a URL: {url}: {why}").into() };
        if url.chars().any(char::is_control) {
            return Err("not a URL: it has a control character; write it percent-encoded".into());
        }
        // Characters outside ASCII are allowed: their meaning is unambiguous, and clients send them.
        let encoded = utf8_percent_encode(url, CONTROLS).to_string();
        let uri: Uri = encoded.parse().map_err(|error: http::uri::InvalidUri| {
            let blank = if url.contains(' ') {
                "; write a space as %20"
            } else {
                ""
            };
            fault(&format!("{error}{blank}"))
        })?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(format!("not an absolute URL: {url}; write http://host/bucket/key").into());
        };
        if authority.as_str().contains('@') {
            return Err("the URL must not contain a user name".into());
        }
        if encoded.contains('#') {
            return Err(fault("a '#' ends what is sent; write it as %23"));
        }
        let usual = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => return Err(fault("the scheme must be http or https")),
        };
        let host = authority.as_str();
        let host = host.strip_suffix(usual).unwrap_or(host).to_owned();
        Ok(Self {
            base: format!("{scheme}://{authority}{}", uri.path()),
            host,
            uri,
        })
    }

    /// The raw path.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// The raw query string, if it is not empty.
    pub fn query(&self) -> Option<&str> {
        self.uri.query().filter(|query| !query.is_empty())
    }
}

/// Reads a method.
///
/// # Errors
/// It is not a method of S3 or WOS.
pub fn method(written: &str) -> Result<Method, Failure> {
    let known = METHODS.into_iter();
    let alike = |method: &Method| method.as_str().eq_ignore_ascii_case(written);
    match known.into_iter().find(alike) {
        Some(method) if method.as_str() == written => Ok(method),
        Some(method) => Err(format!("not a method: {written}; did you mean {method}?").into()),
        None => {
            Err(format!("not a method: {written}; write GET, HEAD, PUT, POST or DELETE").into())
        }
    }
}

/// Reads lines `Name: value`. The headers that signing sets are refused.
///
/// # Errors
/// A line is not a header, or signing would overwrite it.
pub fn headers(written: &[String]) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for header in written {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| format!("not a header: {header}; write 'Name: value'"))?;
        let name: HeaderName = name
            .trim()
            .parse()
            .map_err(|_| format!("not a header name: {name}"))?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| {
            format!("not a header value: {header:?}; write visible ASCII characters")
        })?;
        let maker = match name.as_str() {
            "host" => "comes from the URL",
            "authorization" => "is what is computed here",
            _ => {
                headers.append(name, value);
                continue;
            }
        };
        return Err(format!("the header '{name}' {maker}; remove it").into());
    }
    Ok(headers)
}
