//! Percent-encoding (RFC 3986, section 2): unreserved characters stay, every other byte is `%XX` in upper case.

use std::cmp::Ordering;

/// A byte of a percent-encoded text: its value, and whether it was written as `%XX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Byte {
    value: u8,
    escaped: bool,
    /// The upper-case digits that RFC 3986 recommends.
    capital: bool,
}

/// The bytes of a text in which two hexadecimal digits follow every `%`, as in every request that was parsed.
fn bytes(text: &str) -> impl Iterator<Item = Byte> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (&first, behind) = rest.split_first()?;
        if let (b'%', Some(&[high, low])) = (first, behind.first_chunk::<2>())
            && let (Some(upper), Some(lower)) = (digit(high), digit(low))
        {
            rest = &behind[2..];
            return Some(Byte {
                value: upper << 4 | lower,
                escaped: true,
                capital: !high.is_ascii_lowercase() && !low.is_ascii_lowercase(),
            });
        }
        rest = behind;
        Some(Byte {
            value: first,
            escaped: false,
            capital: true,
        })
    })
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

impl Byte {
    /// Whether it is written as itself. A byte of `kept` is if it was not encoded: a `%2F` is not a `/`.
    fn plain(self, kept: &[u8]) -> bool {
        unreserved(self.value) || (!self.escaped && kept.contains(&self.value))
    }

    fn encoded(self, kept: &[u8]) -> ([u8; 3], usize) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        if self.plain(kept) {
            return ([self.value, 0, 0], 1);
        }
        let (high, low) = (self.value >> 4, self.value & 15);
        (
            [b'%', DIGITS[usize::from(high)], DIGITS[usize::from(low)]],
            3,
        )
    }
}

/// Whether a text is what [`write_encoded`] makes of it.
pub fn is_encoded(text: &str, kept: &[u8]) -> bool {
    bytes(text).all(|byte| byte.plain(kept) != byte.escaped && byte.capital)
}

/// Appends the text to `into`, percent-encoded anew. A byte of `kept` stays as it is written in the text, encoded or not, so
/// that texts which name different keys stay different.
pub fn write_encoded(text: &str, kept: &[u8], into: &mut Vec<u8>) {
    if is_encoded(text, kept) {
        return into.extend_from_slice(text.as_bytes());
    }
    for byte in bytes(text) {
        let (encoded, length) = byte.encoded(kept);
        into.extend_from_slice(&encoded[..length]);
    }
}

/// Compares two texts as they are once encoded.
pub fn compare_encoded(one: &str, other: &str) -> Ordering {
    let encoded = |text| {
        bytes(text).flat_map(|byte: Byte| {
            let (encoded, length) = byte.encoded(b"");
            encoded.into_iter().take(length)
        })
    };
    encoded(one).cmp(encoded(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str, kept: &[u8]) -> String {
        let mut bytes = Vec::new();
        write_encoded(text, kept, &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_byte_has_one_spelling() {
        for (text, path) in [
            ("", ""),
            ("/a/b", "/a/b"),
            ("/a~b*c", "/a~b%2Ac"),
            ("/a%7Eb", "/a~b"),
            ("/%41%2f%2F", "/A%2F%2F"),
            ("/a+b", "/a%2Bb"),
            ("/a%2bb", "/a%2Bb"),
            ("/!'()", "/%21%27%28%29"),
            ("/é", "/%C3%A9"),
            ("/%c3%A9%ff", "/%C3%A9%FF"),
            ("/%252e", "/%252e"),
            ("/%00", "/%00"),
        ] {
            assert_eq!(encoded(text, b"/"), path, "{text}");
            assert_eq!(is_encoded(text, b"/"), text == path, "{text}");
            assert_eq!(encoded(path, b"/"), path, "{text}");
        }
        assert_eq!(encoded("a/b=c", b""), "a%2Fb%3Dc");
    }

    #[test]
    fn order_is_that_of_the_encoded_text() {
        for (one, other) in [("a%7E", "a~"), ("%61", "a"), ("a/b", "a%2fb")] {
            assert_eq!(compare_encoded(one, other), Ordering::Equal, "{one}");
        }
        // '%' comes before every unreserved character.
        for (one, other) in [
            ("é", "a"),
            ("a/", "a-"),
            ("[", "A"),
            ("a", "ab"),
            ("B", "a"),
        ] {
            assert_eq!(compare_encoded(one, other), Ordering::Less, "{one}");
        }
    }
}
