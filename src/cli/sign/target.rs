//! The method and the URL that are to be signed.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use percent_encoding::{CONTROLS, utf8_percent_encode};

use crate::cli::Failure;

/// The methods of S3 and WOS. OPTIONS is not among them: browsers ask so without a signature.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::HEAD,
    Method::PUT,
    Method::POST,
    Method::DELETE,
];
/// A URL, divided.
#[derive(Debug)]
pub struct Target {
    uri: Uri,
    /// Everything before the query.
    pub base: String,
    /// The Host that clients send: without the port where it is the scheme's own.
    pub host: String,
}

impl Target {
    /// Reads an absolute URL.
    ///
    /// # Errors
    /// What cannot be signed as it stands.
    pub fn parse(url: &str) -> Result<Self, Failure> {
        let fault = |why: &str| -> Failure { format!("not a URL: {url}: {why}").into() };
        if url.chars().any(char::is_control) {
            return Err("not a URL: it has a control character; write it percent-encoded".into());
        }
        // What is not ASCII has one reading all the same, and clients send it so.
        let encoded = utf8_percent_encode(url, CONTROLS).to_string();
        let uri: Uri = encoded.parse().map_err(|error: http::uri::InvalidUri| {
            let blank = if url.contains(' ') {
                "; write a blank as %20"
            } else {
                ""
            };
            fault(&format!("{error}{blank}"))
        })?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(format!("not an absolute URL: {url}; write http://host/bucket/key").into());
        };
        if authority.as_str().contains('@') {
            return Err("the URL must not hold a user name".into());
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

    /// The raw query string, where there is something in it.
    pub fn query(&self) -> Option<&str> {
        self.uri.query().filter(|query| !query.is_empty())
    }
}

/// Reads a method.
///
/// # Errors
/// It is none that storage knows.
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

/// Reads lines `Name: value`. The names that the signature makes itself are refused.
///
/// # Errors
/// What is no header, or would be overwritten.
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
