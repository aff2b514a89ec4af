//! Dates of requests: reading them, and whether they are recent enough.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::failure::AuthFailure;

/// The days from the first of March of the year 0 to 1970 (Gregorian calendar).
const DAYS_BEFORE_1970: u64 = 719_468;
const DAY_NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Reads the date of an HMAC-SHA1 request: one of the three forms of RFC 9110, section 5.6.7, or the RFC 2822 form
/// with the zone `+0000`, `-0000`, `UTC` or `UT` and a day of one digit, which V2 clients send (the examples of the
/// Amazon S3 Developer Guide; s3cmd). The day's name may be another day's: the date alone says the time, and the example
/// of the WOS page "InitiateMultipartUpload" calls a Saturday "Mon".
pub fn parse_date(text: impl AsRef<[u8]>) -> Option<SystemTime> {
    let text = text.as_ref();
    if let Some(time) = parse_usual_date(text) {
        return Some(time);
    }
    let text = std::str::from_utf8(text).ok()?;
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
    // `httpdate` requires the right day of the week, so each is tried.
    DAY_NAMES.iter().find(|name| **name == day_name)?;
    DAY_NAMES.iter().find_map(|right| {
        httpdate::parse_http_date(&format!("{right}, {day_padding}{rest} GMT")).ok()
    })
}

