//! Every rule of the verification: what breaks it, what the answer is, and which of two broken rules is answered.

#[path = "support/line.rs"]
mod line;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign::error::Refusal;
use countersign::sig::AuthFailure;
use countersign::sig::dialect::{AWS, DialectName};
use line::{Line, Stop};
use support::signer::{ACCESS_KEY_ID, Request, SECRET_ACCESS_KEY, Word, encode};

/// 2026-11-22 10:00:00 UTC: the time in every case.
const NOW: u64 = 1_795_341_600;

fn time(offset: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW.checked_add_signed(offset).expect("after 1970"))
}

fn date(offset: i64) -> Option<String> {
    Some(httpdate::fmt_http_date(time(offset)))
}

/// Where the credentials stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Header,
    Query,
}
use Form::{Header, Query};

const BOTH: &[Form] = &[Header, Query];

/// A request in the parts it is written from. Unchanged, it is accepted.
struct Case {
    word: Word,
    form: Form,
    line: Line,
    /// What is signed.
    request: Request,
    date: Option<String>,
    /// What is written.
    credentials: bool,
    scheme: String,
    gap: &'static str,
    id: String,
    colon: &'static str,
    tail: &'static str,
    id_parameter: String,
    expires: Option<String>,
    signature_parameter: &'static str,
    /// From the right signature to the one that is written.
    signature: fn(String) -> String,
    added: Vec<String>,
    added_headers: Vec<(String, String)>,
}

impl Case {
    fn new(word: Word, form: Form) -> Self {
        Self {
            word,
            form,
            line: Line::new(time(0)),
            request: Request::new(word, "GET", "/bucket01/key?acl"),
            date: date(0),
            credentials: true,
            scheme: word.scheme().into(),
            gap: " ",
            id: ACCESS_KEY_ID.into(),
            colon: ":",
            tail: "",
            id_parameter: word.access_key_parameter().into(),
            expires: Some((NOW + 60).to_string()),
            signature_parameter: "Signature",
            signature: |right| right,
            added: Vec::new(),
            added_headers: Vec::new(),
        }
    }

    fn other(&self) -> Word {
        match self.word {
            Word::Aws => Word::Wos,
            Word::Wos => Word::Aws,
        }
    }

    /// A parameter that is signed.
    fn signed_parameter(&mut self, pair: &str) {
        self.request.target += &format!("&{pair}");
    }

    /// A parameter that is added to what was signed.
    fn add(&mut self, pair: &str) {
        self.added.push(pair.into());
    }

    /// A header of the dialect's own, which is signed.
    fn signed_header(&mut self, name: &str, value: &str) {
        let name = format!("{}{name}", self.word.header_prefix());
        self.request.headers.push((name, value.into()));
    }

    /// A header that is added to what was signed.
    fn add_header(&mut self, name: &str, value: &str) {
        self.added_headers.push((name.into(), value.into()));
    }

    fn answer(&self) -> Result<(), Stop> {
        let mut request = self.request.clone();
        let mut signing = match (self.form, &self.date) {
            (Header, Some(date)) => {
                request = request.date(date);
                request.signing()
            }
            (Header, None) | (Query, _) => request.signing(),
        };
        if self.form == Query {
            signing.date = self.expires.clone().unwrap_or_default();
        }
        let signature = (self.signature)(signing.signature(SECRET_ACCESS_KEY));
        match self.form {
            _ if !self.credentials => {}
            Header => {
                let Self {
                    scheme,
                    gap,
                    id,
                    colon,
                    tail,
                    ..
                } = self;
                let value = format!("{scheme}{gap}{id}{colon}{signature}{tail}");
                request = request.header("Authorization", &value);
            }
            Query => {
                request.target += &format!("&{}={}", self.id_parameter, self.id);
                if let Some(expires) = &self.expires {
                    request.target += &format!("&Expires={expires}");
                }
                if !self.signature_parameter.is_empty() {
                    request.target +=
                        &format!("&{}={}", self.signature_parameter, encode(&signature));
                }
            }
        }
        for pair in &self.added {
            request.target += &format!("&{pair}");
        }
        request.headers.extend(self.added_headers.iter().cloned());
        self.line.check(&request).map(|_| ())
    }
}

