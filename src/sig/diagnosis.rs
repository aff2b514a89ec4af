//! What a developer needs to see why a signature does not match. Never the signature that we computed.

use std::fmt::Write;

/// The text that the gateway signed for comparison, and what came with the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The AccessKeyId of the request.
    pub access_key_id: String,
    /// The StringToSign that the gateway composed from the request.
    pub string_to_sign: Vec<u8>,
    /// The signature that the request carried.
    pub signature_provided: String,
}

impl Diagnosis {
    /// The StringToSign as hexadecimal bytes with spaces between, as the S3 error document prints it.
    pub fn string_to_sign_bytes(&self) -> String {
        let mut shown = String::with_capacity(self.string_to_sign.len() * 3);
        for (at, byte) in self.string_to_sign.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(shown, "{space}{byte:02x}").expect("a String takes every write");
        }
        shown
    }
}
