//! Who a request says has signed it, for the log and the metrics of a request that is refused. Nothing here is verified, and
//! nothing is decided by it: it is read from whatever parts of a malformed request can be read.

use std::borrow::Cow;

use http::header::AUTHORIZATION;
use percent_encoding::percent_decode_str;

use super::form::FormFields;
use super::headers::text_of;
use super::{Field, Placement, Version};
use crate::dialect::{ChosenSyntax, Dialect, SYNTAXES, Syntax, choose};

/// What a request says of its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed<'r> {
    /// The AccessKeyId, of any length; not empty.
    pub access_key_id: Cow<'r, str>,
    /// The dialect and the syntax; none where it is not accepted.
    pub dialect: Option<ChosenSyntax>,
    /// The version of the signature.
    pub version: Version,
    /// Where the credentials stand.
    pub placement: Placement,
}

impl<'r> Claimed<'r> {
    fn new(
        (access_key_id, syntax, version): (Cow<'r, str>, &Syntax, Version),
        placement: Placement,
        accepted: &[&'static Dialect],
    ) -> Option<Self> {
        (!access_key_id.is_empty()).then(|| Self {
            access_key_id,
            dialect: choose(accepted, |accepted| accepted == syntax),
            version,
            placement,
        })
    }

    /// The same without borrowing from the request.
    pub fn into_owned(self) -> Claimed<'static> {
        Claimed {
            access_key_id: Cow::Owned(self.access_key_id.into_owned()),
            ..self
        }
    }

    /// The claim of the Authorization header, or else that of the query string; none where neither can be read.
    pub fn of(
        mut fields: impl Iterator<Item = Field<'r>>,
        query: Option<&'r str>,
        accepted: &[&'static Dialect],
    ) -> Option<Self> {
        let value = fields.find(|(name, _)| *name == AUTHORIZATION);
        let in_header = value.and_then(|(_, value)| in_header(value));
        match in_header {
            Some(found) => Self::new(found, Placement::Header, accepted),
            None => Self::new(in_query(query?)?, Placement::Query, accepted),
        }
    }

    /// The claim of a form upload.
    pub fn of_form(fields: &'r FormFields, accepted: &[&'static Dialect]) -> Option<Self> {
        let found = SYNTAXES.iter().find_map(|syntax| {
            let credential = fields.value(syntax.v4.parameters.credential);
            let credential = credential.map(|text| (account(text).into(), *syntax, Version::V4));
            credential.or_else(|| {
                let id = fields.value(syntax.access_key_parameter)?;
                Some((id.into(), *syntax, Version::V2))
            })
        });
        Self::new(found?, Placement::Form, accepted)
    }
}

/// The AccessKeyId of a credential, `AccessKeyId/date/region/service/terminator`.
fn account(credential: &str) -> &str {
    credential.split('/').next().unwrap_or_default()
}

fn in_header(value: &[u8]) -> Option<(Cow<'_, str>, &'static Syntax, Version)> {
    let (scheme, rest) = text_of(value)?.split_once([' ', '\t'])?;
    let rest = rest.trim_ascii();
    SYNTAXES.iter().find_map(|syntax| {
        if scheme == syntax.scheme {
            // Without a colon it may be a signature, which is not to be logged.
            let (id, _signature) = rest.rsplit_once(':')?;
            Some((id.into(), *syntax, Version::V2))
        } else if scheme == syntax.v4.algorithm {
            let (_, credential) = rest.split_once("Credential=")?;
            let credential = credential.split([',', ' ']).next()?;
            Some((account(credential).into(), *syntax, Version::V4))
        } else {
            None
        }
    })
}

fn in_query(query: &str) -> Option<(Cow<'_, str>, &'static Syntax, Version)> {
    query.split('&').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let name = percent_decode_str(name).decode_utf8().ok()?;
        let value = || percent_decode_str(value).decode_utf8_lossy();
        SYNTAXES.iter().find_map(|syntax| {
            if name.eq_ignore_ascii_case(syntax.access_key_parameter) {
                Some((value(), *syntax, Version::V2))
            } else if name.eq_ignore_ascii_case(syntax.v4.parameters.credential) {
                let id = account(&value()).to_owned();
                Some((id.into(), *syntax, Version::V4))
            } else {
                None
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{AWS, DIALECTS, DialectName};

    fn claimed<'r>(authorization: Option<&'r str>, query: &'r str) -> Option<Claimed<'r>> {
        let fields = authorization.map(|value| ("authorization", value.as_bytes()));
        Claimed::of(fields.into_iter(), Some(query), &DIALECTS)
    }

    #[test]
    fn d_who_is_read_from_what_a_fault_has_left() {
        use Placement::{Header, Query};
        use Version::{V2, V4};
        for (authorization, query, id, version, placement) in [
            (Some("AWS AKID:c2ln"), "", "AKID", V2, Header),
            (Some("AWS  AKID:c2ln x"), "", "AKID", V2, Header),
            (Some("AWS te:nant:c2ln"), "", "te:nant", V2, Header),
            (Some("WOS AKID:"), "", "AKID", V2, Header),
            (
                Some("AWS4-HMAC-SHA256 Credential=AKID/20260101/r/s3/aws4_request, Signature=x"),
                "",
                "AKID",
                V4,
                Header,
            ),
            (
                Some("WOS-HMAC-SHA256 Signature=x,Credential=AKID"),
                "",
                "AKID",
                V4,
                Header,
            ),
            (None, "AWSAccessKeyId=A%2bK&Expires=x", "A+K", V2, Query),
            (None, "a&awsaccesskeyid=AKID", "AKID", V2, Query),
            (
                None,
                "X-Amz-Credential=AKID%2F20260101%2Fr",
                "AKID",
                V4,
                Query,
            ),
            (None, "x-wos-cr%65dential=AKID/x", "AKID", V4, Query),
            (Some("Bearer x"), "WOSAccessKeyId=AKID", "AKID", V2, Query),
        ] {
            let claimed = claimed(authorization, query);
            let claimed =
                claimed.unwrap_or_else(|| panic!("nothing in {authorization:?}, {query}"));
            assert_eq!(
                (&*claimed.access_key_id, claimed.version, claimed.placement),
                (id, version, placement),
                "{authorization:?} {query}"
            );
            assert!(claimed.dialect.is_some());
        }
        for (authorization, query) in [
            (None, ""),
            (None, "AWSAccessKeyId=&x=y"),
            (None, "AccessKeyId=AKID"),
            (Some("AWS"), ""),
            (Some("AWS c2lnbmF0dXJl"), ""),
            (Some("AWSX AKID:c2ln"), ""),
            (Some("AWS :c2ln"), ""),
            (Some("AWS4-HMAC-SHA256 credential"), ""),
            (Some("AWS é:c2ln"), ""),
        ] {
            assert_eq!(
                claimed(authorization, query),
                None,
                "{authorization:?} {query}"
            );
        }
    }

    #[test]
    fn d_a_dialect_that_is_not_accepted_is_none_and_who_is_read_all_the_same() {
        let fields = [("authorization", &b"WOS AKID:c2ln"[..])];
        let here = Claimed::of(fields.into_iter(), None, &DIALECTS).unwrap();
        assert_eq!(here.dialect.unwrap().dialect.name, DialectName::Wos);
        let elsewhere = Claimed::of(fields.into_iter(), None, &[&AWS]).unwrap();
        assert_eq!(
            (&*elsewhere.access_key_id, elsewhere.dialect),
            ("AKID", None)
        );
    }
}