/// A part of a request. Two mutations of one part cannot both hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Mechanism,
    Scheme,
    Gap,
    Accepted,
    Versions,
    Id,
    Signature,
    Expires,
    Date,
}
use Part::{Accepted, Date, Expires, Gap, Id, Mechanism, Scheme, Signature, Versions};

/// What the credentials are made of.
const CREDENTIALS: &[Part] = &[Mechanism, Scheme, Gap, Id, Signature, Expires];

/// What a signature of version 4 stands in place of: it shows no dialect of this list either.
const V4: &[Part] = &[Mechanism, Scheme, Gap, Id, Signature, Expires, Accepted];

/// The rule that it breaks, the forms and the parts that it concerns, and what it does.
type Mutation = (u8, &'static [Form], &'static [Part], fn(&mut Case));

#[rustfmt::skip]
const MUTATIONS: &[Mutation] = &[
    (1, BOTH, &[], |case| case.add("prefix=%4")),
    (1, BOTH, &[], |case| case.add("%zz")),
    (1, BOTH, &[], |case| case.add("%ff=1")),
    (1, BOTH, &[], |case| case.add("")),
    (1, BOTH, &[], |case| case.add("=1")),
    (2, BOTH, &[], |case| (0..=100).for_each(|n| case.add(&format!("p{n}")))),
    (3, BOTH, &[], |case| case.add("acl")),
    (3, BOTH, &[], |case| case.add("ACL=1")),
    (3, BOTH, &[], |case| case.add("%61cl")),
    (3, BOTH, &[], |case| { case.add("prefix=a"); case.add("prefix=b") }),
    (3, &[Query], CREDENTIALS, |case| case.add("signature=x")),
    (3, &[Query], CREDENTIALS, |case| case.add("Expires=9999999999")),
    (4, BOTH, &[], |case| { case.signed_header("acl", "private"); case.signed_header("acl", "public-read") }),
    (4, BOTH, &[], |case| { case.add_header("Content-Type", "a/b"); case.add_header("content-type", "a/c") }),
    (4, BOTH, &[], |case| { case.add_header("Content-MD5", "a"); case.add_header("Content-MD5", "a") }),
    (4, BOTH, &[Date], |case| { case.add_header("Date", "a"); case.add_header("Date", "a") }),
    (4, &[Header], &[Mechanism], |case| case.add_header("Authorization", "Bearer x")),
    (5, &[Header], &[Mechanism], |case| case.add("Signature=x")),
    (5, &[Header], &[Mechanism], |case| case.add("awsaccesskeyid=x")),
    (5, &[Header], &[Mechanism], |case| case.add("X-Amz-Credential=x")),
    (5, &[Query], &[Mechanism, Id], |case| case.add(&format!("{}=x", case.other().access_key_parameter()))),
    (5, &[Query], &[Mechanism], |case| case.add("x-wos-algorithm=x")),
    (5, &[Query], &[Mechanism], |case| case.add_header("Authorization", "Bearer x")),
    (6, BOTH, CREDENTIALS, |case| case.credentials = false),
    (7, &[Header], &[Scheme], |case| case.scheme = "Bearer".into()),
    (7, &[Header], &[Scheme], |case| case.scheme += "X"),
    (7, &[Header], &[Scheme], |case| case.scheme.make_ascii_lowercase()),
    (7, BOTH, &[Accepted], |case| case.line.dialects.clear()),
    (7, &[Header], &[Accepted, Scheme], |case| { case.scheme = "WOS".into(); case.line.dialects = vec![&AWS] }),
    (7, &[Query], &[Accepted, Id], |case| { case.id_parameter = "WOSAccessKeyId".into(); case.line.dialects = vec![&AWS] }),
    (8, BOTH, &[Versions], |case| case.line.options.versions.clear()),
    (8, &[Header], &[Scheme, Gap, Accepted], |case| case.scheme = "AWS4-HMAC-SHA256".into()),
    (8, &[Header], &[Scheme, Gap, Accepted], |case| case.scheme = "WOS-HMAC-SHA256".into()),
    (8, BOTH, V4, |case| { case.credentials = false; case.add("X-Amz-Algorithm=AWS4-HMAC-SHA256") }),
    (9, &[Header], &[Gap], |case| case.gap = "  "),
    (9, &[Header], &[Gap], |case| case.tail = " x"),
    (9, &[Header], &[Gap], |case| case.tail = "\tx"),
    (9, &[Header], &[Gap, Scheme, Versions, Accepted], |case| case.gap = ""),
    (9, &[Header], &[Gap, Scheme, Versions, Accepted], |case| case.gap = "\t"),
    (10, &[Header], &[], |case| case.colon = ""),
    (10, &[Header], &[Signature], |case| case.signature = |_| String::new()),
    (11, BOTH, &[Id], |case| case.id.clear()),
    (12, &[Query], &[Expires], |case| case.expires = None),
    (12, &[Query], &[Signature], |case| case.signature_parameter = ""),
    (12, &[Query], &[Signature], |case| case.signature_parameter = "signature"),
    (12, &[Query], &[Id, Accepted, Versions], |case| case.id_parameter.make_ascii_lowercase()),
    (13, BOTH, &[], |case| { let name = format!("{}acl", case.other().header_prefix()); case.add_header(&name, "a") }),
    (14, BOTH, &[], |case| case.signed_header("security-token", "a")),
    (14, BOTH, &[], |case| case.add("X-Amz-Security-Token=a")),
    (14, BOTH, &[], |case| case.add("x-wos-security-token")),
    (15, BOTH, &[], |case| case.signed_header("content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")),
    (15, BOTH, &[], |case| case.add_header("Content-Encoding", "gzip, AWS-chunked")),
    (16, &[Header], &[Date], |case| case.date = None),
    (16, &[Header], &[Date], |case| case.date = Some("20261122T100000Z".into())),
    (16, &[Header], &[Date], |case| case.signed_header("date", "today")),
    (17, &[Header], &[Date], |case| case.date = date(-901)),
    (17, &[Header], &[Date], |case| case.date = date(901)),
    (17, &[Header], &[Date], |case| case.signed_header("date", &date(86_400).unwrap_or_default())),
    (18, &[Query], &[Expires], |case| case.expires = Some("tomorrow".into())),
    (18, &[Query], &[Expires], |case| case.expires = Some("+9999999999".into())),
    (18, &[Query], &[Expires], |case| case.expires = Some("18446744073709551616".into())),
    (19, &[Query], &[Expires], |case| case.expires = Some((NOW - 1).to_string())),
    (20, BOTH, &[], |case| case.signed_parameter("response-expires=a%26uploads")),
    (20, BOTH, &[], |case| case.signed_parameter("response-expires=a%26x-wos-process=b")),
    (20, BOTH, &[], |case| case.signed_parameter("response-expires=a%26UploadId%3Db")),
    (20, BOTH, &[], |case| case.signed_parameter("response-expires=a%26analytics")),
    (20, BOTH, &[], |case| case.signed_parameter("response-expires=a&response-content-type=%26versionId%3DB")),
    (21, BOTH, &[Id], |case| case.id = "AKIDNOBODY".into()),
    (21, BOTH, &[Id], |case| case.id.make_ascii_lowercase()),
    (21, BOTH, &[Id], |case| case.id = "A".repeat(129)),
    (21, &[Query], &[Id], |case| case.id += "%00"),
    (21, &[Query], &[Id], |case| case.id += "%ff"),
    (21, &[Query], &[Id], |case| case.id = "*)(uid=*".into()),
    (22, BOTH, &[Signature], |case| case.signature = |right| right.replace('=', "")),
    (22, BOTH, &[Signature], |case| case.signature = |right| format!("{}AAAA=", &right[..23])),
    (22, BOTH, &[Signature], |case| case.signature = |right| right.to_ascii_lowercase()),
    (22, BOTH, &[], |case| case.add("versionId=x")),
    (22, BOTH, &[], |case| case.add_header(&format!("{}acl", case.word.header_prefix()), "a")),
    (23, BOTH, &[], |case| case.add("x-id2=GetObject")),
    (23, BOTH, &[], |case| case.add("callback=http://a")),
    (23, BOTH, &[], |case| case.add("Prefix=a")),
];

