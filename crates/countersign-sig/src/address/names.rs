//! Which bucket names are valid, and which keys a store could resolve to another key.

use memchr::memchr;
use percent_encoding::percent_decode_str;

use super::{AddressFailure, PathFault};

/// The shortest bucket name (Amazon S3 User Guide, "Bucket naming rules").
pub const MIN_BUCKET_LENGTH: usize = 3;
/// The longest bucket name: 255 bytes, as the older naming rules allowed; today's rules allow 63.
pub const MAX_BUCKET_LENGTH: usize = 255;
/// The shortest bucket name under [`BucketNames::Relaxed`].
pub const MIN_RELAXED_BUCKET_LENGTH: usize = 2;

/// Which bucket names are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BucketNames {
    /// Those of Amazon S3, today's and those of the older rules: [`MIN_BUCKET_LENGTH`] to [`MAX_BUCKET_LENGTH`] letters,
    /// digits, `.`, `-` and `_`, without two dots in a row.
    #[default]
    S3,
    /// Also those of [`MIN_RELAXED_BUCKET_LENGTH`] bytes, and Ceph's `tenant:bucket` in a path, where `%3A` is a `:`.
    Relaxed,
}

/// What is done with a path that has a segment which some store takes for `.` or `..`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DotSegments {
    /// It is refused.
    #[default]
    Refuse,
    /// It is forwarded as any other: for nodes that do not resolve keys as file names.
    Forward,
}

/// Which names the storage nodes accept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NameRules {
    /// The names of buckets.
    pub bucket_names: BucketNames,
    /// The dot segments of keys.
    pub dot_segments: DotSegments,
}

/// Checks a bucket name as it is written in the Host or in the path. Gives the name that it means, if that is written
/// differently (`%3A` for `:`, an empty tenant).
///
/// # Errors
/// [`AddressFailure::BadBucketName`].
pub(super) fn check_bucket(
    written: &str,
    rule: BucketNames,
) -> Result<Option<String>, AddressFailure> {
    let refused = AddressFailure::BadBucketName(rule);
    match rule {
        BucketNames::S3 => is_bucket(written, MIN_BUCKET_LENGTH)
            .then_some(None)
            .ok_or(refused),
        BucketNames::Relaxed => {
            // SDKs encode the colon in a path.
            let decoded = memchr(b'%', written.as_bytes())
                .map(|_| written.replace("%3A", ":").replace("%3a", ":"));
            let name = decoded.as_deref().unwrap_or(written);
            let (tenant, bucket) = name.split_once(':').unwrap_or(("", name));
            // An empty tenant is the one that has no name (Ceph documentation, "RGW multi-tenancy").
            let tenant_holds = tenant
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let holds = tenant_holds
                && name.len() <= MAX_BUCKET_LENGTH
                && is_bucket(bucket, MIN_RELAXED_BUCKET_LENGTH);
            holds.then_some(decoded).ok_or(refused)
        }
    }
}

fn is_bucket(name: &str, shortest: usize) -> bool {
    (shortest..=MAX_BUCKET_LENGTH).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && !name.as_bytes().windows(2).any(|pair| pair == b"..")
}

/// Refuses a path that is not valid, and one that a store may resolve to another path. It is decoded once, as a store does.
///
/// # Errors
/// [`AddressFailure::BadPath`], [`AddressFailure::DotSegment`].
pub(super) fn check_segments(path: &str, rule: DotSegments) -> Result<(), AddressFailure> {
    // Nothing to decode and no dot: no segment can be `.` or `..`.
    if memchr::memchr2(b'%', b'.', path.as_bytes()).is_none() {
        return Ok(());
    }
    if !percent_encoding_holds(path) {
        return Err(AddressFailure::BadPath(PathFault::PercentEncoding));
    }
    let decoded: std::borrow::Cow<'_, [u8]> = percent_decode_str(path).into();
    if memchr(0, &decoded).is_some() {
        return Err(AddressFailure::BadPath(PathFault::Nul));
    }
    if rule == DotSegments::Forward {
        return Ok(());
    }
    // Invalid UTF-8 that a lenient decoder reads as an ASCII character; most paths have none.
    let dots = match decoded.iter().any(|byte| *byte >= 0xc0) {
        true => has_dots(&without_overlong(&decoded)),
        false => has_dots(&decoded),
    };
    if dots {
        Err(AddressFailure::DotSegment)
    } else {
        Ok(())
    }
}

/// Whether a segment is `.` or `..` to some store. `\` counts as a separator because some stores keep keys as file names.
fn has_dots(path: &[u8]) -> bool {
    path.split(|byte| matches!(byte, b'/' | b'\\'))
        .any(|segment| {
            // Servlet containers drop `;` and what follows (a parameter in RFC 3986, section 3.3); a reader that parses the
            // decoded path as a URL again ends it at `?` or `#`; a NUL, here one in overlong UTF-8, ends a string.
            let ends = |byte: &u8| matches!(byte, b';' | b'?' | b'#' | 0);
            let end = segment.iter().position(ends).unwrap_or(segment.len());
            // Windows drops spaces at the end of a file name, and a reader that trims text drops the others.
            let bare = segment[..end].trim_ascii_end();
            bare == b"." || bare == b".."
        })
}

