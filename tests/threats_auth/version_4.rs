//! What version 4 signs, and what it must not be talked out of: unsigned parts (A), the choice of the verifier and of the
//! scope (B). More on the scope and on SignedHeaders (G): `scope`.

use crate::{appended, everywhere};
use support::refusal::{Refused, mismatch};
use support::scene::{Forward, Scene};
use support::signer::{ACCESS_KEY_ID, Request, Word, encode, now};
use support::signer_v4::{EMPTY_SHA256, SigningV4, UNSIGNED, sha256_hex, stamp_at};

pub const NOT_SIGNED: Refused = Refused(
    403,
    "AccessDenied",
    "There were headers present in the request which were not signed",
);
const CHUNKS: Refused = Refused(
    400,
    "InvalidRequest",
    "A body in chunks is for PutObject and UploadPart alone, signed in the Authorization header.",
);
const TOKEN: Refused = Refused(
    400,
    "InvalidToken",
    "The provided token is malformed or otherwise invalid.",
);
const SENTINEL: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// The names behind the vendor's prefix that make a request another one, and one that nobody has heard of.
const STEERING: [&str; 21] = [
    "copy-source",
    "copy-source-range",
    "acl",
    "grant-read",
    "grant-full-control",
    "meta-x",
    "tagging",
    "storage-class",
    "website-redirect-location",
    "server-side-encryption",
    "server-side-encryption-aws-kms-key-id",
    "server-side-encryption-customer-key",
    "object-lock-mode",
    "object-lock-legal-hold",
    "bypass-governance-retention",
    "metadata-directive",
    "request-payer",
    "expected-bucket-owner",
    "mfa",
    "zzz",
    "date",
];

fn put(request: &Request) -> Request {
    let prefix = request.word.header_prefix();
    request
        .clone()
        .header(&format!("{prefix}content-sha256"), UNSIGNED)
        .body("hello")
}

/// Over something else than what the specification says.
pub fn signed_over(request: Request, change: impl FnOnce(&mut SigningV4)) -> Request {
    let stamp = stamp_at(0);
    let request = request.prepared_v4(&stamp);
    let mut signing = request.signing_v4(&stamp);
    change(&mut signing);
    request.signed_v4_as(&signing)
}

#[test]
fn a1_a_header_that_nobody_signed_is_refused() {
    everywhere("PUT", "/k", |scene, request| {
        let prefix = request.word.header_prefix();
        let signed = put(&request).signed_v4();
        let presigned = request.clone().body("hello").presigned_v4(600);
        for sent in [&signed, &presigned] {
            scene.serves(sent);
            for name in STEERING.iter().filter(|name| **name != "date") {
                let added = sent
                    .clone()
                    .header(&format!("{prefix}{name}"), "/bucket02/secret");
                let answer = scene.refuses_with(&added, NOT_SIGNED);
                let told = answer.element("HeadersNotSigned");
                assert_eq!(told.as_deref(), Some(format!("{prefix}{name}").as_str()));
            }
            let capitals = format!("{}Copy-Source", prefix.to_uppercase());
            scene.refuses_with(
                &sent.clone().header(&capitals, "/bucket02/secret"),
                NOT_SIGNED,
            );
        }
        let two = presigned
            .header(&format!("{prefix}mfa"), "1")
            .header(&format!("{prefix}acl"), "a");
        let told = scene
            .refuses_with(&two, NOT_SIGNED)
            .element("HeadersNotSigned");
        assert_eq!(told, Some(format!("{prefix}acl, {prefix}mfa")));
    });
}

#[test]
fn a1_the_other_vendors_headers_are_no_way_around() {
    everywhere("PUT", "/k", |scene, request| {
        let other = match request.word {
            Word::Aws => "x-wos-copy-source",
            Word::Wos => "x-amz-copy-source",
        };
        let signed = put(&request).signed_v4();
        scene.refuses_with(&signed.header(other, "/bucket02/secret"), NOT_SIGNED);
        let presigned = request.presigned_v4(600);
        scene.refuses_with(&presigned.header(other, "/bucket02/secret"), NOT_SIGNED);
    });
}

#[test]
fn a3_the_payload_mode_alone_may_be_unsigned() {
    everywhere("PUT", "/k", |scene, request| {
        let prefix = request.word.header_prefix();
        let mode = format!("{prefix}content-sha256");
        // Not on the list, but its value is the last line.
        let signed = signed_over(put(&request), |own| {
            own.headers = own.headers.replace(&format!("{mode}:{UNSIGNED}\n"), "");
            own.signed_headers = own.signed_headers.replace(&format!("{mode};"), "");
        });
        scene.serves(&signed);
        for (name, value) in [
            ("decoded-content-length", "1"),
            ("trailer", "x-amz-checksum-crc32"),
            ("sdk-checksum-algorithm", "CRC32"),
            ("checksum-crc32", "AAAAAA=="),
        ] {
            let added = signed.clone().header(&format!("{prefix}{name}"), value);
            scene.refuses_with(&added, NOT_SIGNED);
        }
        let mut other = signed;
        for header in other.headers.iter_mut().filter(|(name, _)| *name == mode) {
            header.1 = sha256_hex("hello");
        }
        scene.refuses_with(&other, mismatch(other.word));
    });
}

