//! Single changes to what was signed, made after signing.

use super::draw::{CUSTOM_DOMAIN, Drawn, date, parts, target};
use support::signer::{DOMAIN, Request};

/// One thing that is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    Method,
    PathByte,
    PathDigitCase,
    PathDecoded,
    PathSlash,
    SubResourceValue,
    SubResourceName,
    SubResourceAdded,
    SubResourceRemoved,
    UncoveredAdded,
    ContentMd5,
    ContentMd5Added,
    ContentMd5Removed,
    ContentType,
    ContentTypeAdded,
    ContentTypeRemoved,
    Date,
    Expires,
    HeaderValue,
    HeaderName,
    HeaderAdded,
    HeaderRemoved,
    HeaderOrder,
    HostBucket,
    AccessKeyId,
    Signature,
}

impl Change {
    #[rustfmt::skip]
    pub const ALL: [Self; 26] = [
        Self::Method, Self::PathByte, Self::PathDigitCase, Self::PathDecoded, Self::PathSlash, Self::SubResourceValue,
        Self::SubResourceName, Self::SubResourceAdded, Self::SubResourceRemoved, Self::UncoveredAdded, Self::ContentMd5,
        Self::ContentMd5Added, Self::ContentMd5Removed, Self::ContentType, Self::ContentTypeAdded, Self::ContentTypeRemoved,
        Self::Date, Self::Expires, Self::HeaderValue, Self::HeaderName, Self::HeaderAdded, Self::HeaderRemoved,
        Self::HeaderOrder, Self::HostBucket, Self::AccessKeyId, Self::Signature,
    ];

    /// The changed request; none where there is no such thing in it. `pick` chooses among several.
    pub fn make(self, drawn: &Drawn, signed: &Request, pick: usize) -> Option<Request> {
        let mut request = signed.clone();
        let (mut path, mut pairs) = parts(&signed.target);
        match self {
            Self::Method => {
                let others = ["GET", "HEAD", "PUT", "POST", "DELETE"].map(String::from);
                let at = others.iter().position(|method| *method == request.method)?;
                request.method = others[(at + 1 + pick % 4) % 5].clone();
            }
            Self::PathByte => {
                let letters = places(&path, |byte| byte.is_ascii_alphanumeric());
                let at = *letters.get(pick % letters.len().max(1))?;
                let other = match path.as_bytes()[at] {
                    digit @ b'1'..=b'8' => char::from(digit + 1),
                    b'0' | b'9' => '5',
                    b'a' => 'b',
                    _ => 'a',
                };
                path.replace_range(at..=at, &other.to_string());
            }
            Self::PathDigitCase => {
                let (at, digits) = encoded(&path, pick, |digits| {
                    digits.contains(|c: char| c.is_ascii_alphabetic())
                })?;
                let lower = digits.to_ascii_lowercase();
                let other = if lower == digits {
                    digits.to_ascii_uppercase()
                } else {
                    lower
                };
                path.replace_range(at + 1..at + 3, &other);
            }
            Self::PathDecoded => {
                let letter = |digits: &str| {
                    let byte = u8::from_str_radix(digits, 16).ok()?;
                    byte.is_ascii_alphanumeric().then(|| char::from(byte))
                };
                let (at, digits) = encoded(&path, pick, |digits| letter(digits).is_some())?;
                path.replace_range(at..at + 3, &letter(&digits)?.to_string());
            }
            Self::PathSlash => {
                // `/bucket` and `/bucket/` are one.
                let alone =
                    path.matches('/').count() == 1 && request.bucket.is_none() && path != "/";
                if alone {
                    return None;
                }
                path.push('/');
            }
            Self::SubResourceValue => {
                let at = sub_resource(drawn, &pairs, pick)?;
                let longer = if pairs[at].contains('=') { "x" } else { "=x" };
                pairs[at] += longer;
            }
            Self::SubResourceName => {
                let at = sub_resource(drawn, &pairs, pick)?;
                let end = pairs[at].find('=').unwrap_or(pairs[at].len());
                pairs[at].insert(end, 'x');
            }
            Self::SubResourceAdded => pairs.push("response-content-language=x".into()),
            Self::SubResourceRemoved => {
                let at = sub_resource(drawn, &pairs, pick)?;
                pairs.remove(at);
            }
            Self::UncoveredAdded => pairs.push("callback=x".into()),
            Self::ContentMd5 => field(&mut request, "content-md5", pick)?.1.insert(0, 'x'),
            Self::ContentType => field(&mut request, "content-type", pick)?.1.insert(0, 'x'),
            Self::ContentMd5Added => added(&mut request, "content-md5")?,
            Self::ContentTypeAdded => added(&mut request, "Content-Type")?,
            Self::ContentMd5Removed => removed(&mut request, "content-md5", pick)?,
            Self::ContentTypeRemoved => removed(&mut request, "content-type", pick)?,
            Self::Date => {
                let own = format!("{}date", request.word.header_prefix());
                let vendor = request.headers.iter().any(|(name, _)| *name == own);
                let name = if vendor { &own } else { "date" };
                let text = &mut field(&mut request, name, pick)?.1;
                let time = httpdate::parse_http_date(&text.replace("+0000", "GMT")).ok()?;
                let seconds = time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
                *text = date(seconds + 1);
            }
            Self::Expires => {
                let at = pairs.iter().position(|pair| pair.starts_with("Expires="))?;
                pairs[at] = format!("Expires={}", drawn.expires? + 1);
            }
            Self::HeaderValue => field(&mut request, "", pick)?.1.insert(0, 'x'),
            Self::HeaderName => field(&mut request, "", pick)?.0.push('x'),
            Self::HeaderAdded => {
                let name = format!("{}meta-added", request.word.header_prefix());
                added(&mut request, &name)?;
            }
            Self::HeaderRemoved => removed(&mut request, "", pick)?,
            Self::HeaderOrder => {
                let before = drawn.request.signing().string_to_sign();
                let fields = &mut request.headers;
                let repeats = |one: usize, other: usize, fields: &[(String, String)]| {
                    one < other && fields[one].0.eq_ignore_ascii_case(&fields[other].0)
                };
                let count = fields.len();
                let (one, other) = (0..count * count)
                    .map(|at| (at / count, at % count))
                    .find(|(one, other)| repeats(*one, *other, fields))?;
                let (start, end) = fields.split_at_mut(other);
                std::mem::swap(&mut start[one].1, &mut end[0].1);
                let mut unsigned = drawn.request.clone();
                unsigned.headers.clone_from(&request.headers);
                if unsigned.signing().string_to_sign() == before {
                    return None;
                }
            }
            Self::HostBucket => {
                let host = match &signed.bucket {
                    Some(bucket) if bucket != CUSTOM_DOMAIN => format!("x{bucket}.{DOMAIN}"),
                    Some(_) => DOMAIN.to_owned(),
                    None => format!("bucket.{DOMAIN}"),
                };
                request.headers[0].1 = host;
            }
            Self::AccessKeyId | Self::Signature => {
                let right = &request.access_key_id;
                let credentials = request
                    .headers
                    .iter_mut()
                    .find(|(name, _)| name == "Authorization");
                let text = match credentials {
                    Some((_, value)) => value,
                    None => {
                        let named = |pair: &&mut String| match self {
                            Self::Signature => pair.starts_with("Signature="),
                            _ => pair.ends_with(right),
                        };
                        pairs.iter_mut().find(named)?
                    }
                };
                // The second letter behind the place where the value starts.
                let mark = if self == Self::Signature {
                    ["Signature=", ":"]
                } else {
                    ["AccessKeyId=", " "]
                };
                let at = mark
                    .iter()
                    .find_map(|mark| Some(text.find(mark)? + mark.len() + 1))?;
                let other = if text.as_bytes()[at] == b'A' {
                    "B"
                } else {
                    "A"
                };
                text.replace_range(at..=at, other);
            }
        }
        request.target = target(&path, &pairs);
        Some(request)
    }
}

