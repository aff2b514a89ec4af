//! Signatures as text, and the one comparison of them.

use std::hint::black_box;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

/// 32 bytes as lower-case hexadecimal digits. Reckoned and not looked up, many of them come at once.
pub fn hex(bytes: &[u8; 32]) -> [u8; 64] {
    let digit = |value: u8| value + if value < 10 { b'0' } else { b'a' - 10 };
    let mut text = [0; 64];
    for (pair, byte) in text.as_chunks_mut().0.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    text
}

/// The bytes of 64 lower-case hexadecimal digits.
pub fn unhex(text: &[u8]) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text: &[u8; 64] = text.try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// 20 bytes in base64.
pub(super) fn in_base64(bytes: &[u8; 20]) -> [u8; 28] {
    let mut text = [0; 28];
    let written = STANDARD.encode_slice(bytes, &mut text);
    debug_assert_eq!(written, Ok(text.len()));
    text
}

/// The one comparison of signatures: it takes the same time wherever the first difference stands. It goes by words of
/// eight bytes, and the compiler does not see what they come to, so it cannot stop at the first that differs.
pub(super) fn equal(computed: &[u8], provided: &[u8]) -> bool {
    let ((ours, our_rest), (theirs, their_rest)) = (computed.as_chunks(), provided.as_chunks());
    // Lengths are no secret.
    let as_long = (ours.len(), our_rest.len()) == (theirs.len(), their_rest.len());
    let words = ours.iter().zip(theirs);
    let differ = words.fold(0, |differ, (own, other)| {
        black_box(differ | (u64::from_ne_bytes(*own) ^ u64::from_ne_bytes(*other)))
    });
    let rest = our_rest.iter().zip(their_rest);
    let differ = rest.fold(differ, |differ, (own, other)| {
        black_box(differ | u64::from(own ^ other))
    });
    as_long && differ.ct_eq(&0).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_seen_wherever_it_stands() {
        for length in 0..=70 {
            let text = vec![b'a'; length];
            assert!(equal(&text, &text), "{length}");
            for at in 0..length {
                let mut other = text.clone();
                other[at] ^= 1;
                assert!(!equal(&text, &other), "{length}, {at}");
                assert!(!equal(&text, &text[..at]), "{length}, {at}");
                assert!(!equal(&text[..at], &text), "{length}, {at}");
            }
        }
    }
}
