//! Why a POST upload is not what its signer allowed.

use thiserror::Error;

use crate::sig::AuthFailure;

/// The longest key of an object, in bytes of UTF-8 (Amazon S3 User Guide, "Naming objects").
pub const MAX_KEY_LENGTH: usize = 1024;

/// The most tags that an object has.
pub const MAX_TAGS: usize = 10;
/// The longest key of a tag, in Unicode characters.
pub const MAX_TAG_KEY_LENGTH: usize = 128;
/// The longest value of a tag, in Unicode characters.
pub const MAX_TAG_VALUE_LENGTH: usize = 256;

/// Why a form is refused: its signature, or its policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FormFailure {
    /// The form is not authentic.
    #[error(transparent)]
    Auth(#[from] AuthFailure),
    /// The policy does not allow it.
    #[error(transparent)]
    Policy(#[from] PolicyFailure),
}

/// Why a policy, or a field that it concerns, is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error, strum::IntoStaticStr, strum::VariantNames)]
#[strum(prefix = "Policy")]
pub enum PolicyFailure {
    /// A field with a single value appears twice.
    #[error("the form field '{0}' stands more than once")]
    DuplicateField(String),
    /// A required field is missing.
    #[error("the form has no field '{0}'")]
    MissingField(&'static str),
    /// There is no key, or an empty one.
    #[error("the form names no key")]
    NoKey,
    /// The key is too long.
    #[error("the key has {length} bytes")]
    KeyTooLong {
        /// The length of the key, in bytes.
        length: usize,
    },
    /// The policy is not a valid policy document; why.
    #[error("the policy is invalid: {0}")]
    Document(&'static str),
    /// The policy's expiration has passed.
    #[error("the policy has expired")]
    Expired,
    /// The form does not meet this condition, given as the policy writes it.
    #[error("the form does not meet the condition {0}")]
    Condition(String),
    /// The policy has no condition for this field.
    #[error("the policy has no condition for the form field '{0}'")]
    ExtraField(String),
    /// The file is shorter than the policy allows.
    #[error("the file has {length} bytes, and the policy wants {min}")]
    TooSmall {
        /// The length of the file, in bytes.
        length: u64,
        /// The least that the policy allows.
        min: u64,
    },
    /// The file is longer than the policy allows.
    #[error("the file has {length} bytes, and the policy allows {max}")]
    TooLarge {
        /// The length of the file, in bytes.
        length: u64,
        /// The most that the policy allows.
        max: u64,
    },
    /// A field that the policy allows but that is not supported: to ignore it would mislead the signer.
    #[error("the form field '{0}' is not implemented")]
    UnsupportedField(String),
    /// A field has `${filename}` in it, and the part of the file has two names.
    #[error("the form field '{0}' asks for the file's name, and the form says two")]
    AmbiguousFilename(String),
    /// The tags are not valid.
    #[error("the form's tags: {0}")]
    Tagging(#[from] TaggingFault),
    /// The value of this field is not a valid header value.
    #[error("the value of the form field '{0}' is not a valid header value")]
    FieldValue(String),
}

/// What is wrong with the document in the field `tagging` (Amazon S3 User Guide, "Categorizing your objects using tags").
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TaggingFault {
    /// It is not a valid `Tagging` document; why.
    #[error("it is no Tagging document: {0}")]
    Malformed(&'static str),
    /// There are more tags than an object can have.
    #[error("there are more than {MAX_TAGS}")]
    TooMany,
    /// Two tags have the same key.
    #[error("two have the key '{0}'")]
    DuplicateKey(String),
    /// A key is empty or too long.
    #[error("a key has {length} characters")]
    Key {
        /// The length of the key, in characters.
        length: usize,
    },
    /// A value is too long.
    #[error("the value of the key '{key}' has {length} characters")]
    Value {
        /// The key.
        key: String,
        /// The length of its value, in characters.
        length: usize,
    },
}
