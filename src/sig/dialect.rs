//! The signature dialects: one row of a constant table each.

/// Whose words a request, an answer or a node uses.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    strum::EnumCount,
)]
#[serde(rename_all = "lowercase")]
pub enum DialectName {
    /// Amazon S3.
    Aws,
    /// Wangsu (ChinaNetCenter, CDNetworks) object storage.
    Wos,
}

impl V4Parameters {
    /// Every name.
    pub fn all(&self) -> [&'static str; 8] {
        [
            self.algorithm,
            self.credential,
            self.date,
            self.expires,
            self.signed_headers,
            self.signature,
            self.security_token,
            self.content_sha256,
        ]
    }
}

impl DialectName {
    /// The word in the configuration and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Wos => "wos",
        }
    }
}

/// One way of writing a signature within a dialect.
#[derive(Debug)]
pub struct Form {
    /// The word of the HMAC-SHA1 form of the Authorization header.
    pub scheme: &'static str,
    /// The words of the HMAC-SHA256 form.
    pub v4: V4Words,
    /// The prefix of the vendor's header names, lower-case, with the hyphen.
    pub header_prefix: &'static str,
    /// The vendor's date header.
    pub date_header: &'static str,
    /// The header of answers with the id of the request.
    pub request_id_header: &'static str,
    /// The query parameter with the access key id.
    pub access_key_parameter: &'static str,
}

/// No two forms have the same scheme, so that one word is compared and not thirty.
impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        self.scheme == other.scheme
    }
}

impl Eq for Form {}

/// The words of the HMAC-SHA256 form (SigV4) of a vendor.
#[derive(Debug)]
pub struct V4Words {
    /// The algorithm word: the first of the Authorization header and of the StringToSign.
    pub algorithm: &'static str,
    /// What stands before the secret where the signing key is derived.
    pub key_seed: &'static str,
    /// The service of the credential scope.
    pub service: &'static str,
    /// The last component of the credential scope.
    pub terminator: &'static str,
    /// The header with the payload mode.
    pub content_sha256_header: &'static str,
    /// The header with the session token.
    pub security_token_header: &'static str,
    /// The parameters of a presigned request.
    pub parameters: V4Parameters,
    /// Which texts of the Host the vendor's clients sign.
    pub host_rule: HostRule,
    /// How the vendor's clients write the values of signed headers.
    pub value_rule: ValueRule,
}

/// The query parameters of a presigned request, in their exact spelling.
#[derive(Debug)]
pub struct V4Parameters {
    /// The algorithm word.
    pub algorithm: &'static str,
    /// `AccessKeyId/date/region/service/terminator`.
    pub credential: &'static str,
    /// The time of signing.
    pub date: &'static str,
    /// The life in seconds, counted from the time of signing.
    pub expires: &'static str,
    /// The names of the signed headers.
    pub signed_headers: &'static str,
    /// The signature: the one parameter that is not signed.
    pub signature: &'static str,
    /// The session token.
    pub security_token: &'static str,
    /// The payload mode.
    pub content_sha256: &'static str,
}

/// How the values of signed headers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRule {
    /// One blank for several, and the values of one name on one line.
    Collapsed,
    /// Untouched, and each value on a line of its own (WOS SDKs for Go and Java).
    AsSent,
}

/// Which texts of the Host header clients sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostRule {
    /// The text that they send.
    AsSent,
    /// That, or the same with the default port that they leave out when they send it (WOS SDK for Go).
    DefaultPort,
}

/// Whether the names of sub-resources are told apart by case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseRule {
    /// `acl` alone.
    Sensitive,
    /// `acl`, `ACL` and `Acl`.
    Insensitive,
}

/// One row of the table.
#[derive(Debug)]
pub struct Dialect {
    /// The row's name.
    pub name: DialectName,
    /// The forms that a client of this vendor may use.
    pub forms: &'static [&'static Form],
    /// The sub-resources that the HMAC-SHA1 form signs. Sorted, in the spelling of the vendor's clients.
    pub sub_resources: &'static [&'static str],
    /// How names of sub-resources are compared.
    pub case_rule: CaseRule,
    /// Whether parameters that start with the header prefix are signed as sub-resources.
    pub prefixed_parameters: PrefixedParameters,
}

/// Whether a query parameter that starts with the header prefix counts as a sub-resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrefixedParameters {
    /// It is signed.
    Signed,
    /// It is not.
    Unsigned,
}