/// Reads the time of signing of an HMAC-SHA256 request: `20130524T000000Z` and no other spelling (ISO 8601, basic form).
pub fn parse_timestamp(text: &str) -> Option<SystemTime> {
    let &[
        y1,
        y2,
        y3,
        y4,
        m1,
        m2,
        d1,
        d2,
        b'T',
        h1,
        h2,
        n1,
        n2,
        s1,
        s2,
        b'Z',
    ] = text.as_bytes()
    else {
        return None;
    };
    let (year, month, day) = (
        number([y1, y2, y3, y4])?,
        number([m1, m2])?,
        number([d1, d2])?,
    );
    let (hour, minute, second) = (number([h1, h2])?, number([n1, n2])?, number([s1, s2])?);
    let long = matches!(month, 1 | 3 | 5 | 7 | 8 | 10 | 12);
    let leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last_day = match month {
        2 => 28 + u64::from(leap_year),
        _ => 30 + u64::from(long),
    };
    let in_range = year >= 1970
        && (1..=12).contains(&month)
        && (1..=last_day).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !in_range {
        return None;
    }
    // The days before a month of a year that starts with March, so that the leap day is the last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let seconds = (days - DAYS_BEFORE_1970) * 86_400 + hour * 3600 + minute * 60 + second;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// The number of these decimal digits.
fn number<const N: usize>(digits: [u8; N]) -> Option<u64> {
    let values = digits.map(|digit| digit.wrapping_sub(b'0'));
    let number = values
        .iter()
        .fold(0, |sum, value| sum * 10 + u64::from(*value));
    // No early exit, so that the compiler can vectorize.
    let sound = values.iter().fold(true, |all, value| all & (*value < 10));
    sound.then_some(number)
}

/// The time as `20130524T000000Z`.
pub fn timestamp(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.replace(['-', ':'], "")
}

/// Refuses a presigned request that has expired or is not yet valid. It is valid from the time of signing, which may be ahead
/// by `max_clock_skew`, for the seconds of `life`.
///
/// # Errors
/// [`AuthFailure::BadLifetime`], [`AuthFailure::NotYetValid`], [`AuthFailure::Expired`].
pub fn check_life(
    signed_at: SystemTime,
    life: &str,
    now: SystemTime,
    max_clock_skew: Duration,
    longest: Duration,
) -> Result<(), AuthFailure> {
    let longest = longest.as_secs();
    let digits = !life.is_empty() && life.bytes().all(|byte| byte.is_ascii_digit());
    // A number that does not fit is longer than any lifetime.
    let seconds = match life.parse::<u64>() {
        _ if !digits => return Err(AuthFailure::BadLifetime { longest }),
        Ok(seconds) if (1..=longest).contains(&seconds) => seconds,
        _ => return Err(AuthFailure::BadLifetime { longest }),
    };
    if signed_at
        .duration_since(now)
        .is_ok_and(|ahead| ahead > max_clock_skew)
    {
        return Err(AuthFailure::NotYetValid {
            signed_at,
            server_time: now,
        });
    }
    let expires = signed_at
        .checked_add(Duration::from_secs(seconds))
        .ok_or(AuthFailure::BadLifetime { longest })?;
    if now <= expires {
        return Ok(());
    }
    Err(AuthFailure::Expired {
        expires,
        server_time: now,
    })
}

/// Refuses a date that is further from `now` than `max_clock_skew`, in the past or in the future.
///
/// # Errors
/// [`AuthFailure::ClockSkew`].
pub fn check_skew(
    text: impl AsRef<[u8]>,
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
        request_time: String::from_utf8_lossy(text.as_ref()).into_owned(),
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

/// Reads `Tue, 27 Mar 2007 19:36:42 GMT`, the format of nearly every client, by the position of each character (`benches/verify.rs`:
/// `headers/5/claim`). None for another format, for a day that its month may not have, and for the 29th of February.
fn parse_usual_date(text: &[u8]) -> Option<SystemTime> {
    let &[
        d,
        a,
        y,
        b',',
        b' ',
        d1,
        d2,
        b' ',
        m1,
        m2,
        m3,
        b' ',
        y1,
        y2,
        y3,
        y4,
        b' ',
        ref rest @ ..,
    ] = text
    else {
        return None;
    };
    let &[h1, h2, b':', n1, n2, b':', s1, s2, b' ', b'G', b'M', b'T'] = rest else {
        return None;
    };
    // The month, and the days before it in a year that begins with March, so that the leap day is the last.
    let (days_before, length) = match &[m1, m2, m3] {
        b"Mar" => (0, 31),
        b"Apr" => (31, 30),
        b"May" => (61, 31),
        b"Jun" => (92, 30),
        b"Jul" => (122, 31),
        b"Aug" => (153, 31),
        b"Sep" => (184, 30),
        b"Oct" => (214, 31),
        b"Nov" => (245, 30),
        b"Dec" => (275, 31),
        b"Jan" => (306, 31),
        // The 29th is left to `httpdate`.
        b"Feb" => (337, 28),
        _ => return None,
    };
    let (day, year) = (number([d1, d2])?, number([y1, y2, y3, y4])?);
    let (hour, minute, second) = (number([h1, h2])?, number([n1, n2])?, number([s1, s2])?);
    let day_name = matches!(
        &[d, a, y],
        b"Mon" | b"Tue" | b"Wed" | b"Thu" | b"Fri" | b"Sat" | b"Sun"
    );
    let in_range = day_name
        && (1..=length).contains(&day)
        && year > 1970
        && hour < 24
        && minute < 60
        && second < 60;
    if !in_range {
        return None;
    }
    let year = if days_before >= 306 { year - 1 } else { year };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + days_before + day - 1;
    let seconds = (days - DAYS_BEFORE_1970) * 86_400 + hour * 3600 + minute * 60 + second;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
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
    fn the_usual_form_is_read_as_the_crate_reads_it() {
        // Every day of 130 years, at changing times of the day.
        for day in 400..48_000 {
            let time = at(day * 86_400 + day * 7_919 % 86_400);
            let text = httpdate::fmt_http_date(time);
            assert_eq!(parse_date(&text), Some(time), "{text}");
            let leap_day = text.contains("29 Feb");
            assert_eq!(
                parse_usual_date(text.as_bytes()).is_none(),
                leap_day,
                "{text}"
            );
        }
        for text in [
            "Tue, 32 Mar 2007 19:36:42 GMT",
            "Tue, 00 Mar 2007 19:36:42 GMT",
            "Tue, 29 Feb 2007 19:36:42 GMT",
            "Tue, 27 mar 2007 19:36:42 GMT",
            "tue, 27 Mar 2007 19:36:42 GMT",
            "Tue, 27 Mar 2007 24:36:42 GMT",
            "Tue, 27 Mar 2007 19:60:42 GMT",
            "Tue, 27 Mar 2007 19:36:60 GMT",
            "Tue, 27 Mar 1969 19:36:42 GMT",
            "Tue, +7 Mar 2007 19:36:42 GMT",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
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
    fn a_timestamp_has_one_spelling() {
        for (text, seconds) in [
            ("19700101T000000Z", 0),
            ("20130524T000000Z", 1_369_353_600),
            ("20240229T235959Z", 1_709_251_199),
            ("20240301T000000Z", 1_709_251_200),
            ("21000301T000000Z", 4_107_542_400),
            ("99991231T235959Z", 253_402_300_799),
        ] {
            assert_eq!(parse_timestamp(text), Some(at(seconds)), "{text}");
            assert_eq!(timestamp(at(seconds)), text);
        }
        for text in [
            "",
            "20130524",
            "20130524T000000",
            "20130524t000000z",
            "20130524T000000z",
            "2013-05-24T00:00:00Z",
            "20130524T000000+0000",
            "20130524 000000Z",
            "20260230T000000Z",
            "20250229T000000Z",
            "21000229T000000Z",
            "20260431T000000Z",
            "20261301T000000Z",
            "20260001T000000Z",
            "20260100T000000Z",
            "20260101T240000Z",
            "20260101T006000Z",
            "20161231T235960Z",
            "19691231T235959Z",
            "+0130524T000000Z",
            "2013 524T000000Z",
            "２０１３0524T0000",
            "2013052éT000000Z",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn a_presigned_life_has_two_ends() {
        let (skew, week) = (Duration::from_secs(900), Duration::from_secs(604_800));
        let signed_at = at(1_000_000);
        let check = |life: &str, now: u64| check_life(signed_at, life, at(now), skew, week);
        for (life, now) in [
            ("1", 1_000_001),
            ("60", 1_000_000),
            ("60", 1_000_060),
            ("60", 999_100),
            ("604800", 1_604_800),
            ("0060", 1_000_060),
        ] {
            assert_eq!(check(life, now), Ok(()), "{life} at {now}");
        }
        let rule = |life: &str, now| check(life, now).unwrap_err();
        assert!(matches!(rule("60", 1_000_061), AuthFailure::Expired { .. }));
        assert!(matches!(
            rule("604800", 1_604_801),
            AuthFailure::Expired { .. }
        ));
        assert!(matches!(
            rule("60", 999_099),
            AuthFailure::NotYetValid { .. }
        ));
        for life in [
            "0",
            "-1",
            "604801",
            "1e3",
            "60.0",
            "+60",
            " 60",
            "60,60",
            "2147483648",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "",
            "x",
            "６０",
        ] {
            let refused = rule(life, 1_000_000);
            assert_eq!(
                refused,
                AuthFailure::BadLifetime { longest: 604_800 },
                "{life}"
            );
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
        assert_eq!(refused.rule(), 23);
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
