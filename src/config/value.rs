//! Values to be printed: the settings as TOML, their schema as JSON. A table keeps the order in which it was filled.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// A value of TOML and of JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Boolean(bool),
    Integer(u64),
    Text(String),
    List(Vec<Value>),
    Table(Vec<(&'static str, Value)>),
}

impl Value {
    /// The name of an enum's variant.
    pub(super) fn word(variant: &impl Serialize) -> Self {
        match serde_json::to_value(variant) {
            Ok(serde_json::Value::String(word)) => Self::Text(word),
            other => unreachable!("a variant without fields is its name, not {other:?}"),
        }
    }

    /// A value printed as text.
    pub(super) fn text(of: &impl ToString) -> Self {
        Self::Text(of.to_string())
    }

    /// A list of values printed as text.
    pub(super) fn texts(of: &[impl ToString]) -> Self {
        Self::List(of.iter().map(Self::text).collect())
    }

    /// The schema of values of one type.
    pub(super) fn of_type(name: &str) -> Self {
        Self::Table(vec![("type", name.into())])
    }

    /// Adds a key to a table; has no effect on other values.
    pub(super) fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        if let Self::Table(entries) = &mut self {
            entries.push((key, value.into()));
        }
        self
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_u64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(values) => serializer.collect_seq(values),
            Self::Table(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
            }
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Integer(value as u64)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// Printed with its units.
impl From<Duration> for Value {
    fn from(value: Duration) -> Self {
        Self::Text(humantime::format_duration(value).to_string())
    }
}

impl<V: Into<Value>> From<Vec<V>> for Value {
    fn from(values: Vec<V>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}
