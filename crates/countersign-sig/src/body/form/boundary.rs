//! The boundary between the parts of a form.

use memchr::memmem::Finder;

use super::FormFault;
use super::parameters::{Charset, Parameters, is_continued};

/// The longest boundary (RFC 2046, section 5.1.1).
pub const MAX_BOUNDARY_LENGTH: usize = 70;

const MEDIA_TYPE: &str = "multipart/form-data";
const BAD_BOUNDARY: FormFault = FormFault::Malformed("the Content-Type has no valid boundary");

/// The boundary of a form, as the line that ends a part: `CRLF--boundary`.
#[derive(Debug, Clone)]
pub struct Boundary {
    delimiter: Box<[u8]>,
    finder: Finder<'static>,
    charset: Charset,
}

impl Boundary {
    /// Reads the Content-Type of a request.
    ///
    /// # Errors
    /// [`FormFault::Malformed`] if it names no boundary, or one that RFC 2046 does not allow.
    pub fn of(content_type: &[u8]) -> Result<Self, FormFault> {
        let text = std::str::from_utf8(content_type).map_err(|_not_utf8| BAD_BOUNDARY)?;
        let (media_type, parameters) = text.split_once(';').ok_or(BAD_BOUNDARY)?;
        if !media_type.trim_ascii().eq_ignore_ascii_case(MEDIA_TYPE) {
            return Err(BAD_BOUNDARY);
        }
        let mut boundary = None;
        let mut charset = Charset::Utf8;
        for parameter in Parameters::of(parameters) {
            let (name, value) = parameter.map_err(|_bad| BAD_BOUNDARY)?;
            if name.eq_ignore_ascii_case("boundary") {
                if boundary.replace(value).is_some() {
                    return Err(BAD_BOUNDARY);
                }
            } else if is_continued(name, "boundary") {
                return Err(BAD_BOUNDARY);
            } else if name.eq_ignore_ascii_case("charset") {
                charset = Charset::named(value);
            }
        }
        let boundary = boundary.filter(|text| is_boundary(text.as_bytes()));
        let boundary = boundary.ok_or(BAD_BOUNDARY)?;
        if charset == Charset::Other {
            return Err(BAD_BOUNDARY);
        }
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        Ok(Self {
            finder: Finder::new(&delimiter).into_owned(),
            delimiter: delimiter.into(),
            charset,
        })
    }

    /// The line before the first part: the delimiter without its CR LF.
    pub(super) fn opening(&self) -> &[u8] {
        &self.delimiter[2..]
    }

    /// The delimiter, which ends a part and may not occur in it.
    pub(super) fn delimiter(&self) -> &[u8] {
        &self.delimiter
    }

    /// The character set of the values that name none.
    pub(super) fn charset(&self) -> Charset {
        self.charset
    }

    /// The length of the closing line that browsers and common libraries send: `CRLF--boundary--CRLF`.
    pub(super) fn closing_length(&self) -> usize {
        self.delimiter.len() + b"--\r\n".len()
    }

    /// The position of the first delimiter in these bytes.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<usize> {
        self.finder.find(bytes)
    }
}

/// The characters of RFC 2046's `boundary`; a space may not be the last one.
fn is_boundary(text: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    (1..=MAX_BOUNDARY_LENGTH).contains(&text.len())
        && text.iter().all(allowed)
        && !text.ends_with(b" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delimiter(content_type: &str) -> Option<String> {
        let boundary = Boundary::of(content_type.as_bytes()).ok()?;
        Some(String::from_utf8(boundary.delimiter().to_vec()).unwrap())
    }

    #[test]
    fn one_boundary_of_rfc_2046_counts() {
        let longest = "b".repeat(MAX_BOUNDARY_LENGTH);
        for (content_type, boundary) in [
            ("multipart/form-data; boundary=b", "b"),
            ("Multipart/Form-Data;BOUNDARY=b", "b"),
            ("multipart/form-data; boundary=\"a b\"", "a b"),
            ("multipart/form-data; boundary=\"a:=?/b\"", "a:=?/b"),
            ("multipart/form-data ; charset=UTF-8 ; boundary=b ", "b"),
            (
                "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
                "----WebKitFormBoundary7MA4YWxkTrZu0gW",
            ),
            ("multipart/form-data; boundary=b;", "b"),
            ("multipart/form-data; boundary=b; other=1; Other=2", "b"),
            ("multipart/form-data; charset=ISO-8859-1; boundary=b", "b"),
            (
                "multipart/form-data; boundary=----=_Part_1_2.3",
                "----=_Part_1_2.3",
            ),
            (
                &format!("multipart/form-data; boundary={longest}"),
                &longest,
            ),
        ] {
            let expected = Some(format!("\r\n--{boundary}"));
            assert_eq!(delimiter(content_type), expected, "{content_type}");
        }
        let too_long = format!("multipart/form-data; boundary={longest}b");
        for content_type in [
            "",
            "multipart/form-data",
            "multipart/form-data;",
            "multipart/form-data; boundary",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"\"",
            "multipart/form-data; boundary=\"b",
            "multipart/form-data; boundary=\"b \"",
            "multipart/form-data; boundary=\"a\\\"b\"",
            "multipart/form-data; boundary=a b",
            "multipart/form-data; boundary=a\"b\"",
            "multipart/form-data; boundary=b; boundary=b",
            "multipart/form-data; boundary=b; boundary=c",
            "multipart/form-data; boundary=b; charset=utf-16",
            "multipart/form-data; boundary=b; boundary*=utf-8''c",
            "multipart/form-data; boundary*0=b",
            "multipart/form-data; boundary=b,c",
            "multipart/form-data, multipart/form-data; boundary=b",
            "multipart/form-data; boundary=b, text/plain",
            "multipart/mixed; boundary=b",
            "multipart/form-data; boundary=é",
            "multipart/form-data; boundary=a;b",
            &too_long,
        ] {
            assert_eq!(delimiter(content_type), None, "{content_type}");
        }
        assert_eq!(
            Boundary::of(b"multipart/form-data; boundary=\xff").unwrap_err(),
            BAD_BOUNDARY
        );
    }
}
