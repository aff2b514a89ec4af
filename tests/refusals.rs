//! Every rule of the verification: what breaks it, what the answer is, and which of two broken rules is answered.

#[path = "refusals/case.rs"]
mod case;
mod line;

use std::collections::{BTreeMap, BTreeSet};

use case::Form::{self, Header, HeaderV4, Query, QueryV4};
use case::{ALL, Case, NOW, V2, V4, date, stamp};
use countersign::dialect::{AWS, DialectName};
use countersign::error::Refusal;
use countersign::sig::AuthFailure;
use line::Stop;
use support::signer::Word;

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
    Components,
    Credential,
    SignedHeaders,
    Payload,
    Scope,
}
use Part::{
    Accepted, Components, Credential, Date, Expires, Gap, Id, Mechanism, Payload, Scheme, Scope,
    Signature, SignedHeaders, Versions,
};

/// What the credentials are made of.
const CREDENTIALS: &[Part] = &[
    Mechanism,
    Scheme,
    Gap,
    Id,
    Signature,
    Expires,
    Components,
    Credential,
    SignedHeaders,
    Scope,
];

/// Where the credential cannot be read, nothing in it is judged.
const UNREAD: &[Part] = &[Components, Credential, Id];

/// The rule that it breaks, the forms and the parts that it concerns, and what it does.
type Mutation = (u8, &'static [Form], &'static [Part], fn(&mut Case));

