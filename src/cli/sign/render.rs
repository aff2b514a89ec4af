//! The signed request in each output format.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap};
use serde::Serialize;

use crate::cli::Failure;
use crate::cli::shell::quoted;

/// The output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A curl command for a shell
    Curl,
    /// One `Name: value` per line
    Headers,
    /// Only the URL; needs --presign
    Url,
    /// One JSON object
    Json,
}

/// A signed request.
#[derive(Debug)]
pub struct Rendered<'s> {
    pub method: &'s Method,
    pub url: &'s str,
    pub headers: &'s HeaderMap,
    /// The file with the body.
    pub body: Option<&'s Path>,
}

#[derive(Serialize)]
struct Json<'s> {
    method: &'s str,
    url: &'s str,
    headers: BTreeMap<&'s str, String>,
}

impl Rendered<'_> {
    /// The text, without a newline at its end.
    pub fn text(&self, format: Format) -> Result<String, Failure> {
        let mut lines = Vec::new();
        for (name, value) in self.headers {
            lines.push((name.as_str(), value.to_str()?));
        }
        Ok(match format {
            Format::Url => self.url.to_owned(),
            Format::Headers => {
                let lines: Vec<String> = lines
                    .iter()
                    .map(|(name, value)| format!("{name}: {value}"))
                    .collect();
                lines.join("\n")
            }
            Format::Json => serde_json::to_string(&Json {
                method: self.method.as_str(),
                url: self.url,
                headers: joined(&lines),
            })?,
            Format::Curl => self.curl(&lines),
        })
    }

    fn curl(&self, lines: &[(&str, &str)]) -> String {
        // -g: brackets and braces in a key are not ranges.
        let mut command = String::from("curl -gsS ");
        match *self.method {
            Method::HEAD => command += "-I",
            ref method => command += &format!("-i -X {method}"),
        }
        for (name, value) in lines {
            // "Name:" tells curl to leave a header out, and "Name;" to send it empty.
            let line = match *value {
                "" => format!("{name};"),
                value => format!("{name}: {value}"),
            };
            command += &format!(" -H {}", quoted(&line));
        }
        let path = self.url.split('?').next().unwrap_or(self.url);
        if has_dots(path) {
            command += " --path-as-is";
        }
        command += &format!(" {}", quoted(self.url));
        if let Some(body) = self.body {
            let name = body.display().to_string();
            // For curl, "-" is standard input.
            let name = if name == "-" { "./-".to_owned() } else { name };
            if path.ends_with('/') {
                // -T would append the name of the file to a path that ends with a slash, and --data-binary adds a Content-Type.
                if !self.headers.contains_key(CONTENT_TYPE) {
                    command += " -H 'Content-Type:'";
                }
                command += &format!(" --data-binary {}", quoted(&format!("@{name}")));
            } else {
                command += &format!(" -T {}", quoted(&name));
            }
        }
        command
    }
}

/// Whether curl would remove dot segments from this path.
fn has_dots(path: &str) -> bool {
    let decoded = path.replace("%2e", ".").replace("%2E", ".");
    let mut segments = decoded.split('/');
    segments.any(|segment| segment == "." || segment == "..")
}

/// Joins fields of the same name, as signing does.
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
