//! A section of the configuration, declared as a list of its keys. Reading plain settings, detecting unknown keys, printing
//! and the schema all use this list.

use super::document::{Entry, Known, Table};
use super::kind::Kind;
use super::value::Value;

/// The keys of a section whose options are a `T`.
pub(super) struct Section<T> {
    defaults: Option<T>,
    keys: Vec<Key<T>>,
}

/// One key.
struct Key<T> {
    name: &'static str,
    /// A description of one line.
    about: &'static str,
    known: Known,
    /// Whether the key is required.
    needed: bool,
    schema: Value,
    default: Option<Value>,
    setting: Box<dyn Setting<T>>,
}

/// How a key maps to the options.
trait Setting<T> {
    /// Reads the value into the options; none where the section has its own code for this key.
    fn read(&self, _entry: &Entry<'_>, _options: &mut T) {}

    /// The value to print; none where the key is left out.
    fn value(&self, options: &T) -> Option<Value>;
}

/// A plain setting: a field of the options.
struct Plain<T, F, K> {
    kind: K,
    field: Field<T, F>,
}

/// The field of the options that holds a setting.
pub(super) struct Field<T, F> {
    pub(super) get: fn(&T) -> &F,
    pub(super) get_mut: fn(&mut T) -> &mut F,
}

/// The [`Field`] with this name or path of names.
macro_rules! field {
    ($($name:ident).+) => {
        $crate::config::section::Field {
            get: |options| &options.$($name).+,
            get_mut: |options| &mut options.$($name).+,
        }
    };
}
pub(super) use field;

impl<T, F, K: Kind<F>> Setting<T> for Plain<T, F, K> {
    fn read(&self, entry: &Entry<'_>, options: &mut T) {
        if let Some(value) = self.kind.read(entry) {
            *(self.field.get_mut)(options) = value;
        }
    }

    fn value(&self, options: &T) -> Option<Value> {
        Some(self.kind.value((self.field.get)(options)))
    }
}

impl<T, P: Fn(&T) -> Option<Value>> Setting<T> for P {
    fn value(&self, options: &T) -> Option<Value> {
        self(options)
    }
}

impl<T: 'static> Section<T> {
    /// A section whose options have defaults.
    pub(super) fn with_defaults() -> Self
    where
        T: Default,
    {
        Self {
            defaults: Some(T::default()),
            keys: Vec::new(),
        }
    }

    /// A section whose options have no defaults as a whole.
    pub(super) fn without_defaults() -> Self {
        Self {
            defaults: None,
            keys: Vec::new(),
        }
    }

