//! Why a form upload is not what its signer allowed.

use thiserror::Error;

use crate::sig::AuthFailure;

/// The longest key of an object, in UTF-8 (Amazon S3 User Guide, "Naming objects").
pub const MAX_KEY_LENGTH: usize = 1024;

/// The most tags that an object has.
pub const MAX_TAGS: usize = 10;
/// The longest key of a tag, in characters of Unicode.
pub const MAX_TAG_KEY_LENGTH: usize = 128;
/// The longest value of a tag, in characters of Unicode.
pub const MAX_TAG_VALUE_LENGTH: usize = 256;

/// What is wrong with a form: its signature, or what its policy says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FormFailure {
    /// The form is not authentic.
    #[error(transparent)]
    Auth(#[from] AuthFailure),
    /// The policy does not allow it.
    #[error(transparent)]
    Policy(#[from] PolicyFailure),
}

/// What is wrong with a policy, or with the fields that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Error, strum::IntoStaticStr, strum::VariantNames)]
#[strum(prefix = "Policy")]
pub enum PolicyFailure {
    /// A field with a single value stands twice.
    #[error("the form field '{0}' stands more than once")]
    DuplicateField(String),
    /// A field that every form has to have is missing.
    #[error("the form has no field '{0}'")]
    MissingField(&'static str),
    /// There is no key, or an empty one.
    #[error("the form names no key")]
    NoKey,
    /// The key is longer than a key may be.
    #[error("the key has {length} bytes")]
    KeyTooLong {
        /// The bytes of the key.
        length: usize,
    },
    /// The policy is no policy document.
    #[error("the policy is invalid: {0}")]
    Document(&'static str),
    /// The policy's expiration has passed.
    #[error("the policy has expired")]
    Expired,
    /// The form does not meet this condition, given as the policy writes it.
    #[error("the form does not meet the condition {0}")]
    Condition(String),
    /// No condition is about this field.
    #[error("the policy has no condition for the form field '{0}'")]
    ExtraField(String),
    /// The file is shorter than the policy allows.
    #[error("the file has {length} bytes, and the policy wants {min}")]
    TooSmall {
        /// The file's length.
        length: u64,
        /// The least that the policy allows.
        min: u64,
    },
    /// The file is longer than the policy allows.
    #[error("the file has {length} bytes, and the policy allows {max}")]
    TooLarge {
        /// The file's length.
        length: u64,
        /// The most that the policy allows.
        max: u64,
    },
    /// A field that the policy allows and that the gateway cannot apply: ignored, it would mislead whoever signed it.
    #[error("the form field '{0}' is not implemented")]
    UnsupportedField(String),
    /// A field asks for the name of the file, and the file's part says two.
    #[error("the form field '{0}' asks for the file's name, and the form says two")]
    AmbiguousFilename(String),
    /// The tags are none that an object can have.
    #[error("the form's tags: {0}")]
    Tagging(#[from] TaggingFault),
    /// A value that no header field can carry.
    #[error("the value of the form field '{0}' is not a valid header value")]
    FieldValue(String),
}

/// What is wrong with the document in the field `tagging` (Amazon S3 User Guide, "Categorizing your objects using tags").
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TaggingFault {
    /// It is no `Tagging` document.
    #[error("it is no Tagging document: {0}")]
    Malformed(&'static str),
    /// There are more than an object can have.
    #[error("there are more than {MAX_TAGS}")]
    TooMany,
    /// Two have one key.
    #[error("two have the key '{0}'")]
    DuplicateKey(String),
    /// A key is empty or too long.
    #[error("a key has {length} characters")]
    Key {
        /// The characters of the key.
        length: usize,
    },
    /// A value is too long.
    #[error("the value of the key '{key}' has {length} characters")]
    Value {
        /// The key.
        key: String,
        /// The characters of its value.
        length: usize,
    },
}