/// The places in the path, outside of what is percent-encoded as much as inside, whose byte is such.
fn places(path: &str, such: impl Fn(u8) -> bool) -> Vec<usize> {
    let bytes = path.bytes().enumerate();
    bytes
        .filter(|(_, byte)| such(*byte))
        .map(|(at, _)| at)
        .collect()
}

/// A percent-encoded byte of the path: its place, and its two digits.
fn encoded(path: &str, pick: usize, such: impl Fn(&str) -> bool) -> Option<(usize, String)> {
    let mut places = places(path, |byte| byte == b'%');
    places.retain(|at| such(&path[at + 1..at + 3]));
    let at = *places.get(pick % places.len().max(1))?;
    Some((at, path[at + 1..at + 3].to_owned()))
}

/// The place of a parameter that is signed.
fn sub_resource(drawn: &Drawn, pairs: &[String], pick: usize) -> Option<usize> {
    let signed: Vec<usize> = (0..pairs.len())
        .filter(|at| {
            let with = Request::new(drawn.request.word, "GET", &target("/", &pairs[*at..=*at]));
            with.signing().resource != "/"
        })
        .collect();
    signed.get(pick % signed.len().max(1)).copied()
}

/// A field of that name; of the vendor's own where the name is empty.
fn place(request: &Request, name: &str, pick: usize) -> Option<usize> {
    let such: Vec<usize> = (0..request.headers.len())
        .filter(|at| {
            let own = request.headers[*at].0.to_ascii_lowercase();
            if name.is_empty() {
                own.starts_with(request.word.header_prefix())
            } else {
                own == name
            }
        })
        .collect();
    such.get(pick % such.len().max(1)).copied()
}

fn field<'r>(
    request: &'r mut Request,
    name: &str,
    pick: usize,
) -> Option<&'r mut (String, String)> {
    let at = place(request, name, pick)?;
    request.headers.get_mut(at)
}

fn removed(request: &mut Request, name: &str, pick: usize) -> Option<()> {
    let at = place(request, name, pick)?;
    let (_, value) = request.headers.remove(at);
    // An empty value is signed like none, for the two headers that have a line of their own.
    (name.is_empty() || !value.trim().is_empty()).then_some(())
}

fn added(request: &mut Request, name: &str) -> Option<()> {
    let absent = place(request, &name.to_ascii_lowercase(), 0).is_none();
    absent.then(|| request.headers.push((name.into(), "x".into())))
}
