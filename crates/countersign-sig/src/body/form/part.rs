//! The header of one part of a form.

use super::FormFault;
use super::parameters::{Charset, Parameters, is_continued, is_token};

/// The longest header of a part, its empty line included.
pub const MAX_PART_HEADER_LENGTH: usize = 4 * 1024;

const BAD_HEADER: FormFault = FormFault::Malformed("a part's header is not well-formed");
const BAD_DISPOSITION: FormFault =
    FormFault::Malformed("a part's Content-Disposition is not well-formed");

/// The header of a part, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PartHeader {
    /// The field's name.
    pub name: String,
    /// The file name. Fields may have one too: Python's `requests` gives one to each part of `files=`.
    pub filename: Filename,
    /// The character set of the value; none where the header names none. That of a file does not matter.
    pub charset: Option<Charset>,
}

/// The file name in the header of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filename {
    /// There is none, which counts as an empty one.
    None,
    /// It is this.
    Given(String),
    /// `filename` and `filename*` differ, or there is only `filename*`, which RFC 7578 forbids and readers treat differently.
    Ambiguous,
}

impl PartHeader {
    /// Whether the part is the file of the form. Names of fields are not case-sensitive.
    pub fn is_file(&self) -> bool {
        self.name.eq_ignore_ascii_case("file")
    }

    /// Reads a header: its lines, without the empty one.
    pub fn read(bytes: &[u8]) -> Result<Self, FormFault> {
        let text = std::str::from_utf8(bytes).map_err(|_not_utf8| BAD_HEADER)?;
        let (mut disposition, mut content_type) = (None, None);
        for line in text.split("\r\n") {
            let (name, value) = line.split_once(':').ok_or(BAD_HEADER)?;
            let printable = |c: char| c == '\t' || !c.is_control();
            if name.is_empty() || !name.bytes().all(is_token) || !value.chars().all(printable) {
                return Err(BAD_HEADER);
            }
            let value = value.trim_ascii();
            match name.to_ascii_lowercase().as_str() {
                "content-disposition" if disposition.replace(value).is_some() => {
                    return Err(BAD_HEADER);
                }
                "content-type" if content_type.replace(value).is_some() => return Err(BAD_HEADER),
                "content-transfer-encoding" => check_encoding(value)?,
                _ => {}
            }
        }
        let mut header = Self::of_disposition(disposition.ok_or(BAD_DISPOSITION)?)?;
        if let (false, Some(content_type)) = (header.is_file(), content_type) {
            header.charset = charset(content_type)?;
        }
        Ok(header)
    }

