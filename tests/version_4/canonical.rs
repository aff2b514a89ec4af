//! The texts that clients sign for one request: each of them is accepted, and none for another request.

use super::{accepted, get, line, mismatch, presigned, signed};
use support::signer::{DOMAIN, Request, Word};
use support::signer_v4::SigningV4;

/// What is sent, and the two texts that may be signed for it: as sent, and as RFC 3986 has it.
const PATHS: &[(&str, &str)] = &[
    ("/bucket01/a*b", "/bucket01/a%2Ab"),
    ("/bucket01/a%7Eb", "/bucket01/a~b"),
    ("/bucket01/a%2ab", "/bucket01/a%2Ab"),
    (
        "/bucket01/!'();:@&=$,",
        "/bucket01/%21%27%28%29%3B%3A%40%26%3D%24%2C",
    ),
    ("/bucket01/a+b", "/bucket01/a%2Bb"),
    ("/bucket01/%61", "/bucket01/a"),
    ("/bucket01/a%2fb", "/bucket01/a%2Fb"),
    ("/bucket01/%25%ff", "/bucket01/%25%FF"),
];

#[test]
fn e4_a_path_is_signed_as_sent_or_as_rfc_3986_has_it() {
    for word in Word::BOTH {
        for (sent, encoded) in PATHS {
            accepted(&signed(get(word, sent), |own| own.uri = (*sent).into()));
            accepted(&signed(get(word, sent), |own| own.uri = (*encoded).into()));
            accepted(&presigned(get(word, sent), |own| own.uri = (*sent).into()));
            // Sent as RFC 3986 has it, it has no second spelling.
            mismatch(&signed(get(word, encoded), |own| own.uri = (*sent).into()));
        }
        for (sent, other) in [
            ("/bucket01/a%2Fb", "/bucket01/a/b"),
            ("/bucket01/a/b", "/bucket01/a%2Fb"),
            ("/bucket01/a%252Fb", "/bucket01/a%2Fb"),
            ("/bucket01/a%2Bb", "/bucket01/a%20b"),
            ("/bucket01/a+b", "/bucket01/a%20b"),
            ("/bucket01/a%20b", "/bucket01/a+b"),
            ("/bucket01/a//b", "/bucket01/a/b"),
            ("/bucket01/A", "/bucket01/a"),
            ("/bucket01/e%CC%81", "/bucket01/%C3%A9"),
            ("/bucket01/%FF", "/bucket01/%EF%BF%BD"),
        ] {
            mismatch(&signed(get(word, sent), |own| own.uri = other.into()));
            mismatch(&presigned(get(word, sent), |own| own.uri = other.into()));
        }
    }
}

/// Every byte in a key, raw where a target may hold it, and encoded.
#[test]
fn e4_a_key_of_any_byte_is_signed_and_none_is_taken_for_another() {
    for byte in 1..=254u8 {
        let encoded = format!("/bucket01/x%{byte:02X}");
        let own = signed(get(Word::Aws, &encoded), |_| {});
        accepted(&own);
        let other = format!("/bucket01/x%{:02X}", byte + 1);
        mismatch(&Request {
            target: other,
            ..own
        });
    }
}

#[test]
fn e7_a_path_is_never_normalised() {
    for (sent, normalised) in [
        ("/bucket01//key", "/bucket01/key"),
        ("/bucket01/a/", "/bucket01/a"),
        ("//bucket01/key", "/bucket01/key"),
    ] {
        let request = signed(get(Word::Aws, sent), |own| own.uri = normalised.into());
        assert!(line().check(&request).is_err(), "{sent}");
    }
}

#[test]
fn parameters_are_sorted_as_they_are_written() {
    for word in Word::BOTH {
        // As sent, in the order of the bytes that were sent: the name with a capital first.
        let sent = "/bucket01?prefix=a/b*&Zed=%7e";
        accepted(&signed(get(word, sent), |own| {
            own.query = "Zed=%7e&prefix=a/b*".into()
        }));
        accepted(&signed(get(word, sent), |own| {
            own.query = "Zed=~&prefix=a%2Fb%2A".into()
        }));
        mismatch(&signed(get(word, sent), |own| {
            own.query = "prefix=a/b*&Zed=%7e".into()
        }));
        mismatch(&signed(get(word, sent), |own| {
            own.query = "Zed=%7e&prefix=a%2Fb%2A".into()
        }));
        mismatch(&signed(get(word, sent), |own| own.query = "Zed=~".into()));
        // Encoded, the first of these two comes before the second; as sent, behind it.
        let sent = "/bucket01?a%7Ec=1&a%2Dc=2";
        accepted(&signed(get(word, sent), |own| {
            own.query = "a-c=2&a~c=1".into()
        }));
        accepted(&signed(get(word, sent), |own| {
            own.query = "a%2Dc=2&a%7Ec=1".into()
        }));
        // `;` is data.
        let sent = "/bucket01?prefix=1;acl";
        accepted(&signed(get(word, sent), |own| {
            own.query = "prefix=1%3Bacl".into()
        }));
        mismatch(&signed(get(word, sent), |own| {
            own.query = "acl=&prefix=1".into()
        }));
    }
}

#[test]
fn f6_a_parameter_without_a_value_has_an_empty_one() {
    for word in Word::BOTH {
        for sent in ["/bucket01?uploads", "/bucket01?uploads="] {
            accepted(&signed(get(word, sent), |own| {
                own.query = "uploads=".into()
            }));
            mismatch(&signed(get(word, sent), |own| own.query = "uploads".into()));
            mismatch(&signed(get(word, sent), |own| own.query = String::new()));
        }
    }
}

