//! The policy document of a form upload: base64 of a JSON text with an expiration and conditions.
//!
//! Source: Amazon S3 API Reference, "Creating a POST policy". What has two readings is refused: a key that stands twice, a
//! simple condition with two properties, a bound that is no whole number.

use std::fmt;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::failure::PolicyFailure;
use super::fields::{FormFields, is_exempt};

/// The longest policy, in base64. AWS bounds the whole form besides its file by 20 KB.
pub const MAX_POLICY_LENGTH: usize = 20 * 1024;

/// The field that needs no part in the form: the address says which bucket it is.
const BUCKET: &str = "bucket";
const CONTENT_TYPE: &str = "content-type";

/// What a signer allows.
#[derive(Debug, PartialEq, Eq)]
pub struct PolicyDocument {
    expiration: SystemTime,
    conditions: Vec<Condition>,
}

/// The lengths that the file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthRange {
    /// The least.
    pub min: u64,
    /// The most.
    pub max: u64,
}

impl LengthRange {
    /// What holds where a policy has no `content-length-range`.
    pub const ANY: Self = Self {
        min: 0,
        max: u64::MAX,
    };

    /// Checks the length of a file.
    ///
    /// # Errors
    /// [`PolicyFailure::TooSmall`], [`PolicyFailure::TooLarge`].
    pub fn check(self, length: u64) -> Result<(), PolicyFailure> {
        let Self { min, max } = self;
        if length < min {
            Err(PolicyFailure::TooSmall { length, min })
        } else if length > max {
            Err(PolicyFailure::TooLarge { length, max })
        } else {
            Ok(())
        }
    }
}

/// One condition. Fields are named in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Equals { field: String, value: String },
    StartsWith { field: String, prefix: String },
    ContentLengthRange(LengthRange),
}

impl Condition {
    fn field(&self) -> Option<&str> {
        match self {
            Self::Equals { field, .. } | Self::StartsWith { field, .. } => Some(field),
            Self::ContentLengthRange(_) => None,
        }
    }

    fn met_by(&self, sent: &str) -> bool {
        match self {
            Self::Equals { value, .. } => sent == value,
            // "Content-Type" is a list there: each of its values has to start so.
            Self::StartsWith { field, prefix } if field == CONTENT_TYPE => {
                sent.split(',').all(|own| own.starts_with(prefix.as_str()))
            }
            Self::StartsWith { prefix, .. } => sent.starts_with(prefix.as_str()),
            Self::ContentLengthRange(_) => true,
        }
    }
}

/// As the policy would write it in its longer form.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operator, field, text) = match self {
            Self::Equals { field, value } => ("eq", field, value),
            Self::StartsWith { field, prefix } => ("starts-with", field, prefix),
            Self::ContentLengthRange(LengthRange { min, max }) => {
                return write!(f, "[\"content-length-range\", {min}, {max}]");
            }
        };
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let field = quoted(&format!("${field}"));
        write!(f, "[\"{operator}\", {field}, {}]", quoted(text))
    }
}

impl PolicyDocument {
    /// Reads the value of the field `policy`.
    ///
    /// # Errors
    /// [`PolicyFailure::Document`].
    pub fn read(text: &str) -> Result<Self, PolicyFailure> {
        if text.len() > MAX_POLICY_LENGTH {
            return Err(PolicyFailure::Document("it is too long"));
        }
        let json = STANDARD
            .decode(text)
            .map_err(|_not_base64| PolicyFailure::Document("it is not base64"))?;
        let written: Written = serde_json::from_slice(&json).map_err(|error| {
            PolicyFailure::Document(if error.is_data() {
                "it is not an expiration and a list of conditions"
            } else {
                "it is not JSON"
            })
        })?;
        // The form with an offset from UTC is none of the documented ones.
        let expiration = Some(written.expiration)
            .filter(|text| text.ends_with('Z'))
            .and_then(|text| humantime::parse_rfc3339(&text).ok())
            .ok_or(PolicyFailure::Document(
                "its expiration is no ISO 8601 time in UTC",
            ))?;
        Ok(Self {
            expiration,
            conditions: written.conditions,
        })
    }

