//! Ranges that several sections use.

use std::time::Duration;

use super::document::Entry;

/// No client, node or operator waits longer than this.
pub(super) const MAX_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Whether a text is 1 to `longest` visible ASCII characters, which need no quoting in a header field.
pub fn is_visible(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Text that needs no quoting in a header field.
pub(super) fn visible<'d>(entry: &Entry<'d>, longest: usize) -> Option<&'d str> {
    let written = entry.string("a string")?;
    if is_visible(written, longest) {
        return Some(written);
    }
    entry.refuse(format_args!(
        "must be 1 to {longest} visible ASCII characters without spaces"
    ));
    None
}
