//! K5: the parsers in front of the verdict - the query string, the Authorization header, the presigned parameters, the
//! address - take whatever comes and admit nothing but what was signed. `FUZZ_TURNS=1000000 cargo test --release --test
//! fuzz` throws for longer. The decoders of bodies are thrown at in `tests/body/fuzz.rs`, whole requests over sockets in
//! `tests/threats_http/fuzz.rs`.

mod line;

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use countersign::sig::{RequestView, fields_of};
use http::HeaderMap;
use line::Line;
use support::dice::{Dice, turns};
use support::signer::{Request, Word};

/// 2026-11-22 10:00:00 UTC.
const NOW: u64 = 1_795_341_600;

const WORDS: &[&[u8]] = &[
    b"&",
    b"&&",
    b"=",
    b"?",
    b"/",
    b"//",
    b"/../",
    b"%",
    b"%2F",
    b"%61cl",
    b"%00",
    b"%zz",
    b"+",
    b";",
    b":",
    b" ",
    b"  ",
    b",",
    b"AWS ",
    b"WOS ",
    b"AWS4-HMAC-SHA256 ",
    b"WOS-HMAC-SHA256 ",
    b"Credential=AKIAIOSFODNN7EXAMPLE/20261122/us-east-1/s3/aws4_request",
    b", SignedHeaders=host;x-amz-date",
    b", Signature=0000000000000000000000000000000000000000000000000000000000000000",
    b"&X-Amz-Algorithm=AWS4-HMAC-SHA256",
    b"&X-Amz-Credential=a%2F20261122%2Fus-east-1%2Fs3%2Faws4_request",
    b"&X-Amz-Date=20261122T100000Z",
    b"&X-Amz-Expires=604801",
    b"&X-Amz-SignedHeaders=host",
    b"&X-Amz-Signature=00",
    b"&Signature=",
    b"&Expires=99999999999999999999",
    b"&AWSAccessKeyId=x",
    b"&acl",
    b"&ACL",
    b"&uploads",
    b"==",
    b"\xc3\xa9",
];

fn seeds() -> Vec<Request> {
    let now = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(NOW));
    let mut all = Vec::new();
    for word in Word::BOTH {
        for target in [
            "/bucket01/a%20b%2Fc?acl",
            "/bucket01?uploads&versionId=1",
            "/",
        ] {
            all.push(Request::new(word, "GET", target).date(&now).signed());
            all.push(Request::new(word, "GET", target).presigned(NOW + 60));
        }
    }
    all
}

/// What can stand in a request line or a field's value: the gateway's reader refuses the rest before.
fn visible(bytes: Vec<u8>) -> String {
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.chars()
        .filter(|c| c.is_ascii_graphic() || *c == ' ')
        .collect()
}

fn authorization(request: &mut Request) -> Option<&mut String> {
    let mut headers = request.headers.iter_mut();
    headers
        .find(|(name, _)| name == "Authorization")
        .map(|(_, value)| value)
}

#[test]
fn k5_fuzz_credentials() {
    let line = Line::new(UNIX_EPOCH + Duration::from_secs(NOW));
    let seeds = seeds();
    for seed in &seeds {
        assert!(line.check(seed).is_ok(), "{seed:?}");
    }
    let mut dice = Dice(0x2b99_2ddf_a232_49d6);
    let (mut accepted, mut broken) = (0, BTreeSet::new());
    for _ in 0..turns(30_000) {
        let seed = &seeds[dice.below(seeds.len())];
        let other = &mut seeds[dice.below(seeds.len())].clone();
        let mut request = seed.clone();
        match (dice.below(2), authorization(&mut request)) {
            (0, Some(value)) => {
                let other = authorization(other).cloned().unwrap_or_default();
                *value = visible(dice.mutated(value.as_bytes(), WORDS, other.as_bytes()));
            }
            _ => {
                let target = dice.mutated(seed.target.as_bytes(), WORDS, other.target.as_bytes());
                request.target = visible(target).replace([' ', '#'], "");
                if !request.target.starts_with('/') {
                    continue;
                }
            }
        }
        if let Err(stop) = line.check(&request) {
            broken.extend(stop.rule());
            continue;
        }
        accepted += 1;
        // What was signed is what is asked for.
        // A bucket is signed with a slash behind it, however it is sent.
        let path = |request: &Request| {
            let path = request.target.split('?').next().unwrap_or_default();
            path.trim_end_matches('/').to_owned()
        };
        let text = |request: &Request| {
            let mut request = request.clone();
            authorization(&mut request).map(|value| value.trim().to_owned())
        };
        let signs = |own: &&Request| text(own) == text(&request) && path(own) == path(&request);
        assert!(seeds.iter().any(|seed| signs(&seed)), "{request:?}");
    }
    assert!(accepted > 20, "{accepted}");
    assert!(broken.len() >= 12, "rules that were broken: {broken:?}");
}

/// The query string by itself: read or refused, each name once, and nothing lost.
#[test]
fn k5_fuzz_query_strings() {
    let headers = HeaderMap::new();
    let mut dice = Dice(0x94d0_49bb_1331_11eb);
    let seeds: [&[u8]; 4] = [
        b"acl",
        b"uploads=&versionId=a%2Bb+c",
        b"a=1&b=2&c",
        b"X-Amz-Signature=0",
    ];
    let (mut read, mut refused) = (0, 0);
    for _ in 0..turns(30_000) {
        let seed = seeds[dice.below(seeds.len())];
        let other = seeds[dice.below(seeds.len())];
        let query = visible(dice.mutated(seed, WORDS, other));
        let Ok(view) = RequestView::of("GET", "/", Some(&query), fields_of(&headers)) else {
            refused += 1;
            continue;
        };
        read += 1;
        let pairs = || query.split('&').filter(|pair| !pair.is_empty());
        assert_eq!(view.parameters.len(), pairs().count());
        for (parameter, pair) in view.parameters.iter().zip(pairs()) {
            let (name, value) = match pair.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (pair, None),
            };
            assert_eq!(support::signer::decode(name), parameter.name);
            assert_eq!(value, parameter.raw_value);
        }
    }
    assert!(read > 1000 && refused > 1000, "{read} {refused}");
}