const AWS_FORM: Form = Form {
    scheme: "AWS",
    v4: V4Words {
        algorithm: "AWS4-HMAC-SHA256",
        key_seed: "AWS4",
        service: "s3",
        terminator: "aws4_request",
        content_sha256_header: "x-amz-content-sha256",
        security_token_header: "x-amz-security-token",
        parameters: V4Parameters {
            algorithm: "X-Amz-Algorithm",
            credential: "X-Amz-Credential",
            date: "X-Amz-Date",
            expires: "X-Amz-Expires",
            signed_headers: "X-Amz-SignedHeaders",
            signature: "X-Amz-Signature",
            security_token: "X-Amz-Security-Token",
            content_sha256: "X-Amz-Content-Sha256",
        },
        host_rule: HostRule::AsSent,
        value_rule: ValueRule::Collapsed,
    },
    header_prefix: "x-amz-",
    date_header: "x-amz-date",
    request_id_header: "x-amz-request-id",
    access_key_parameter: "AWSAccessKeyId",
};

const WOS_FORM: Form = Form {
    scheme: "WOS",
    v4: V4Words {
        algorithm: "WOS-HMAC-SHA256",
        key_seed: "WOS",
        service: "wos",
        terminator: "wos_request",
        content_sha256_header: "x-wos-content-sha256",
        security_token_header: "x-wos-security-token",
        parameters: V4Parameters {
            algorithm: "X-Wos-Algorithm",
            credential: "X-Wos-Credential",
            date: "X-Wos-Date",
            expires: "X-Wos-Expires",
            signed_headers: "X-Wos-SignedHeaders",
            signature: "X-Wos-Signature",
            security_token: "X-Wos-Security-Token",
            content_sha256: "X-Wos-Content-Sha256",
        },
        host_rule: HostRule::DefaultPort,
        value_rule: ValueRule::AsSent,
    },
    header_prefix: "x-wos-",
    date_header: "x-wos-date",
    request_id_header: "x-wos-request-id",
    access_key_parameter: "WOSAccessKeyId",
};

/// Every form, for the questions that concern all vendors at once.
pub const FORMS: &[&Form] = &[&AWS_FORM, &WOS_FORM];

/// Amazon S3. The sub-resources are those that botocore 1.x signs under V2 (`botocore/auth.py`, 35 names).
pub static AWS: Dialect = Dialect {
    name: DialectName::Aws,
    forms: &[&AWS_FORM],
    sub_resources: &[
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "defaultObjectAcl",
        "delete",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "partNumber",
        "policy",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "select",
        "select-type",
        "storageClass",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    ],
    case_rule: CaseRule::Sensitive,
    prefixed_parameters: PrefixedParameters::Unsigned,
};

/// Wangsu object storage. Its clients use the vendor's words or plain AWS ones; on a listener that accepts both
/// dialects AWS words are the row above's.
pub static WOS: Dialect = Dialect {
    name: DialectName::Wos,
    forms: &[&WOS_FORM, &AWS_FORM],
    sub_resources: &[
        "acl",
        "append",
        "backtosource",
        "cors",
        "delete",
        "deletebucket",
        "ignore-sign-in-query",
        "lifecycle",
        "location",
        "logging",
        "metadata",
        "notification",
        "partNumber",
        "policy",
        "position",
        "quota",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "storageClass",
        "storagePolicy",
        "storageinfo",
        "symlink",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
        "x-image-process",
        "x-image-save-bucket",
        "x-image-save-object",
        "x-oss-process",
        "x-wos-process",
    ],
    case_rule: CaseRule::Insensitive,
    prefixed_parameters: PrefixedParameters::Signed,
};

/// Every row.
pub static DIALECTS: &[&Dialect] = &[&AWS, &WOS];

impl Dialect {
    /// The row with this name.
    pub fn named(name: DialectName) -> &'static Dialect {
        match name {
            DialectName::Aws => &AWS,
            DialectName::Wos => &WOS,
        }
    }

    /// Whether the HMAC-SHA1 form signs the parameter with this decoded name.
    pub fn signs(&self, form: &Form, name: &str) -> bool {
        let listed = match self.case_rule {
            CaseRule::Sensitive => self.sub_resources.binary_search(&name).is_ok(),
            CaseRule::Insensitive => self
                .sub_resources
                .iter()
                .any(|own| own.eq_ignore_ascii_case(name)),
        };
        listed
            || (self.prefixed_parameters == PrefixedParameters::Signed
                && starts_with_ignoring_case(name, form.header_prefix))
    }
}

