//! K2, K4: one spelling of a signature, and no answer that tells the right one.

use super::{Forward, Scene, assert_refused, get};
use support::gateway::Config;
use support::rec::{Answer, Rec};
use support::signer::{
    Request, SECRET_ACCESS_KEY, Word, decode, encode, now, signature, unix_time,
};
use support::wire::Response;

/// Other texts that a lenient reader takes for the same 20 bytes.
fn spellings(signature: &str) -> Vec<String> {
    let unpadded = signature.trim_end_matches('=');
    // 20 bytes leave two bits of the last letter unused.
    let (start, last) = unpadded.split_at(unpadded.len() - 1);
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = ALPHABET
        .iter()
        .position(|letter| *letter == last.as_bytes()[0])
        .expect("base64");
    let stray = (1..4).map(|bits| format!("{start}{}=", char::from(ALPHABET[value ^ bits])));
    let hexadecimal: String = signature
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let others = [
        unpadded.to_owned(),
        format!("{signature}="),
        format!("{unpadded}%3D"),
        format!("{unpadded}%3d"),
        format!("{signature}\0"),
        format!("{unpadded}.="),
        encode(&encode(signature)),
        signature.to_ascii_lowercase(),
        signature.to_ascii_uppercase(),
        signature.replace('+', "-").replace('/', "_") + "-",
        signature[..signature.len() - 2].to_owned(),
        format!("A{signature}"),
        format!("{signature}{signature}"),
        format!("{signature},{signature}"),
        hexadecimal,
        "=".repeat(28),
        "A".repeat(27) + "=",
    ];
    stray.chain(others).collect()
}

#[test]
fn k2_a_signature_has_one_spelling() {
    let scene = Scene::new(Forward::Trusted);
    for word in Word::BOTH {
        let unsigned = Request::new(word, "GET", "/bucket01/key").date(&now());
        let right = unsigned.signing().signature(SECRET_ACCESS_KEY);
        let with = |signature: &str| {
            let value = format!("{} {}:{signature}", word.scheme(), unsigned.access_key_id);
            unsigned.clone().header("Authorization", &value)
        };
        assert_eq!(scene.gateway.exchange(&with(&right)).status, 200);
        scene.rec.clear();
        let mut tried = 0;
        for other in spellings(&right) {
            tried += 1;
            if other.contains('\0') {
                scene.refuses_and_closes((&other, with(&other).bytes()), 400, "InvalidRequest");
            } else {
                scene.refuses_and_goes_on((&other, &with(&other)), 403, "SignatureDoesNotMatch");
            }
        }
        assert_eq!(tried, 20);
        // A blank ends the credentials.
        let (start, rest) = right.split_at(9);
        for other in [
            format!("{start} {rest}"),
            format!("{start}\t{rest}"),
            format!(" {right}"),
        ] {
            scene.refuses_and_goes_on((&other, &with(&other)), 400, "InvalidArgument");
        }
    }
}

/// In a query the text is percent-encoded, and decoded once.
#[test]
fn k2_a_presigned_signature_has_one_spelling_once_decoded() {
    let scene = Scene::new(Forward::Trusted);
    for word in Word::BOTH {
        let expires = unix_time(600);
        let request = Request::new(word, "GET", "/bucket01/key");
        let whole = request.clone().presigned(expires);
        let (start, encoded) = whole
            .target
            .split_once("Signature=")
            .expect("the parameter");
        let right = decode(encoded);
        let with = |signature: &str| {
            let mut request = request.clone();
            request.target = format!("{start}Signature={signature}");
            request
        };
        for same in [
            right.clone(),
            encode(&right),
            right.bytes().map(|byte| format!("%{byte:02x}")).collect(),
        ] {
            assert_eq!(scene.gateway.exchange(&with(&same)).status, 200, "{same}");
        }
        scene.rec.clear();
        for other in spellings(&right) {
            scene.refuses_and_goes_on(
                (&other, &with(&encode(&other))),
                403,
                "SignatureDoesNotMatch",
            );
        }
        for blank in ["%20", "%0A", "%0D%0A", "%09", "+"] {
            for other in [
                format!("{encoded}{blank}"),
                format!("{blank}{encoded}"),
                format!("{}{blank}{}", &right[..4], &right[4..]),
            ] {
                scene.refuses_and_goes_on((&other, &with(&other)), 403, "SignatureDoesNotMatch");
            }
        }
    }
}

