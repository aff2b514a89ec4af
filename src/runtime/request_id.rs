//! The id of a request.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;

use http::HeaderValue;
use pingora::{ErrorType, OrErr};
use rand::RngExt;
use rand::rngs::SmallRng;

thread_local! {
    static IDS: RefCell<SmallRng> = RefCell::new(rand::make_rng());
}

/// The id of a request: 32 hexadecimal digits.
#[derive(Clone, Copy)]
pub struct RequestId([u8; 32]);

impl RequestId {
    /// A new id of 128 random bits, so that several gateways do not use the same ids. An id is not a secret and may be
    /// predictable: a cryptographic generator takes ten times as long (`benches/wrk`).
    pub fn random() -> Self {
        Self(hexadecimal(IDS.with_borrow_mut(|ids| ids.random())))
    }

    /// The id as a header field value.
    ///
    /// # Errors
    /// None in practice: digits are a valid value.
    pub fn value(&self) -> pingora::Result<HeaderValue> {
        HeaderValue::from_bytes(&self.0).or_err(ErrorType::InvalidHTTPHeader, "the request id")
    }
}

impl Deref for RequestId {
    type Target = str;

    fn deref(&self) -> &str {
        str::from_utf8(&self.0).expect("the digits are ASCII")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// 128 unpredictable bits in hexadecimal digits.
pub fn unguessable() -> String {
    String::from_utf8_lossy(&hexadecimal(rand::random())).into_owned()
}

/// Formats two digits for each byte, four bytes at once: every request needs an id (`benches/wrk`).
fn hexadecimal(bits: u128) -> [u8; 32] {
    let mut text = [0; 32];
    for (digits, at) in text.as_chunks_mut().0.iter_mut().zip([96, 64, 32, 0]) {
        let word = u64::from((bits >> at) as u32);
        // Spreads each half of a byte to a whole byte.
        let word = (word << 16 | word) & 0x0000_ffff_0000_ffff;
        let word = (word << 8 | word) & 0x00ff_00ff_00ff_00ff;
        let halves = (word << 4 | word) & 0x0f0f_0f0f_0f0f_0f0f;
        // 1 in each byte with a value of 10 or more, which becomes a letter.
        let letters = (halves + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
        let text = halves + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10);
        *digits = text.to_be_bytes();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::hexadecimal;

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for bits in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210] {
            let text = format!("{bits:032x}");
            assert_eq!(hexadecimal(bits), text.as_bytes());
        }
    }
}
