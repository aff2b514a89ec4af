//! Secrets: in the file, from an environment variable or from another file. Errors do not quote the value, except for text
//! that looks like the name of a variable: if the secret itself was written as `env`, it must not get into a log.

use std::env::VarError;
use std::io;
use std::path::Path;

use super::document::{Entry, Table};
use super::kind::text;
use super::value::Value;
use crate::secret::Secret;

/// What is printed in place of a secret. Reading refuses it, so that a printed configuration cannot be used as it is.
const PRINTED: &str = "***";

/// The advice for a missing secret.
pub(super) const ADVICE: &str = "write the secret, { env = \"NAME\" } or { file = \"path\" }";

/// The schema of a secret.
pub(super) fn schema() -> Value {
    let reference = |key| {
        Value::of_type("object")
            .with("properties", Value::Table(vec![(key, text("."))]))
            .with("required", vec![key])
            .with("additionalProperties", false)
    };
    let forms = vec![text("."), reference("env"), reference("file")];
    Value::Table(vec![("oneOf", forms.into())])
}

/// Reads `"…"`, `{ env = "NAME" }` or `{ file = "path" }`. A relative path is relative to `directory`.
pub(super) fn read(entry: &Entry<'_>, directory: &Path) -> Option<Secret<String>> {
    let secret = if entry.is_table() {
        entry.table(|table| referred(entry, table, directory))??
    } else {
        let wanted = "a string, { env = \"NAME\" } or { file = \"path\" }";
        Secret::new(entry.string(wanted)?.to_owned())
    };
    match secret_fault(&secret) {
        Some(fault) => {
            entry.refuse(fault);
            None
        }
        None => Some(secret),
    }
}

/// Why a text cannot be a secret, with advice.
pub fn secret_fault(secret: &Secret<String>) -> Option<&'static str> {
    if secret.expose().is_empty() {
        Some("the secret is empty; write one")
    } else if secret.expose() == PRINTED {
        Some(
            "*** is what check prints in place of a secret; write the secret, { env = \"NAME\" } or { file = \"path\" }",
        )
    } else if secret.expose().contains(|c: char| c.is_control()) {
        Some("the secret has a control character, such as a line break; remove it")
    } else {
        None
    }
}

fn referred(entry: &Entry<'_>, table: &mut Table<'_>, directory: &Path) -> Option<Secret<String>> {
    match (table.entry("env"), table.entry("file")) {
        (Some(env), None) => from_env(&env),
        (None, Some(file)) => from_file(&file, directory),
        (Some(_), Some(_)) | (None, None) => {
            entry.refuse("write either { env = \"NAME\" } or { file = \"path\" }");
            None
        }
    }
}

fn from_env(entry: &Entry<'_>) -> Option<Secret<String>> {
    let name = entry.string("the name of an environment variable")?;
    let shown = if is_variable_name(name) {
        name
    } else {
        "named here"
    };
    match std::env::var(name) {
        Ok(value) => Some(Secret::new(value)),
        Err(VarError::NotPresent) => {
            entry.refuse(format_args!(
                "the environment variable {shown} is not set; set it before starting"
            ));
            None
        }
        // The text of the error would quote the value.
        Err(VarError::NotUnicode(_)) => {
            entry.refuse(format_args!(
                "the environment variable {shown} is not UTF-8"
            ));
            None
        }
    }
}

/// Whether a text is a valid name of a variable (POSIX.1-2017, section 8.1), and so is not a secret in the wrong place.
fn is_variable_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

fn from_file(entry: &Entry<'_>, directory: &Path) -> Option<Secret<String>> {
    let path = entry.string("the path of a file")?;
    match read_secret(&directory.join(path)) {
        Ok(secret) => Some(secret),
        Err(error) => {
            entry.refuse(format_args!(
                "cannot read the file: {error}; a relative path is relative to the directory of the configuration"
            ));
            None
        }
    }
}

/// The secret in a file, without a newline at its end.
///
/// # Errors
/// The file cannot be read, or is not UTF-8.
pub fn read_secret(path: &Path) -> io::Result<Secret<String>> {
    let text = std::fs::read_to_string(path).map(Secret::new)?;
    Ok(match text.expose().strip_suffix('\n') {
        Some(line) => Secret::new(line.strip_suffix('\r').unwrap_or(line).to_owned()),
        None => text,
    })
}