fn diagnosing(diagnostics: bool) -> Scene {
    Scene::with(
        Forward::Trusted,
        Rec::start(Answer::Ok),
        |config: Config| config.line("signature", &format!("diagnostics = {diagnostics}")),
    )
}

/// Requests that are signed over something else, with the StringToSign that the gateway computes for each.
fn mismatches() -> Vec<(Request, String)> {
    let mut requests = Vec::new();
    for word in Word::BOTH {
        let dated = Request::new(word, "PUT", "/bucket01/k%20y?acl")
            .date(&now())
            .header(&format!("{}meta-a", word.header_prefix()), "1");
        let computed = dated.signing();
        let mut other = computed.clone();
        other.resource = "/bucket01/other".into();
        requests.push((dated.signed_as(&other), computed.string_to_sign()));
        let expires = unix_time(600);
        let query = Request::new(word, "GET", "/bucket01/key");
        let mut computed = query.signing();
        computed.date = expires.to_string();
        let mut other = computed.clone();
        other.method = "PUT".into();
        requests.push((
            query.presigned_as(expires, &other),
            computed.string_to_sign(),
        ));
    }
    requests
}

/// Every way to write a signature down.
fn assert_silent_about(signature: &str, text: &str) {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(signature)
        .expect("base64");
    let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let letters: Vec<String> = signature
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let text = text.to_ascii_lowercase();
    for spelled in [
        signature.to_owned(),
        signature.trim_end_matches('=').to_owned(),
        encode(signature),
        hexadecimal,
        letters.join(" "),
        letters.concat(),
        format!("{bytes:?}"),
    ] {
        assert!(
            !text.contains(&spelled.to_ascii_lowercase()),
            "{spelled} in {text}"
        );
    }
}

fn text_of(response: &Response) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&response.head.raw),
        response.text()
    )
}

#[test]
fn k4_a_mismatch_says_nothing_about_the_right_signature() {
    for diagnostics in [false, true] {
        let scene = diagnosing(diagnostics);
        for (request, string_to_sign) in mismatches() {
            let computed = signature(SECRET_ACCESS_KEY, &string_to_sign);
            let response = scene.gateway.exchange(&request);
            assert_refused(&request.target, &response, 403, "SignatureDoesNotMatch");
            assert_silent_about(&computed, &text_of(&response));
            let told = [
                "AWSAccessKeyId",
                "StringToSign",
                "SignatureProvided",
                "StringToSignBytes",
            ]
            .map(|name| response.element(name));
            if diagnostics {
                let bytes: Vec<String> = string_to_sign
                    .bytes()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                assert_eq!(told[0].as_ref(), Some(&request.access_key_id));
                assert_eq!(told[1].as_ref(), Some(&string_to_sign));
                assert!(
                    told[2]
                        .as_ref()
                        .is_some_and(|provided| provided.len() == 28 && *provided != computed)
                );
                assert_eq!(
                    told[3].as_ref().map(|text| text.to_ascii_lowercase()),
                    Some(bytes.join(" "))
                );
            } else {
                assert_eq!(told, [None, None, None, None]);
            }
        }
        // Nor does an unknown key get a text of ours to sign with.
        let unknown = Request::new(Word::Aws, "GET", "/bucket01/key")
            .keys("AKNOBODY", SECRET_ACCESS_KEY)
            .date(&now())
            .signed();
        let response = scene.gateway.exchange(&unknown);
        assert_refused("unknown", &response, 403, "InvalidAccessKeyId");
        assert_eq!(response.element("StringToSign"), None);
        scene.rec.assert_untouched();
        assert_eq!(scene.gateway.exchange(&get()).status, 200);
    }
}