#[test]
fn f8_m4_a_plus_is_a_blank_where_one_was_signed_and_bytes_are_never_replaced() {
    for word in Word::BOTH {
        for (sent, other) in [
            ("/bucket01?prefix=a%20b", "prefix=a+b"),
            // To some nodes a plus is a blank, so it cannot stand for its own escape.
            ("/bucket01?prefix=a+b", "prefix=a%2Bb"),
            ("/bucket01?prefix=%FF", "prefix=%EF%BF%BD"),
            ("/bucket01?prefix=%FF", "prefix=%FE"),
            ("/bucket01?prefix=a%26acl", "acl=&prefix=a"),
        ] {
            mismatch(&signed(get(word, sent), |own| own.query = other.into()));
        }
        for query in ["prefix=a+b", "prefix=a%20b"] {
            accepted(&signed(get(word, "/bucket01?prefix=a+b"), |own| {
                own.query = query.into();
            }));
        }
    }
}

#[test]
fn f9_a_parameter_that_stands_twice_is_refused_though_it_is_signed() {
    let request = signed(get(Word::Aws, "/bucket01?prefix=b&prefix=a"), |own| {
        own.query = "prefix=a&prefix=b".into();
    });
    let stop = line().check(&request).expect_err("a duplicate");
    assert_eq!(stop.rule(), Some(3));
}

#[test]
fn g2_values_are_signed_with_single_blanks_or_as_sent() {
    for word in Word::BOTH {
        let name = format!("{}meta-a", word.header_prefix());
        for (sent, collapsed) in [
            ("a  b   c", "a b c"),
            ("a\tb", "a b"),
            ("a \t b", "a b"),
            ("  a  ", "a"),
            ("", ""),
        ] {
            let request = || get(word, "/bucket01/key").header(&name, sent);
            accepted(&signed(request(), |own| {
                assert!(own.headers.contains(&format!("{name}:{collapsed}\n")))
            }));
            accepted(&signed(request(), |own| {
                let as_sent = format!("{name}:{}\n", sent.trim());
                own.headers = own
                    .headers
                    .replace(&format!("{name}:{collapsed}\n"), &as_sent);
            }));
        }
        let request = get(word, "/bucket01/key").header(&name, "a b");
        mismatch(&signed(request, |own| {
            own.headers = own.headers.replace("a b", "ab")
        }));
        // No break space is no blank.
        let request = get(word, "/bucket01/key").header(&name, "a\u{a0}\u{a0}b");
        mismatch(&signed(request, |own| {
            own.headers = own.headers.replace("\u{a0}\u{a0}", "\u{a0}")
        }));
    }
}

#[test]
fn several_values_stand_on_one_line_or_on_a_line_each() {
    for word in Word::BOTH {
        let name = format!("{}meta-a", word.header_prefix());
        let request = || {
            get(word, "/bucket01/key")
                .header(&name, "1")
                .header(&name, "2")
        };
        let lines = |own: &mut SigningV4, text: &str| {
            own.headers = own.headers.replace(&format!("{name}:1,2\n"), text);
        };
        accepted(&signed(request(), |_| {}));
        accepted(&signed(request(), |own| {
            lines(own, &format!("{name}:1\n{name}:2\n"))
        }));
        mismatch(&signed(request(), |own| {
            lines(own, &format!("{name}:2\n{name}:1\n"))
        }));
        mismatch(&signed(request(), |own| lines(own, &format!("{name}:1\n"))));
        mismatch(&signed(request(), |own| {
            lines(own, &format!("{name}:1;2\n"))
        }));
    }
}

#[test]
fn h3_only_clients_of_wos_sign_a_default_port_that_they_do_not_send() {
    for port in [":443", ":80"] {
        let request = |word| {
            signed(get(word, "/bucket01/key"), |own| {
                own.headers = own.headers.replace(DOMAIN, &format!("{DOMAIN}{port}"));
            })
        };
        accepted(&request(Word::Wos));
        mismatch(&request(Word::Aws));
        // What was sent with a port was signed with that port.
        let host = format!("{DOMAIN}{port}");
        accepted(&signed(get(Word::Wos, "/bucket01/key").host(&host), |_| {}));
        mismatch(&signed(
            get(Word::Wos, "/bucket01/key").host(&host),
            |own| {
                own.headers = own.headers.replace(port, "");
            },
        ));
    }
    mismatch(&signed(get(Word::Wos, "/bucket01/key"), |own| {
        own.headers = own.headers.replace(DOMAIN, &format!("{DOMAIN}:8080"));
    }));
}

/// L12: every spelling of a request with a usual header is tried, and few of one with a very long header.
#[test]
fn l12_a_long_header_is_not_tried_in_every_spelling() {
    // As the SDKs of WOS sign it: values untouched, the port that is not sent, nothing encoded.
    let request = |length: usize| {
        let value = format!("a  {}", "x".repeat(length));
        let request = get(Word::Wos, "/bucket01/k*?prefix=a/b").header("x-wos-meta-a", &value);
        signed(request, |own| {
            own.uri = "/bucket01/k*".into();
            own.query = "prefix=a/b".into();
            own.headers = own.headers.replace("x-wos-meta-a:a x", "x-wos-meta-a:a  x");
            own.headers = own
                .headers
                .replace("host:s3.example.com\n", "host:s3.example.com:80\n");
        })
    };
    accepted(&request(8 * 1024));
    mismatch(&request(48 * 1024));
}
