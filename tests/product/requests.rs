//! From a combination to the bytes of a request.

use crate::body;
use crate::combination::{Combination, Flaw, Kind, Style};
use crate::forms;
use crate::operations::Level;
use crate::v4::{Canonical, Chain, Scope, Words, stamp, words};
use support::signer::{
    ACCESS_KEY_ID, DOMAIN, Request, SECRET_ACCESS_KEY, Signing, Word, date_at, encode, unix_time,
};

pub const BUCKET: &str = "bucket01";
const OTHER_SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEZ";
const UNKNOWN_KEY: &str = "AKIAIOSFODNN7UNKNOWN";
/// Further off than the 15 minutes that a clock may be.
const MINUTES_16: i64 = 16 * 60;
const LIFE: i64 = 600;

/// A request as it is sent.
pub struct Sent {
    pub bytes: Vec<u8>,
    /// The object, without frames.
    pub data: Vec<u8>,
    /// The body as it is on the wire.
    pub body: Vec<u8>,
    /// The target without credentials.
    pub target: String,
}

/// A request under construction.
pub struct Draft {
    pub method: String,
    pub path: String,
    pub parameters: Vec<String>,
    /// `Host` is the first one.
    pub headers: Vec<(String, String)>,
    pub bucket: Option<String>,
}

impl Draft {
    fn of(combination: &Combination) -> Self {
        let Combination {
            word,
            operation,
            serial,
            style,
            ..
        } = combination;
        let key = match operation.level {
            Level::Object => format!("/key{serial}"),
            Level::Bucket | Level::Service => String::new(),
        };
        let virtual_host = *style == Style::VirtualHost && operation.level != Level::Service;
        let (path, host) = match operation.level {
            Level::Service => ("/".to_owned(), DOMAIN.to_owned()),
            _ if !virtual_host => (format!("/{BUCKET}{key}"), DOMAIN.to_owned()),
            Level::Bucket => ("/".to_owned(), format!("{BUCKET}.{DOMAIN}")),
            Level::Object => (key, format!("{BUCKET}.{DOMAIN}")),
        };
        let parameters = operation.query.split('&').filter(|pair| !pair.is_empty());
        let mut draft = Self {
            method: operation.method.into(),
            path,
            parameters: parameters.map(Into::into).collect(),
            headers: vec![("host".into(), host)],
            bucket: virtual_host.then(|| BUCKET.into()),
        };
        draft.header(word, "meta-note", "as signed");
        if let Some((name, value)) = operation.header {
            draft.header(word, name, value);
        }
        draft
    }

    fn header(&mut self, word: &Word, name: &str, value: &str) {
        let name = format!("{}{name}", word.header_prefix());
        self.headers.push((name, value.into()));
    }

    fn target(&self) -> String {
        match self.parameters.is_empty() {
            true => self.path.clone(),
            false => format!("{}?{}", self.path, self.parameters.join("&")),
        }
    }

    fn bytes(&self, body: &[u8]) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target());
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() || matches!(self.method.as_str(), "PUT" | "POST") {
            text += &format!("content-length: {}\r\n", body.len());
        }
        let mut bytes = (text + "\r\n").into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }

    /// What a request of version 2 signs.
    fn signing(&self, word: Word) -> Signing {
        let mut request = Request::new(word, &self.method, &self.target());
        request.headers.clone_from(&self.headers);
        request.bucket.clone_from(&self.bucket);
        request.signing()
    }
}

/// Writes a combination down.
pub fn write(combination: &Combination) -> Sent {
    let (word, payload) = (combination.word, combination.payload);
    let mut draft = Draft::of(combination);
    if combination.kind.is_form() {
        let form = forms::write(combination);
        draft.headers.truncate(1);
        draft.headers.extend(form.headers);
        return Sent {
            bytes: draft.bytes(&form.body),
            target: format!("{}/{}", draft.path.trim_end_matches('/'), form.key),
            data: form.file,
            body: form.body,
        };
    }
    let data = body::data(combination);
    let mode = body::mode_value(word, payload, &data);
    draft.headers.extend(body::headers(word, payload, &data));
    if let Some(mode) = &mode {
        draft.header(&word, "content-sha256", mode);
    }
    before(combination, &mut draft);
    let plain = draft.target();
    let chain = match combination.kind {
        Kind::V2Header => sign_v2_header(combination, &mut draft),
        Kind::V2Query => sign_v2_query(combination, &mut draft),
        Kind::V4Header | Kind::V4Query => Some(sign_v4(combination, &mut draft, mode)),
        Kind::None | Kind::V2Form | Kind::V4Form => None,
    };
    after(combination, &mut draft);
    let body = body::sent(word, payload, &data, chain);
    Sent {
        bytes: draft.bytes(&body),
        data,
        body,
        target: plain,
    }
}

