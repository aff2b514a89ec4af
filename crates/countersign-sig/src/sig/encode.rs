//! Signatures as text, and the one comparison of them.

use std::hint::black_box;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

/// 32 bytes as lower-case hexadecimal digits. They are computed so that the compiler can vectorize: a table of the digits makes
/// `v4/headers/6/verify` of `benches/verify.rs` 2 % slower.
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

/// The one comparison of signatures, in constant time: its duration does not depend on where the first difference is.
///
/// The differences are collected in 64-bit words; `black_box` hides each step from the compiler, so that it cannot add an early
/// exit, and `subtle` decides. `subtle` alone compares slices byte by byte through memory: `headers/5/verify` of
/// `benches/verify.rs` takes 19 % longer with it, `v4/headers/6/verify` 13 %.
pub(super) fn equal(computed: &[u8], provided: &[u8]) -> bool {
    let ((ours, our_rest), (theirs, their_rest)) = (computed.as_chunks(), provided.as_chunks());
    // Lengths are no secret.
    let as_long = (ours.len(), our_rest.len()) == (theirs.len(), their_rest.len());
    let eights = ours.iter().zip(theirs);
    let differ = eights.fold(0, |differ, (our_word, their_word)| {
        black_box(differ | (u64::from_ne_bytes(*our_word) ^ u64::from_ne_bytes(*their_word)))
    });
    let rest = our_rest.iter().zip(their_rest);
    let differ = rest.fold(differ, |differ, (our_byte, their_byte)| {
        black_box(differ | u64::from(our_byte ^ their_byte))
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
