//! The header of one part of a form.

use super::FormFault;
use super::boundary::is_utf8;

/// The longest header of a part, its empty line included.
pub const MAX_PART_HEADER_LENGTH: usize = 4 * 1024;

const BAD_HEADER: FormFault = FormFault::Malformed("a part's header is not well-formed");
const BAD_DISPOSITION: FormFault =
    FormFault::Malformed("a part's Content-Disposition is not well-formed");

/// What the header of a part says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PartHeader {
    /// The field's name.
    pub name: String,
    /// The name of the file, for a part that says it is one.
    pub filename: Option<String>,
}

impl PartHeader {
    /// Whether the part is the file of the form. Names of fields are told apart without regard to case.
    pub fn is_file(&self) -> bool {
        self.name.eq_ignore_ascii_case("file")
    }

    /// Reads a header: its lines, without the empty one.
    pub fn read(bytes: &[u8]) -> Result<Self, FormFault> {
        let text = std::str::from_utf8(bytes).map_err(|_not_utf8| BAD_HEADER)?;
        let mut disposition = None;
        for line in text.split("\r\n") {
            let (name, value) = line.split_once(':').ok_or(BAD_HEADER)?;
            let token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            let printable = |c: char| c == '\t' || !c.is_control();
            if name.is_empty() || !name.bytes().all(token) || !value.chars().all(printable) {
                return Err(BAD_HEADER);
            }
            let value = value.trim_ascii();
            match name.to_ascii_lowercase().as_str() {
                "content-disposition" if disposition.replace(value).is_some() => {
                    return Err(BAD_HEADER);
                }
                "content-type" => check_charset(value)?,
                "content-transfer-encoding" => check_encoding(value)?,
                _ => {}
            }
        }
        Self::of_disposition(disposition.ok_or(BAD_DISPOSITION)?)
    }

    /// `form-data; name="file"; filename="photo.jpg"` (RFC 7578, section 4.2)
    fn of_disposition(value: &str) -> Result<Self, FormFault> {
        let (kind, parameters) = value.split_once(';').ok_or(BAD_DISPOSITION)?;
        if !kind.trim_ascii().eq_ignore_ascii_case("form-data") {
            return Err(BAD_DISPOSITION);
        }
        let (mut name, mut filename, mut extended) = (None, None, None);
        for parameter in Parameters::of(parameters) {
            let (own, value) = parameter?;
            let known = match own.to_ascii_lowercase().as_str() {
                "name" => &mut name,
                "filename" => &mut filename,
                "filename*" => &mut extended,
                _ => return Err(BAD_DISPOSITION),
            };
            if known.replace(value.to_owned()).is_some() {
                return Err(BAD_DISPOSITION);
            }
        }
        let name = name.filter(|name| !name.is_empty());
        let name = name.ok_or(BAD_DISPOSITION)?;
        // RFC 7578 forbids `filename*`, .NET sends it, and some readers prefer it: it may say the same.
        if extended.is_some() && extended.as_deref().and_then(decoded) != filename {
            return Err(BAD_DISPOSITION);
        }
        Ok(Self { name, filename })
    }
}

/// The text of an extended parameter in UTF-8 (RFC 8187, section 3.2).
fn decoded(extended: &str) -> Option<String> {
    let (charset, rest) = extended.split_once('\'')?;
    let (_language, text) = rest.split_once('\'')?;
    let text = percent_encoding::percent_decode_str(text).decode_utf8();
    text.ok()
        .filter(|_| charset.eq_ignore_ascii_case("utf-8"))
        .map(Into::into)
}

/// A part's value is read as UTF-8, so it may not say that it is something else.
fn check_charset(content_type: &str) -> Result<(), FormFault> {
    let Some((_, parameters)) = content_type.split_once(';') else {
        return Ok(());
    };
    for parameter in Parameters::of(parameters) {
        let (name, value) = parameter.map_err(|_fault| BAD_HEADER)?;
        if name.eq_ignore_ascii_case("charset") && !is_utf8(value) {
            return Err(FormFault::Malformed("a part is not in UTF-8"));
        }
    }
    Ok(())
}

/// RFC 7578, section 4.7, has done away with the encodings; what encodes nothing may be named.
fn check_encoding(value: &str) -> Result<(), FormFault> {
    let plain = ["binary", "8bit", "7bit"];
    if plain.iter().any(|own| own.eq_ignore_ascii_case(value)) {
        return Ok(());
    }
    Err(FormFault::Malformed("a part has a transfer encoding"))
}

/// The parameters behind the first `;` of a field's value: `name=token` or `name="quoted string"`.
///
/// A `\` stands for itself, because browsers send paths with it; where a reader could take it for an escape of a
/// quotation mark or of itself, the value is refused.
pub(super) struct Parameters<'v> {
    rest: Option<&'v str>,
}

impl<'v> Parameters<'v> {
    pub fn of(text: &'v str) -> Self {
        Self { rest: Some(text) }
    }

