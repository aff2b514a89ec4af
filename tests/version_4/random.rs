//! Requests drawn at random: what was signed is accepted, and with any part of it changed it is not.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::{NOW, line};
use crate::line::Stop;
use support::signer::{Request, Word, encode};
use support::signer_v4::stamp_of;

/// The signature holds, whatever the policy says then.
fn holds(request: &Request) -> bool {
    match line().check(request) {
        Ok(_) | Err(Stop::Denied(_)) => true,
        Err(Stop::Auth(_) | Stop::Address(_)) => false,
    }
}

/// A part of a name or a value, written as it is or encoded.
fn text() -> impl Strategy<Value = String> {
    // Behind an "a" no text is "." or ".."; behind a separator of its own it may be, and is refused, also with a parameter or
    // blanks behind it.
    let dots = |text: &String| {
        text.split(['/', '\\']).skip(1).any(|part| {
            let before = part.split([';', '?', '#']).next().unwrap_or(part);
            [".", ".."].contains(&before.trim_end())
        })
    };
    let text = "[ -~é]{1,8}".prop_filter("a segment of dots", move |text| !dots(text));
    (text, any::<bool>()).prop_map(|(text, lower)| {
        let encoded = encode(&text);
        if lower {
            encoded.to_ascii_lowercase()
        } else {
            encoded
        }
    })
}

fn drawn() -> impl Strategy<Value = (Request, bool)> {
    let word = prop_oneof![Just(Word::Aws), Just(Word::Wos)];
    let keys = proptest::collection::vec(text(), 0..3);
    let pairs =
        proptest::collection::vec(("[a-zA-Z~_.-]{1,4}", proptest::option::of(text())), 0..4);
    let values = proptest::collection::vec("[!-~]( {0,2}[!-~]){0,5}", 0..3);
    let method = prop_oneof![Just("GET"), Just("PUT"), Just("DELETE")];
    (word, method, keys, pairs, values, any::<bool>()).prop_map(
        |(word, method, keys, pairs, values, in_query)| {
            // A number in each name keeps it from standing twice, in whatever case.
            let pairs = pairs
                .iter()
                .enumerate()
                .map(|(at, (name, value))| match value {
                    Some(value) => format!("{name}{at}={value}"),
                    None => format!("{name}{at}"),
                });
            let query: Vec<String> = pairs.collect();
            let query = if query.is_empty() {
                String::new()
            } else {
                format!("?{}", query.join("&"))
            };
            let path: String = keys.iter().map(|key| format!("/a{key}")).collect();
            let mut request = Request::new(word, method, &format!("/bucket01{path}{query}"));
            for (at, value) in values.iter().enumerate() {
                request = request.header(&format!("{}meta-{at}", word.header_prefix()), value);
            }
            (request, in_query)
        },
    )
}

fn signed(request: &Request, in_query: bool) -> Request {
    match in_query {
        true => request.clone().presigned_v4_at(&stamp_of(NOW), "60"),
        false => request.clone().signed_v4_at(&stamp_of(NOW)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn what_was_signed_holds_and_nothing_else((request, in_query) in drawn(), at in any::<prop::sample::Index>()) {
        let right = signed(&request, in_query);
        prop_assert!(holds(&right), "{right:#?}");
        let mut changed = Vec::new();
        for method in ["GET", "PUT", "DELETE"].into_iter().filter(|method| *method != right.method) {
            changed.push(Request { method: method.into(), ..right.clone() });
        }
        // One character of the target for another: every one is signed, or is the signature.
        let place = at.index(right.target.len());
        if right.target.is_char_boundary(place) && right.target.as_bytes()[place].is_ascii_alphanumeric() {
            let was = &right.target[place..=place];
            let other = if was == "0" { "1" } else { "0" };
            let escape = right.target[..place].ends_with('%') || right.target[..place.max(1) - 1].ends_with('%');
            // In an escape the other case means the same byte.
            if !escape {
                let target = format!("{}{other}{}", &right.target[..place], &right.target[place + 1..]);
                changed.push(Request { target, ..right.clone() });
            }
        }
        changed.push(Request { target: format!("{}%20", right.target), ..right.clone() });
        let separator = if right.target.contains('?') { '&' } else { '?' };
        changed.push(Request { target: format!("{}{separator}added=1", right.target), ..right.clone() });
        changed.push(right.clone().header(&format!("{}meta-9", right.word.header_prefix()), "x"));
        for header in 0..right.headers.len() {
            let mut other = right.clone();
            other.headers[header].1.push('x');
            changed.push(other);
        }
        for other in changed {
            prop_assert!(!holds(&other), "{right:#?}\n{other:#?}");
        }
    }
}