#[test]
fn a4_a_presigned_request_takes_no_chunks_whoever_asks_for_them() {
    everywhere("PUT", "/k", |scene, request| {
        let word = request.word;
        let mode = format!("{}content-sha256", word.header_prefix());
        let presigned = request
            .clone()
            .body("5\r\nhello\r\n0\r\n\r\n")
            .presigned_v4(600);
        let signed_chunks = format!("STREAMING-{}-PAYLOAD", word.algorithm());
        for value in [
            SENTINEL,
            &signed_chunks,
            &format!("{signed_chunks}-TRAILER"),
        ] {
            scene.refuses_with(&presigned.clone().header(&mode, value), CHUNKS);
            // Signed, in a header and in a parameter.
            scene.refuses_with(
                &request.clone().header(&mode, value).presigned_v4(600),
                CHUNKS,
            );
            let parameter = format!("{}Content-Sha256={value}", word.parameter_prefix());
            scene.refuses_with(
                &appended(request.clone(), &parameter).presigned_v4(600),
                CHUNKS,
            );
        }
        let hello = request.body("hello").presigned_v4(600);
        for value in [UNSIGNED, &sha256_hex("hello")] {
            scene.serves(&hello.clone().header(&mode, value));
        }
        let message = format!(
            "{mode} must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, \
             STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
        );
        for value in [
            "STREAMING-UNSIGNED-PAYLOAD",
            "streaming",
            &EMPTY_SHA256[1..],
        ] {
            let request = hello.clone().header(&mode, value);
            scene.refuses_with(&request, Refused(400, "InvalidArgument", &message));
        }
    });
}

#[test]
fn a5_a_token_is_taken_only_from_a_key_that_has_one() {
    everywhere("GET", "/k", |scene, request| {
        let header = format!("{}security-token", request.word.header_prefix());
        let parameter = format!("{}Security-Token=junk", request.word.parameter_prefix());
        let with_header = request.clone().header(&header, "junk");
        scene.refuses_with(&with_header.clone().signed_v4(), TOKEN);
        scene.refuses_with(&with_header.clone().presigned_v4(600), TOKEN);
        scene.refuses_with(
            &request.clone().signed_v4().header(&header, "junk"),
            NOT_SIGNED,
        );
        scene.refuses_with(
            &request.clone().presigned_v4(600).header(&header, "junk"),
            NOT_SIGNED,
        );
        let with_parameter = appended(request.clone(), &parameter);
        scene.refuses_with(&with_parameter.clone().presigned_v4(600), TOKEN);
        scene.refuses_with(&with_parameter.clone().signed_v4(), TOKEN);
        scene.refuses_with(
            &appended(request.clone().presigned_v4(600), &parameter),
            TOKEN,
        );
        let both = with_parameter.header(&header, "junk2");
        scene.refuses_with(&both.clone().presigned_v4(600), TOKEN);
        scene.refuses_with(&both.signed_v4(), TOKEN);
    });
}

#[test]
fn a5_a_key_with_a_token_is_good_only_with_it() {
    for forward in Forward::BOTH {
        let scene = Scene::configured(forward, |config| {
            config.line(
                "credentials",
                "[[credentials.key]]\naccess_key_id = \"TEMP\"\nsecret_access_key = \"temp-secret\"\nsession_token = \"canary-token\"",
            )
        });
        for word in Word::BOTH {
            let request = Request::new(word, "GET", "/bucket01/k").keys("TEMP", "temp-secret");
            let header = format!("{}security-token", word.header_prefix());
            let parameter = |token| {
                let text = format!(
                    "{}Security-Token={}",
                    word.parameter_prefix(),
                    encode(token)
                );
                appended(request.clone(), &text)
            };
            let seen = [
                scene.serves(&request.clone().header(&header, "canary-token").signed_v4()),
                scene.serves(
                    &request
                        .clone()
                        .header(&header, "canary-token")
                        .date(&now())
                        .signed(),
                ),
                scene.serves(&parameter("canary-token").presigned_v4(600)),
            ];
            for seen in seen.iter().filter(|_| forward == Forward::Trusted) {
                let text = String::from_utf8_lossy(&seen.head.raw).into_owned();
                assert!(!text.contains("canary-token"), "{text}");
            }
            scene.refuses_with(&request.clone().signed_v4(), TOKEN);
            scene.refuses_with(&request.clone().date(&now()).signed(), TOKEN);
            scene.refuses_with(&request.clone().presigned_v4(600), TOKEN);
            for wrong in ["canary-toke", "canary-token2", "Canary-token", "x"] {
                scene.refuses_with(&request.clone().header(&header, wrong).signed_v4(), TOKEN);
                scene.refuses_with(&parameter(wrong).presigned_v4(600), TOKEN);
            }
            // In the place of the other form.
            scene.refuses_with(&parameter("canary-token").signed_v4(), TOKEN);
            scene.refuses_with(
                &request.header(&header, "canary-token").presigned_v4(600),
                TOKEN,
            );
        }
    }
}

