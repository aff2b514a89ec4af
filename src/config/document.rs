//! The parsed TOML: tables and values with their positions in the file.
//!
//! A [`Table`] knows the names of its keys. Any other name is reported as a fault, with the most similar known name. A fault
//! does not stop the reading: the caller continues with a default or without a value, and [`read`] returns the result only
//! if there was no fault.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Faults};

/// The shortest duration: the resolution of the runtime's timers.
pub(super) const MIN_DURATION: Duration = Duration::from_millis(1);

/// The Jaro similarity from which an unknown key is reported as a misspelling of a known one: "max_skew" has 0.86 with
/// "max_clock_skew", and a limit of 0.7 would accept "a" for "admin".
const ALIKE: f64 = 0.8;

/// Reads a whole text.
///
/// # Errors
/// Every fault. Of a text that is not TOML, only the syntax error.
pub(super) fn read<T>(
    text: &str,
    resolve: impl FnOnce(&mut Table<'_>) -> Option<T>,
) -> Result<T, Vec<Fault>> {
    let faults = Faults::of(text);
    let (root, broken) = DeTable::parse_recoverable(text);
    for error in &broken {
        // Only the parser's message: its Display quotes the line, which may contain a secret.
        let span = error.span().unwrap_or(0..0);
        faults.add(&span, "", error.message().to_owned());
    }
    let resolved = if broken.is_empty() {
        let mut table = Table {
            entries: Some(root.get_ref()),
            path: String::new(),
            span: 0..0,
            faults: &faults,
            known: BTreeMap::new(),
        };
        let resolved = resolve(&mut table);
        table.close();
        resolved
    } else {
        None
    };
    let found = faults.into_found();
    resolved.filter(|_| found.is_empty()).ok_or(found)
}

/// Why a table knows a key.
#[derive(Clone, Copy)]
pub(super) enum Known {
    Optional,
    /// It is required; with the advice to print where it is missing.
    Required(&'static str),
    /// A later version supports it.
    Later,
}

/// A table of the file, or an empty one in place of an absent table.
pub(super) struct Table<'d> {
    entries: Option<&'d DeTable<'d>>,
    path: String,
    span: Range<usize>,
    faults: &'d Faults<'d>,
    known: BTreeMap<&'static str, Known>,
}

impl<'d> Table<'d> {
    /// Declares an optional key.
    pub(super) fn know(&mut self, name: &'static str, known: Known) {
        self.known.insert(name, known);
    }

    /// The value of a key; declares the key.
    pub(super) fn entry(&mut self, name: &'static str) -> Option<Entry<'d>> {
        self.known.entry(name).or_insert(Known::Optional);
        let value = self.entries?.get(name)?;
        Some(Entry {
            path: joined(&self.path, name),
            value: value.get_ref(),
            span: value.span(),
            faults: self.faults,
        })
    }

    /// The value of a required key. `advice` says what to write.
    pub(super) fn required(
        &mut self,
        name: &'static str,
        advice: &'static str,
    ) -> Option<Entry<'d>> {
        self.know(name, Known::Required(advice));
        self.entry(name)
    }

    /// A subtable. Where it is absent, `read` gets an empty one.
    pub(super) fn section<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Table<'d>) -> T,
    ) -> T {
        let entry = self.entry(name);
        let entries = entry.as_ref().and_then(Entry::entries);
        let mut table = Table {
            entries,
            path: joined(&self.path, name),
            span: entry.map_or(self.span.clone(), |entry| entry.span),
            faults: self.faults,
            known: BTreeMap::new(),
        };
        let value = read(&mut table);
        table.close();
        value
    }

    /// A variant of an enum by its name. `later` are the names that a later version supports.
    pub(super) fn word<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        default: T,
        later: &[&str],
    ) -> T {
        self.entry(name)
            .and_then(|entry| entry.word(later))
            .unwrap_or(default)
    }

    /// Reports the keys that are unknown, and the required ones that are missing.
    fn close(self) {
        let mut meant = Vec::new();
        for key in self.entries.into_iter().flat_map(DeTable::keys) {
            let name = key.get_ref().as_ref();
            let message = match self.known.get(name) {
                Some(Known::Optional | Known::Required(_)) => continue,
                Some(Known::Later) => "this version does not support it; remove it".to_owned(),
                None => match self.nearest(name) {
                    Some(known) => {
                        meant.push(known);
                        format!("unknown key; did you mean {known:?}?")
                    }
                    None => format!("unknown key; known here: {}", self.names()),
                },
            };
            self.faults
                .add(&key.span(), &joined(&self.path, name), message);
        }
        for (name, known) in &self.known {
            let absent = self
                .entries
                .is_none_or(|entries| !entries.contains_key(*name));
            if let Known::Required(advice) = known
                && absent
                && !meant.contains(name)
            {
                let message = format!("missing; {advice}");
                self.faults
                    .add(&self.span, &joined(&self.path, name), message);
            }
        }
    }

    fn supported(&self) -> impl Iterator<Item = &'static str> {
        self.known
            .iter()
            .filter(|(_, known)| !matches!(known, Known::Later))
            .map(|(name, _)| *name)
    }

    fn nearest(&self, written: &str) -> Option<&'static str> {
        self.supported()
            .map(|name| (strsim::jaro(written, name), name))
            .filter(|(likeness, _)| *likeness > ALIKE)
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(_, name)| name)
    }

    fn names(&self) -> String {
        self.supported().collect::<Vec<_>>().join(", ")
    }
}

