//! What a developer needs to find out why a signature does not match. Never the computed signature.

use std::fmt::Write;

/// The text that the signature was compared over, and what the request provided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The AccessKeyId of the request.
    pub access_key_id: String,
    /// The StringToSign of the request.
    pub string_to_sign: Vec<u8>,
    /// The canonical request; in version 4 alone.
    pub canonical_request: Option<Vec<u8>>,
    /// The signature that the request carried.
    pub signature_provided: String,
}

/// Bytes in hexadecimal with spaces between, as the S3 error document prints them.
pub fn spaced_hex(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len() * 3);
    for (at, byte) in bytes.iter().enumerate() {
        let space = if at == 0 { "" } else { " " };
        write!(shown, "{space}{byte:02x}").expect("a String takes every write");
    }
    shown
}
