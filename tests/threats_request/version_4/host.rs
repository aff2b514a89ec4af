//! H1–H5: the Host that version 4 signs. D7, K6: what a signature allows twice, and what its longest text is.

use super::{MISMATCH, Placed, both_versions, everywhere, get, passes};
use crate::scene::Forward;
use support::signer::{DOMAIN, Request, Word};

#[test]
fn h1_h3_version_4_signs_the_host_that_was_sent() {
    everywhere(|scene, placed, word| {
        let key = "/bucket01/k";
        for sent in [
            DOMAIN,
            "s3.example.com:80",
            "s3.example.com:8080",
            "S3.Example.COM",
            "elsewhere.test",
        ] {
            for signed in [
                DOMAIN,
                "s3.example.com:80",
                "s3.example.com:443",
                "s3.example.com:8080",
                "elsewhere.test",
            ] {
                let request = placed.sign_as(get(word, key).host(sent), |own| {
                    own.headers = own
                        .headers
                        .replace(&format!("host:{sent}\n"), &format!("host:{signed}\n"));
                });
                // Only clients of WOS sign a default port that they do not send.
                let default = [":80", ":443"]
                    .iter()
                    .any(|port| format!("{sent}{port}") == signed);
                if sent == signed || (word == Word::Wos && default) {
                    let recorded = passes(scene, &request, key);
                    // A name that is nobody's here is not for a node that would trust it.
                    let nobodys = sent == "elsewhere.test" && scene.forward == Forward::Trusted;
                    let host = if nobodys { scene.rec.address() } else { sent };
                    assert_eq!(recorded.header("host"), Some(host));
                } else {
                    scene.refuses(&request, MISMATCH.0, MISMATCH.1);
                }
            }
        }
    });
}

#[test]
fn h2_a_request_without_a_host_is_refused_though_its_signature_lists_one() {
    everywhere(|scene, placed, word| {
        let mut request = placed.sign(get(word, "/bucket01/k"));
        request.headers.remove(0);
        scene.refuses(&request, 400, "InvalidRequest");
    });
}

#[test]
fn h4_two_styles_of_one_resource_share_nothing_under_version_4() {
    everywhere(|scene, placed, word| {
        let path = get(word, "/bucket01/key");
        let virtual_host = get(word, "/key").virtual_host("bucket01");
        for (signed, sent) in [(&path, &virtual_host), (&virtual_host, &path)] {
            let own = placed.sign(signed.clone());
            let mut other = own.clone();
            other.headers[0] = sent.headers[0].clone();
            scene.refuses(&other, MISMATCH.0, MISMATCH.1);
            other.target = own.target.replacen(&signed.target, &sent.target, 1);
            scene.refuses(&other, MISMATCH.0, MISMATCH.1);
        }
        // The whole resource as version 2 names it is not what version 4 signs.
        let resource = placed.sign_as(virtual_host, |own| own.uri = "/bucket01/key".into());
        scene.refuses(&resource, MISMATCH.0, MISMATCH.1);
    });
}

#[test]
fn h5_http_2_is_not_spoken() {
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..]].concat();
    everywhere(|scene, placed, word| {
        scene.refuses(&preface, 400, "InvalidRequest");
        // An offer to speak it is no reason to: the request is served as the HTTP/1.1 that it is.
        let offered = get(word, "/bucket01/k")
            .header("Connection", "Upgrade, HTTP2-Settings")
            .header("Upgrade", "h2c")
            .header("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA");
        let recorded = passes(scene, &placed.sign(offered), "/bucket01/k");
        assert_eq!(recorded.header("upgrade"), None);
        assert_eq!(recorded.header("http2-settings"), None);
        let offered = get(word, "/bucket01/k")
            .header("Connection", "Upgrade")
            .header("Upgrade", "h2c");
        let recorded = passes(scene, &placed.sign(offered), "/bucket01/k");
        assert_eq!(recorded.header("upgrade"), None);
    });
}

#[test]
fn k6_a_request_at_every_limit_at_once_is_verified_or_refused() {
    // Every rule that a client may have followed another way is in doubt: none of the texts is left out, and none is the one.
    let parameters: Vec<String> = (0..90)
        .map(|n| format!("p{n}=*{}", "%2a".repeat(50)))
        .collect();
    let target = format!("/bucket01/*%7e?{}", parameters.join("&"));
    everywhere(|scene, placed, word| {
        let mut request = get(word, &target);
        for n in 0..80 {
            let name = format!("{}meta-{n}", word.header_prefix());
            request = request.header(&name, &format!("a  b{}", "x".repeat(500)));
        }
        passes(scene, &placed.sign(request.clone()), &target);
        let other = placed.sign_as(request, |own| own.method = "HEAD".into());
        scene.refuses(&other, MISMATCH.0, MISMATCH.1);
    });
}

#[test]
fn d7_inside_its_window_a_request_may_be_sent_again() {
    for forward in Forward::BOTH {
        let scene = both_versions(forward);
        for placed in Placed::BOTH {
            let request = placed.sign(Request::new(Word::Aws, "DELETE", "/bucket01/k"));
            for _ in 0..2 {
                passes(&scene, &request, "/bucket01/k");
            }
        }
    }
}