    /// Checks the form against the document, in both directions: every condition holds, and every field has one.
    ///
    /// # Errors
    /// [`PolicyFailure::Expired`], [`PolicyFailure::Condition`], [`PolicyFailure::ExtraField`].
    pub fn check(
        &self,
        fields: &FormFields,
        bucket: &str,
        now: SystemTime,
    ) -> Result<LengthRange, PolicyFailure> {
        if now >= self.expiration {
            return Err(PolicyFailure::Expired);
        }
        let mut range = LengthRange::ANY;
        for condition in &self.conditions {
            let sent = match condition {
                Condition::ContentLengthRange(own) => {
                    range.min = range.min.max(own.min);
                    range.max = range.max.min(own.max);
                    continue;
                }
                Condition::Equals { field, .. } | Condition::StartsWith { field, .. }
                    if field == BUCKET =>
                {
                    Some(bucket)
                }
                Condition::Equals { field, .. } | Condition::StartsWith { field, .. } => {
                    fields.value(field)
                }
            };
            if !sent.is_some_and(|sent| condition.met_by(sent)) {
                return Err(PolicyFailure::Condition(condition.to_string()));
            }
        }
        // A bucket that only the form says is no bucket: the address has said it.
        if fields.value(BUCKET).is_some_and(|sent| sent != bucket) {
            let condition = Condition::Equals {
                field: BUCKET.into(),
                value: bucket.into(),
            };
            return Err(PolicyFailure::Condition(condition.to_string()));
        }
        let names = fields.iter().map(|(name, _)| name).chain([BUCKET]);
        let conditioned = |name: &str| {
            let mut own = self.conditions.iter().map(Condition::field);
            own.any(|field| field == Some(name))
        };
        match names
            .into_iter()
            .find(|name| !is_exempt(name) && !conditioned(name))
        {
            Some(name) => Err(PolicyFailure::ExtraField(name.to_owned())),
            None => Ok(range),
        }
    }

    /// Checks that some condition wants exactly this value in the field with this lower-case name.
    ///
    /// # Errors
    /// [`PolicyFailure::Condition`], with the condition that is missing.
    pub(super) fn check_fixed(&self, name: &str, value: &str) -> Result<(), PolicyFailure> {
        let wanted = Condition::Equals {
            field: name.to_owned(),
            value: value.to_owned(),
        };
        match self.conditions.contains(&wanted) {
            true => Ok(()),
            false => Err(PolicyFailure::Condition(wanted.to_string())),
        }
    }
}

/// The document as it is written. `serde_derive` refuses a member that stands twice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    expiration: String,
    conditions: Vec<Condition>,
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConditionVisitor)
    }
}

struct ConditionVisitor;

impl<'de> Visitor<'de> for ConditionVisitor {
    type Value = Condition;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a condition")
    }

    /// `{"acl": "public-read"}`
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Condition, A::Error> {
        let only = map.next_entry::<String, String>()?;
        let (field, value) = only.ok_or_else(|| A::Error::custom("an empty condition"))?;
        if map.next_key::<String>()?.is_some() {
            return Err(A::Error::custom("a condition with two properties"));
        }
        Ok(Condition::Equals {
            field: field.to_ascii_lowercase(),
            value,
        })
    }

    /// `["starts-with", "$key", "user/"]`, `["content-length-range", 1, 10]`
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Condition, A::Error> {
        fn next<'de, A: SeqAccess<'de>, T: Deserialize<'de>>(seq: &mut A) -> Result<T, A::Error> {
            let element = seq.next_element()?;
            element.ok_or_else(|| A::Error::custom("a condition that is too short"))
        }
        let operator: String = next(&mut seq)?;
        let condition = match operator.to_ascii_lowercase().as_str() {
            "content-length-range" => {
                let range = LengthRange {
                    min: next(&mut seq)?,
                    max: next(&mut seq)?,
                };
                if range.min > range.max {
                    return Err(A::Error::custom("a range without a length in it"));
                }
                Condition::ContentLengthRange(range)
            }
            named @ ("eq" | "starts-with") => {
                let field: String = next(&mut seq)?;
                let field = field
                    .strip_prefix('$')
                    .ok_or_else(|| A::Error::custom("a field without '$'"))?
                    .to_ascii_lowercase();
                let text = next(&mut seq)?;
                match named {
                    "eq" => Condition::Equals { field, value: text },
                    _ => Condition::StartsWith {
                        field,
                        prefix: text,
                    },
                }
            }
            _ => return Err(A::Error::custom("an operator that is none")),
        };
        match seq.next_element::<serde::de::IgnoredAny>()? {
            None => Ok(condition),
            Some(_) => Err(A::Error::custom("a condition that is too long")),
        }
    }
}

#[cfg(test)]
#[path = "policy_document/tests.rs"]
mod tests;