    /// `form-data; name="file"; filename="photo.jpg"` (RFC 7578, section 4.2)
    fn of_disposition(value: &str) -> Result<Self, FormFault> {
        let (kind, parameters) = value.split_once(';').ok_or(BAD_DISPOSITION)?;
        if !kind.trim_ascii().eq_ignore_ascii_case("form-data") {
            return Err(BAD_DISPOSITION);
        }
        let (mut name, mut filename, mut extended) = (None, None, None);
        for parameter in Parameters::of(parameters) {
            let (parameter, value) = parameter.map_err(|_bad| BAD_DISPOSITION)?;
            let known = match parameter.to_ascii_lowercase().as_str() {
                "name" => &mut name,
                "filename" => &mut filename,
                "filename*" => &mut extended,
                other if is_continued(other, "name") || is_continued(other, "filename") => {
                    return Err(BAD_DISPOSITION);
                }
                // Unknown parameters are ignored, such as `size` (RFC 2183, section 2).
                _ => continue,
            };
            if known.replace(value).is_some() {
                return Err(BAD_DISPOSITION);
            }
        }
        // Two backslashes are one for some readers. In a file name it makes no difference: only what follows the last one
        // is used.
        let name = name.filter(|name| !name.is_empty() && !name.contains("\\\\"));
        Ok(Self {
            name: name.ok_or(BAD_DISPOSITION)?.to_owned(),
            filename: match (filename, extended) {
                (None, None) => Filename::None,
                (Some(plain), None) => Filename::Given(plain.to_owned()),
                // .NET sends both, with the same name.
                (Some(plain), Some(extended)) if decoded(extended).as_deref() == Some(plain) => {
                    Filename::Given(plain.to_owned())
                }
                (_, Some(_)) => Filename::Ambiguous,
            },
            charset: None,
        })
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

/// The character set that a Content-Type names.
fn charset(content_type: &str) -> Result<Option<Charset>, FormFault> {
    let Some((_, parameters)) = content_type.split_once(';') else {
        return Ok(None);
    };
    let mut charset = None;
    for parameter in Parameters::of(parameters) {
        let (name, value) = parameter.map_err(|_bad| BAD_HEADER)?;
        if name.eq_ignore_ascii_case("charset") && charset.replace(Charset::named(value)).is_some()
        {
            return Err(BAD_HEADER);
        }
    }
    Ok(charset)
}

/// RFC 7578, section 4.7, deprecates the encodings; one that changes nothing is accepted.
fn check_encoding(value: &str) -> Result<(), FormFault> {
    let plain = ["binary", "8bit", "7bit"];
    if plain.iter().any(|known| known.eq_ignore_ascii_case(value)) {
        return Ok(());
    }
    Err(FormFault::Malformed("a part has a transfer encoding"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Result<(String, Filename), FormFault> {
        let header = PartHeader::read(header.as_bytes())?;
        Ok((header.name, header.filename))
    }

    fn disposition(value: &str) -> Result<(String, Filename), FormFault> {
        read(&format!("Content-Disposition: form-data; {value}"))
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        let named = |name: &str, filename: Option<&str>| {
            let filename = filename.map(|name| Filename::Given(name.to_owned()));
            Ok((name.to_owned(), filename.unwrap_or(Filename::None)))
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
            ("name=\"key\"; filename=\"key\"", named("key", Some("key"))),
            ("name=\"key\"; size=3; a.b=\"c;d\"", named("key", None)),
            ("name=\"key\";", named("key", None)),
            ("; ;name=\"key\" ;; filename=a/b", named("key", Some("a/b"))),
            (
                "name=\"file\"; filename=\"C:\\\\a\\\\b.jpg\"",
                named("file", Some("C:\\\\a\\\\b.jpg")),
            ),
            (
                "name=\"file\"; filename=\"a\\\\\"",
                named("file", Some("a\\\\")),
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
            "name*=UTF-8''key",
            "name=\"file\"; filename=\"a\\\"b\"",
            "name=\"file\"; filename=\"a\"b\"",
            "name=\"key\",name=\"acl\"",
            "name=\"a\\\\b\"",
            "name=\"file\"; filename=\"a\\\\\\\"",
            "name=\"key\"; name*=UTF-8''acl",
            "name*0=\"key\"",
            "name=\"file\"; filename*0=\"a\"",
            "name=\"file\"; filename*=UTF-8''a; filename*=UTF-8''a",
            "name=a b",
            "name= \"key\"",
        ] {
            assert_eq!(disposition(value), Err(BAD_DISPOSITION), "{value}");
        }
    }

    #[test]
    fn two_names_of_a_file_are_none() {
        for filenames in [
            "filename*=UTF-8''a",
            "filename=\"a\"; filename*=UTF-8''b",
            "filename=\"a\"; filename*=a",
            "filename=\"a\"; filename*=latin1''a",
            "filename=\"\u{fffd}\"; filename*=UTF-8''%ff",
            "filename=\"=?utf-8?B?w6k=?=\"; filename*=utf-8''%C3%A9",
        ] {
            let header = disposition(&format!("name=\"file\"; {filenames}"));
            assert_eq!(header, Ok(("file".into(), Filename::Ambiguous)));
        }
    }

    #[test]
    fn a_value_is_the_same_in_utf_8_or_none() {
        let key = "Content-Disposition: form-data; name=\"key\"\r\nContent-Type: text/plain";
        let of = |parameters: &str| {
            let header = PartHeader::read(format!("{key}{parameters}").as_bytes());
            header.map(|header| header.charset)
        };
        assert_eq!(of(""), Ok(None));
        assert_eq!(of("; a=b;"), Ok(None));
        for (name, charset) in [
            ("UTF-8", Charset::Utf8),
            ("us-ascii", Charset::Utf8),
            ("ISO-8859-1", Charset::AsciiSuperset),
            ("Windows-1252", Charset::AsciiSuperset),
            ("gbk", Charset::AsciiSuperset),
            ("utf-16", Charset::Other),
            ("utf-7", Charset::Other),
            ("iso-2022-jp", Charset::Other),
        ] {
            assert_eq!(of(&format!("; charset={name}")), Ok(Some(charset)));
            assert_eq!(of(&format!("; charset=\"{name}\"")), Ok(Some(charset)));
        }
        for (charset, ascii, other) in [
            (Charset::Utf8, true, true),
            (Charset::AsciiSuperset, true, false),
            (Charset::Other, false, false),
        ] {
            assert_eq!(charset.text(b"a b").is_some(), ascii);
            assert_eq!(charset.text("é".as_bytes()).is_some(), other);
            assert_eq!(charset.text(b"\xe9"), None);
        }
        // That of a file is not ours to read.
        let file = "Content-Disposition: form-data; name=\"file\"\r\nContent-Type: text/html; charset=utf-16";
        assert!(PartHeader::read(file.as_bytes()).is_ok());
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
            "X_Other.1: a",
            "X-Other: \t a",
        ] {
            assert!(read(&format!("{key}\r\n{more}")).is_ok(), "{more}");
            assert!(read(&format!("{more}\r\n{key}")).is_ok(), "{more}");
        }
        for more in [
            key,
            "Content-Type: text/plain; charset",
            "Content-Type: text/plain; charset=utf-8; charset=utf-8",
            "Content-Type: a/b\r\nContent-Type: a/b",
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