#[rustfmt::skip]
const MUTATIONS: &[Mutation] = &[
    (1, ALL, &[], |case| case.add("prefix=%4")),
    (1, ALL, &[], |case| case.add("%zz")),
    (1, ALL, &[], |case| case.add("%ff=1")),
    (1, ALL, &[], |case| case.add("=1")),
    (2, ALL, &[], |case| (0..=100).for_each(|n| case.add(&format!("p{n}")))),
    (3, ALL, &[], |case| case.add("acl")),
    (3, ALL, &[], |case| case.add("ACL=1")),
    (3, ALL, &[], |case| case.add("%61cl")),
    (3, ALL, &[], |case| { case.add("prefix=a"); case.add("prefix=b") }),
    (3, &[Query], CREDENTIALS, |case| case.add("signature=x")),
    (3, &[Query], CREDENTIALS, |case| case.add("Expires=9999999999")),
    (3, &[QueryV4], CREDENTIALS, |case| case.add(&format!("{}signature=x", case.word.header_prefix()))),
    (3, &[QueryV4], CREDENTIALS, |case| case.add(&format!("{}Expires=1", case.word.parameter_prefix()))),
    (4, ALL, &[], |case| { case.signed_header("acl", "private"); case.signed_header("acl", "public-read") }),
    (4, ALL, &[], |case| { case.add_header("Content-Type", "a/b"); case.add_header("content-type", "a/c") }),
    (4, ALL, &[], |case| { case.add_header("Content-MD5", "a"); case.add_header("Content-MD5", "a") }),
    (4, ALL, &[Date], |case| { case.add_header("Date", "a"); case.add_header("Date", "a") }),
    (4, &[Header, HeaderV4], &[Mechanism], |case| case.add_header("Authorization", "Bearer x")),
    (5, &[Header, HeaderV4], &[Mechanism], |case| case.add("Signature=x")),
    (5, &[Header, HeaderV4], &[Mechanism], |case| case.add("awsaccesskeyid=x")),
    (5, &[Header, HeaderV4], &[Mechanism], |case| case.add("X-Amz-Credential=x")),
    (5, &[Query], &[Mechanism, Id], |case| case.add(&format!("{}=x", case.other().access_key_parameter()))),
    (5, &[Query], &[Mechanism], |case| case.add("x-wos-algorithm=x")),
    (5, &[QueryV4], &[Mechanism], |case| case.add("WOSAccessKeyId=x")),
    (5, &[QueryV4], &[Mechanism], |case| case.add("Signature=x")),
    (5, &[QueryV4], &[Mechanism, Components], |case| case.add(&format!("{}signature=x", case.other().header_prefix()))),
    (5, &[Query, QueryV4], &[Mechanism], |case| case.add_header("Authorization", "Bearer x")),
    (6, ALL, CREDENTIALS, |case| case.credentials = false),
    (7, &[Header, HeaderV4], &[Scheme], |case| case.scheme = "Bearer".into()),
    (7, &[Header], &[Scheme], |case| case.scheme += "X"),
    (7, &[Header, HeaderV4], &[Scheme], |case| case.scheme.make_ascii_lowercase()),
    (7, ALL, &[Accepted], |case| case.line.dialects.clear()),
    (7, &[Header], &[Accepted, Scheme], |case| { case.scheme = "WOS".into(); case.line.dialects = vec![&AWS] }),
    (7, &[HeaderV4], &[Accepted, Scheme], |case| { case.scheme = "WOS-HMAC-SHA256".into(); case.line.dialects = vec![&AWS] }),
    (7, &[Query], &[Accepted, Id], |case| { case.id_parameter = "WOSAccessKeyId".into(); case.line.dialects = vec![&AWS] }),
    (8, ALL, &[Versions], |case| case.line.options.versions.clear()),
    (8, &[Header, HeaderV4], &[Scheme, Gap, Accepted], |case| case.scheme = "AWS4-ECDSA-P256-SHA256".into()),
    (8, &[Header, HeaderV4], &[Scheme, Gap, Accepted], |case| case.scheme = "WOS-HMAC-SHA256-PAYLOAD".into()),
    (8, &[QueryV4], &[Scheme], |case| case.scheme = "AWS4-ECDSA-P256-SHA256".into()),
    (8, &[QueryV4], &[Scheme], |case| case.scheme.make_ascii_lowercase()),
    (8, &[QueryV4], &[Scheme], |case| case.scheme.clear()),
    (9, &[Header], &[Gap], |case| case.gap = "  "),
    (9, &[Header], &[Gap], |case| case.tail = " x"),
    (9, &[Header], &[Gap], |case| case.tail = "\tx"),
    (9, &[Header], &[Gap, Scheme, Versions, Accepted], |case| case.gap = ""),
    (9, &[Header], &[Gap, Scheme, Versions, Accepted], |case| case.gap = "\t"),
    (10, &[Header], &[], |case| case.colon = ""),
    (10, &[Header], &[Signature], |case| case.signature = |_| String::new()),
    (11, &[HeaderV4], &[Gap, Components], |case| case.tail = ","),
    (11, &[HeaderV4], &[Gap, Components], |case| case.tail = ", a=b"),
    (11, &[HeaderV4], UNREAD, |case| case.components = |all| drop(all.remove(0))),
    (11, &[HeaderV4], &[Components], |case| case.components = |all| drop(all.remove(2))),
    (11, &[HeaderV4], &[Components], |case| case.components = |all| all.push(all[1].clone())),
    (11, &[HeaderV4], &[Components], |case| case.components = |all| all[1].make_ascii_lowercase()),
    (11, &[HeaderV4], &[Components], |case| case.components = |all| all.iter_mut().for_each(|one| *one = one.replace('=', ":"))),
    (12, &[Query], &[Expires], |case| case.expires = None),
    (12, &[Query], &[Signature], |case| case.signature_parameter = ""),
    (12, &[Query], &[Signature], |case| case.signature_parameter = "signature"),
    (12, &[Query], &[Id, Accepted, Versions], |case| case.id_parameter.make_ascii_lowercase()),
    (12, &[QueryV4], &[Components, Scheme], |case| case.components = |all| drop(all.remove(0))),
    (12, &[QueryV4], UNREAD, |case| case.components = |all| drop(all.remove(1))),
    (12, &[QueryV4], &[Components], |case| case.components = |all| drop(all.remove(2))),
    (12, &[QueryV4], &[Components], |case| case.components = |all| drop(all.remove(3))),
    (12, &[QueryV4], &[Components], |case| case.components = |all| drop(all.pop())),
    (12, &[QueryV4], &[Components], |case| case.components = |all| all[2].make_ascii_lowercase()),
    (12, &[QueryV4], &[Date], |case| case.stamp = None),
    (13, V4, &[Credential, Id], |case| case.credential = |right| right.replacen('/', "", 1)),
    (13, V4, &[Credential, Id], |case| case.credential = |right| format!("a/{right}")),
    (13, V4, &[Credential, Id], |case| case.credential = |right| right + "/"),
    (13, V4, &[Credential, Id], |case| case.credential = |_| String::new()),
    (14, ALL, &[Id], |case| case.id.clear()),
    (15, V4, &[SignedHeaders], |case| case.signed_headers = |right| right + ";"),
    (15, V4, &[SignedHeaders], |case| case.signed_headers = |right| format!(";{right}")),
    (15, V4, &[SignedHeaders], |case| case.signed_headers = |right| right.replace("host", "host;;host")),
    (15, V4, &[SignedHeaders], |case| case.signed_headers = |right| right + ";accept"),
    (15, V4, &[SignedHeaders], |case| case.signed_headers = |right| right.replace("host", "Host")),
    (15, V4, &[SignedHeaders], |case| case.signed_headers = |right| format!("authorization;{right}")),
    (15, V4, &[SignedHeaders], |case| case.signed_headers = |_| String::new()),
    (16, ALL, &[], |case| { let name = format!("{}acl", case.other().header_prefix()); case.add_header(&name, "a") }),
    (17, V2, &[Payload], |case| case.signed_header("content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")),
    (17, V2, &[], |case| case.add_header("Content-Encoding", "gzip, AWS-chunked")),
    (18, &[HeaderV4], &[Payload], |case| case.payload = None),
    (19, V2, &[Payload], |case| case.declares_on_put("unsigned-payload")),
    (19, V4, &[Payload], |case| case.declares_on_put("unsigned-payload")),
    (19, V4, &[Payload], |case| case.declares_on_put("STREAMING-AWS4-HMAC-SHA256-TRAILER")),
    (19, V4, &[Payload], |case| case.declares_on_put(&"G".repeat(64))),
    (19, V4, &[Payload], |case| case.declares_on_put(&"a".repeat(63))),
    (19, V4, &[Payload], |case| case.declares_on_put("")),
    (20, V4, &[Payload], |case| case.payload = Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER".into())),
    (20, V4, &[Payload], |case| case.payload = Some(format!("STREAMING-{}-PAYLOAD", case.word.algorithm()))),
    (21, &[Header], &[Date], |case| case.date = None),
    (21, &[Header], &[Date], |case| case.date = Some("20261122T100000Z".into())),
    (21, &[Header], &[Date], |case| case.signed_header("date", "today")),
    (21, &[HeaderV4], &[Date, Scope], |case| case.stamp = None),
    (21, V4, &[Date, Scope], |case| case.stamp = Some("20260230T000000Z".into())),
    (21, V4, &[Date, Scope], |case| case.stamp = Some("20261122t100000z".into())),
    (21, &[HeaderV4], &[Date, Scope], |case| case.stamp = Some("2026-11-22T10:00:00Z".into())),
    (22, V4, &[Scope], |case| case.scope = |scope| scope[0] = "20261121".into()),
    (22, V4, &[Scope], |case| case.scope = |scope| scope[0] = "20261122T100000Z".into()),
    (22, V4, &[Scope], |case| case.scope = |scope| scope[1] = "eu-west-1".into()),
    (22, V4, &[Scope], |case| case.scope = |scope| scope[1] = "*".into()),
    (22, V4, &[Scope], |case| case.scope = |scope| scope[1].clear()),
    (22, V4, &[Scope], |case| case.scope = |scope| scope[2] = "s3tables".into()),
    (22, V4, &[Scope], |case| case.scope = |scope| scope[2].make_ascii_uppercase()),
    (22, V4, &[Scope], |case| case.scope = |scope| scope[3] = "aws5_request".into()),
    (23, &[Header], &[Date], |case| case.date = date(-901)),
    (23, &[Header], &[Date], |case| case.date = date(901)),
    (23, &[Header], &[Date], |case| case.signed_header("date", &date(86_400).unwrap_or_default())),
    (23, &[HeaderV4], &[Date, Scope], |case| case.stamp = stamp(-901)),
    (23, &[HeaderV4], &[Date, Scope], |case| case.stamp = stamp(901)),
    (23, &[HeaderV4], &[Date, Scope], |case| case.stamp = stamp(-86_400 * 365)),
    (24, &[Query], &[Expires], |case| case.expires = Some("tomorrow".into())),
    (24, &[Query], &[Expires], |case| case.expires = Some("+9999999999".into())),
    (24, &[Query], &[Expires], |case| case.expires = Some("18446744073709551616".into())),
    (25, &[QueryV4], &[Expires], |case| case.life = "0".into()),
    (25, &[QueryV4], &[Expires], |case| case.life = "604801".into()),
    (25, &[QueryV4], &[Expires], |case| case.life = "-1".into()),
    (25, &[QueryV4], &[Expires], |case| case.life = "1e3".into()),
    (25, &[QueryV4], &[Expires], |case| case.life = "18446744073709551615".into()),
    (25, &[QueryV4], &[Expires], |case| case.life.clear()),
    (26, &[QueryV4], &[Date, Scope], |case| case.stamp = stamp(901)),
    (27, &[Query], &[Expires], |case| case.expires = Some((NOW - 1).to_string())),
    (27, &[QueryV4], &[Expires, Date, Scope], |case| { case.stamp = stamp(-61); case.life = "60".into() }),
    (28, V4, &[SignedHeaders], |case| case.signed_headers = |right| right.replace("host", "range")),
    (28, V4, &[], |case| case.add_header(&format!("{}acl", case.word.header_prefix()), "a")),
    (28, V4, &[], |case| case.add_header(&format!("{}decoded-content-length", case.word.header_prefix()), "1")),
    (29, V2, &[], |case| case.signed_parameter("response-expires=a%26uploads")),
    (29, V2, &[], |case| case.signed_parameter("response-expires=a%26x-wos-process=b")),
    (29, V2, &[], |case| case.signed_parameter("response-expires=a%26UploadId%3Db")),
    (29, V2, &[], |case| case.signed_parameter("response-expires=a%26analytics")),
    (29, V2, &[], |case| case.signed_parameter("response-expires=a&response-content-type=%26versionId%3DB")),
    (30, ALL, &[Id], |case| case.id = "AKIDNOBODY".into()),
    (30, ALL, &[Id], |case| case.id.make_ascii_lowercase()),
    (30, ALL, &[Id], |case| case.id = "A".repeat(129)),
    (30, &[Query], &[Id], |case| case.id += "%00"),
    (30, &[Query], &[Id], |case| case.id += "%ff"),
    (30, &[QueryV4], &[Id], |case| case.id += "\0"),
    (30, &[Query, HeaderV4, QueryV4], &[Id], |case| case.id = "*)(uid=*".into()),
    (31, &[Header, Query, HeaderV4], &[SignedHeaders], |case| case.signed_header("security-token", "a")),
    (31, &[QueryV4], &[SignedHeaders], |case| case.signed_header("security-token", "a")),
    (31, ALL, &[], |case| case.add("X-Amz-Security-Token=a")),
    (31, ALL, &[], |case| case.add("x-wos-security-token")),
    (32, V2, &[Signature], |case| case.signature = |right| right.replace('=', "")),
    (32, V2, &[Signature], |case| case.signature = |right| format!("{}AAAA=", &right[..23])),
    (32, V2, &[Signature], |case| case.signature = |right| right.to_ascii_lowercase()),
    (32, V4, &[Signature], |case| case.signature = |right| right.to_ascii_uppercase()),
    (32, V4, &[Signature], |case| case.signature = |right| right[1..].into()),
    (32, V4, &[Signature], |case| case.signature = |_| "0".repeat(64)),
    (32, V4, &[Signature], |case| case.signature = |_| String::new()),
    (32, V4, &[SignedHeaders], |case| case.signed_headers = |right| format!("a-header;{right}")),
    (32, ALL, &[], |case| case.add("versionId=x")),
    (32, V2, &[], |case| case.add_header(&format!("{}acl", case.word.header_prefix()), "a")),
    (33, V2, &[], |case| case.add("x-id2=GetObject")),
    (33, V2, &[], |case| case.add("callback=http://a")),
    (33, V2, &[], |case| case.add("Prefix=a")),
    (34, V4, &[], |case| case.signed_header("storage-class", "a  b")),
    (34, V4, &[], |case| case.signed_header("tagging", "a=b\tc")),
];

/// A case for each word and form that a set of mutations concerns, with all of them made.
fn cases(mutations: &[&Mutation]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (word, form) in Word::BOTH
        .iter()
        .flat_map(|word| ALL.iter().map(move |form| (*word, *form)))
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
    assert_eq!(cases.len(), 8);
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
    assert_eq!(rules, (1..=34).collect());
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
        (1..=34).collect::<Vec<u8>>()
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
            let told = |cell: &str, answer: String| cell.split(" or ").any(|own| own == answer);
            assert!(
                told(&row.aws, answer(DialectName::Aws)),
                "{name} {refusal:?}"
            );
            assert!(
                told(&row.wos, answer(DialectName::Wos)),
                "{name} {refusal:?}"
            );
        }
    }
}