/// What is wrong in a way that the signature covers.
fn before(combination: &Combination, draft: &mut Draft) {
    let word = combination.word;
    match combination.flaw {
        Flaw::RepeatedParameter => draft
            .parameters
            .extend(["prefix=a".into(), "prefix=b".into()]),
        Flaw::RepeatedHeader => {
            draft.header(&word, "acl", "private");
            draft.header(&word, "acl", "public-read");
        }
        Flaw::JunkToken => draft.header(&word, "security-token", "junk"),
        _ => {}
    }
}

/// What is changed behind the signature.
fn after(combination: &Combination, draft: &mut Draft) {
    let (word, kind) = (combination.word, combination.kind);
    let note = format!("{}meta-note", word.header_prefix());
    match combination.flaw {
        Flaw::AddedHeader => draft.header(&word, "acl", "public-read"),
        Flaw::AlteredHeader => {
            for (_, value) in draft.headers.iter_mut().filter(|(name, _)| *name == note) {
                *value = "as altered".into();
            }
        }
        Flaw::DroppedHeader => draft.headers.retain(|(name, _)| *name != note),
        Flaw::ForeignHeader => draft.header(&other(word), "acl", "public-read"),
        Flaw::AddedParameter => draft.parameters.push("colour=red".into()),
        Flaw::AlteredPath => draft.path += "altered",
        Flaw::TwoMechanisms if kind.is_query() => {
            let value = format!("{} AKID:signature", word.scheme());
            draft.headers.push(("authorization".into(), value));
        }
        Flaw::TwoMechanisms => draft.parameters.push("Signature=x".into()),
        _ => {}
    }
}

fn other(word: Word) -> Word {
    match word {
        Word::Aws => Word::Wos,
        Word::Wos => Word::Aws,
    }
}

pub fn secret(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::WrongSecret => OTHER_SECRET,
        _ => SECRET_ACCESS_KEY,
    }
}

pub fn key(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::UnknownKey => UNKNOWN_KEY,
        Flaw::EmptyKey => "",
        _ => ACCESS_KEY_ID,
    }
}

/// The signature that is sent in place of the right one.
pub fn spoiled(flaw: Flaw, right: String) -> String {
    match flaw {
        Flaw::EmptySignature => String::new(),
        Flaw::WrongSignature => {
            let other = if right.starts_with('0') { "1" } else { "0" };
            format!("{other}{}", &right[1..])
        }
        // Capital hexadecimal digits; in base64, other bits behind the last byte, which a lenient decoder does not look at.
        Flaw::OtherSpelling => match right.strip_suffix('=') {
            None => right.to_ascii_uppercase(),
            Some(rest) => {
                let (rest, last) = rest.split_at(rest.len() - 1);
                let next = char::from(last.as_bytes()[0] + 1);
                format!("{rest}{next}=")
            }
        },
        _ => right,
    }
}

fn offset(flaw: Flaw) -> i64 {
    match flaw {
        Flaw::Stale => -MINUTES_16,
        Flaw::Early => MINUTES_16,
        _ => 0,
    }
}

fn sign_v2_header(combination: &Combination, draft: &mut Draft) -> Option<Chain> {
    let (word, flaw) = (combination.word, combination.flaw);
    match flaw {
        Flaw::NoDate => {}
        Flaw::GarbledDate => draft.headers.push(("date".into(), "yesterday".into())),
        _ => draft.headers.push(("date".into(), date_at(offset(flaw)))),
    }
    let signature = spoiled(flaw, draft.signing(word).signature(secret(flaw)));
    let scheme = match flaw {
        Flaw::OtherWord => "Bearer",
        _ => word.scheme(),
    };
    let value = format!("{scheme} {}:{signature}", key(flaw));
    draft.headers.push(("authorization".into(), value));
    None
}

fn sign_v2_query(combination: &Combination, draft: &mut Draft) -> Option<Chain> {
    let (word, flaw) = (combination.word, combination.flaw);
    let expires = match flaw {
        Flaw::Stale => unix_time(-60).to_string(),
        Flaw::GarbledExpires => "tomorrow".into(),
        _ => unix_time(LIFE).to_string(),
    };
    let mut signing = draft.signing(word);
    signing.date.clone_from(&expires);
    let signature = spoiled(flaw, signing.signature(secret(flaw)));
    let parameter = word.access_key_parameter();
    draft.parameters.push(format!("{parameter}={}", key(flaw)));
    if flaw != Flaw::NoExpires {
        draft.parameters.push(format!("Expires={expires}"));
    }
    draft
        .parameters
        .push(format!("Signature={}", encode(&signature)));
    None
}

