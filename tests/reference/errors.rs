//! The rows of the WOS error table that concern the HMAC-SHA1 form, each with the answer of AWS beside it.

use std::time::{Duration, SystemTime};

use crate::{ANSWER_AS, assert_id_in, error_document, three_listeners, words_of_answer};
use support::refusal::{Refused, mismatch};
use support::scene::{Forward, Scene};
use support::signer::{Request, Signing, Word, date_at, now};

/// A situation, and what it is answered in the words of AWS and of WOS.
struct Row {
    situation: &'static str,
    request: fn(Word) -> Request,
    aws: Refused<'static>,
    wos: Refused<'static>,
}

fn get(word: Word) -> Request {
    Request::new(word, "GET", "/bucket01/objectkey")
}

/// A request with an Authorization header of its own.
fn authorized(word: Word, rest: &str) -> Request {
    let value = format!("{}{rest}", word.scheme());
    get(word).date(&now()).header("Authorization", &value)
}

fn part(word: Word, query: &str) -> Request {
    Request::new(word, "PUT", &format!("/bucket01/objectkey?{query}"))
        .date(&now())
        .body("part")
        .signed()
}

const SCHEME_AWS: Refused = Refused(400, "InvalidArgument", "Unsupported Authorization Type");
const SCHEME_WOS: Refused = Refused(400, "InvalidArgument", "Unsupported Authorization Type.");
const BLANK_AWS: Refused = Refused(
    400,
    "InvalidArgument",
    "AWS authorization header is invalid -- one and only one ' ' (space) required",
);
const BLANK_WOS: Refused = Refused(
    400,
    "InvalidArgument",
    "Authorization header is invalid -- one and only one ' ' (space) required.",
);
const COLON_AWS: Refused = Refused(
    400,
    "InvalidArgument",
    "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
);
const COLON_WOS: Refused = Refused(
    400,
    "InvalidArgument",
    "Authorization header is invalid. Expected AccessKeyId:signature",
);
/// The vendors' sentence, and what it was.
const BAD_HOST: &str = "Couldn't parse the specified URI: the Host header is not a host name or an IP address, alone or \
                        with a port from 1 to 65535.";
/// AWS names the header that these are about.
const NAMING_THE_HEADER: [&str; 3] = [SCHEME_AWS.2, BLANK_AWS.2, COLON_AWS.2];
const EMPTY_KEY: Refused = Refused(
    400,
    "AuthorizationHeaderMalformed",
    "The authorization header is malformed; a non-empty Access Key (AKID) must be provided in the credential.",
);
const NO_DATE_AWS: Refused = Refused(
    403,
    "AccessDenied",
    "AWS authentication requires a valid Date or x-amz-date header",
);
const NO_DATE_WOS: Refused = Refused(
    403,
    "AccessDenied",
    "Authentication requires a valid Date or x-wos-date header",
);
const SKEW_AWS: Refused = Refused(
    403,
    "RequestTimeTooSkewed",
    "The difference between the request time and the current time is too large.",
);
const SKEW_WOS: Refused = Refused(400, "ExpiredToken", "The provided token has expired.");
const NOT_SIGNED: Refused = Refused(403, "AccessDenied", "Access Denied");
const INCOMPLETE_PART: Refused = Refused(
    400,
    "InvalidArgument",
    "A part upload needs both the uploadId and the partNumber parameter.",
);

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let row = |situation, request, aws, wos| Row { situation, request, aws, wos };
    let both = |situation, request, answer| Row { situation, request, aws: answer, wos: answer };
    let (aws, wos) = (mismatch(Word::Aws), mismatch(Word::Wos));
    vec![
        both("no Authorization",
            |word| get(word).header(&format!("{}date", word.header_prefix()), &now()), NOT_SIGNED),
        row("no date", |word| get(word).signed(), NO_DATE_AWS, NO_DATE_WOS),
        row("no valid date", |word| get(word).date("yesterday").signed(), NO_DATE_AWS, NO_DATE_WOS),
        row("no valid date in the vendor's header",
            |word| get(word).date(&now()).header(&format!("{}date", word.header_prefix()), "today").signed(),
            NO_DATE_AWS, NO_DATE_WOS),
        row("a date too long ago", |word| get(word).date(&date_at(-1000)).signed(), SKEW_AWS, SKEW_WOS),
        row("a date too far ahead", |word| get(word).date(&date_at(1000)).signed(), SKEW_AWS, SKEW_WOS),
        row("the signature of another key",
            |word| get(word).date(&now()).keys(&get(word).access_key_id, "another").signed(), aws, wos),
        row("a signature that is none", |word| authorized(word, " AKIAIOSFODNN7EXAMPLE:x"), aws, wos),
        row("another Content-MD5 than the signed one", |word| {
            let put = Request::new(word, "PUT", "/bucket01/objectkey").date(&now()).body("body");
            let signing = Signing { content_md5: "hBotaJrKa9FhFEdFPCLG9A==".into(), ..put.signing() };
            put.header("Content-MD5", "XrY7u+Ae7tCTyyK7j1rNww==").signed_as(&signing)
        }, aws, wos),
        row("an unknown access key", |word| get(word).date(&now()).keys("AKIAUNKNOWN", "secret").signed(),
            Refused(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
            Refused(403, "InvalidAccessKeyId", "The Access Key Id you provided does not exist in our records.")),
        both("an empty access key", |word| authorized(word, " :c2lnbmF0dXJl"), EMPTY_KEY),
        row("no signature after the colon", |word| authorized(word, " AKIAIOSFODNN7EXAMPLE:"), COLON_AWS, COLON_WOS),
        row("no colon", |word| authorized(word, " AKIAIOSFODNN7EXAMPLE"), COLON_AWS, COLON_WOS),
        row("an unknown scheme word", |word| authorized(word, "X AKIAIOSFODNN7EXAMPLE:c2ln"), SCHEME_AWS, SCHEME_WOS),
        row("the scheme word in small letters", |word| get(word)
            .header(&format!("{}date", word.header_prefix()), &now())
            .header("Authorization", &format!("{} a:c2ln", word.scheme().to_lowercase())), SCHEME_AWS, SCHEME_WOS),
        row("no blank", |word| authorized(word, ""), BLANK_AWS, BLANK_WOS),
        row("two blanks", |word| authorized(word, "  AKIAIOSFODNN7EXAMPLE:c2ln"), BLANK_AWS, BLANK_WOS),
        row("a blank too many", |word| authorized(word, " AKIAIOSFODNN7EXAMPLE:c2ln x"), BLANK_AWS, BLANK_WOS),
        row("a bad Host", |word| get(word).host("bucket01..s3.example.com").date(&now()).signed(),
            Refused(400, "InvalidURI", BAD_HOST), Refused(403, "InvalidURI", BAD_HOST)),
        both("a part without an upload", |word| part(word, "partNumber=1"), INCOMPLETE_PART),
        both("a part without a number", |word| part(word, "uploadId=u"), INCOMPLETE_PART),
    ]
}

