//! Masks signatures and other secrets in text from outside before it is logged, and limits its length.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

/// The longest text from outside in a line, in bytes; longer text is cut. An object key of 1,024 bytes that are all
/// percent-encoded fits.
pub const MAX_TEXT_BYTES: usize = 4096;
/// Replaces a secret.
const MASK: &str = "***";
/// How many characters of a masked access key id are shown.
const HINT: usize = 4;

/// A parameter is secret if its name in lower case contains one of these: `Signature`, `X-Amz-Signature`,
/// `X-Wos-Security-Token`, `x-amz-server-side-encryption-customer-key`, `Authorization`, …
const SECRET_NAMES: [&str; 7] = [
    "signature",
    "token",
    "secret",
    "authorization",
    "customer-key",
    "password",
    "_sig",
];
/// Parameters of listings whose names contain one of [`SECRET_NAMES`] but whose values are not secret.
const HARMLESS: [&str; 2] = ["continuation-token", "continuationtoken"];

/// Whether a byte is harmless: a text of harmless bytes only contains no secret.
pub const fn is_harmless(byte: u8) -> bool {
    !matches!(byte, b'=' | b'%' | b':')
}

/// A text from outside for a log line: masked, and cut to [`MAX_TEXT_BYTES`] with a mark that gives its length.
pub fn shown(text: &str) -> Cow<'_, str> {
    let masked = masked(text);
    if masked.len() <= MAX_TEXT_BYTES {
        return masked;
    }
    let end = masked.floor_char_boundary(MAX_TEXT_BYTES);
    Cow::Owned(format!("{}…({} bytes)", &masked[..end], text.len()))
}

/// A text with its signatures and other secrets masked. The text may be percent-encoded several times, in another case, have
/// `;` or `?` in place of `&`, or not be a URL at all: a reader of the log could correct a misspelt URL and use its signature.
///
/// Masked are the text after the name of a secret and `=` or `:`, up to the next literal `&`, `;`, `#`, space or quotation
/// mark; and text after any `=` or `:` that has the form of a signature.
pub fn masked(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    let ranges = Decoded::of(text).secrets(text);
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for range in ranges {
        shown.push_str(&text[from..range.start]);
        shown.push_str(MASK);
        from = range.end;
    }
    shown.push_str(&text[from..]);
    Cow::Owned(shown)
}

/// An unknown access key id. Of one that has the form of a signature or of a secret key, only the first characters are shown,
/// because clients confuse the two. The line masks and cuts the result like any text from outside.
pub fn claimed_id(id: &str) -> Cow<'_, str> {
    let bytes = id.as_bytes();
    let as_a_secret_key = bytes.len() == 40 && bytes.iter().all(|byte| is_base64(*byte));
    let shape = signature_shape(bytes.iter().copied());
    if as_a_secret_key || shape.is_some_and(|length| length == bytes.len()) {
        return Cow::Owned(format!("{}{MASK}", &id[..HINT]));
    }
    Cow::Borrowed(id)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// The length of the text in the form of a signature that the bytes start with: 64 hexadecimal digits (HMAC-SHA256), or 20 or
/// 32 bytes in base64 (HMAC-SHA1, HMAC-SHA256).
fn signature_shape(bytes: impl Iterator<Item = u8>) -> Option<usize> {
    let (mut length, mut hexadecimal) = (0, true);
    for byte in bytes {
        if !is_base64(byte) {
            return match (length, byte) {
                (64, _) if hexadecimal => Some(length),
                (27 | 43, b'=') => Some(length + 1),
                _ => None,
            };
        }
        hexadecimal &= byte.is_ascii_hexdigit();
        length += 1;
        if length > 64 {
            return None;
        }
    }
    (length == 64 && hexadecimal).then_some(length)
}

/// A text that is percent-decoded repeatedly and in lower case.
struct Decoded {
    bytes: Vec<u8>,
    /// The offset in the text of each byte.
    starts: Vec<usize>,
    /// The length of the text.
    end: usize,
}

