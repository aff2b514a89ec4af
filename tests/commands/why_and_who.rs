//! What the access line says of a refusal: the rule that was broken, and who broke it, verified or by their own word alone.

use super::signed;
use support::form::{Form, Version};
use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec};
use support::signer::{
    ACCESS_KEY_ID, DOMAIN, Request, SECRET_ACCESS_KEY, Word, date_at, unix_time,
};
use support::signer_v4::stamp_at;
use support::wire::Response;

const DAY: i64 = 24 * 60 * 60;

fn line_of(gateway: &Gateway, response: &Response) -> String {
    let id = response
        .header("x-amz-request-id")
        .or(response.header("x-wos-request-id"));
    gateway.await_log(id.expect("a request id"))
}

/// The line of a request that is refused.
fn refused(gateway: &Gateway, request: &Request) -> String {
    let response = gateway.exchange(request);
    assert!((400..500).contains(&response.status), "{}", response.text());
    line_of(gateway, &response)
}

/// Whether the words stand in the line one behind the other, or none of the last name where that has no value.
fn assert_says(line: &str, words: &[String]) {
    let words = format!(" {} ", words.join(" "));
    assert!(line.contains(&words), "no {words:?} in {line}");
}

fn who(id: &str, identity: &str, placement: &str) -> Vec<String> {
    let principal = (identity == "verified").then(|| "principal=alice".to_owned());
    let mut words = vec![
        format!("access_key_id={id}"),
        format!("identity={identity}"),
    ];
    words.extend(principal);
    words.push(format!("placement={placement}"));
    words
}

fn why(rule: u8, reason: &str) -> Vec<String> {
    vec![format!("rule={rule}"), format!("reason={reason}")]
}

#[test]
fn d_a_refusal_says_the_rule_and_who_claims_to_have_signed() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    for word in Word::BOTH {
        let get = || Request::new(word, "GET", "/bucket01/key");
        let acl = format!("{}acl", word.header_prefix());
        let mut moved = get().signed_v4();
        moved.target = "/bucket01/other".into();
        for (request, rule, reason, placement) in [
            (
                get().date(&date_at(-DAY)).signed(),
                23,
                "ClockSkew",
                "header",
            ),
            (
                get().signed_v4_at(&stamp_at(-DAY)),
                23,
                "ClockSkew",
                "header",
            ),
            (get().presigned(unix_time(-60)), 27, "Expired", "query"),
            (
                get().presigned_v4_at(&stamp_at(-3600), "60"),
                27,
                "Expired",
                "query",
            ),
            (
                get().presigned_v4_at(&stamp_at(3600), "60"),
                26,
                "NotYetValid",
                "query",
            ),
            (
                get().signed_v4().header(&acl, "private"),
                28,
                "UnsignedHeaders",
                "header",
            ),
            (moved, 32, "SignatureMismatch", "header"),
            (
                get()
                    .presigned_v4(60)
                    .header("Authorization", &format!("{} x:y", word.scheme())),
                5,
                "SeveralMechanisms",
                "header",
            ),
            (get().signed(), 21, "NoDate", "header"),
        ] {
            let line = refused(&gateway, &request);
            let id = if rule == 5 { "x" } else { ACCESS_KEY_ID };
            assert_says(&line, &who(id, "claimed", placement));
            assert_says(&line, &why(rule, reason));
            assert!(!line.contains("principal="), "{line}");
        }
        // The signature holds, and covers not all of it.
        let mut uncovered = get();
        uncovered.target += "?callback=x";
        let line = refused(&gateway, &uncovered.date(&date_at(0)).signed());
        assert_says(&line, &who(ACCESS_KEY_ID, "verified", "header"));
        assert_says(&line, &why(33, "UncoveredParameter"));
        // Nobody, and nothing that could be read.
        for request in [get(), get().header("Authorization", "Bearer c2ln")] {
            let line = refused(&gateway, &request);
            for name in [" access_key_id=", " identity=", " placement="] {
                assert!(!line.contains(name), "{line}");
            }
        }
        gateway.await_metric("reason=\"ClockSkew\"");
        gateway.await_metric("reason=\"UnsignedHeaders\"");
    }
    node.assert_untouched();
}

#[test]
fn d_what_is_refused_behind_the_signature_is_verified() {
    let node = Rec::start(Answer::Ok);
    let config = Config::new(node.address());
    let bound = format!("domains = [\"{DOMAIN}\"]");
    let gateway = Gateway::start(&config.line("credentials", &bound));
    let elsewhere = Request::new(Word::Aws, "GET", "/bucket01/key").host("127.0.0.1");
    let elsewhere = elsewhere.date(&date_at(0)).signed();
    let mut body = Request::new(Word::Aws, "PUT", "/bucket01/key")
        .body("hello")
        .signed_v4();
    body.body = Some(b"olleh".to_vec());
    for (request, reason) in [(elsewhere, "OtherDomain"), (body, "BodyPayloadHash")] {
        let line = refused(&gateway, &request);
        assert_says(&line, &who(ACCESS_KEY_ID, "verified", "header"));
        assert!(line.contains(&format!(" reason={reason} ")), "{line}");
        assert!(!line.contains(" rule="), "{line}");
    }
}

#[test]
fn d_a_form_says_who_and_why_too() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    for version in [Version::V2, Version::V4] {
        let form = |key| Form::new(Word::Aws, version, key);
        let altered = form("k").signed().with_value("key", "other");
        let line = refused(&gateway, &altered.request());
        assert_says(&line, &who(ACCESS_KEY_ID, "verified", "form"));
        assert!(line.contains(" reason=PolicyCondition "), "{line}");
        let forged = form("k").signed().with_value("policy", "e30=");
        let line = refused(&gateway, &forged.request());
        assert_says(&line, &who(ACCESS_KEY_ID, "claimed", "form"));
        assert_says(&line, &why(32, "SignatureMismatch"));
    }
}

/// A claimed id is the client's own text: it is bounded, and what may be a secret in its place is not shown.
#[test]
fn d_a_claimed_id_is_masked_and_cut() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    let signature = signed(Word::Aws, "GET", "/bucket01/key")
        .signing()
        .signature(SECRET_ACCESS_KEY);
    let long = "A".repeat(10_000);
    for (id, shown) in [
        (
            SECRET_ACCESS_KEY.to_owned(),
            format!("{}***", &SECRET_ACCESS_KEY[..4]),
        ),
        (signature.clone(), format!("{}***", &signature[..4])),
        ("Signature=canary".into(), "Signature=***".into()),
        (long.clone(), format!("\"{}…(10000 bytes)\"", &long[..4096])),
        ("a\"b".into(), "\"a\\\"b\"".into()),
        ("AKNOBODY".into(), "AKNOBODY".into()),
    ] {
        let request = Request::new(Word::Aws, "GET", "/bucket01/key")
            .date(&date_at(0))
            .header("Authorization", &format!("AWS {id}:c2ln"));
        let line = refused(&gateway, &request);
        assert_says(&line, &who(&shown, "claimed", "header"));
        assert!(line.len() < 6_000, "{}", line.len());
    }
}
