//! The S3 error documents: what a server answers to a request that is refused.
//!
//! | file | what it answers |
//! |---|---|
//! | `address` | a request without a single address: [`AddressFailure`](crate::address::AddressFailure) |
//! | `auth` | a request that is not authentic: [`AuthFailure`](crate::sig::AuthFailure) |
//! | `body` | a body that is not the one that was claimed: [`BodyFailure`](crate::body::BodyFailure) |
//! | `form` | a POST upload: [`PolicyFailure`](crate::sig::form::PolicyFailure), [`FormFault`](crate::body::form::FormFault) |
//! | `code` | the error codes |
//! | `document` | the XML |
//!
//! The example that opens the crate ends with such a document.

mod address;
mod auth;
mod body;
mod code;
mod document;
mod form;

use std::borrow::Cow;

use crate::dialect::DialectName;
pub use code::S3ErrorCode;
pub use document::{ErrorDocument, xml_text};

/// A failure to which there is an answer.
pub trait Answered {
    /// The answer, as a vendor words it.
    fn answer(&self, dialect: DialectName) -> Answer;
}

/// The answer to a request that is refused: the status, and what the error document says of the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// The text of the `Code` element.
    pub code: S3ErrorCode,
    /// The text of the `Message` element, for a person.
    pub message: Cow<'static, str>,
    /// The name and the text of each further element, in the order of the document.
    pub fields: Vec<(&'static str, String)>,
}

impl Answer {
    /// An answer without further elements.
    pub fn new(status: u16, code: S3ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            fields: Vec::new(),
        }
    }

    /// The same answer with one more element behind the others.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
}

#[cfg(test)]
mod tests;
