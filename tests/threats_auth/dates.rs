//! D1, D2, D4: a signature is good for a time, in both directions, and what is no date is no exception.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign::address::{Address, CopySource, HostNames, NameRules};
use countersign::dialect::DIALECTS;
use countersign::sig::{self, AuthFailure, Region, RequestView, VerifyOptions, Version, fields_of};
use http::{HeaderMap, HeaderValue, Method};

use crate::{date_header, everywhere, no_date, presigned_until};
use support::refusal::Refused;
use support::scene::Scene;
use support::signer::{Request, Word, date_at, encode, now, unix_time};

const MINUTE: i64 = 60;
const YEAR: i64 = 365 * 24 * 60 * MINUTE;
const EXPIRED: Refused = Refused(403, "AccessDenied", "Request has expired");
const BAD_EXPIRES: Refused = Refused(
    403,
    "AccessDenied",
    "Invalid date (should be seconds since epoch)",
);

fn skewed(word: Word) -> Refused<'static> {
    match word {
        Word::Aws => Refused(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        Word::Wos => Refused(400, "ExpiredToken", "The provided token has expired."),
    }
}

/// Whether a claim is made at `now`; over the wire the clock goes on between the signer and the gateway.
fn claimed(
    query: Option<&str>,
    headers: &[(&'static str, &str)],
    now: SystemTime,
) -> Result<(), AuthFailure> {
    let mut fields = HeaderMap::new();
    for (name, value) in headers {
        fields.insert(
            *name,
            HeaderValue::from_str(value).expect("a header's value"),
        );
    }
    let view = RequestView::of("GET", "/bucket01/k", query, fields_of(&fields))?;
    let address = Address::of(
        &Method::GET,
        "s3.example.com",
        "/bucket01/k",
        view.parameters.iter().map(|parameter| &*parameter.name),
        CopySource::Absent,
        &HostNames::default(),
        NameRules::default(),
    );
    let options = VerifyOptions {
        versions: vec![Version::V2],
        region: Region::Any,
        ..VerifyOptions::default()
    };
    sig::claim(
        &view,
        &address.expect("an address"),
        now,
        &DIALECTS,
        &options,
    )
    .map(drop)
}

/// A time of the day before a leap day; both neighbours of midnight lie within a quarter of an hour.
fn moment() -> SystemTime {
    httpdate::parse_http_date("Tue, 29 Feb 2028 00:00:07 GMT").expect("a date")
}

fn shifted(time: SystemTime, seconds: i64) -> SystemTime {
    let apart = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        time - apart
    } else {
        time + apart
    }
}

#[test]
fn d1_the_skew_ends_at_the_second() {
    let quarter = 15 * MINUTE;
    for (offset, fresh) in [
        (0, true),
        (-quarter + 1, true),
        (quarter - 1, true),
        (-quarter, true),
        (quarter, true),
        (-quarter - 1, false),
        (quarter + 1, false),
        (-24 * 60 * MINUTE, false),
        (24 * 60 * MINUTE, false),
        (-YEAR, false),
        (YEAR, false),
        (-50 * YEAR, false),
        (1000 * YEAR, false),
    ] {
        let date = httpdate::fmt_http_date(shifted(moment(), offset));
        for (authorization, name) in [
            ("AWS AK:c2ln", "date"),
            ("AWS AK:c2ln", "x-amz-date"),
            ("WOS AK:c2ln", "date"),
            ("WOS AK:c2ln", "x-wos-date"),
        ] {
            let made = claimed(
                None,
                &[("authorization", authorization), (name, &date)],
                moment(),
            );
            match made {
                Ok(()) => assert!(fresh, "{name}: {date}"),
                Err(failure) => {
                    assert!(!fresh, "{name}: {date}: {failure}");
                    assert!(
                        matches!(failure, AuthFailure::ClockSkew { .. }),
                        "{failure}"
                    );
                }
            }
        }
    }
}

#[test]
fn d1_a_stale_date_is_refused_on_either_side_of_now() {
    everywhere("GET", "/k", |scene, request| {
        let word = request.word;
        let vendors = date_header(word);
        for name in ["Date", &vendors] {
            for offset in [-14 * MINUTE, 14 * MINUTE] {
                scene.serves(&request.clone().header(name, &date_at(offset)).signed());
            }
            for offset in [-16 * MINUTE, 16 * MINUTE, -YEAR, YEAR] {
                let stale = request.clone().header(name, &date_at(offset)).signed();
                scene.refuses_with(&stale, skewed(word));
            }
        }
        // The vendor's own header counts, whatever Date says beside it.
        let both = |date: i64, own: i64| {
            let request = request
                .clone()
                .date(&date_at(date))
                .header(&vendors, &date_at(own));
            request.signed()
        };
        scene.serves(&both(-YEAR, 0));
        scene.refuses_with(&both(0, -YEAR), skewed(word));
        scene.refuses_with(&both(0, YEAR), skewed(word));
    });
}

#[test]
fn d2_a_presigned_request_ends_at_its_second() {
    let seconds = moment()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let until = |expires: u64| {
        let query = format!("AWSAccessKeyId=AK&Expires={expires}&Signature=c2ln");
        claimed(Some(&query), &[], moment())
    };
    for fresh in [seconds, seconds + 1, seconds + 100 * 365 * 86_400] {
        assert_eq!(until(fresh), Ok(()), "{fresh}");
    }
    for expired in [seconds - 1, 1, 0] {
        assert!(
            matches!(until(expired), Err(AuthFailure::Expired { .. })),
            "{expired}"
        );
    }
    // The last second is whole.
    let query = format!("WOSAccessKeyId=AK&Expires={seconds}&Signature=c2ln");
    let later = moment() + Duration::from_millis(1);
    assert!(matches!(
        claimed(Some(&query), &[], later),
        Err(AuthFailure::Expired { .. })
    ));
}

#[test]
fn d2_an_expired_request_is_refused_before_its_signature_is_looked_at() {
    everywhere("GET", "/k", |scene, request| {
        scene.serves(&request.clone().presigned(unix_time(30)));
        scene.serves(&request.clone().presigned(unix_time(100 * YEAR)));
        for offset in [-30, -YEAR] {
            let expires = unix_time(offset);
            let expired = request.clone().presigned(expires);
            let response = scene.refuses_with(&expired, EXPIRED);
            let told = response.element("Expires").expect("the element");
            let told = humantime::parse_rfc3339(&told).expect("a time of RFC 3339");
            assert_eq!(told, UNIX_EPOCH + Duration::from_secs(expires));
            assert!(response.element("ServerTime").is_some());
            let forged = request.clone().keys(&request.access_key_id, "another");
            scene.refuses_with(&forged.presigned(expires), EXPIRED);
            let unknown = request.clone().keys("AKIAUNKNOWN", "another");
            scene.refuses_with(&unknown.presigned(expires), EXPIRED);
        }
        // A later Expires than the one that was signed does not help.
        let signed = unix_time(-30).to_string();
        let prolonged = presigned_until(request.clone(), &unix_time(600).to_string(), &signed);
        scene.refuses_with(&prolonged, support::refusal::mismatch(request.word));
    });
}

/// The other forms of an IMF-fixdate (RFC 9110, section 5.6.7), and those of RFC 5322 that V2 clients send.
fn forms(fixdate: &str) -> [String; 5] {
    let parts: Vec<&str> = fixdate
        .split([' ', ','])
        .filter(|part| !part.is_empty())
        .collect();
    let &[name, day, month, year, time, "GMT"] = parts.as_slice() else {
        panic!("{fixdate}")
    };
    let full = [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ]
    .into_iter()
    .find(|full| full.starts_with(name))
    .expect("a day");
    let short_day = day.trim_start_matches('0');
    [
        fixdate.to_owned(),
        format!("{full}, {day}-{month}-{} {time} GMT", &year[2..]),
        format!("{name} {month} {short_day:>2} {time} {year}"),
        format!("{name}, {day} {month} {year} {time} +0000"),
        format!("{name}, {short_day} {month} {year} {time} UTC"),
    ]
}

#[test]
fn d4_every_form_of_a_date_is_read() {
    everywhere("GET", "/k", |scene, request| {
        for date in forms(&now()) {
            for name in ["Date", &date_header(request.word)] {
                let signed = request.clone().header(name, &date).signed();
                let seen = scene.serves(&signed);
                let kept = seen.header(name).or(seen.header("x-amz-date"));
                assert_eq!(kept, Some(&*date));
            }
        }
    });
}

/// Texts that are no date, or one that nobody can mean.
fn no_dates() -> Vec<String> {
    let fixdate = now();
    let texts = [
        "",
        "0",
        "-1",
        "garbage",
        "2026-02-30T00:00:00Z",
        "20260230T000000Z",
        "20260101T000000Z",
        "2026-01-01T00:00:00+00:00",
        "Mon, 30 Feb 2026 00:00:00 GMT",
        "Thu, 00 Jan 2026 00:00:00 GMT",
        "Thu, 01 Foo 2026 00:00:00 GMT",
        "Thu, 01 Jan 2026 24:00:00 GMT",
        "Sat, 31 Dec 2016 23:59:60 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Sat, 01 Jan 0000 00:00:00 GMT",
        "Sat, 01 Jan 10000 00:00:00 GMT",
        "Thu, 01 Jan 2026 00:00:00 +0100",
        "Thu, 01 Jan 2026 00:00:00",
        "Thu, 01 Jan 2026 00:00:00 ",
        "Thu, \u{664}\u{661} Jan 2026 00:00:00 GMT",
        "18446744073709551616",
        "1180591620717411303424",
        ", UTC",
    ];
    let mut texts: Vec<String> = texts.map(str::to_owned).to_vec();
    texts.extend([
        fixdate.to_lowercase(),
        format!("{fixdate}, {fixdate}"),
        format!("{fixdate};"),
        format!("({fixdate})"),
        fixdate.replace(' ', "\t"),
        fixdate.replace("GMT", "gmt"),
        unix_time(0).to_string(),
        "9".repeat(10 * 1024),
    ]);
    texts
}

#[test]
fn d4_what_is_no_date_is_refused_and_never_a_fault() {
    everywhere("GET", "/k", |scene, request| {
        let word = request.word;
        for date in no_dates() {
            let expected = no_date(word);
            scene.refuses_with(&request.clone().date(&date).signed(), expected);
            let own = request.clone().header(&date_header(word), &date);
            scene.refuses_with(&own.clone().signed(), expected);
            // A good Date does not stand in for a bad one of the vendor's.
            scene.refuses_with(&own.date(&now()).signed(), expected);
        }
        // Dates at the ends of what can be written are dates.
        for date in [
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ] {
            scene.refuses_with(&request.clone().date(date).signed(), skewed(word));
        }
    });
}

#[test]
fn d4_expires_is_a_number_of_seconds() {
    let refuses = |scene: &Scene, request: &Request, text: &str, expected| {
        scene.refuses_with(&presigned_until(request.clone(), text, text), expected);
    };
    everywhere("GET", "/k", |scene, request| {
        let later = unix_time(600).to_string();
        for text in [
            "x",
            "",
            "-1",
            "1e3",
            "60.0",
            "0x7fffffff",
            "1180591620717411303424",
            "18446744073709551616",
            "18446744073709551615",
            "%D9%A1",
            "%00",
        ] {
            refuses(scene, &request, text, BAD_EXPIRES);
        }
        for text in [
            format!("+{later}"),
            format!("%2B{later}"),
            format!("%20{later}"),
            format!("+{later}+"),
            format!("{later},{later}"),
            format!("{later}%00"),
            format!("%3{later}"),
            encode(&now()),
        ] {
            refuses(scene, &request, &text, BAD_EXPIRES);
        }
        // The largest that a time of the machine can hold is far away, and no fault.
        for text in [i64::MAX.to_string(), format!("000{later}")] {
            let decoded = presigned_until(request.clone(), &text, &text);
            scene.serves(&decoded);
        }
        let without = presigned_until(request.clone(), &later, &later);
        let target = without
            .target
            .replace(&format!("Expires={later}"), "Expires");
        let message = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters";
        let expected = Refused(403, "AccessDenied", message);
        scene.refuses_with(
            &Request {
                target,
                ..without.clone()
            },
            expected,
        );
        let target = without.target.replace(&format!("&Expires={later}"), "");
        scene.refuses_with(&Request { target, ..without }, expected);
    });
}