/// A case for each word and form that a set of mutations concerns, with all of them made.
fn cases(mutations: &[&Mutation]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (word, form) in Word::BOTH
        .iter()
        .flat_map(|word| BOTH.iter().map(move |form| (*word, *form)))
    {
        if mutations.iter().all(|mutation| mutation.1.contains(&form)) {
            let mut case = Case::new(word, form);
            mutations.iter().for_each(|mutation| mutation.3(&mut case));
            cases.push(case);
        }
    }
    cases
}

/// The failures of each mutation alone.
fn failures(mutation: &Mutation) -> Vec<AuthFailure> {
    let failure = |case: Case| match case.answer() {
        Err(Stop::Auth(failure)) => failure,
        other => panic!("{} {:?} {:?}: {other:?}", mutation.0, case.word, case.form),
    };
    cases(&[mutation]).into_iter().map(failure).collect()
}

#[test]
fn a_case_as_it_is_is_accepted() {
    let cases = cases(&[]);
    assert_eq!(cases.len(), 4);
    for case in cases {
        assert_eq!(case.answer(), Ok(()), "{:?} {:?}", case.word, case.form);
    }
}

#[test]
fn every_rule_is_broken_by_each_of_its_mutations() {
    for (at, mutation) in MUTATIONS.iter().enumerate() {
        for failure in failures(mutation) {
            assert_eq!(failure.rule(), mutation.0, "row {at}: {failure:?}");
        }
    }
    let rules: BTreeSet<u8> = MUTATIONS.iter().map(|mutation| mutation.0).collect();
    assert_eq!(rules, (1..=23).collect());
}

