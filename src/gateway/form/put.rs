//! The PUT for the file of a form.

use std::borrow::Cow;

use http::header::{
    ACCEPT, CONTENT_LENGTH, DATE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERER,
    TRANSFER_ENCODING, USER_AGENT,
};
use pingora::http::RequestHeader;

use super::tagging;
use crate::address::Address;
use crate::dialect::Syntax;
use crate::error::Refusal;
use crate::sig::Verified;
use crate::sig::form::{FormFields, PolicyFailure};
use crate::wire::head::RequestHead;

/// The forwarded header fields of the form's request: none about the object, because the policy does not cover them.
const KEPT: [HeaderName; 6] = [HOST, USER_AGENT, ACCEPT, DATE, ORIGIN, REFERER];

/// The fields that become header fields with the same name (Amazon S3 API Reference, "POST Object": "Form fields").
const PLAIN: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
];

/// The same for the vendor's fields, by the name after the prefix; a name that ends with a hyphen is a prefix.
const VENDORS: [&str; 7] = [
    "checksum-",
    "meta-",
    "object-lock-",
    "sdk-checksum-algorithm",
    "server-side-encryption",
    "storage-class",
    "website-redirect-location",
];

/// The use of a field.
enum Use {
    Header(String),
    /// A document, which is converted for the header field with this name.
    Tagging(String),
    /// It is for the gateway or for the client.
    None,
    /// It changes what is stored, but a PUT has no header field for it.
    Unsupported,
}

/// The method and the target of the PUT.
///
/// # Errors
/// None: the path of an object is always a valid target.
pub fn request(address: &Address) -> Result<RequestHeader, Refusal> {
    let request = RequestHeader::build("PUT", address.path().as_bytes(), None);
    request.map_err(|_no_path| Refusal::Internal)
}

/// The header fields of the PUT. Without a length it has `Transfer-Encoding: chunked`.
///
/// # Errors
/// [`PolicyFailure::UnsupportedField`], [`PolicyFailure::FieldValue`], [`PolicyFailure::Tagging`].
pub fn fields(
    form: &RequestHead,
    verified: &Verified,
    fields: &FormFields,
    length: Option<u64>,
) -> Result<RequestHead, Refusal> {
    let names = verified.dialect().syntax;
    let mut put = HeaderMap::new();
    for name in KEPT {
        if let Some(value) = form.value(name.as_str()) {
            let value = HeaderValue::from_bytes(value).map_err(|_no_value| Refusal::Internal)?;
            put.insert(name, value);
        }
    }
    for (field, value) in fields.iter() {
        let (name, value) = match use_of(field, names) {
            Use::Header(name) => (name, Cow::Borrowed(value)),
            // An input that was left empty.
            Use::Tagging(_) if value.is_empty() => continue,
            Use::Tagging(name) => {
                let tags = tagging::header_value(value);
                (
                    name,
                    tags.map_err(PolicyFailure::Tagging)
                        .map_err(Refusal::Policy)?
                        .into(),
                )
            }
            Use::None => continue,
            Use::Unsupported => {
                let failure = PolicyFailure::UnsupportedField(field.to_owned());
                return Err(Refusal::Policy(failure));
            }
        };
        let wrong = || Refusal::Policy(PolicyFailure::FieldValue(field.to_owned()));
        let name = HeaderName::try_from(name).map_err(|_no_name| wrong())?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_no_value| wrong())?;
        put.insert(name, value);
    }
    match length {
        Some(length) => put.insert(CONTENT_LENGTH, HeaderValue::from(length)),
        None => put.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
    };
    Ok(RequestHead::of(&put).with_body_length(length))
}

fn use_of(field: &str, names: &Syntax) -> Use {
    if PLAIN.contains(&field) {
        return Use::Header(field.to_owned());
    }
    if field == "acl" {
        return Use::Header(format!("{}acl", names.header_prefix));
    }
    if field == "tagging" {
        return Use::Tagging(format!("{}tagging", names.header_prefix));
    }
    let Some(rest) = field.strip_prefix(names.header_prefix) else {
        return Use::None;
    };
    let v4 = &names.v4.parameters;
    let signs = [
        v4.algorithm,
        v4.credential,
        v4.date,
        v4.signature,
        v4.security_token,
    ];
    let is_known = |name: &&str| {
        rest == *name
            || rest
                .strip_prefix(name)
                .is_some_and(|rest| name.ends_with('-') || rest.starts_with('-'))
    };
    if signs.iter().any(|name| name.eq_ignore_ascii_case(field)) {
        Use::None
    } else if VENDORS.iter().any(is_known) {
        Use::Header(field.to_owned())
    } else {
        Use::Unsupported
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::AWS;

    fn header_of(field: &str) -> Option<Option<String>> {
        match use_of(field, AWS.syntaxes[0]) {
            Use::Header(name) | Use::Tagging(name) => Some(Some(name)),
            Use::None => Some(None),
            Use::Unsupported => None,
        }
    }

    #[test]
    fn what_the_policy_allows_is_applied_or_refused() {
        for (field, header) in [
            ("content-type", "content-type"),
            ("content-md5", "content-md5"),
            ("expires", "expires"),
            ("acl", "x-amz-acl"),
            ("tagging", "x-amz-tagging"),
            ("x-amz-meta-a", "x-amz-meta-a"),
            ("x-amz-storage-class", "x-amz-storage-class"),
            ("x-amz-checksum-sha256", "x-amz-checksum-sha256"),
            (
                "x-amz-server-side-encryption-aws-kms-key-id",
                "x-amz-server-side-encryption-aws-kms-key-id",
            ),
        ] {
            assert_eq!(header_of(field), Some(Some(header.into())), "{field}");
        }
        for field in [
            "key",
            "bucket",
            "policy",
            "submit",
            "content-length",
            "authorization",
            "host",
            "success_action_status",
            "x-ignore-a",
            "x-amz-date",
            "x-amz-security-token",
        ] {
            assert_eq!(header_of(field), Some(None), "{field}");
        }
        for field in [
            "x-amz-tagging",
            "x-amz-copy-source",
            "x-amz-content-sha256",
            "x-amz-decoded-content-length",
            "x-amz-trailer",
            "x-amz-acl",
            "x-amz-bypass-governance-retention",
            "x-amz-storage-classes",
        ] {
            assert_eq!(header_of(field), None, "{field}");
        }
    }
}
