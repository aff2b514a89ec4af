//! The schema, the sample and what a file resolves to say the same.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::config::Settings;
use serde_json::{Value, json};

use super::{BASE, base_with, parse};

const SAMPLE: &str = include_str!("../../conf/countersign.toml");

/// A key of the sample, written or behind a comment sign.
struct Key {
    path: String,
    /// What stands above it.
    comment: String,
}

/// The sections and keys of the sample, and the sample without its comments but with all of its keys.
fn sample() -> (BTreeSet<String>, Vec<Key>, String) {
    let (mut sections, mut keys, mut text) = (BTreeSet::new(), Vec::new(), String::new());
    let (mut section, mut comment) = (String::new(), Vec::new());
    for written in SAMPLE.lines() {
        let line = written.trim_start_matches("# ");
        let key = line.split_once(" = ").map(|(key, _)| key);
        let key = key.filter(|key| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        let header = line.starts_with('[') && line.ends_with(']');
        if header {
            section = line.trim_matches(['[', ']']).to_owned();
            sections.insert(section.clone());
        }
        if let Some(key) = key {
            let path = format!("{section}.{key}");
            let comment = comment.join(" ");
            keys.push(Key { path, comment });
        }
        if header || key.is_some() {
            text += &format!("{line}\n");
        }
        if header || key.is_some() || written.is_empty() {
            comment.clear();
        } else {
            comment.push(line);
        }
    }
    (sections, keys, text)
}

fn schema() -> Value {
    serde_json::from_str(&Settings::schema()).unwrap()
}

/// The sections below a schema and the keys in them, by their paths.
fn walk(
    schema: &Value,
    path: &str,
    sections: &mut BTreeSet<String>,
    keys: &mut Vec<(String, Value)>,
) {
    let needed = schema["required"].as_array().unwrap();
    for (name, key) in schema["properties"].as_object().unwrap() {
        let path = format!("{path}{name}");
        let table = [key, &key["items"]]
            .into_iter()
            .find(|schema| schema["properties"].is_object());
        if let Some(table) = table {
            walk(table, &format!("{path}."), sections, keys);
            sections.insert(path);
        } else {
            let mut key = key.clone();
            key["needed"] = needed.contains(&json!(name)).into();
            keys.push((path, key));
        }
    }
}

fn walked() -> (BTreeSet<String>, Vec<(String, Value)>) {
    let (mut sections, mut keys) = (BTreeSet::new(), Vec::new());
    walk(&schema(), "", &mut sections, &mut keys);
    (sections, keys)
}

#[test]
fn the_schema_and_the_sample_name_the_same_keys() {
    let (sections, keys, _) = sample();
    let (known_sections, known_keys) = walked();
    assert_eq!(known_sections, sections);
    let known: BTreeSet<&str> = known_keys.iter().map(|(path, _)| path.as_str()).collect();
    let named: BTreeSet<&str> = keys.iter().map(|key| key.path.as_str()).collect();
    assert_eq!(known, named);
    assert_eq!(keys.len(), named.len(), "a key stands twice in the sample");
    assert!(keys.len() > 40);
}

/// The comment above a key starts with the description in the schema, and has its words, its range and its default.
#[test]
fn the_sample_says_of_each_key_what_the_schema_says() {
    let (_, keys, _) = sample();
    for (path, schema) in walked().1 {
        let key = keys.iter().find(|key| key.path == path).unwrap();
        let comment = &key.comment;
        let has = |text: &str| assert!(comment.contains(text), "{path}: {text} in {comment:?}");
        let about = schema["description"].as_str().unwrap();
        assert!(
            !about.is_empty() && comment.starts_with(about),
            "{path}: {comment:?}"
        );
        for one in [&schema["enum"], &schema["items"]["enum"]] {
            for word in one.as_array().into_iter().flatten() {
                has(&word.to_string());
            }
        }
        if schema["type"] == "integer" {
            has(&format!("{} to {}", schema["minimum"], schema["maximum"]));
        }
        if !schema["x-maximum"].is_null() {
            has(&format!("up to {}", schema["x-maximum"]));
        }
        let told = comment.split_once("Default").map(|(_, told)| told);
        assert_eq!(
            told.is_none(),
            schema["needed"] == true,
            "{path}: {comment:?}"
        );
        let (Some(told), Some(default)) = (told, schema.get("default")) else {
            continue;
        };
        let told = told.trim_start();
        match default.as_str().filter(|_| !schema["x-maximum"].is_null()) {
            Some(default) => {
                let told = told.split('"').nth(1).unwrap();
                assert_eq!(duration(told), duration(default), "{path}");
            }
            None => {
                let default = default.to_string().replace(',', ", ");
                assert!(told.starts_with(&default), "{path}: {default} in {told:?}");
            }
        }
    }
}

fn duration(text: &str) -> Duration {
    humantime::parse_duration(text).unwrap()
}

/// Whether a value is as a schema says, as far as the schema of this configuration goes; texts are not held against their
/// patterns.
fn holds(schema: &Value, value: &Value) -> bool {
    let size = |name: &str, default| schema[name].as_u64().map_or(default, |size| size as usize);
    let typed = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        other => other.is_none(),
    };
    let among = |words: &Vec<Value>| words.contains(value);
    let within = value.as_u64().is_none_or(|number| {
        (size("minimum", 0)..=size("maximum", 0)).contains(&(number as usize))
    });
    let short = value
        .as_str()
        .is_none_or(|text| text.len() <= size("maxLength", usize::MAX));
    let items = value.as_array().is_none_or(|items| {
        let twice = |at| items[..at].contains(&items[at]);
        items.len() >= size("minItems", 0)
            && items.iter().all(|item| holds(&schema["items"], item))
            && !(schema["uniqueItems"] == true && (0..items.len()).any(twice))
    });
    let keys = value.as_object().is_none_or(|keys| {
        let Some(known) = schema["properties"].as_object() else {
            return true;
        };
        let needed = schema["required"].as_array().unwrap();
        needed
            .iter()
            .all(|name| keys.contains_key(name.as_str().unwrap()))
            && keys
                .iter()
                .all(|(name, value)| known.get(name).is_some_and(|schema| holds(schema, value)))
    });
    let one = |forms: &Vec<Value>| forms.iter().filter(|form| holds(form, value)).count() == 1;
    typed
        && schema["enum"].as_array().is_none_or(among)
        && within
        && short
        && items
        && keys
        && schema["oneOf"].as_array().is_none_or(one)
}

