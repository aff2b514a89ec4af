//! Secrets: written, or read from the environment or a file. Nothing that was written for one is quoted, but for what
//! is plainly a variable's name: who mistakes `env` for the place of the secret itself must not find it in a log.

use std::env::VarError;
use std::io;
use std::path::Path;

use super::document::{Entry, Table};
use super::kind::text;
use super::value::Value;
use crate::secret::Secret;

/// What a printed secret looks like. A configuration that was printed must not start with it as the secret.
const PRINTED: &str = "***";

/// What to write for a secret that is missing.
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

/// `"…"`, `{ env = "NAME" }` or `{ file = "path" }`. A relative path starts at `directory`.
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

/// Why a text cannot be a secret, and what to do.
pub fn secret_fault(secret: &Secret<String>) -> Option<&'static str> {
    if secret.expose().is_empty() {
        Some("the secret is empty; write one")
    } else if secret.expose() == PRINTED {
        Some(
            "*** only stands for a secret where settings are printed; write the secret, { env = \"NAME\" } or { file = \"path\" }",
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
                "the environment variable {shown} is not set; set it before the start"
            ));
            None
        }
        // The error's own text would quote the value.
        Err(VarError::NotUnicode(_)) => {
            entry.refuse(format_args!(
                "the environment variable {shown} is not UTF-8"
            ));
            None
        }
    }
}

/// Whether a text is spelled as variables are (POSIX.1-2017, section 8.1), and so is no secret in the wrong place.
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
                "cannot read the file: {error}; a relative path starts at the directory of the configuration"
            ));
            None
        }
    }
}

/// The secret in a file, without the newline that editors and `echo` end a file with.
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
