//! The kinds of plain settings: how one is read, printed and described.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::document::{self, Entry, MIN_DURATION};
use super::ranges::visible;
use super::value::Value;

/// How a setting is stored in a field of the type `F`.
pub(super) trait Kind<F> {
    /// Reads the value; reports a fault and returns none where it is invalid.
    fn read(&self, entry: &Entry<'_>) -> Option<F>;

    /// The value to print.
    fn value(&self, field: &F) -> Value;

    /// The JSON schema of the value.
    fn schema(&self) -> Value;
}

/// A whole number within a range.
pub(super) struct Count(pub(super) RangeInclusive<usize>);

impl<N: Copy + TryFrom<usize>> Kind<N> for Count
where
    usize: TryFrom<N>,
{
    fn read(&self, entry: &Entry<'_>) -> Option<N> {
        let value = N::try_from(entry.integer(self.0.clone())?);
        Some(value.unwrap_or_else(|_| unreachable!("the range is one of the field's type")))
    }

    fn value(&self, field: &N) -> Value {
        usize::try_from(*field).unwrap_or(usize::MAX).into()
    }

    fn schema(&self) -> Value {
        Value::of_type("integer")
            .with("minimum", *self.0.start())
            .with("maximum", *self.0.end())
    }
}

/// A whole number up to a maximum, where 0 means no limit.
pub(super) struct Limit(pub(super) usize);

impl Kind<Option<usize>> for Limit {
    fn read(&self, entry: &Entry<'_>) -> Option<Option<usize>> {
        let most = entry.integer(0..=self.0)?;
        Some(Some(most).filter(|most| *most > 0))
    }

    fn value(&self, field: &Option<usize>) -> Value {
        field.unwrap_or(0).into()
    }

    fn schema(&self) -> Value {
        Kind::<usize>::schema(&Count(0..=self.0))
    }
}

/// A duration from [`MIN_DURATION`] to a maximum.
pub(super) struct Span(pub(super) Duration);

impl Kind<Duration> for Span {
    fn read(&self, entry: &Entry<'_>) -> Option<Duration> {
        entry.duration(self.0)
    }

    fn value(&self, field: &Duration) -> Value {
        (*field).into()
    }

    fn schema(&self) -> Value {
        duration(MIN_DURATION, self.0)
    }
}

/// A duration of whole seconds, from one second to a maximum.
pub(super) struct Seconds(pub(super) Duration);

impl Kind<Duration> for Seconds {
    fn read(&self, entry: &Entry<'_>) -> Option<Duration> {
        let value = entry.duration(self.0)?;
        if value.subsec_nanos() != 0 {
            entry.refuse("must be whole seconds");
            return None;
        }
        Some(value)
    }

    fn value(&self, field: &Duration) -> Value {
        (*field).into()
    }

    fn schema(&self) -> Value {
        duration(Duration::from_secs(1), self.0)
    }
}

/// True or false, and the value of the field for each.
pub(super) struct Switch<F> {
    pub(super) on: F,
    pub(super) off: F,
}

impl<F: Copy + PartialEq> Kind<F> for Switch<F> {
    fn read(&self, entry: &Entry<'_>) -> Option<F> {
        let on = entry.boolean()?;
        Some(if on { self.on } else { self.off })
    }

    fn value(&self, field: &F) -> Value {
        (*field == self.on).into()
    }

    fn schema(&self) -> Value {
        Value::of_type("boolean")
    }
}

/// A variant of an enum by its name.
pub(super) struct Word;

impl<F: Serialize + DeserializeOwned> Kind<F> for Word {
    fn read(&self, entry: &Entry<'_>) -> Option<F> {
        entry.word(&[])
    }

    fn value(&self, field: &F) -> Value {
        Value::word(field)
    }

    fn schema(&self) -> Value {
        word::<F>()
    }
}

/// Variants of an enum by their names: at least one, none twice.
pub(super) struct Words;

impl<F: Serialize + DeserializeOwned + PartialEq> Kind<Vec<F>> for Words {
    fn read(&self, entry: &Entry<'_>) -> Option<Vec<F>> {
        let mut words = Vec::new();
        for item in entry.items()? {
            match item.word(&[]) {
                Some(word) if words.contains(&word) => item.refuse("is written twice; remove one"),
                Some(word) => words.push(word),
                None => {}
            }
        }
        Some(words)
    }

    fn value(&self, field: &Vec<F>) -> Value {
        Value::List(field.iter().map(Value::word).collect())
    }

    fn schema(&self) -> Value {
        list(word::<F>()).with("minItems", 1)
    }
}

/// Text of visible ASCII characters, up to a length.
pub(super) struct Visible(pub(super) usize);

impl Kind<String> for Visible {
    fn read(&self, entry: &Entry<'_>) -> Option<String> {
        visible(entry, self.0).map(str::to_owned)
    }

    fn value(&self, field: &String) -> Value {
        field.as_str().into()
    }

    fn schema(&self) -> Value {
        text("^[!-~]+$").with("maxLength", self.0)
    }
}

/// The schema of the names of an enum's variants.
pub(super) fn word<F: DeserializeOwned>() -> Value {
    Value::of_type("string").with("enum", document::words_of::<F>().to_vec())
}

/// The schema of a duration. JSON schema has no ranges for strings, so the limits are annotations.
fn duration(least: Duration, most: Duration) -> Value {
    text(r"^\s*([0-9.]+\s*[A-Za-zµ]+\s*)+$")
        .with("x-minimum", least)
        .with("x-maximum", most)
}

/// The schema of texts that match a regular expression.
pub(super) fn text(pattern: &str) -> Value {
    Value::of_type("string").with("pattern", pattern)
}

/// The schema of a list without duplicates.
pub(super) fn list(items: Value) -> Value {
    Value::of_type("array")
        .with("items", items)
        .with("uniqueItems", true)
}