#[test]
fn of_two_broken_rules_the_lower_number_is_answered() {
    let mut pairs = BTreeSet::new();
    let mut checked = 0;
    for (at, one) in MUTATIONS.iter().enumerate() {
        for other in MUTATIONS.iter().filter(|other| other.0 > one.0) {
            if one.2.iter().any(|part| other.2.contains(part)) {
                continue;
            }
            // In either order of writing: what stands first in a request decides nothing.
            for case in cases(&[one, other]).into_iter().chain(cases(&[other, one])) {
                let stop = case.answer().expect_err("two rules are broken");
                assert_eq!(
                    stop.rule(),
                    Some(one.0),
                    "row {at} with one of rule {}: {stop:?}",
                    other.0
                );
                pairs.insert((one.0, other.0));
                checked += 1;
            }
        }
    }
    assert!(
        pairs.len() > 180 && checked > 5_000,
        "{} {checked}",
        pairs.len()
    );
}

/// A row of a table in docs/verification.md.
struct Row {
    name: String,
    aws: String,
    wos: String,
}

fn documented() -> BTreeMap<u8, Row> {
    let page = include_str!("../docs/verification.md");
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [number, name, _, aws, wos] = cells[..] else {
            return None;
        };
        let row = Row {
            name: name.trim_matches('`').into(),
            aws: aws.into(),
            wos: wos.into(),
        };
        Some((number.parse().ok()?, row))
    });
    rows.collect()
}

#[test]
fn the_page_the_code_and_this_table_agree() {
    let documented = documented();
    assert_eq!(
        documented.keys().copied().collect::<Vec<u8>>(),
        (1..=23).collect::<Vec<u8>>()
    );
    for mutation in MUTATIONS {
        for failure in failures(mutation) {
            let row = &documented[&failure.rule()];
            let debug = format!("{failure:?}");
            let name = debug.split([' ', '(', '{']).next().unwrap_or_default();
            assert_eq!(row.name, name);
            let refusal = Refusal::Auth(failure);
            let answer = |words| {
                let answer = refusal.answer(words);
                format!("{} {}", answer.status, answer.code.as_str())
            };
            assert_eq!(row.aws, answer(DialectName::Aws), "{name}");
            assert_eq!(row.wos, answer(DialectName::Wos), "{name}");
        }
    }
}