#[test]
fn a6_headers_never_replace_parameters() {
    everywhere("GET", "/k", |scene, request| {
        let prefix = request.word.header_prefix();
        let expired = request.clone().presigned_v4_at(&stamp_at(-700), "600");
        let message = "Request has expired";
        scene.refuses_with(&expired, Refused(403, "AccessDenied", message));
        for (name, value) in [
            ("date", stamp_at(0)),
            ("expires", "604800".into()),
            ("credential", "other".into()),
            ("signedheaders", "host".into()),
        ] {
            let name = format!("{prefix}{name}");
            scene.refuses_with(
                &expired.clone().header(&name, &value),
                Refused(403, "AccessDenied", message),
            );
            let fresh = request.clone().presigned_v4(600).header(&name, &value);
            scene.refuses_with(&fresh, NOT_SIGNED);
        }
        let old = request.clone().signed_v4_at(&stamp_at(-86_400));
        let skewed = match request.word {
            Word::Aws => Refused(
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            ),
            Word::Wos => Refused(400, "ExpiredToken", "The provided token has expired."),
        };
        scene.refuses_with(&old.header(&format!("{prefix}expires"), "604800"), skewed);
    });
}

#[test]
fn b1_a_body_in_unsigned_chunks_still_has_a_signed_header() {
    everywhere("PUT", "/k", |scene, request| {
        let prefix = request.word.header_prefix();
        let request = request
            .header(&format!("{prefix}content-sha256"), SENTINEL)
            .header(&format!("{prefix}decoded-content-length"), "5")
            .body("5\r\nhello\r\n0\r\n\r\n");
        for signature in ["0".repeat(64), "f".repeat(64), String::new(), "x".into()] {
            let stamp = stamp_at(0);
            let request = request.clone().prepared_v4(&stamp);
            let signing = request.signing_v4(&stamp);
            let value = request.authorization_v4(&signing);
            let value = value.replace(&signing.signature(&request.secret_access_key), &signature);
            scene.refuses_with(
                &request.clone().header("Authorization", &value),
                mismatch(request.word),
            );
        }
        let garbage = request
            .clone()
            .header("Authorization", request.word.algorithm());
        let components = "The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature.";
        scene.refuses_with(
            &garbage,
            Refused(400, "AuthorizationHeaderMalformed", components),
        );
    });
}

#[test]
fn b2_credentials_in_the_query_without_a_signature_are_none() {
    let missing = Refused(
        400,
        "AuthorizationQueryParametersError",
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
    );
    for object in ["/k", "/k?partNumber=1&uploadId=x"] {
        everywhere("PUT", object, |scene, request| {
            let prefix = request.word.parameter_prefix();
            let mode = format!("{}content-sha256", request.word.header_prefix());
            let request = request
                .header(&mode, SENTINEL)
                .body("5\r\nhello\r\n0\r\n\r\n");
            let credential = format!("{prefix}Credential={ACCESS_KEY_ID}");
            scene.refuses_with(&appended(request.clone(), &credential), missing);
            scene.refuses_with(&request.clone().parameters_v4(&stamp_at(0), "600"), missing);
            let garbage = appended(
                request.clone().parameters_v4(&stamp_at(0), "600"),
                &format!("{prefix}Signature=garbage"),
            );
            scene.refuses_with(&garbage, CHUNKS);
        });
    }
}

#[test]
fn b7_version_4a_is_told_as_what_it_is() {
    everywhere("GET", "/k", |scene, request| {
        let told = Refused(
            400,
            "InvalidRequest",
            "Signature version 4A (AWS4-ECDSA-P256-SHA256) is not supported. Please use AWS4-HMAC-SHA256.",
        );
        let signed = signed_over(request, |own| {
            own.algorithm = "AWS4-ECDSA-P256-SHA256".into()
        });
        scene.refuses_with(&signed, told);
    });
}
