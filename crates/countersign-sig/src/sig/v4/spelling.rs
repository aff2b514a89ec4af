//! The variants of the same canonical request that real clients sign.

use crate::dialect::{Syntax, ValueRule};
use crate::sig::query_headers::Plus;
use crate::sig::target::{PathSpelling, QuerySpelling, VerifiedTarget};

/// How the path is signed. Both mean the same request: clients sign what they send, or the path percent-encoded anew. The WOS
/// SDK for Java sends `%7E` for `~`, and `*` unencoded; AWS specifies `~` and `%2A`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    AsSent,
    Rfc3986,
}

/// How the query string is signed: as the path is, or with a space for each `+` (aws4fetch signs `%20` and sends `+`; S3
/// accepts both).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Query {
    AsSent,
    Rfc3986,
    Blanks,
}

/// How the values of headers are signed: as AWS specifies (trimmed, runs of spaces collapsed, the values of one name on one
/// line), or as the WOS SDKs do (unchanged, each value on a separate line).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    Collapsed,
    AsSent,
}

/// The default port that is signed with the Host but not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    AsSent,
    Https,
    Http,
}

/// The last line: the payload mode that the request declares, or `UNSIGNED-PAYLOAD` if the sender added the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    Declared,
    Unsigned,
}

/// One of the variants of the same canonical request that real clients sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelling {
    /// The path.
    pub path: Path,
    /// The query string.
    pub query: Query,
    /// The values of the headers.
    pub values: Values,
    /// The port of the Host.
    pub port: Port,
    /// The last line.
    pub payload: Payload,
}

impl Spelling {
    /// What a client most likely signed.
    pub const USUAL: Self = Self {
        path: Path::AsSent,
        query: Query::AsSent,
        values: Values::Collapsed,
        port: Port::AsSent,
        payload: Payload::Declared,
    };

    /// The canonical request as AWS specifies it; the signer of this crate writes it.
    pub const DOCUMENTED: Self = Self {
        path: Path::Rfc3986,
        query: Query::Rfc3986,
        ..Self::USUAL
    };

    /// The request target as it is signed in this variant.
    pub fn target(self) -> VerifiedTarget {
        VerifiedTarget {
            path: match self.path {
                Path::AsSent => PathSpelling::AsSent,
                Path::Rfc3986 => PathSpelling::Rfc3986,
            },
            query: match self.query {
                Query::AsSent => QuerySpelling::AsSent,
                Query::Rfc3986 => QuerySpelling::Rfc3986,
                Query::Blanks => QuerySpelling::Blanks,
            },
        }
    }

    /// What a `+` in the query string means.
    pub fn plus(self) -> Plus {
        match self.query {
            Query::AsSent | Query::Rfc3986 => Plus::Plus,
            Query::Blanks => Plus::Blank,
        }
    }

    /// The variant that the vendor's nodes accept.
    pub fn of(syntax: &Syntax) -> Self {
        let values = match syntax.v4.value_rule {
            ValueRule::Collapsed => Values::Collapsed,
            ValueRule::AsSent => Values::AsSent,
        };
        Self {
            values,
            ..Self::DOCUMENTED
        }
    }
}