    fn read(text: &'v str) -> Result<((&'v str, &'v str), Option<&'v str>), FormFault> {
        let (name, rest) = text.split_once('=').ok_or(BAD_DISPOSITION)?;
        let name = name.trim_ascii();
        let token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'*' | b'_');
        if name.is_empty() || !name.bytes().all(token) {
            return Err(BAD_DISPOSITION);
        }
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, rest) = quoted.split_once('"').ok_or(BAD_DISPOSITION)?;
                if value.ends_with('\\') || value.contains("\\\\") {
                    return Err(BAD_DISPOSITION);
                }
                (value, rest)
            }
            None => {
                let end = rest.find(';').unwrap_or(rest.len());
                let (value, rest) = (rest[..end].trim_ascii_end(), &rest[end..]);
                let token =
                    |byte: u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[]\\{}".contains(&byte);
                if value.is_empty() || !value.bytes().all(token) {
                    return Err(BAD_DISPOSITION);
                }
                (value, rest)
            }
        };
        let rest = rest.trim_ascii();
        match rest.strip_prefix(';') {
            Some(more) => Ok(((name, value), Some(more))),
            None if rest.is_empty() => Ok(((name, value), None)),
            None => Err(BAD_DISPOSITION),
        }
    }
}

impl<'v> Iterator for Parameters<'v> {
    type Item = Result<(&'v str, &'v str), FormFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = Self::read(self.rest.take()?);
        Some(read.map(|(parameter, rest)| {
            self.rest = rest;
            parameter
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Result<(String, Option<String>), FormFault> {
        let header = PartHeader::read(header.as_bytes())?;
        Ok((header.name, header.filename))
    }

    fn disposition(value: &str) -> Result<(String, Option<String>), FormFault> {
        read(&format!("Content-Disposition: form-data; {value}"))
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        let named = |name: &str, filename: Option<&str>| {
            Ok((name.to_owned(), filename.map(ToOwned::to_owned)))
        };
        for (value, expected) in [
            ("name=\"key\"", named("key", None)),
            ("name=key", named("key", None)),
            ("NAME=\"Key\"", named("Key", None)),
            (
                "name=\"file\"; filename=\"a b;c=d.jpg\"",
                named("file", Some("a b;c=d.jpg")),
            ),
            ("filename=\"a\";name=\"file\"", named("file", Some("a"))),
            (
                "name=\"file\" ; filename=a.jpg ",
                named("file", Some("a.jpg")),
            ),
            ("name=\"file\"; filename=\"\"", named("file", Some(""))),
            (
                "name=\"file\"; filename=\"été.jpg\"",
                named("file", Some("été.jpg")),
            ),
            (
                "name=\"file\"; filename=\"C:\\a\\b.jpg\"",
                named("file", Some("C:\\a\\b.jpg")),
            ),
            (
                "name=file; filename=\"a b\"; filename*=utf-8''a%20b",
                named("file", Some("a b")),
            ),
            (
                "name=\"file\"; filename=\"%22%0d%0a\"",
                named("file", Some("%22%0d%0a")),
            ),
        ] {
            assert_eq!(disposition(value), expected, "{value}");
        }
    }

    #[test]
    fn what_readers_take_differently_is_refused() {
        for value in [
            "",
            "name",
            "name=",
            "name=\"\"",
            "name=\"key",
            "name=key\"",
            "name=\"key\"x",
            "name=\"key\"; name=\"acl\"",
            "name=\"key\"; NAME=\"key\"",
            "filename=\"a\"",
            "name=\"file\"; filename=\"a\"; filename=\"b\"",
            "name=\"file\"; filename*=UTF-8''a",
            "name=\"file\"; filename=\"a\"; filename*=UTF-8''b",
            "name=\"file\"; filename=\"a\"; filename*=a",
            "name=\"file\"; filename=\"a\"; filename*=latin1''a",
            "name=\"file\"; filename=\"\u{fffd}\"; filename*=UTF-8''%ff",
            "name*=UTF-8''key",
            "name=\"file\"; filename=\"a\\\"b\"",
            "name=\"file\"; filename=\"a\\\\\"",
            "name=\"file\"; filename=\"a\\\\b\"",
            "name=\"file\"; filename=\"a\"b\"",
            "name=\"key\"; size=3",
            "name=\"key\",name=\"acl\"",
            "name=\"key\";",
            "name=a b",
            "name= \"key\"",
        ] {
            assert_eq!(disposition(value), Err(BAD_DISPOSITION), "{value}");
        }
    }

    #[test]
    fn the_lines_of_a_header_are_well_formed() {
        let key = "Content-Disposition: form-data; name=\"key\"";
        for more in [
            "Content-Type: text/plain",
            "content-type: text/plain; charset=UTF-8",
            "Content-Type: text/plain; charset=us-ascii",
            "Content-Transfer-Encoding: binary",
            "Content-Length: 3",
            "X-Other: \t a",
        ] {
            assert!(read(&format!("{key}\r\n{more}")).is_ok(), "{more}");
            assert!(read(&format!("{more}\r\n{key}")).is_ok(), "{more}");
        }
        for more in [
            key,
            "Content-Type: text/plain; charset=utf-16",
            "Content-Type: text/plain; charset=utf-7",
            "Content-Type: text/plain; charset",
            "Content-Transfer-Encoding: base64",
            "Content-Transfer-Encoding: quoted-printable",
            "Content-Transfer-Encoding:",
            " folded",
            "\tfolded: x",
            "X-Other",
            ": x",
            "X Other: x",
            "X-Other : x",
            "X-Other: a\rb",
            "X-Other: a\nContent-Disposition: form-data; name=\"acl\"",
            "X-Other: a\0b",
        ] {
            assert!(read(&format!("{key}\r\n{more}")).is_err(), "{more:?}");
        }
        for alone in [
            "",
            "Content-Type: text/plain",
            "Content-Disposition: attachment; name=\"key\"",
            "Content-Disposition: form-data",
            "Content-Disposition:",
        ] {
            assert!(read(alone).is_err(), "{alone:?}");
        }
        assert_eq!(PartHeader::read(b"X: \xff").unwrap_err(), BAD_HEADER);
    }
}