/// A row of the dialect table and the form of it that a request uses.
#[derive(Debug, Clone, Copy)]
pub struct DialectForm {
    /// The row.
    pub dialect: &'static Dialect,
    /// The form.
    pub form: &'static Form,
}

impl PartialEq for DialectForm {
    fn eq(&self, other: &Self) -> bool {
        self.dialect.name == other.dialect.name && self.form == other.form
    }
}

impl Eq for DialectForm {}

/// The first of the accepted dialects that has a form for which `says` holds.
pub fn choose(accepted: &[&'static Dialect], says: impl Fn(&Form) -> bool) -> Option<DialectForm> {
    accepted.iter().find_map(|dialect| {
        let form = dialect.forms.iter().find(|form| says(form))?;
        Some(DialectForm { dialect, form })
    })
}

/// Whether some form of some dialect signs the parameter with this decoded name.
pub fn signed_somewhere(name: &str) -> bool {
    let mut forms = DIALECTS
        .iter()
        .flat_map(|row| row.forms.iter().map(move |form| (row, form)));
    forms.any(|(row, form)| row.signs(form, name))
}

/// The rest of a header's name behind any vendor's prefix; none for an ordinary header. `name` is lower-case.
pub fn vendor_header(name: &str) -> Option<&str> {
    // Most headers are no vendor's, and every vendor's starts with this letter.
    if !name.starts_with('x') {
        return None;
    }
    FORMS
        .iter()
        .find_map(|form| name.strip_prefix(form.header_prefix))
}

/// Whether `text` starts with `prefix`, in whatever case.
pub fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.as_bytes()
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::v2::ordinary;
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_unique() {
        assert_eq!(DIALECTS.len(), 2);
        for dialect in DIALECTS {
            let names = dialect.sub_resources;
            assert!(
                names.is_sorted_by(|a, b| a < b),
                "{}",
                dialect.name.as_str()
            );
            assert_eq!(Dialect::named(dialect.name).name, dialect.name);
        }
        assert_eq!(AWS.sub_resources.len(), 35);
        assert_eq!(WOS.sub_resources.len(), 42);
    }

    #[test]
    fn no_sub_resource_is_an_ordinary_parameter() {
        for name in DIALECTS.iter().flat_map(|dialect| dialect.sub_resources) {
            assert!(!ordinary(name), "{name}");
        }
    }

    #[test]
    fn words_and_prefixes_do_not_clash() {
        for (at, form) in FORMS.iter().enumerate() {
            assert!(form.header_prefix.starts_with('x') && form.header_prefix.ends_with('-'));
            assert_eq!(form.header_prefix, form.header_prefix.to_ascii_lowercase());
            assert_eq!(form.date_header, format!("{}date", form.header_prefix));
            assert_eq!(
                form.request_id_header,
                format!("{}request-id", form.header_prefix)
            );
            let of_header = [
                (form.v4.content_sha256_header, "content-sha256"),
                (form.v4.security_token_header, "security-token"),
            ];
            for (name, rest) in of_header {
                assert_eq!(name.strip_prefix(form.header_prefix), Some(rest));
            }
            for name in form.v4.parameters.all() {
                assert!(
                    starts_with_ignoring_case(name, form.header_prefix),
                    "{name}"
                );
            }
            for other in &FORMS[at + 1..] {
                assert_ne!(form.scheme, other.scheme);
                assert!(!other.header_prefix.starts_with(form.header_prefix));
                assert!(!form.header_prefix.starts_with(other.header_prefix));
            }
        }
    }

    #[test]
    fn each_row_has_its_case_rule() {
        assert!(AWS.signs(&AWS_FORM, "uploads"));
        assert!(!AWS.signs(&AWS_FORM, "UPLOADS"));
        assert!(!AWS.signs(&AWS_FORM, "x-amz-anything"));
        assert!(WOS.signs(&WOS_FORM, "UPLOADS"));
        assert!(WOS.signs(&WOS_FORM, "X-Wos-Anything"));
        assert!(!WOS.signs(&WOS_FORM, "uploadz"));
    }
}