/// The bytes as a lenient UTF-8 decoder reads them: an overlong sequence (`C0 AE` for `.`, which RFC 3629, section 3, forbids)
/// becomes its ASCII character, even where the bytes after the first are no continuation bytes.
fn without_overlong(bytes: &[u8]) -> Vec<u8> {
    let mut read = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, behind)) = rest.split_first() {
        let further = match first {
            0xc0 | 0xc1 => 1,
            0xe0 => 2,
            0xf0 => 3,
            0xf8 => 4,
            0xfc => 5,
            _ => 0,
        };
        let bits = |sum: u32, byte: &u8| (sum << 6) | u32::from(byte & 0x3f);
        let lead = u32::from(first & 0x01);
        let read_as = behind.get(..further).filter(|bytes| !bytes.is_empty());
        let character = read_as.map(|bytes| bytes.iter().fold(lead, bits));
        match character.and_then(|character| u8::try_from(character).ok()) {
            // A character beyond ASCII is no dot and no separator, overlong or not.
            Some(character) if character.is_ascii() => {
                read.push(character);
                rest = &behind[further..];
            }
            _ => {
                read.push(first);
                rest = behind;
            }
        }
    }
    read
}

/// Every `%` is followed by two hexadecimal digits (RFC 3986, section 2.1).
pub fn percent_encoding_holds(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'%', bytes).all(|at| {
        bytes
            .get(at + 1..at + 3)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_that_some_store_takes_for_dots_is_refused() {
        for path in [
            "..",
            ".",
            "a/../b",
            "a/%2e%2E/b",
            "..%2fb",
            "%5c..%5cb",
            // Servlet containers.
            "..;/b",
            "a/..;x=1/b",
            ".;/b",
            "%2e%2e%3b/b",
            "a/.%2e;",
            // A second URL.
            "..%3fx/b",
            "a/..%23",
            // Windows, and what trims.
            "..%20/b",
            "a/.%20%20",
            "..%09",
            "..%0d%0a/b",
            "..%20;x/b",
            // Overlong.
            "%c0%ae%c0%ae/b",
            "%C0%AE/b",
            ".%c0%ae/b",
            "%c0%2e%c0%2e/b",
            "%c0%6e%c0%6e/b",
            "%e0%80%ae%e0%80%ae/b",
            "%e0%40%ae./b",
            "%f0%80%80%ae%f0%80%80%ae",
            "%f8%80%80%80%ae./b",
            "%fc%80%80%80%80%ae./b",
            "..%c0%afb",
            "a%c1%9c..%c1%9cb",
            "%c0%ae%c0%ae%c0%bb/b",
            "..%c0%80/b",
        ] {
            let refused = check_segments(path, DotSegments::Refuse);
            assert_eq!(refused, Err(AddressFailure::DotSegment), "{path}");
            assert_eq!(check_segments(path, DotSegments::Forward), Ok(()), "{path}");
        }
        for path in [
            "",
            "k",
            "...",
            "%2e%2e%2e",
            "a..b",
            "..a",
            "a..",
            ".a;b",
            "..a;b",
            ";",
            ";..",
            "a;../b",
            "a;b/c;d",
            "%3f..",
            "a%20",
            "%20..",
            "%252e%252e%252fb",
            "%c3%a9",
            "%e0%a0%80",
            "%e2%80%a5",
            "%ef%bc%8e%ef%bc%8e",
            "%f0%9f%a6%80..",
            "%ff%fe",
            "%c0",
            "%c0%80",
            "a%c0%80..",
            "a%e0%80",
        ] {
            for rule in [DotSegments::Refuse, DotSegments::Forward] {
                assert_eq!(check_segments(path, rule), Ok(()), "{path}");
            }
        }
        for rule in [DotSegments::Refuse, DotSegments::Forward] {
            for (path, fault) in [
                ("a%00", PathFault::Nul),
                ("..%00", PathFault::Nul),
                ("a%", PathFault::PercentEncoding),
                ("%u002e%u002e/b", PathFault::PercentEncoding),
                ("%%32e/b", PathFault::PercentEncoding),
            ] {
                let refused = check_segments(path, rule);
                assert_eq!(refused, Err(AddressFailure::BadPath(fault)), "{path}");
            }
        }
    }

    #[test]
    fn each_rule_takes_its_names() {
        let long = "x".repeat(MAX_BUCKET_LENGTH);
        let longer = format!("{long}x");
        let of_s3 = ["abc", "a.b", "Bucket_1", "-a-", "10.0.0.1", &long];
        for name in of_s3 {
            for rule in [BucketNames::S3, BucketNames::Relaxed] {
                assert_eq!(check_bucket(name, rule), Ok(None), "{name}");
            }
        }
        let with_tenant = format!("t:{}", "x".repeat(MAX_BUCKET_LENGTH - 2));
        for (written, name) in [
            ("ab", None),
            ("A_", None),
            ("tenant:bucket", None),
            ("T_1:ab", None),
            (":bucket", None),
            ("tenant%3Abucket", Some("tenant:bucket")),
            ("tenant%3abucket", Some("tenant:bucket")),
            (&with_tenant, None),
        ] {
            let refused = AddressFailure::BadBucketName(BucketNames::S3);
            assert_eq!(check_bucket(written, BucketNames::S3), Err(refused));
            let name = name.map(str::to_owned);
            assert_eq!(check_bucket(written, BucketNames::Relaxed), Ok(name));
        }
        let longer_with_tenant = format!("{with_tenant}x");
        for name in [
            "",
            "a",
            ".",
            "..",
            "a..b",
            "tenant:",
            "tenant:b",
            "tenant:..",
            "a:b:cd",
            "te.nant:bucket",
            "tenant%3A",
            "bucket%20",
            "bucket%2Fk",
            "b%75cket",
            "bücket",
            "bucket;x",
            &longer,
            &longer_with_tenant,
        ] {
            for rule in [BucketNames::S3, BucketNames::Relaxed] {
                let refused = AddressFailure::BadBucketName(rule);
                assert_eq!(check_bucket(name, rule), Err(refused), "{name}");
            }
        }
    }
}
