//! Texts in parts, found with SIMD. The search of `str` for a character costs several times as much, and every request of
//! version 4 has its lists looked through more than once.

use memchr::memchr;

/// The parts of a text between the places where `byte`, an ASCII character, stands.
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

/// What stands before and behind the first `byte`, an ASCII character.
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
