//! D5, D6: the header form and the query form do not stand in for each other, and neither do the two date headers.

use crate::{SEVERAL, date_header, everywhere, no_date, presigned_until};
use support::refusal::{Refused, mismatch};
use support::signer::{Signing, Word, date_at, encode, now, unix_time};

const BAD_EXPIRES: Refused = Refused(
    403,
    "AccessDenied",
    "Invalid date (should be seconds since epoch)",
);

#[test]
fn d5_a_presigned_url_is_no_header_signature() {
    everywhere("GET", "/k", |scene, request| {
        let word = request.word;
        let expires = unix_time(600).to_string();
        let leaked = presigned_until(request.clone(), &expires, &expires);
        scene.serves(&leaked);
        let signing = Signing {
            date: expires.clone(),
            ..request.signing()
        };
        // The two texts are the same.
        assert_eq!(request.clone().date(&expires).signing(), signing);
        scene.refuses_with(
            &request.clone().date(&expires).signed_as(&signing),
            no_date(word),
        );
        // Nor with a date beside it that can be read.
        scene.refuses_with(
            &request.clone().date(&now()).signed_as(&signing),
            mismatch(word),
        );
        let own = request.clone().header(&date_header(word), &now());
        scene.refuses_with(&own.date(&expires).signed_as(&signing), mismatch(word));
    });
}

#[test]
fn d5_a_header_signature_is_no_presigned_url() {
    everywhere("GET", "/k", |scene, request| {
        let word = request.word;
        let date = now();
        let signed = request.clone().date(&date).signed();
        scene.serves(&signed);
        for sent in [
            encode(&date),
            date.replace(' ', "%20"),
            date.replace(' ', "+"),
        ] {
            scene.refuses_with(&presigned_until(request.clone(), &sent, &date), BAD_EXPIRES);
            // Nor with the header that it was signed with.
            let dated = presigned_until(request.clone().date(&date), &sent, &date);
            scene.refuses_with(&dated, BAD_EXPIRES);
        }
        let later = unix_time(600).to_string();
        scene.refuses_with(
            &presigned_until(request.clone(), &later, &date),
            mismatch(word),
        );
        let both = presigned_until(signed, &later, &later);
        scene.refuses_with(&both, SEVERAL);
    });
}

#[test]
fn d6_the_vendors_date_header_empties_the_date_line() {
    everywhere("GET", "/k", |scene, request| {
        let word = request.word;
        let own = date_header(word);
        let (date, other) = (now(), date_at(-60));
        let with_date = request.clone().date(&date);
        let with_own = request.clone().header(&own, &date);
        let with_both = request.clone().date(&other).header(&own, &date);
        for served in [&with_date, &with_own, &with_both] {
            scene.serves(&served.clone().signed());
        }
        // In the order and the case of a client's own.
        let turned = request
            .clone()
            .header(&own.to_uppercase(), &date)
            .header("DATE", &other);
        scene.serves(&turned.signed());
        scene.refuses_with(&request.clone().signed(), no_date(word));

        // What the page of AWS prints against its own rules: the header's value in the date line.
        let as_printed = Signing {
            date: date.clone(),
            headers: Vec::new(),
            ..with_both.signing()
        };
        scene.refuses_with(&with_both.clone().signed_as(&as_printed), mismatch(word));
        for line in [&date, &other] {
            let filled = Signing {
                date: line.clone(),
                ..with_both.signing()
            };
            scene.refuses_with(&with_both.clone().signed_as(&filled), mismatch(word));
        }
        let ignored = Signing {
            headers: Vec::new(),
            ..with_own.signing()
        };
        scene.refuses_with(&with_own.clone().signed_as(&ignored), mismatch(word));
        // Added to a request that was signed without it.
        scene.refuses_with(
            &with_date.clone().signed().header(&own, &date),
            mismatch(word),
        );
    });
}

#[test]
fn d6_a_date_that_stands_twice_is_refused() {
    everywhere("GET", "/k", |scene, request| {
        let own = date_header(request.word);
        for name in ["date", &own] {
            let message = format!("The header '{name}' stands more than once.");
            let expected = Refused(400, "InvalidArgument", &message);
            for second in [now(), date_at(60), "garbage".into()] {
                let twice = request.clone().header(name, &now()).header(name, &second);
                scene.refuses_with(&twice.clone().signed(), expected);
                scene.refuses_with(&twice.header("Date", &now()).signed(), expected);
            }
        }
    });
}

#[test]
fn d6_a_date_header_beside_a_presigned_url_must_have_been_signed() {
    everywhere("GET", "/k", |scene, request| {
        let word = request.word;
        let own = date_header(word);
        let expires = unix_time(600).to_string();
        for date in [now(), date_at(-86_400), "garbage".into()] {
            let added = presigned_until(request.clone(), &expires, &expires).header(&own, &date);
            scene.refuses_with(&added, mismatch(word));
            // Expires is the time that counts.
            let signed = presigned_until(request.clone().header(&own, &date), &expires, &expires);
            scene.serves(&signed);
            // Date is not signed in the query form, and changes nothing.
            let dated = presigned_until(request.clone(), &expires, &expires).date(&date);
            scene.serves(&dated);
        }
    });
}

#[test]
fn d6_another_vendors_date_header_is_refused() {
    everywhere("GET", "/k", |scene, request| {
        let other = match request.word {
            Word::Aws => "x-wos-date",
            Word::Wos => "x-amz-date",
        };
        let expected = Refused(
            403,
            "AccessDenied",
            "There were headers present in the request which were not signed",
        );
        for request in [
            request.clone().date(&now()).header(other, &now()).signed(),
            // Nor does it stand in for the date that is missing.
            request.clone().header(other, &now()).signed(),
            request
                .clone()
                .presigned(unix_time(600))
                .header(other, &now()),
        ] {
            let response = scene.refuses_with(&request, expected);
            assert_eq!(response.element("HeadersNotSigned").as_deref(), Some(other));
        }
    });
}
