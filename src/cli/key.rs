//! The access key of a command: from its arguments, a file or the environment.

use std::convert::Infallible;
use std::env::VarError;
use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;

use super::{Failure, usage_error};
use crate::config;
use crate::secret::Secret;
use crate::sig::MAX_ACCESS_KEY_ID_LENGTH;

const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// The arguments for an access key. An argument has priority over the environment.
#[derive(Debug, Args)]
pub struct KeyArguments {
    /// The access key id [env: AWS_ACCESS_KEY_ID]
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    access_key_id: Option<String>,
    /// A file with the secret access key; a newline at its end is ignored
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The secret access key [env: AWS_SECRET_ACCESS_KEY]. Every user of the machine can read arguments: prefer the environment
    /// or --secret-file
    #[arg(
        long,
        value_name = "SECRET",
        value_parser = secret,
        conflicts_with = "secret_file"
    )]
    secret_access_key: Option<Secret<String>>,
    /// The session token that belongs to the access key [env: AWS_SESSION_TOKEN, with AWS_ACCESS_KEY_ID]
    #[arg(long, value_name = "TOKEN", value_parser = secret)]
    session_token: Option<Secret<String>>,
}

/// A complete access key.
#[derive(Debug)]
pub struct Key {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Secret<String>,
    /// The session token that belongs to it.
    pub session_token: Option<Secret<String>>,
    /// Where the secret access key comes from.
    #[cfg_attr(
        not(feature = "embedded"),
        expect(dead_code, reason = "only the demo reads it")
    )]
    pub source: Source,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An argument of the command.
    Argument,
    /// This file.
    File(PathBuf),
    /// The environment.
    Environment,
}

impl KeyArguments {
    /// The key; none where neither an id nor a secret is given.
    ///
    /// # Errors
    /// An id without a secret, a secret without an id, or an invalid value.
    pub fn key(&self, command: &str) -> Result<Option<Key>, Failure> {
        let from_environment = self.access_key_id.is_none();
        let access_key_id = match &self.access_key_id {
            Some(id) => Some(id.clone()),
            None => variable(ACCESS_KEY_ID)?,
        };
        let secret = self.secret()?;
        let (access_key_id, (secret_access_key, source)) = match (access_key_id, secret) {
            (Some(id), Some(secret)) => (id, secret),
            (None, None) => return Ok(None),
            (None, Some(_)) => return Err(missing(command, "access key id", ID_ADVICE)),
            (Some(_), None) => return Err(missing(command, "secret access key", SECRET_ADVICE)),
        };
        if !config::is_visible(&access_key_id, MAX_ACCESS_KEY_ID_LENGTH) {
            let fault = format!(
                "the access key id must be 1 to {MAX_ACCESS_KEY_ID_LENGTH} visible ASCII characters without spaces"
            );
            return Err(fault.into());
        }
        let session_token = match &self.session_token {
            Some(token) => Some(checked(token.clone(), "--session-token")?),
            // A token in the environment belongs to the access key id there, and is wrong with another one.
            None if from_environment => match variable(SESSION_TOKEN)?.map(Secret::new) {
                Some(token) => Some(checked(token, SESSION_TOKEN)?),
                None => None,
            },
            None => None,
        };
        Ok(Some(Key {
            access_key_id,
            secret_access_key,
            session_token,
            source,
        }))
    }

    /// The key, which is required.
    ///
    /// # Errors
    /// As for [`Self::key`], or no key at all.
    pub fn required(&self, command: &str) -> Result<Key, Failure> {
        let key = self.key(command)?;
        key.ok_or_else(|| missing(command, "access key id", ID_ADVICE))
    }

    fn secret(&self) -> Result<Option<(Secret<String>, Source)>, Failure> {
        if let Some(secret) = &self.secret_access_key {
            let secret = checked(secret.clone(), "--secret-access-key")?;
            return Ok(Some((secret, Source::Argument)));
        }
        if let Some(path) = &self.secret_file {
            let place = path.display().to_string();
            let read = config::read_secret(path)
                .map_err(|error| format!("cannot read the secret file {place}: {error}"))?;
            return Ok(Some((checked(read, &place)?, Source::File(path.clone()))));
        }
        let Some(secret) = variable(SECRET_ACCESS_KEY)?.map(Secret::new) else {
            return Ok(None);
        };
        Ok(Some((
            checked(secret, SECRET_ACCESS_KEY)?,
            Source::Environment,
        )))
    }
}

/// A secret, if it is valid. `place` names its source in the error.
fn checked(secret: Secret<String>, place: &str) -> Result<Secret<String>, Failure> {
    match config::secret_fault(&secret) {
        Some(fault) => Err(format!("{place}: {fault}").into()),
        None => Ok(secret),
    }
}

const ID_ADVICE: &str = "set AWS_ACCESS_KEY_ID, or write --access-key-id ID";
const SECRET_ADVICE: &str =
    "set AWS_SECRET_ACCESS_KEY, or write --secret-file FILE or --secret-access-key SECRET";

fn missing(command: &str, what: &str, advice: &str) -> Failure {
    let message = format!("the {what} is missing; {advice}");
    usage_error(command, ErrorKind::MissingRequiredArgument, &message)
}

/// An environment variable. An empty one counts as not set, as in AWS's tools.
fn variable(name: &str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        // The text of the error would quote the value.
        Err(VarError::NotUnicode(_)) => {
            Err(format!("the environment variable {name} is not UTF-8").into())
        }
    }
}

/// Accepts any text, because an error here would quote it.
fn secret(text: &str) -> Result<Secret<String>, Infallible> {
    Ok(Secret::new(text.to_owned()))
}