    /// A plain setting: [`Section::read`] reads it into a field of the options.
    pub(super) fn key<F: 'static>(
        self,
        name: &'static str,
        kind: impl Kind<F> + 'static,
        field: Field<T, F>,
    ) -> Self {
        let schema = kind.schema();
        self.with(name, schema, Plain { kind, field })
    }

    /// A setting that the section reads with its own code. `print` returns none where it is left out.
    pub(super) fn own(
        self,
        name: &'static str,
        schema: Value,
        print: impl Fn(&T) -> Option<Value> + 'static,
    ) -> Self {
        self.with(name, schema, print)
    }

    /// An optional subtable.
    pub(super) fn table<U: 'static>(
        self,
        name: &'static str,
        section: Section<U>,
        options: fn(&T) -> Option<&U>,
    ) -> Self {
        let schema = section.schema();
        let print = move |own: &T| Some(section.value(options(own)?));
        self.with(name, schema, print)
    }

    /// An array of tables; an empty one is left out.
    pub(super) fn tables<U: 'static>(
        self,
        name: &'static str,
        section: Section<U>,
        options: fn(&T) -> &[U],
    ) -> Self {
        let schema = Value::of_type("array").with("items", section.schema());
        let print = move |own: &T| {
            let tables: Vec<Value> = options(own).iter().map(|own| section.value(own)).collect();
            Some(Value::List(tables)).filter(|_| !options(own).is_empty())
        };
        self.with(name, schema, print)
    }

    /// The description of the latest key, one line.
    pub(super) fn about(mut self, text: &'static str) -> Self {
        self.latest().about = text;
        self
    }

    /// Makes the latest key required; `advice` says what to write.
    pub(super) fn required(mut self, advice: &'static str) -> Self {
        let key = self.latest();
        key.known = Known::Required(advice);
        key.needed = true;
        self
    }

    /// Marks the latest key as required in the schema, because its subtable has required keys. Their absence is the fault that is
    /// reported.
    pub(super) fn needed(mut self) -> Self {
        self.latest().needed = true;
        self
    }

    /// The default of the latest key for the schema, where it is not the printed value.
    pub(super) fn default(mut self, value: impl Into<Value>) -> Self {
        self.latest().default = Some(value.into());
        self
    }

    /// A key that a later version supports.
    pub(super) fn later(mut self, name: &'static str) -> Self {
        self = self.own(name, Value::Table(Vec::new()), |_| None);
        self.latest().known = Known::Later;
        self
    }

    fn with(
        mut self,
        name: &'static str,
        schema: Value,
        setting: impl Setting<T> + 'static,
    ) -> Self {
        self.keys.push(Key {
            name,
            about: "",
            known: Known::Optional,
            needed: false,
            schema,
            default: None,
            setting: Box::new(setting),
        });
        self
    }

    fn latest(&mut self) -> &mut Key<T> {
        self.keys
            .last_mut()
            .expect("a key is declared before its description")
    }

    /// Declares the keys of this section to a table, for code that reads the table itself.
    pub(super) fn know(&self, table: &mut Table<'_>) {
        for key in &self.keys {
            table.know(key.name, key.known);
        }
    }

    /// Reads the plain settings. The other options keep their defaults, and their keys are declared.
    pub(super) fn read(&self, table: &mut Table<'_>) -> T
    where
        T: Default,
    {
        self.know(table);
        let mut options = T::default();
        for key in &self.keys {
            if let Some(entry) = table.entry(key.name) {
                key.setting.read(&entry, &mut options);
            }
        }
        options
    }

    /// The options as a printable value.
    pub(super) fn value(&self, options: &T) -> Value {
        let printed = |key: &Key<T>| Some((key.name, key.setting.value(options)?));
        Value::Table(self.keys.iter().filter_map(printed).collect())
    }

    /// The JSON schema of the section.
    pub(super) fn schema(&self) -> Value {
        let keys = || {
            self.keys
                .iter()
                .filter(|key| !matches!(key.known, Known::Later))
        };
        let needed = keys().filter(|key| key.needed).map(|key| key.name);
        let properties = keys().map(|key| (key.name, self.schema_of(key)));
        Value::of_type("object")
            .with("properties", Value::Table(properties.collect()))
            .with("required", needed.collect::<Vec<_>>())
            .with("additionalProperties", false)
    }

    fn schema_of(&self, key: &Key<T>) -> Value {
        let printed = || key.setting.value(self.defaults.as_ref()?);
        let default = key.default.clone().or_else(printed);
        let mut schema = key.schema.clone().with("description", key.about);
        if let Some(default) = default.filter(|_| !key.needed) {
            schema = schema.with("default", default);
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::document::{self, Table};
    use super::super::kind::{Count, Limit, Span, Switch, Visible, Word, Words};
    use super::super::value::Value;
    use super::Section;
    use crate::sig::Version;

    #[derive(Debug, Clone, PartialEq)]
    struct Options {
        count: u64,
        limit: Option<usize>,
        span: Duration,
        off: bool,
        word: Version,
        words: Vec<Version>,
        name: String,
    }

    impl Default for Options {
        fn default() -> Self {
            Self {
                count: 1,
                limit: None,
                span: Duration::from_secs(90),
                off: true,
                word: Version::V2,
                words: vec![Version::V4],
                name: "n".into(),
            }
        }
    }

    fn section() -> Section<Options> {
        let switch = Switch {
            on: false,
            off: true,
        };
        Section::<Options>::with_defaults()
            .key("count", Count(0..=9), field!(count))
            .about("How many")
            .key("limit", Limit(9), field!(limit))
            .key("span", Span(Duration::from_secs(90)), field!(span))
            .key("switch", switch, field!(off))
            .key("word", Word, field!(word))
            .key("words", Words, field!(words))
            .key("name", Visible(3), field!(name))
            .required("write one")
            .own("own", Value::of_type("string"), |_| None)
            .later("next")
    }

    fn read(text: &str) -> Result<Options, Vec<String>> {
        let read = |table: &mut Table<'_>| Some(section().read(table));
        document::read(text, read).map_err(|faults| {
            let told = |fault: &super::super::Fault| format!("{}: {}", fault.path, fault.message);
            faults.iter().map(told).collect()
        })
    }

    fn toml(options: &Options) -> String {
        toml::to_string(&section().value(options)).unwrap()
    }

    #[test]
    fn what_is_printed_is_what_is_read() {
        let default = "count = 1\nlimit = 0\nspan = \"1m 30s\"\nswitch = false\nword = \"v2\"\nwords = [\"v4\"]\nname = \"n\"\n";
        assert_eq!(read("name = \"n\""), Ok(Options::default()));
        assert_eq!(toml(&Options::default()), default);
        let other = "count = 0\nlimit = 9\nspan = \"1ms\"\nswitch = true\nword = \"v4\"\nwords = [\"v4\", \"v2\"]\nname = \"!\"\n";
        let options = read(other).unwrap();
        assert_eq!(toml(&options), other);
        assert_eq!((options.limit, options.off), (Some(9), false));
    }

    #[test]
    fn every_name_of_the_table_is_known() {
        let told = |text: &str| read(text).unwrap_err();
        assert_eq!(told("own = 1"), ["name: missing; write one"]);
        assert_eq!(
            told("name = \"n\"\nnext = 1\nx = 1"),
            [
                "next: this version does not support it; remove it",
                "x: unknown key; known here: count, limit, name, own, span, switch, word, words"
            ]
        );
    }

    #[test]
    fn the_schema_has_the_keys_of_this_version() {
        let schema = serde_json::to_value(section().schema()).unwrap();
        assert_eq!(schema["required"], serde_json::json!(["name"]));
        let keys = schema["properties"].as_object().unwrap();
        assert_eq!(keys.len(), 8);
        assert_eq!(
            keys["count"],
            serde_json::json!({
                "type": "integer", "minimum": 0, "maximum": 9, "description": "How many", "default": 1
            })
        );
        let defaults: Vec<&serde_json::Value> =
            keys.values().filter_map(|key| key.get("default")).collect();
        assert_eq!(
            defaults.len(),
            6,
            "neither what is required nor what has none"
        );
    }
}
