//! E4: the key that was signed is the key that the node reads, and what the gateway signs is what the node computes.

use crate::scene::{Addressing, BUCKET, Resigning, SignWith};
use support::signer::{Request, Word, now, unix_time};
use support::verifier::{Signed, decoded, encode_bytes};

/// All bytes, encoded in capitals and not, and raw where a URI may have them; and what clients are known to spell in their
/// own ways.
fn keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "+",
        "%20",
        "a b",
        "*",
        "~",
        "!'()",
        "%7E",
        "%7e",
        "%2a",
        "%2B",
        "a+b%2Bc%20d",
        "%C3%A9",
        "e%CC%81",
        "%c3%a9",
        "%ff",
        "%FF%fe",
        "a//b",
        "a%2Fb",
        "a%2f%2Fb",
        "//",
        "a/",
        "/a",
        ";=@:&$,",
        "%25",
        "%2525",
        "%252F",
        "%26%3D%3F%23",
    ]
    .iter()
    .filter(|key| !key.contains(' '))
    .map(ToString::to_string)
    .collect();
    // A NUL is refused; a backslash could make a dot segment only next to dots.
    for byte in 1..=255_u8 {
        keys.push(format!("x%{byte:02X}y"));
        keys.push(format!("x%{byte:02x}y"));
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte) {
            keys.push(format!("x{}y", char::from(byte)));
        }
    }
    keys.push("k".repeat(1024));
    keys.push("%C3%A9".repeat(512));
    keys
}

#[test]
fn e4_every_key_reaches_the_node_as_it_was_signed() {
    for sign_with in [SignWith::AWS_V4, SignWith::ALL[1], SignWith::ALL[2]] {
        for addressing in [Addressing::Path, Addressing::VirtualHost] {
            let scene = Resigning::new(sign_with, addressing);
            for (at, key) in keys().into_iter().enumerate() {
                // Both styles and both placements, in turn.
                let request = if at % 2 == 0 {
                    Request::new(Word::Aws, "GET", &format!("/{BUCKET}/{key}"))
                } else {
                    Request::new(Word::Aws, "GET", &format!("/{key}")).virtual_host(BUCKET)
                };
                let request = match at % 5 {
                    0 => request.presigned(unix_time(600)),
                    1 | 2 => request.date(&now()).signed(),
                    3 => request.signed_v4(),
                    _ => request.presigned_v4(600),
                };
                let (recorded, read) = scene.passes(&request);
                assert_eq!(read.bucket, BUCKET, "{key}");
                assert_eq!(read.key, decoded(&key), "{key}");
                // One spelling: the unreserved characters and the slash stand for themselves.
                let spelled = encode_bytes(&decoded(&key)).replace("%2F", "/");
                assert!(
                    recorded.target().ends_with(&spelled),
                    "{key}: {}",
                    recorded.target()
                );
            }
        }
    }
}

#[test]
fn e4_every_parameter_reaches_the_node_as_it_was_signed() {
    for sign_with in SignWith::ALL {
        let scene = Resigning::new(sign_with, Addressing::AsReceived);
        let request = |query: &str| {
            let request = Request::new(Word::Aws, "GET", &format!("/{BUCKET}/k?{query}"));
            scene.passes(&request.date(&now()).signed())
        };
        for (sent, seen, meant) in [
            ("versionId=a+b", "versionId=a%20b", "a b"),
            ("versionId=a%2Bb", "versionId=a%2Bb", "a+b"),
            ("versionId=a%20b", "versionId=a%20b", "a b"),
            ("versionId=%7e*%2a", "versionId=~%2A%2A", "~**"),
            ("%76ersionId=a/b", "versionId=a%2Fb", "a/b"),
            ("versionId==", "versionId=%3D", "="),
        ] {
            let (recorded, read) = match sent.starts_with('%') {
                false => request(sent),
                // The tests' signer does not look behind an encoded name.
                true => {
                    let signing = Request::new(Word::Aws, "GET", "/bucket01/k?versionId=a/b")
                        .date(&now())
                        .signing();
                    let sent = Request::new(Word::Aws, "GET", &format!("/bucket01/k?{sent}"));
                    scene.passes(&sent.date(&signing.date).signed_as(&signing))
                }
            };
            assert_eq!(recorded.target(), format!("/{BUCKET}/k?{seen}"));
            let value = read.parameters["versionId"].clone().expect("a value");
            assert_eq!(value, meant.as_bytes());
        }
        // What version 2 does not sign, clients write as forms do, and nodes read so.
        let list = Request::new(
            Word::Aws,
            "GET",
            "/bucket01/?prefix=my+dir%2F&marker=a%2Bb&delimiter=/",
        );
        let (recorded, _) = scene.passes(&list.date(&now()).signed());
        let seen = "/bucket01/?prefix=my%20dir%2F&marker=a%2Bb&delimiter=%2F";
        assert_eq!(recorded.target(), seen);
    }
}

/// Version 4 signs what version 2 cannot tell apart: it goes to nodes of version 4 alone.
#[test]
fn e4_a_parameter_that_version_2_reads_in_two_ways_is_refused_towards_it() {
    for sign_with in SignWith::ALL {
        let scene = Resigning::new(sign_with, Addressing::AsReceived);
        let target = format!("/{BUCKET}/k?versionId=A%26acl");
        let request = Request::new(Word::Aws, "GET", &target).signed_v4();
        if sign_with.version == Signed::V2 {
            scene.refuses(&request, 400, "InvalidArgument");
        } else {
            let (recorded, _) = scene.passes(&request);
            assert_eq!(recorded.target(), target);
        }
    }
}
