//! Parameters of a header field, `; name=value`, and the character set that one of them names.

/// A parameter is malformed, or is parsed differently by different readers.
pub(super) struct BadParameter;

/// The parameters after the first `;` of a field's value: `name=token` or `name="quoted string"`. A token may also have the
/// characters that clients write in boundaries without quotation marks (`/`, `:`, `=`, `?`, `(`, `)`): for every reader it
/// ends at the `;`.
///
/// A `\` is not an escape, because browsers send paths with it; a value in which a reader could take it for an escape of the
/// quotation mark is refused.
pub(super) struct Parameters<'v> {
    rest: Option<&'v str>,
}

impl<'v> Parameters<'v> {
    pub fn of(text: &'v str) -> Self {
        Self { rest: Some(text) }
    }

    fn read(text: &'v str) -> Result<((&'v str, &'v str), Option<&'v str>), BadParameter> {
        let (name, rest) = text.split_once('=').ok_or(BadParameter)?;
        let name = name.trim_ascii();
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(BadParameter);
        }
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, rest) = quoted.split_once('"').ok_or(BadParameter)?;
                let backslashes = value.bytes().rev().take_while(|byte| *byte == b'\\');
                if backslashes.count() % 2 == 1 {
                    return Err(BadParameter);
                }
                (value, rest)
            }
            None => {
                let end = rest.find(';').unwrap_or(rest.len());
                let (value, rest) = (rest[..end].trim_ascii_end(), &rest[end..]);
                let token = |byte: u8| byte.is_ascii_graphic() && !b"\",;<>@[]\\{}".contains(&byte);
                if value.is_empty() || !value.bytes().all(token) {
                    return Err(BadParameter);
                }
                (value, rest)
            }
        };
        let rest = rest.trim_ascii();
        match rest.strip_prefix(';') {
            Some(more) => Ok(((name, value), Some(more))),
            None if rest.is_empty() => Ok(((name, value), None)),
            None => Err(BadParameter),
        }
    }
}

impl<'v> Iterator for Parameters<'v> {
    type Item = Result<(&'v str, &'v str), BadParameter>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = self.rest.take()?.trim_ascii_start();
        while let Some(more) = rest.strip_prefix(';') {
            rest = more.trim_ascii_start();
        }
        if rest.is_empty() {
            return None;
        }
        let read = Self::read(rest);
        Some(read.map(|(parameter, rest)| {
            self.rest = rest;
            parameter
        }))
    }
}

/// The characters of a field's name (RFC 9110, section 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a parameter is an extended or a continued one (`name*`, `name*0`; RFC 2231): readers that know these would read
/// another value than those that do not.
pub(super) fn is_continued(name: &str, plain: &str) -> bool {
    name.split_once('*')
        .is_some_and(|(start, _)| start.eq_ignore_ascii_case(plain))
}

/// The character set of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    /// UTF-8, or ASCII.
    Utf8,
    /// A superset of ASCII: an ASCII value is the same in UTF-8. Apache's HttpClient names ISO-8859-1 for each text.
    AsciiSuperset,
    /// Any other one.
    Other,
}

impl Charset {
    /// The character set with this name.
    pub fn named(name: &str) -> Self {
        const UTF8: [&str; 3] = ["utf-8", "utf8", "us-ascii"];
        const SUPERSETS: [&str; 4] = ["latin1", "gbk", "gb2312", "gb18030"];
        const FAMILIES: [&str; 2] = ["iso-8859-", "windows-125"];
        let is = |known: &&str| known.eq_ignore_ascii_case(name);
        let of_family = |family: &&str| {
            let start = name.get(..family.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(family))
        };
        if UTF8.iter().any(is) {
            Self::Utf8
        } else if SUPERSETS.iter().any(is) || FAMILIES.iter().any(of_family) {
            Self::AsciiSuperset
        } else {
            Self::Other
        }
    }

    /// The text of a value in this character set; none where it is not the same in UTF-8.
    pub fn text(self, value: &[u8]) -> Option<&str> {
        let readable = match self {
            Self::Utf8 => true,
            Self::AsciiSuperset => value.is_ascii(),
            Self::Other => false,
        };
        std::str::from_utf8(value).ok().filter(|_| readable)
    }
}