fn scope(flaw: Flaw, words: &Words, stamp: &str) -> Scope {
    let right = Scope::of(words, stamp);
    match flaw {
        Flaw::ScopeDay => Scope {
            day: "20130524".into(),
            ..right
        },
        Flaw::ScopeRegion => Scope {
            region: "eu-west-1".into(),
            ..right
        },
        Flaw::ScopeService => Scope {
            service: "sts".into(),
            ..right
        },
        Flaw::ScopeTerminator => Scope {
            terminator: "aws5_request".into(),
            ..right
        },
        _ => right,
    }
}

/// The signing key, and the credential as it is written.
pub fn credential(word: Word, flaw: Flaw, stamp: &str) -> (Chain, String) {
    let words = words(word);
    let scope = scope(flaw, &words, stamp);
    let chain = Chain::new(words.seed, secret(flaw), words.algorithm, stamp, &scope);
    let scope = match flaw {
        Flaw::ShortScope => scope.text().replace("/us-east-1", ""),
        _ => scope.text(),
    };
    (chain, format!("{}/{scope}", key(flaw)))
}

fn signed_headers(flaw: Flaw, draft: &Draft) -> Vec<String> {
    let mut signed: Vec<String> = draft.headers.iter().map(|(name, _)| name.clone()).collect();
    if flaw == Flaw::AbsentHeader {
        signed.push("x-client".into());
    }
    signed.sort();
    signed.dedup();
    match flaw {
        Flaw::UnsignedHeader => signed.retain(|name| !name.ends_with("meta-note")),
        Flaw::UnsignedHost => signed.retain(|name| name != "host"),
        Flaw::UnsortedHeaders => signed.reverse(),
        _ => {}
    }
    signed
}

fn sign_v4(combination: &Combination, draft: &mut Draft, mode: Option<String>) -> Chain {
    let (word, flaw) = (combination.word, combination.flaw);
    let query = combination.kind == Kind::V4Query;
    let words = words(word);
    let algorithm = match flaw {
        Flaw::OtherAlgorithm => &words.algorithm.replace("SHA256", "SHA1"),
        Flaw::AsymmetricAlgorithm => "AWS4-ECDSA-P256-SHA256",
        Flaw::OtherWord => "Bearer",
        _ => words.algorithm,
    };
    let stamp = stamp(unix_time(offset(flaw)));
    let sent_stamp = match flaw {
        Flaw::GarbledDate => "yesterday".to_owned(),
        _ => stamp.clone(),
    };
    if !query && flaw != Flaw::NoDate {
        draft.header(&word, "date", &sent_stamp);
    }
    let signed = signed_headers(flaw, draft);
    let (mut chain, credential) = credential(word, flaw, &stamp);
    if query {
        let own = |name: &str, value: &str| format!("{}{name}={}", words.parameters, encode(value));
        draft.parameters.push(own("Algorithm", algorithm));
        draft.parameters.push(own("Credential", &credential));
        if flaw != Flaw::NoDate {
            draft.parameters.push(own("Date", &sent_stamp));
        }
        match flaw {
            Flaw::NoExpires => {}
            Flaw::GarbledExpires => draft.parameters.push(own("Expires", "1e3")),
            Flaw::ZeroExpires => draft.parameters.push(own("Expires", "0")),
            Flaw::LongExpires => draft.parameters.push(own("Expires", "604801")),
            _ => draft.parameters.push(own("Expires", &LIFE.to_string())),
        }
        if flaw != Flaw::MissingPart {
            draft
                .parameters
                .push(own("SignedHeaders", &signed.join(";")));
        }
    }
    let canonical = Canonical {
        method: &draft.method,
        path: &draft.path,
        parameters: &draft.parameters,
        headers: &draft.headers,
        signed: &signed,
        payload: mode.as_deref().unwrap_or("UNSIGNED-PAYLOAD"),
    };
    let signature = chain.request(&canonical.request());
    let signature = spoiled(flaw, signature);
    if query {
        draft
            .parameters
            .push(format!("{}Signature={signature}", words.parameters));
    } else {
        let names = match flaw {
            Flaw::MissingPart => String::new(),
            _ => format!("SignedHeaders={}, ", signed.join(";")),
        };
        let value = format!("{algorithm} Credential={credential}, {names}Signature={signature}");
        draft.headers.push(("authorization".into(), value));
    }
    chain
}
