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
    /// A new id of 128 random bits, so that several gateways do not use the same ids. An id is not a secret: anyone who has
    /// seen some ids can compute the next one.
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

/// 128 bits of a cryptographic generator, as 32 hexadecimal digits.
pub fn unguessable() -> String {
    String::from_utf8_lossy(&hexadecimal(rand::random())).into_owned()
}

/// The bits as lower-case hexadecimal digits, the most significant ones first.
fn hexadecimal(bits: u128) -> [u8; 32] {
    std::array::from_fn(|at| b"0123456789abcdef"[(bits >> (124 - 4 * at)) as usize & 15])
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