impl Decoded {
    fn of(text: &str) -> Self {
        let mut this = Self {
            bytes: Vec::with_capacity(text.len()),
            starts: Vec::with_capacity(text.len()),
            end: text.len(),
        };
        for (at, byte) in text.bytes().enumerate() {
            this.bytes.push(byte.to_ascii_lowercase());
            this.starts.push(at);
            // The decoded byte may complete another escape, as in `%253D`.
            while let [.., b'%', high, low] = this.bytes[..]
                && let (Some(high), Some(low)) = (digit(high), digit(low))
            {
                let start = this.bytes.len() - 3;
                this.bytes.truncate(start);
                this.starts.truncate(start + 1);
                this.bytes.push((high << 4 | low).to_ascii_lowercase());
            }
        }
        this
    }

    /// The offset in the text of a decoded byte.
    fn start(&self, at: usize) -> usize {
        self.starts.get(at).copied().unwrap_or(self.end)
    }

    /// Whether a decoded byte is an escape in the text.
    fn is_encoded(&self, at: usize) -> bool {
        self.start(at + 1) - self.start(at) > 1
    }

    /// The ranges of secrets in the text.
    fn secrets(&self, text: &str) -> Vec<Range<usize>> {
        let mut secrets = Vec::new();
        let (mut name, mut at) = (0, 0);
        while let Some(byte) = self.bytes.get(at) {
            at += 1;
            // An encoded space is taken as part of a name; a literal one separates words.
            if ends_a_name(*byte) && !(*byte <= b' ' && self.is_encoded(at - 1)) {
                name = at;
            }
            if !matches!(byte, b'=' | b':') {
                continue;
            }
            let named = is_secret(&self.bytes[name..at - 1]);
            name = at;
            let start = self.start(at);
            if named {
                let end = text[start..].find(ends_a_value);
                let end = end.map_or(text.len(), |length| start + length);
                at += self.starts[at..].partition_point(|start| *start < end);
                secrets.push(start..end);
                name = at;
            } else if let Some(length) = signature_shape(self.value(at)) {
                at += length;
                secrets.push(start..self.start(at));
                name = at;
            }
        }
        secrets
    }

