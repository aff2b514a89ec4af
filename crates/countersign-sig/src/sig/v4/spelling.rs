//! The spellings of one and the same canonical request that real clients sign.

use crate::dialect::{Syntax, ValueRule};
use crate::sig::query_headers::Plus;
use crate::sig::target::{PathSpelling, QuerySpelling, VerifiedTarget};

/// How the path is written. Both mean the same request: clients sign what they send, or what RFC 3986 makes of it (WOS SDK
/// for Java: `~` as `%7E`, `*` as it is; AWS's rules: the other way round).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    AsSent,
    Rfc3986,
}

/// How the query string is written: as the path is, or with a blank for each `+` (aws4fetch signs `%20` and sends `+`; S3
/// takes both).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Query {
    AsSent,
    Rfc3986,
    Blanks,
}

/// How the values of headers are written: by AWS's rules, trimmed, with one blank for several and one line for the values
/// of one name, or as the WOS SDKs do it, untouched and each value on its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    Collapsed,
    AsSent,
}

/// The default port that stands behind the Host in what is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    AsSent,
    Https,
    Http,
}

/// The last line: what the request declares, or `UNSIGNED-PAYLOAD` where a header that nothing signs declares more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    Declared,
    Unsigned,
}

/// A spelling of one and the same canonical request that real clients use.
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

    /// What AWS's rules ask for; our own signers write it.
    pub const DOCUMENTED: Self = Self {
        path: Path::Rfc3986,
        query: Query::Rfc3986,
        ..Self::USUAL
    };

    /// How the request target reads in this spelling.
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

    /// What a `+` in the query string stands for.
    pub fn plus(self) -> Plus {
        match self.query {
            Query::AsSent | Query::Rfc3986 => Plus::Plus,
            Query::Blanks => Plus::Blank,
        }
    }

    /// What the vendor's nodes take from everybody.
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
