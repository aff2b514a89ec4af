//! E1–E7: the path that version 4 signs.

use super::{MISMATCH, Placed, both_versions, everywhere, get, goes_through, passes};
use crate::path::keys;
use crate::scene::{BUCKET, Forward, Style, with_raw};
use support::signer::Word;

#[test]
fn e1_dot_segments_are_refused_though_version_4_signs_them() {
    everywhere(|scene, placed, word| {
        for style in Style::BOTH {
            for key in [
                ".",
                "..",
                "../b2/k",
                "a/./b",
                "a/../../b2/k",
                "%2e%2E/k",
                "..%2fk",
                "..%5Ck",
                "a%2f..%2Fk",
            ] {
                for method in ["GET", "PUT", "DELETE"] {
                    let request = placed.sign(style.request(word, method, key));
                    scene.refuses(&request, 400, "InvalidURI");
                }
            }
            for key in [
                "a//b",
                "a/",
                "...",
                "a..",
                "..a/b",
                "%252e%252e%252fk",
                "a%5Cb",
            ] {
                goes_through(scene, placed, style.request(word, "GET", key));
            }
        }
    });
}

#[test]
fn e2_an_encoded_path_is_no_way_around_the_bucket_though_version_4_signs_it() {
    everywhere(|scene, placed, word| {
        for path in [
            "/%62ucket01/private/x",
            "/bucket0%31",
            "/bucket01%2Fprivate/x",
            "/bucket01%5Cprivate/x",
            "/%2Fbucket01/x",
        ] {
            let sent = placed.sign(get(word, path));
            scene.refuses(&sent, 400, "InvalidBucketName");
            let decoded = placed.swap(word, "/bucket01/private/x", path);
            scene.refuses(&decoded, 400, "InvalidBucketName");
        }
    });
}

#[test]
fn e3_a_key_that_version_4_signs_is_decoded_by_nobody() {
    let spellings = [
        "/bucket01/a/b",
        "/bucket01/a%2Fb",
        "/bucket01/a%252Fb",
        "/bucket01/a%25252Fb",
    ];
    everywhere(|scene, placed, word| {
        for signed in spellings {
            for sent in spellings {
                let request = placed.swap(word, signed, sent);
                if signed == sent {
                    passes(scene, &request, sent);
                } else {
                    scene.refuses(&request, MISMATCH.0, MISMATCH.1);
                }
            }
        }
    });
}

#[test]
fn e4_every_key_goes_on_as_it_was_signed() {
    let keys = keys();
    for forward in Forward::BOTH {
        let scene = both_versions(forward);
        for placed in Placed::BOTH {
            for key in &keys {
                let request = get(Word::Aws, &format!("/{BUCKET}/{key}"));
                if key.contains("%00") {
                    scene.refuses(&placed.sign(request), 400, "InvalidURI");
                } else if key.contains('+') && forward == Forward::Passthrough {
                    // The signer writes `%2B`, and some nodes read the `+` as a blank.
                    scene.refuses(&placed.sign(request), 400, "InvalidURI");
                } else {
                    goes_through(&scene, placed, request);
                }
            }
        }
    }
}

#[test]
fn e4_no_key_is_taken_for_another() {
    everywhere(|scene, placed, word| {
        for (one, other) in [
            ("a+b", "a%20b"),
            ("a%2Bb", "a%20b"),
            ("caf%C3%A9", "cafe%CC%81"),
            ("%FF", "%EF%BF%BD"),
            ("%FE", "%FF"),
            ("KEY", "key"),
            ("a//b", "a/b"),
            ("a/", "a"),
        ] {
            let (one, other) = (format!("/{BUCKET}/{one}"), format!("/{BUCKET}/{other}"));
            for (signed, sent) in [(&one, &other), (&other, &one)] {
                let request = placed.swap(word, signed, sent);
                scene.refuses(&request, MISMATCH.0, MISMATCH.1);
            }
        }
    });
}

#[test]
fn e5_version_4_signs_no_byte_that_a_target_may_not_hold() {
    everywhere(|scene, placed, word| {
        for byte in [
            b' ', b'\t', 0, 0x0b, 0x7f, 0x80, 0xe9, 0xff, b'"', b'<', b'>', b'\\', b'^', b'`',
            b'{', b'|', b'}',
        ] {
            for signed in [
                format!("/bucket01/k%{byte:02X}k"),
                "/bucket01/kSTAND-INk".to_owned(),
            ] {
                let request = placed.swap(word, &signed, "/bucket01/kSTAND-INk");
                let bytes = with_raw(&request, "STAND-IN", &[byte]);
                scene.refuses(&bytes, 400, "InvalidURI");
            }
        }
    });
}

#[test]
fn e6_a_fragment_is_refused_though_version_4_signs_it() {
    everywhere(|scene, placed, word| {
        for (signed, sent) in [
            ("/bucket01/secret", "/bucket01/secret#.jpg"),
            ("/bucket01/secret%23.jpg", "/bucket01/secret#.jpg"),
            ("/bucket01/secret#.jpg", "/bucket01/secret#.jpg"),
            ("/bucket01/secret?acl", "/bucket01/secret?acl#x"),
        ] {
            scene.refuses(&placed.swap(word, signed, sent), 400, "InvalidURI");
        }
    });
}

#[test]
fn e7_the_signature_over_a_normalised_path_is_another_one() {
    everywhere(|scene, placed, word| {
        for (normalised, sent) in [
            ("/bucket01/a/b", "/bucket01//a//b"),
            ("/bucket01/a/b", "/bucket01/a//b"),
            ("/bucket01/a", "/bucket01/a/"),
            ("/bucket01/k", "/bucket01/%252e/k"),
        ] {
            scene.refuses(&placed.swap(word, normalised, sent), MISMATCH.0, MISMATCH.1);
            passes(scene, &placed.sign(get(word, sent)), sent);
        }
    });
}