/// A value of the file.
pub(super) struct Entry<'d> {
    /// The dotted path.
    pub(super) path: String,
    value: &'d DeValue<'d>,
    span: Range<usize>,
    faults: &'d Faults<'d>,
}

impl<'d> Entry<'d> {
    /// Reports a fault of the value.
    pub(super) fn refuse(&self, message: impl fmt::Display) {
        self.faults.add(&self.span, &self.path, message.to_string());
    }

    /// Reports that the value does not have the type `wanted`.
    pub(super) fn refuse_type(&self, wanted: &str) {
        let written = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.refuse(format_args!("must be {wanted}, not {written}"));
    }

    /// Whether the value is a table.
    pub(super) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// A string; `wanted` describes it in the error.
    pub(super) fn string(&self, wanted: &str) -> Option<&'d str> {
        self.expect(wanted, self.value.as_str())
    }

    /// The elements of an array; at least one.
    pub(super) fn items(&self) -> Option<Vec<Entry<'d>>> {
        let items = self.list()?;
        if items.is_empty() {
            self.refuse("is empty; write at least one element");
            return None;
        }
        Some(items)
    }

    /// The elements of an array, if any.
    pub(super) fn list(&self) -> Option<Vec<Entry<'d>>> {
        let array = self.expect("an array", self.value.as_array())?;
        Some(self.elements(array))
    }

    /// The elements of an array of tables; at least one.
    pub(super) fn tables(&self) -> Option<Vec<Entry<'d>>> {
        let wanted = format!("an array of tables, each headed [[{}]]", self.path);
        self.expect(&wanted, self.value.as_array())?;
        self.items()
    }

    /// A table.
    pub(super) fn table<T>(&self, read: impl FnOnce(&mut Table<'d>) -> T) -> Option<T> {
        let mut table = Table {
            entries: Some(self.entries()?),
            path: self.path.clone(),
            span: self.span.clone(),
            faults: self.faults,
            known: BTreeMap::new(),
        };
        let value = read(&mut table);
        table.close();
        Some(value)
    }

    /// A variant of an enum by its name.
    pub(super) fn word<T: DeserializeOwned>(&self, later: &[&str]) -> Option<T> {
        let written = self.string("a string")?;
        as_word(written)
            .map_err(|NotAWord(words)| {
                let words = words.iter().map(|word| format!("{word:?}"));
                let words = words.collect::<Vec<_>>().join(", ");
                let support = if later.contains(&written) {
                    "; this version does not support it"
                } else {
                    ""
                };
                self.refuse(format_args!("{written:?} is not one of {words}{support}"));
            })
            .ok()
    }

    /// True or false.
    pub(super) fn boolean(&self) -> Option<bool> {
        self.expect("true or false", self.value.as_bool())
    }

    /// A whole number.
    pub(super) fn integer(&self, range: RangeInclusive<usize>) -> Option<usize> {
        let written = self.expect("an integer", self.value.as_integer())?;
        let value = usize::from_str_radix(written.as_str(), written.radix());
        let value = value.ok().filter(|value| range.contains(value));
        if value.is_none() {
            let (least, most) = range.into_inner();
            self.refuse(format_args!(
                "must be from {least} to {most}, not {written}"
            ));
        }
        value
    }

    /// A duration from [`MIN_DURATION`] to `longest`.
    pub(super) fn duration(&self, longest: Duration) -> Option<Duration> {
        let written = self.string("a duration in quotes, like \"30s\" or \"15m\"")?;
        let Ok(value) = humantime::parse_duration(written) else {
            self.refuse(format_args!(
                "{written:?} is not a duration; write a number and a unit, like \"30s\" or \"15m\""
            ));
            return None;
        };
        if !(MIN_DURATION..=longest).contains(&value) {
            let least = humantime::format_duration(MIN_DURATION);
            let most = humantime::format_duration(longest);
            self.refuse(format_args!(
                "must be from {least} to {most}, not {written:?}"
            ));
            return None;
        }
        Some(value)
    }

    fn entries(&self) -> Option<&'d DeTable<'d>> {
        self.expect("a table", self.value.as_table())
    }

    fn elements(&self, array: &'d [Spanned<DeValue<'d>>]) -> Vec<Entry<'d>> {
        let element = |(at, value): (usize, &'d Spanned<DeValue<'d>>)| Entry {
            path: format!("{}[{at}]", self.path),
            value: value.get_ref(),
            span: value.span(),
            faults: self.faults,
        };
        array.iter().enumerate().map(element).collect()
    }

    fn expect<T>(&self, wanted: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.refuse_type(wanted);
        }
        value
    }
}

/// The dotted path of a key within a table.
fn joined(path: &str, name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let dot = if path.is_empty() { "" } else { "." };
    if bare {
        format!("{path}{dot}{name}")
    } else {
        format!("{path}{dot}{name:?}")
    }
}

/// The name of each variant of an enum.
pub(super) fn words_of<T: DeserializeOwned>() -> &'static [&'static str] {
    match as_word::<T>("") {
        Ok(_) => &[],
        Err(NotAWord(words)) => words,
    }
}

fn as_word<T: DeserializeOwned>(text: &str) -> Result<T, NotAWord> {
    let deserializer: StrDeserializer<'_, NotAWord> = text.into_deserializer();
    T::deserialize(deserializer)
}

/// The names that serde would have accepted.
#[derive(Debug)]
struct NotAWord(&'static [&'static str]);

impl fmt::Display for NotAWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not one of the names")
    }
}

impl std::error::Error for NotAWord {}

impl serde::de::Error for NotAWord {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_variant: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}
