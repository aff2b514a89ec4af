//! Dates: read them, and tell whether they are fresh.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::failure::AuthFailure;

const DAY_NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Reads the date of an HMAC-SHA1 request: one of the three forms of RFC 9110, section 5.6.7, or the RFC 2822 form
/// with the zone `+0000`, `-0000`, `UTC` or `UT` and a day of one digit, which V2 clients send (the examples of the
/// Amazon S3 Developer Guide; s3cmd). The day's name may be another day's: the date alone says the time, and the example
/// of the WOS page "InitiateMultipartUpload" calls a Saturday "Mon".
pub fn parse_date(text: &str) -> Option<SystemTime> {
    if let Ok(time) = httpdate::parse_http_date(text) {
        return Some(time);
    }
    let local = ["+0000", "-0000", "UTC", "UT", "GMT"]
        .iter()
        .find_map(|zone| text.strip_suffix(zone)?.strip_suffix(' '))?;
    let (day_name, rest) = local.split_once(", ")?;
    let day_padding = if rest.as_bytes().get(1) == Some(&b' ') {
        "0"
    } else {
        ""
    };
    // `httpdate` wants the right day; exactly one of the names is.
    DAY_NAMES.iter().find(|name| **name == day_name)?;
    DAY_NAMES.iter().find_map(|right| {
        httpdate::parse_http_date(&format!("{right}, {day_padding}{rest} GMT")).ok()
    })
}

/// Refuses a date that is further from `now` than `max_clock_skew`, in the past or in the future.
///
/// # Errors
/// [`AuthFailure::ClockSkew`].
pub fn check_skew(
    text: &str,
    date: SystemTime,
    now: SystemTime,
    max_clock_skew: Duration,
) -> Result<(), AuthFailure> {
    let apart = match now.duration_since(date) {
        Ok(past) => past,
        Err(future) => future.duration(),
    };
    if apart <= max_clock_skew {
        return Ok(());
    }
    Err(AuthFailure::ClockSkew {
        request_time: text.to_owned(),
        server_time: now,
        max_clock_skew,
    })
}

/// Reads `Expires`, in seconds since 1970, and refuses it once it has passed.
///
/// # Errors
/// [`AuthFailure::BadExpires`] for anything but digits, [`AuthFailure::Expired`].
pub fn check_expires(text: &str, now: SystemTime) -> Result<(), AuthFailure> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: u64 = text
        .parse()
        .ok()
        .filter(|_| digits)
        .ok_or(AuthFailure::BadExpires)?;
    let expires = UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))
        .ok_or(AuthFailure::BadExpires)?;
    if now <= expires {
        return Ok(());
    }
    Err(AuthFailure::Expired {
        expires,
        server_time: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn every_form_of_one_date_is_the_same_time() {
        // Tue, 27 Mar 2007 19:36:42 UTC.
        for text in [
            "Tue, 27 Mar 2007 19:36:42 GMT",
            "Tuesday, 27-Mar-07 19:36:42 GMT",
            "Tue Mar 27 19:36:42 2007",
            "Tue, 27 Mar 2007 19:36:42 +0000",
            "Tue, 27 Mar 2007 19:36:42 -0000",
            "Tue, 27 Mar 2007 19:36:42 UTC",
        ] {
            assert_eq!(parse_date(text), Some(at(1_175_024_202)), "{text}");
        }
        let saturday = parse_date("Sat, 01 Apr 2017 20:34:56 GMT");
        assert!(saturday.is_some());
        for text in [
            "Sat, 1 Apr 2017 20:34:56 GMT",
            "Mon, 01 Apr 2017 20:34:56 GMT",
            "Mon, 1 Apr 2017 20:34:56 GMT",
        ] {
            assert_eq!(parse_date(text), saturday, "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_date() {
        for text in [
            "",
            "garbage",
            "1141889120",
            "2007-03-27T19:36:42Z",
            "20070327T193642Z",
            "20260230T000000Z",
            "Tue, 27 Mar 2007 19:36:42",
            "Tue, 27 Mar 2007 19:36:42 +0800",
            "Tue, 30 Feb 2007 19:36:42 GMT",
            "Tue, 27 Mar 2007 25:36:42 +0000",
            "Day, 27 Mar 2007 19:36:42 GMT",
            "Tue, ٢٧ Mar 2007 19:36:42 GMT",
            ", UTC",
            " UTC",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn skew_counts_both_ways_and_across_days() {
        let quarter = Duration::from_secs(900);
        let midnight = at(86_400 * 10_000);
        for (apart, fresh) in [(0, true), (899, true), (900, true), (901, false)] {
            let apart = Duration::from_secs(apart);
            for date in [midnight - apart, midnight + apart] {
                let checked = check_skew("d", date, midnight, quarter);
                assert_eq!(checked.is_ok(), fresh, "{apart:?}");
            }
        }
        let refused = check_skew("d", at(0), midnight, quarter).unwrap_err();
        assert_eq!(refused.rule(), 17);
    }

    #[test]
    fn expires_is_a_number_of_seconds() {
        assert_eq!(check_expires("100", at(100)), Ok(()));
        assert_eq!(check_expires("101", at(100)), Ok(()));
        assert!(matches!(
            check_expires("99", at(100)),
            Err(AuthFailure::Expired { .. })
        ));
        for text in [
            "",
            "x",
            "-1",
            "+1",
            "1.0",
            "1e3",
            " 1",
            "18446744073709551616",
            "18446744073709551615",
        ] {
            assert_eq!(
                check_expires(text, at(0)),
                Err(AuthFailure::BadExpires),
                "{text}"
            );
        }
    }
}