#[test]
fn each_row_is_answered_in_the_words_of_the_answer() {
    let scene = Scene::configured(Forward::Trusted, three_listeners);
    let rows = rows();
    assert_eq!(rows.len(), 21);
    for row in rows {
        for word in Word::BOTH {
            for (listener, answer_as) in ANSWER_AS.iter().enumerate() {
                let words = words_of_answer(answer_as, word);
                let expected = match words {
                    Word::Aws => row.aws,
                    Word::Wos => row.wos,
                };
                let request = (row.request)(word);
                let response = scene.refuses_at(listener, &request, expected);
                assert_id_in(words, &response);
                let path = request.target.split('?').next().expect("a path");
                let expected = Refused(expected.0, expected.1, expected.2);
                let fields = match expected.1 {
                    // Its times are in the next test.
                    "RequestTimeTooSkewed" => continue,
                    _ if NAMING_THE_HEADER.contains(&expected.2) => {
                        &[("ArgumentName", "Authorization")][..]
                    }
                    _ => &[],
                };
                let document = error_document(words, expected, fields, path, &response);
                assert_eq!(response.text(), document, "{}", row.situation);
            }
        }
    }
}

#[test]
fn a_skewed_clock_is_told_both_times_and_the_limit() {
    let scene = Scene::configured(Forward::Trusted, |config| {
        config.line("signature", "max_clock_skew = \"5m\"")
    });
    for offset in [-240, 240] {
        let fresh = get(Word::Aws).date(&date_at(offset)).signed();
        assert_eq!(
            scene.serves(&fresh).header("date"),
            Some(&*fresh.headers[1].1)
        );
    }
    for (offset, name) in [
        (-320, "Date"),
        (320, "Date"),
        (-320, "x-amz-date"),
        (86_400, "x-amz-date"),
    ] {
        let date = date_at(offset);
        let request = get(Word::Aws).header(name, &date).signed();
        let response = scene.refuses_with(&request, SKEW_AWS);
        let server_time = response.element("ServerTime").expect("the element");
        let told = humantime::parse_rfc3339(&server_time).expect("a time of RFC 3339");
        let apart = SystemTime::now()
            .duration_since(told)
            .expect("a time gone by");
        assert!(apart < Duration::from_secs(60), "{server_time}");
        let fields = [
            ("RequestTime", &*date),
            ("ServerTime", &*server_time),
            ("MaxAllowedSkewMilliseconds", "300000"),
        ];
        let document = error_document(
            Word::Aws,
            SKEW_AWS,
            &fields,
            "/bucket01/objectkey",
            &response,
        );
        assert_eq!(response.text(), document);
    }
}

#[test]
fn head_is_answered_without_a_body() {
    for scene in Scene::both() {
        for word in Word::BOTH {
            let head = Request::new(word, "HEAD", "/bucket01/objectkey").date(&now());
            let other = head.clone().keys(&head.access_key_id, "another").signed();
            let response = scene.refuses_with(&other, mismatch(word));
            assert_eq!(response.header("connection"), Some("keep-alive"));
            assert_id_in(word, &response);
            let unsigned = scene.refuses_with(&head, NOT_SIGNED);
            assert_eq!(unsigned.header("connection"), Some("keep-alive"));
        }
    }
}
