//! The threats to authentication, each a test named by its id: parts that no signature covers (A), the choice of the scheme
//! and of the key (B), time (D).

mod crossover;
mod dates;
mod keys;
mod mechanisms;
mod scope;
mod tokens;
mod unsigned_parts;
mod version_4;

use support::refusal::Refused;
use support::scene::Scene;
use support::signer::{Request, Signing, Word, encode};

const SEVERAL: Refused = Refused(
    400,
    "InvalidArgument",
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified",
);

/// A request for an object, path style and virtual-host style.
fn styles(word: Word, method: &str, object: &str) -> [Request; 2] {
    [
        Request::new(word, method, &format!("/bucket01{object}")),
        Request::new(word, method, object).virtual_host("bucket01"),
    ]
}

/// In each forward mode, in the words of each dialect, in each style.
fn everywhere(method: &str, object: &str, check: impl Fn(&Scene, Request)) {
    for scene in Scene::both() {
        for request in Word::BOTH.map(|word| styles(word, method, object)).concat() {
            check(&scene, request);
        }
    }
}

/// The name of the vendor's date header.
fn date_header(word: Word) -> String {
    format!("{}date", word.header_prefix())
}

fn no_date(word: Word) -> Refused<'static> {
    let message = match word {
        Word::Aws => "AWS authentication requires a valid Date or x-amz-date header",
        Word::Wos => "Authentication requires a valid Date or x-wos-date header",
    };
    Refused(403, "AccessDenied", message)
}

/// A request presigned with any text for `Expires`: `sent` as it stands in the URL, `signed` as it stands in the StringToSign.
fn presigned_until(mut request: Request, sent: &str, signed: &str) -> Request {
    let signing = Signing {
        date: signed.into(),
        ..request.signing()
    };
    let signature = encode(&signing.signature(&request.secret_access_key));
    let separator = if request.target.contains('?') {
        '&'
    } else {
        '?'
    };
    let parameter = request.word.access_key_parameter();
    let id = encode(&request.access_key_id);
    request.target += &format!("{separator}{parameter}={id}&Expires={sent}&Signature={signature}");
    request
}

/// With further text at the end of the query.
fn appended(mut request: Request, text: &str) -> Request {
    request.target += if request.target.contains('?') {
        "&"
    } else {
        "?"
    };
    request.target += text;
    request
}
