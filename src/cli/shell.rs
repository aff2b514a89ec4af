//! Text for a POSIX shell.

/// One word for a shell, for the demo: in quotes only if it has a character with a meaning in the shell.
#[cfg(feature = "embedded")]
pub fn word(text: &str) -> String {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'+' | b':')
    };
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// One word in quotes.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
