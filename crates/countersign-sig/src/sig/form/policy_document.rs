//! The policy document of a POST upload: JSON with an expiration and conditions, in base64.
//!
//! Source: Amazon S3 API Reference, "Creating a POST policy". What is ambiguous is refused: a member that appears twice, an
//! exact-match condition with two properties, a bound that is not a whole number. What is unusual but clear is accepted: a
//! number for a string or the reverse, a time with an offset from UTC.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::failure::PolicyFailure;
use super::fields::{FormFields, is_exempt};

/// The longest policy, in characters of base64. AWS limits a form without its file to 20 KB.
pub const MAX_POLICY_LENGTH: usize = 20 * 1024;

/// The field that need not be in the form: the bucket is that of the address.
const BUCKET: &str = "bucket";
const CONTENT_TYPE: &str = "content-type";

/// What the signer allows.
#[derive(Debug, PartialEq, Eq)]
pub struct PolicyDocument {
    expiration: SystemTime,
    conditions: Vec<Condition>,
}

/// The lengths that the file may have, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthRange {
    /// The least.
    pub min: u64,
    /// The most.
    pub max: u64,
}

impl LengthRange {
    /// The range of a policy without `content-length-range`.
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

/// One condition. Names of fields are lower-case.
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
            // AWS treats "Content-Type" as a list: each of its values has to start with the prefix.
            Self::StartsWith { field, prefix } if field == CONTENT_TYPE => sent
                .split(',')
                .all(|part| part.starts_with(prefix.as_str())),
            Self::StartsWith { prefix, .. } => sent.starts_with(prefix.as_str()),
            Self::ContentLengthRange(_) => true,
        }
    }
}

/// The condition in the notation of a policy, as an array.
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
        let written: Written = serde_json::from_slice(&plain_json(&json)).map_err(|error| {
            PolicyFailure::Document(if error.is_data() {
                "it is not an expiration and a list of conditions"
            } else {
                "it is not JSON"
            })
        })?;
        let expiration = time(&written.expiration).ok_or(PolicyFailure::Document(
            "its expiration is no ISO 8601 time",
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
                Condition::ContentLengthRange(allowed) => {
                    range.min = range.min.max(allowed.min);
                    range.max = range.max.min(allowed.max);
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
        // The bucket is always that of the address.
        if fields.value(BUCKET).is_some_and(|sent| sent != bucket) {
            let condition = Condition::Equals {
                field: BUCKET.into(),
                value: bucket.into(),
            };
            return Err(PolicyFailure::Condition(condition.to_string()));
        }
        let names = fields.iter().map(|(name, _)| name).chain([BUCKET]);
        let conditioned = |name: &str| {
            let mut named = self.conditions.iter().map(Condition::field);
            named.any(|field| field == Some(name))
        };
        match names
            .into_iter()
            .find(|name| !is_exempt(name) && !conditioned(name))
        {
            Some(name) => Err(PolicyFailure::ExtraField(name.to_owned())),
            None => Ok(range),
        }
    }

    /// Checks that some condition requires exactly this value of the field with this lower-case name.
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

/// The document without the two escapes that JSON does not have, `\$` and `\v` (Amazon S3 API Reference, "Creating a POST
/// policy": "Character escaping").
fn plain_json(document: &[u8]) -> Cow<'_, [u8]> {
    const OWN: [&[u8]; 2] = [b"\\$", b"\\v"];
    if !document.windows(2).any(|pair| OWN.contains(&pair)) {
        return Cow::Borrowed(document);
    }
    let mut plain = Vec::with_capacity(document.len() + 16);
    let mut rest = document;
    // Two characters at once, because the second one may be a backslash.
    while let [first, behind @ ..] = rest {
        rest = match (first, behind) {
            (b'\\', [b'$', behind @ ..]) => {
                plain.push(b'$');
                behind
            }
            (b'\\', [b'v', behind @ ..]) => {
                plain.extend_from_slice(b"\\u000b");
                behind
            }
            (b'\\', [escaped, behind @ ..]) => {
                plain.extend_from_slice(&[b'\\', *escaped]);
                behind
            }
            (other, behind) => {
                plain.push(*other);
                behind
            }
        };
    }
    Cow::Owned(plain)
}

/// A time of RFC 3339: in UTC, as the vendor documents it, or with an offset from it.
fn time(text: &str) -> Option<SystemTime> {
    const ZONE_LENGTH: usize = "+00:00".len();
    // `humantime` would accept a second `Z`.
    let utc = |local: &str| {
        let time = humantime::parse_rfc3339(&format!("{local}Z")).ok();
        time.filter(|_| local.ends_with(|last: char| last.is_ascii_digit()))
    };
    if let Some(local) = text.strip_suffix('Z') {
        return utc(local);
    }
    let (local, zone) = text.split_at_checked(text.len().checked_sub(ZONE_LENGTH)?)?;
    let local = utc(local)?;
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let digits = |text: &str, end: u64| {
        let number: u64 = text.parse().ok()?;
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        (plain && number < end).then_some(number)
    };
    let offset = Duration::from_secs((digits(hours, 24)? * 60 + digits(minutes, 60)?) * 60);
    match zone.as_bytes().first()? {
        b'+' => local.checked_sub(offset),
        b'-' => local.checked_add(offset),
        _ => None,
    }
}

/// The document as it is written. `serde_derive` refuses a member that appears twice.
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
        let only = map.next_entry::<String, Text>()?;
        let (field, Text(value)) = only.ok_or_else(|| A::Error::custom("an empty condition"))?;
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
                let (Bound(min), Bound(max)) = (next(&mut seq)?, next(&mut seq)?);
                let range = LengthRange { min, max };
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
                let Text(text) = next(&mut seq)?;
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

/// The text that a field is compared with. Some clients write `201` or `true` without quotation marks, which has only one
/// reading.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            // A number with a fraction can be written in several ways.
            Value::Number(number) if !number.is_f64() => Ok(Self(number.to_string())),
            Value::Bool(truth) => Ok(Self(truth.to_string())),
            _ => Err(D::Error::custom("a value that is no text")),
        }
    }
}

/// A bound of the length. Some clients write a string of digits (Fine Uploader), or a number with a decimal point.
struct Bound(u64);

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// 2^52: every whole number below it is exact in a 64-bit float.
        const EXACT: f64 = 4_503_599_627_370_496.0;
        let bound = match Value::deserialize(deserializer)? {
            Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().ok()
            }
            Value::Number(number) => number.as_u64().or_else(|| {
                let whole = |number: &f64| number.fract() == 0.0 && (0.0..EXACT).contains(number);
                number.as_f64().filter(whole).map(|number| number as u64)
            }),
            _ => None,
        };
        bound
            .map(Self)
            .ok_or_else(|| D::Error::custom("a bound that is no length"))
    }
}

#[cfg(test)]
#[path = "policy_document/tests.rs"]
mod tests;