fn as_json(toml: &str) -> Value {
    let table: toml::Table = toml.parse().unwrap();
    serde_json::to_value(table).unwrap()
}

#[test]
fn a_file_that_is_right_holds_against_the_schema() {
    let schema = schema();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    let printed = parse(BASE).unwrap().to_toml();
    for text in [SAMPLE, &sample().2, BASE, &printed] {
        assert!(holds(&schema, &as_json(text)), "{text}");
    }
    for (header, line) in [
        ("[server]", "threads = \"1\""),
        ("[server]", "threads = 1025"),
        ("[server]", "workers = 1"),
        ("[log]", "level = \"loud\""),
        ("[log]", "access = 1"),
        ("[[listener]]", "dialects = []"),
        ("[[listener]]", "dialects = [\"aws\", \"aws\"]"),
        ("[[credentials.key]]", "secret_access_key = {}"),
        (
            "[[credentials.key]]",
            "secret_access_key = { env = \"A\", file = \"b\" }",
        ),
        ("[[cluster]]", "nodes = []"),
    ] {
        assert!(
            !holds(&schema, &as_json(&base_with(header, line))),
            "{line}"
        );
    }
    for needed in ["name = \"main\"\n", "access_key_id = \"AK\"\n"] {
        assert!(
            !holds(&schema, &as_json(&BASE.replace(needed, ""))),
            "{needed}"
        );
    }
}

#[test]
fn what_is_not_written_has_the_default_of_the_schema() {
    let sign_with =
        "forward = \"resign\"\nsign_with = { access_key_id = \"G\", secret_access_key = \"S\" }";
    let plain = as_json(&parse(BASE).unwrap().to_toml());
    let resign = as_json(
        &parse(&base_with("[[cluster]]", sign_with))
            .unwrap()
            .to_toml(),
    );
    let mut compared = 0;
    for (path, schema) in walked().1 {
        let printed = if path.starts_with("cluster.sign_with") {
            &resign
        } else {
            &plain
        };
        // The number of threads is printed as it is on this machine.
        if path == "server.threads" || schema.get("default").is_none() {
            continue;
        }
        let value = path.split('.').fold(printed, |value, name| {
            let value = &value[name];
            value
                .get(0)
                .filter(|first| first.is_object())
                .unwrap_or(value)
        });
        assert_eq!(value, &schema["default"], "{path}");
        compared += 1;
    }
    assert!(compared > 25, "{compared}");
}

#[test]
fn a_section_of_the_schema_is_what_editors_need() {
    assert_eq!(
        schema()["properties"]["log"],
        json!({
            "type": "object",
            "description": "The log",
            "properties": {
                "level": {
                    "type": "string",
                    "enum": ["error", "warn", "info", "debug", "trace"],
                    "description": "The level of the log on standard error",
                    "default": "info",
                },
                "format": {
                    "type": "string",
                    "enum": ["text", "json"],
                    "description": "The format of a line",
                    "default": "text",
                },
                "access": {
                    "type": "boolean",
                    "description": "Whether each request gets an access log line",
                    "default": true,
                },
            },
            "required": [],
            "additionalProperties": false,
        })
    );
}