    /// The decoded bytes from an index on; an encoded space is read as the `+` that it may have been.
    fn value(&self, at: usize) -> impl Iterator<Item = u8> {
        (at..self.bytes.len()).map(|at| match self.bytes[at] {
            b' ' if self.is_encoded(at) => b'+',
            byte => byte,
        })
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Whether a byte cannot occur in the name of a parameter, or between the name and `=`.
fn ends_a_name(byte: u8) -> bool {
    byte <= b' '
        || matches!(
            byte,
            b'&' | b';' | b'?' | b'#' | b'/' | b',' | b'"' | b'\'' | b'\\'
        )
}

/// Whether a literal character ends a value.
fn ends_a_value(c: char) -> bool {
    c <= ' ' || matches!(c, '&' | ';' | '#' | '"' | '\\')
}

/// Whether a name in lower case is that of a secret.
fn is_secret(name: &[u8]) -> bool {
    let has = |part: &&str| memmem::find(name, part.as_bytes()).is_some();
    SECRET_NAMES.iter().any(has) && !HARMLESS.iter().any(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HMAC-SHA1 and HMAC-SHA256 as in requests, and SHA-256 in base64.
    const V2: &str = "frJIUN8DYpKDtOLCwo//yllqDzg=";
    const V4: &str = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    const LONG: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn l3_signatures_are_masked_in_any_spelling() {
        for (text, shown) in [
            ("a=b&Signature=canary&acl", "a=b&Signature=***&acl"),
            (
                "%53ignature=canary&signature=canary",
                "%53ignature=***&signature=***",
            ),
            (
                "X-Amz-Signature=canary&X-Amz-Security-Token=canary",
                "X-Amz-Signature=***&X-Amz-Security-Token=***",
            ),
            (
                "x-wos-signature=canary&X-WOS-security-TOKEN=canary",
                "x-wos-signature=***&X-WOS-security-TOKEN=***",
            ),
            ("Signature%3Dcanary&x", "Signature%3D***&x"),
            ("Signature%253Dcanary", "Signature%253D***"),
            ("Signature%25253Dcanary%2526x", "Signature%25253D***"),
            ("%25%35%33ignature%3dcanary", "%25%35%33ignature%3d***"),
            ("a=b%26Signature=canary", "a=b%26Signature=***"),
            ("a=1;Signature=canary;b", "a=1;Signature=***;b"),
            ("Signature[]=canary", "Signature[]=***"),
            ("Signature=", "Signature=***"),
            ("Signature%20=to%26ken&x", "Signature%20=***&x"),
            ("Signature:canary", "Signature:***"),
            (
                "key%3FAWSAccessKeyId=AKID&Signature=canary",
                "key%3FAWSAccessKeyId=AKID&Signature=***",
            ),
            (
                "https://h/b/k?a=%2fSignature=canary#x",
                "https://h/b/k?a=%2fSignature=***#x",
            ),
            (
                "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=canary",
                "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=***",
            ),
            (
                "{\"m\":\"?Signature=canary\\\"\"}",
                "{\"m\":\"?Signature=***\\\"\"}",
            ),
            ("Authorization=AWS+AKID:canary", "Authorization=***"),
            (
                "x-amz-server-side-encryption-customer-key=canary&x=y",
                "x-amz-server-side-encryption-customer-key=***&x=y",
            ),
            ("temp_url_sig=canary", "temp_url_sig=***"),
            ("SecretAccessKey=canary", "SecretAccessKey=***"),
            ("Signature=Signature=canary", "Signature=***"),
            (
                "Signature=é&é=Signature%3dé",
                "Signature=***&é=Signature%3d***",
            ),
            ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host"),
            ("continuation-token=abc", "continuation-token=abc"),
            (
                "prefix=signature-files/&%zz=%",
                "prefix=signature-files/&%zz=%",
            ),
            ("/signature-files/a=b", "/signature-files/a=b"),
            ("/photos/k", "/photos/k"),
            ("%", "%"),
            ("%3", "%3"),
            ("=", "="),
        ] {
            assert_eq!(masked(text), shown);
            assert_eq!(masked(&masked(text)), shown, "once more");
        }
    }

    /// The name of the parameter may be misspelt, and the signature still be valid.
    #[test]
    fn l3_what_has_the_form_of_a_signature_is_masked_behind_any_name() {
        for signature in [V2, V4, LONG] {
            let escaped = signature
                .replace('+', "%2B")
                .replace('=', "%3D")
                .replace('/', "%2F");
            let again = escaped.replace('%', "%25");
            for written in [signature, &escaped, &again, &signature.replace('+', "%20")] {
                for (before, after) in [("Signatur=", ""), ("/b/k?s%3D", "&x=y"), ("AWS AKID:", "")]
                {
                    let text = format!("{before}{written}{after}");
                    assert_eq!(masked(&text), format!("{before}***{after}"));
                }
            }
        }
        for harmless in [
            format!("/data/{V4}"),
            format!("versionId={V4}0"),
            format!("versionId={}", &V4[1..]),
            format!("uploadId={}", &V2[..27]),
            format!("uploadId=x{V2}"),
        ] {
            assert_eq!(masked(&harmless), harmless);
        }
    }

    #[test]
    fn l3_a_claimed_id_that_may_be_a_secret_is_not_shown_whole() {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        for (id, shown) in [
            (secret, "wJal***"),
            (V2, "frJI***"),
            (V4, "aeee***"),
            ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
            ("tenant:user", "tenant:user"),
            ("", ""),
        ] {
            assert_eq!(claimed_id(id), shown);
        }
    }

    #[test]
    fn l6_a_long_text_is_cut_with_a_mark_and_on_a_character() {
        let fits = "a".repeat(MAX_TEXT_BYTES);
        assert_eq!(shown(&fits), fits);
        assert_eq!(shown(&format!("{fits}a")), format!("{fits}…(4097 bytes)"));
        let odd = format!("{}é", &fits[1..]);
        assert_eq!(shown(&odd), format!("{}…(4097 bytes)", &fits[1..]));
        // What is masked is masked before that.
        let long = format!("Signature={}", "x".repeat(16_000));
        assert_eq!(shown(&long), "Signature=***");
    }

    /// Clients choose the text: the work must be linear in its length.
    #[test]
    fn l3_the_longest_line_of_anything_takes_no_time() {
        for unit in [
            "=",
            "%25",
            "%",
            "signature",
            "token:",
            "a=",
            "%3d",
            "&",
            "x:%25253d",
        ] {
            let text = unit.repeat(16_384 / unit.len());
            for _ in 0..10 {
                assert!(shown(&text).len() <= MAX_TEXT_BYTES + 32);
            }
        }
    }
}
