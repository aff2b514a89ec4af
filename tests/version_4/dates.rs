//! D: when a request of version 4 is fresh.

use std::time::{Duration, UNIX_EPOCH};

use super::line::Line;
use super::{NOW, get};
use support::signer::{Request, Word};
use support::signer_v4::{UNSIGNED, stamp_of};

/// The rule that is broken at `seconds`, if any.
fn rule_at(request: &Request, seconds: u64) -> Option<u8> {
    let line = Line::new(UNIX_EPOCH + Duration::from_secs(seconds));
    let stopped = line.check(request).err();
    stopped.map(|stop| stop.rule().unwrap_or_else(|| panic!("{stop:?}")))
}

#[test]
fn d1_a_signed_header_is_fresh_for_the_skew_in_either_direction() {
    for word in Word::BOTH {
        let request = get(word, "/bucket01/key").signed_v4_at(&stamp_of(NOW));
        for (seconds, rule) in [
            (NOW, None),
            (NOW + 899, None),
            (NOW + 900, None),
            (NOW + 901, Some(23)),
            (NOW - 900, None),
            (NOW - 901, Some(23)),
            (NOW + 86_400 * 365, Some(23)),
            (NOW - 86_400 * 365, Some(23)),
            (0, Some(23)),
        ] {
            assert_eq!(rule_at(&request, seconds), rule, "{seconds}");
        }
        // A fresh `Date` beside a stale time of signing, and the other way round.
        let now = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(NOW));
        let stale = stamp_of(NOW - 86_400);
        let old = get(word, "/bucket01/key")
            .header("Date", &now)
            .signed_v4_at(&stale);
        assert_eq!(rule_at(&old, NOW), Some(23));
        let new = get(word, "/bucket01/key")
            .header("Date", "Thu, 01 Jan 1970 00:00:00 GMT")
            .signed_v4_at(&stamp_of(NOW));
        assert_eq!(rule_at(&new, NOW), None);
    }
}

#[test]
fn d2_a_presigned_request_lives_from_its_signing_to_its_end() {
    for word in Word::BOTH {
        let request = get(word, "/bucket01/key").presigned_v4_at(&stamp_of(NOW), "600");
        for (seconds, rule) in [
            (NOW, None),
            (NOW + 599, None),
            (NOW + 600, None),
            (NOW + 601, Some(27)),
            (NOW - 900, None),
            (NOW - 901, Some(26)),
            (NOW - 960, Some(26)),
        ] {
            assert_eq!(rule_at(&request, seconds), rule, "{seconds}");
        }
    }
}

#[test]
fn d3_a_life_is_a_number_from_one_second_to_a_week() {
    for word in Word::BOTH {
        let rule = |life: &str| {
            rule_at(
                &get(word, "/bucket01/key").presigned_v4_at(&stamp_of(NOW), life),
                NOW,
            )
        };
        for life in ["1", "60", "604800"] {
            assert_eq!(rule(life), None, "{life}");
        }
        for life in [
            "0",
            "-1",
            "604801",
            "1e3",
            "60.0",
            "+60",
            "%2B60",
            "%2060",
            "60%20",
            "60,60",
            "2147483648",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "",
            "x",
            "%36%30",
        ] {
            assert_eq!(rule(life), Some(25), "{life}");
        }
        let mut twice = get(word, "/bucket01/key").presigned_v4_at(&stamp_of(NOW), "60");
        twice.target += &format!("&{}Expires=60", word.parameter_prefix());
        assert_eq!(rule_at(&twice, NOW), Some(3));
        // The setting shortens it.
        let mut line = Line::new(UNIX_EPOCH + Duration::from_secs(NOW));
        line.options.max_presigned_lifetime = Duration::from_secs(60);
        for (life, rule) in [("60", None), ("61", Some(25))] {
            let request = get(word, "/bucket01/key").presigned_v4_at(&stamp_of(NOW), life);
            let stopped = line.check(&request).err();
            assert_eq!(stopped.and_then(|stop| stop.rule()), rule, "{life}");
        }
    }
}

#[test]
fn d4_what_is_no_time_is_refused_and_nothing_worse() {
    for word in Word::BOTH {
        for stamp in [
            "",
            "garbage",
            "20261122",
            "20261122T100000",
            "20261122t100000z",
            "2026-11-22T10:00:00Z",
            "20260230T000000Z",
            "20261122T235960Z",
            "20261122T240000Z",
            "20261322T000000Z",
            "20261122T100000Z0",
            "99999999T999999Z",
            "18446744073709551616",
        ] {
            let header = get(word, "/bucket01/key").signed_v4_at(stamp);
            assert_eq!(rule_at(&header, NOW), Some(21), "{stamp}");
            let query = get(word, "/bucket01/key").presigned_v4_at(stamp, "600");
            assert_eq!(rule_at(&query, NOW), Some(21), "{stamp}");
        }
    }
}

#[test]
fn d6_a_time_has_to_be_said_once() {
    for word in Word::BOTH {
        let mode = format!("{}content-sha256", word.header_prefix());
        let date = format!("{}date", word.header_prefix());
        let stamp = stamp_of(NOW);
        let neither = get(word, "/bucket01/key").header(&mode, UNSIGNED);
        let neither = neither.clone().signed_v4_as(&neither.signing_v4(&stamp));
        assert_eq!(rule_at(&neither, NOW), Some(21));
        let twice = get(word, "/bucket01/key")
            .signed_v4_at(&stamp)
            .header(&date, &stamp);
        assert_eq!(rule_at(&twice, NOW), Some(4));
        // A presigned request says it in a parameter. A header besides has to be signed, and says nothing.
        let header = get(word, "/bucket01/key").header(&date, &stamp_of(NOW + 86_400));
        assert_eq!(rule_at(&header.presigned_v4_at(&stamp, "600"), NOW), None);
        let added = get(word, "/bucket01/key")
            .presigned_v4_at(&stamp, "600")
            .header(&date, &stamp);
        assert_eq!(rule_at(&added, NOW), Some(28));
    }
}

#[test]
fn d8_a_request_is_good_across_midnight_and_its_key_only_on_its_day() {
    let midnight = NOW - NOW % 86_400;
    for word in Word::BOTH {
        let late = get(word, "/bucket01/key").signed_v4_at(&stamp_of(midnight - 1));
        assert_eq!(rule_at(&late, midnight + 10), None);
        // The key of the day before, under the name of today's.
        let request = get(word, "/bucket01/key").prepared_v4(&stamp_of(midnight));
        let signing = request.signing_v4(&stamp_of(midnight));
        let mut with_yesterday = signing.clone();
        with_yesterday.scope[0] = stamp_of(midnight - 1)[..8].into();
        let key = with_yesterday.key(&request.secret_access_key);
        let stale = support::signer_v4::hex(&support::signer_v4::hmac_sha256(
            &key,
            signing.string_to_sign(),
        ));
        let value = request.authorization_v4(&signing);
        let value = value.replace(&signing.signature(&request.secret_access_key), &stale);
        assert_eq!(
            rule_at(&request.header("Authorization", &value), midnight),
            Some(32)
        );
    }
}
