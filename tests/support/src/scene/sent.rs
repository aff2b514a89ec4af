//! What a client can send: a request, an upload, a form, or any other bytes.

use crate::form::Form;
use crate::signer::Request;
use crate::upload::SignedUpload;

/// Bytes to send. Made from a pair, the text of the pair is printed if the case fails.
#[derive(Clone)]
pub struct Sent {
    pub bytes: Vec<u8>,
    case: String,
    /// The valid signature, which no response may contain.
    pub right: Option<String>,
}

impl Sent {
    /// The first word, which is the method of a request: the response to HEAD has no body.
    pub fn method(&self) -> &str {
        let line = self.bytes.trim_ascii_start();
        let word = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        std::str::from_utf8(word).unwrap_or_default()
    }

    /// The case, and the beginning of its bytes.
    pub fn shown(&self) -> String {
        let start = &self.bytes[..self.bytes.len().min(2000)];
        let text = String::from_utf8_lossy(start);
        let mut lines = text.lines();
        let first: String = lines.next().unwrap_or_default().chars().take(200).collect();
        let rest: Vec<&str> = lines.take(6).collect();
        format!("{}: {first} {rest:?}", self.case)
    }
}

impl From<Vec<u8>> for Sent {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            case: String::new(),
            right: None,
        }
    }
}

impl From<&[u8]> for Sent {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl<const N: usize> From<&[u8; N]> for Sent {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.to_vec().into()
    }
}

impl From<&Vec<u8>> for Sent {
    fn from(bytes: &Vec<u8>) -> Self {
        bytes.clone().into()
    }
}

impl From<String> for Sent {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&String> for Sent {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<&Request> for Sent {
    fn from(request: &Request) -> Self {
        Self {
            right: Some(request.signing().signature(&request.secret_access_key)),
            ..request.bytes().into()
        }
    }
}

impl From<&SignedUpload> for Sent {
    fn from(upload: &SignedUpload) -> Self {
        upload.bytes().into()
    }
}

impl From<&Form> for Sent {
    fn from(form: &Form) -> Self {
        form.bytes().into()
    }
}

impl<C: AsRef<str>, S: Into<Self>> From<(C, S)> for Sent {
    fn from((case, sent): (C, S)) -> Self {
        Self {
            case: case.as_ref().into(),
            ..sent.into()
        }
    }
}
