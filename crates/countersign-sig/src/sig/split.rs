//! Splitting at an ASCII character with the SIMD search of `memchr`.

use memchr::memchr;

/// The parts of a text between the occurrences of `byte`, an ASCII character.
pub fn split(text: &str, byte: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        match split_once(text, byte) {
            Some((part, behind)) => {
                rest = Some(behind);
                Some(part)
            }
            None => rest.take(),
        }
    })
}

/// What precedes and what follows the first `byte`, an ASCII character.
pub fn split_once(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = memchr(byte, text.as_bytes())?;
    Some((&text[..at], &text[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_splits_as_the_standard_librarys_does() {
        for text in [
            "",
            ";",
            "a",
            "a;b",
            ";a",
            "a;",
            "a;;b;",
            "é;漢;",
            "host;date",
        ] {
            let parts: Vec<&str> = split(text, b';').collect();
            assert_eq!(parts, text.split(';').collect::<Vec<_>>(), "{text}");
            assert_eq!(split_once(text, b';'), text.split_once(';'), "{text}");
        }
    }
}
