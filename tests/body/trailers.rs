//! What stands behind the last chunk.

use countersign::body::{BodyFailure, Framing};

use super::scene::{Mode, Request, algorithm, data};
use support::chunks::{ALGORITHMS, checksum, signed_chunks, signed_with_trailer, unsigned};
use support::signer::Word;

const LENGTH: usize = 100;

fn request(mode: Mode, name: &str) -> Request {
    Request::framed(mode, LENGTH, Some(name)).endless()
}

/// The data, its chunks, and this text behind them.
fn with(mode: Mode, trailer: impl Fn(&mut support::chunks::Chain) -> String) -> Vec<u8> {
    let payload = data(LENGTH);
    if mode == Mode::UnsignedTrailer {
        let mut none = Request::new(mode).chain();
        return unsigned(&payload, 8192, &trailer(&mut none));
    }
    let mut chain = Request::new(mode).chain();
    let mut body = signed_chunks(&mut chain, &payload.chunks(8192).collect::<Vec<_>>());
    body.extend(trailer(&mut chain).into_bytes());
    body
}

const MODES: [Mode; 2] = [Mode::SignedTrailer, Mode::UnsignedTrailer];

/// A trailer of these lines, with a right signature over `canonical` where there is one.
fn trailer(mode: Mode, lines: &str, canonical: &str) -> Vec<u8> {
    with(mode, |chain| {
        let signature = match mode {
            Mode::SignedTrailer => {
                format!("x-amz-trailer-signature:{}\r\n", chain.trailer(canonical))
            }
            _ => String::new(),
        };
        format!("{lines}{signature}\r\n")
    })
}

#[test]
fn right_trailers_are_accepted() {
    let payload = data(LENGTH);
    for name in ALGORITHMS {
        let sum = checksum(name, &payload);
        for word in Word::BOTH {
            let prefix = word.header_prefix();
            let full = format!("{prefix}checksum-{name}");
            let mut request = Request::new(Mode::SignedTrailer)
                .header(
                    &format!("{prefix}decoded-content-length"),
                    &LENGTH.to_string(),
                )
                .header(&format!("{prefix}trailer"), &full);
            request.word = word;
            let line = (full.as_str(), sum.as_str());
            let body = signed_with_trailer(&mut request.chain(), word, &payload, 8192, line);
            request.accepts(&body, &payload);
        }
        // Spellings that clients use, each with its canonical line.
        let full = format!("x-amz-checksum-{name}");
        let canonical = format!("{full}:{sum}\n");
        for line in [
            format!("{full}:{sum}\r\n"),
            format!("{full}: {sum}\r\n"),
            format!("{full}:\t{sum} \r\n"),
            format!("X-Amz-Checksum-{name}:{sum}\r\n"),
            format!("{full}:{sum}\n\r\n"),
        ] {
            for mode in MODES {
                let body = trailer(mode, &line, &canonical);
                request(mode, &full).accepts(&body, &payload);
                request(mode, &format!(" {} ", full.to_uppercase())).accepts(&body, &payload);
            }
        }
    }
    request(Mode::UnsignedTrailer, "x-amz-checksum-crc32")
        .refusal(&unsigned(&payload, 8192, "\r\n"));
    let undeclared = Request::framed(Mode::UnsignedTrailer, LENGTH, None);
    undeclared.accepts(&unsigned(&payload, 8192, "\r\n"), &payload);
}

#[test]
fn c6_a_wrong_checksum_in_the_trailer() {
    for name in ALGORITHMS {
        let full = format!("x-amz-checksum-{name}");
        let malformed = BodyFailure::BadTrailerChecksum(full.clone());
        for mode in MODES {
            let judged = |sum: &str| {
                let body = trailer(
                    mode,
                    &format!("{full}:{sum}\r\n"),
                    &format!("{full}:{sum}\n"),
                );
                request(mode, &full).refusal(&body)
            };
            let wrong = checksum(name, b"another body");
            assert_eq!(
                judged(&wrong),
                BodyFailure::Checksum(algorithm(name)),
                "{mode:?}"
            );
            let right = checksum(name, &data(LENGTH));
            for cut in [
                "x",
                &right[1..],
                &format!("{right}="),
                &format!("{right}-1"),
                "====",
            ] {
                assert_eq!(judged(cut), malformed, "{mode:?} {cut}");
            }
        }
    }
}

#[test]
fn c6_what_is_announced_is_what_comes() {
    let sum = checksum("crc32", &data(LENGTH));
    let line = format!("x-amz-checksum-crc32:{sum}\r\n");
    let canonical = format!("x-amz-checksum-crc32:{sum}\n");
    for mode in MODES {
        let body = trailer(mode, &line, &canonical);
        let plain = |request: &Request| request.plan(body.len(), Framing::Plain).err();
        // Announced and not sent; another one announced.
        let missing = request(mode, "x-amz-checksum-crc32").refusal(&trailer(mode, "", ""));
        assert!(
            matches!(missing, BodyFailure::MalformedTrailer(_)),
            "{missing:?}"
        );
        let other = request(mode, "x-amz-checksum-sha1").refusal(&body);
        assert!(
            matches!(other, BodyFailure::MalformedTrailer(_)),
            "{other:?}"
        );
        // In the header and in the trailer.
        let both = request(mode, "x-amz-checksum-crc32").header("x-amz-checksum-crc32", &sum);
        assert_eq!(plain(&both), Some(BodyFailure::ChecksumAndTrailer));
        let both = request(mode, "x-amz-checksum-crc32")
            .header("x-amz-checksum-sha1", &checksum("sha1", b""));
        assert_eq!(plain(&both), Some(BodyFailure::ChecksumAndTrailer));
        // Twice, and one more.
        let more = format!(
            "x-amz-checksum-sha1:{}\r\n",
            checksum("sha1", &data(LENGTH))
        );
        for lines in [
            format!("{line}{line}"),
            format!("{line}{more}"),
            format!("{more}{line}"),
        ] {
            let refusal =
                request(mode, "x-amz-checksum-crc32").refusal(&trailer(mode, &lines, &canonical));
            assert!(
                matches!(refusal, BodyFailure::MalformedTrailer(_)),
                "{refusal:?}"
            );
        }
    }
    // Sent and not announced.
    let unannounced = Request::framed(Mode::UnsignedTrailer, LENGTH, None);
    let refusal = unannounced.refusal(&trailer(Mode::UnsignedTrailer, &line, ""));
    assert!(
        matches!(refusal, BodyFailure::MalformedTrailer(_)),
        "{refusal:?}"
    );
    // A signed trailer signs something.
    let unannounced = Request::framed(Mode::SignedTrailer, LENGTH, None);
    let body = trailer(Mode::SignedTrailer, &line, &canonical);
    assert_eq!(
        unannounced.refusal(&body),
        BodyFailure::UnsupportedTrailer(String::new())
    );
    // Where none can come.
    for mode in [
        Mode::None,
        Mode::Unsigned,
        Mode::Sha256([0; 32]),
        Mode::SignedChunks,
    ] {
        let refusal = request(mode, "x-amz-checksum-crc32").refusal(&body);
        assert!(
            matches!(refusal, BodyFailure::MalformedTrailer(_)),
            "{mode:?}: {refusal:?}"
        );
    }
}

#[test]
fn c8_only_a_checksum_is_announced() {
    for mode in MODES {
        for name in [
            "x-amz-acl",
            "host",
            "content-length",
            "content-md5",
            "x-amz-content-sha256",
            "x-amz-meta-a",
            "",
            "x-amz-trailer-signature",
            "x-amz-checksum-",
            "x-amz-checksum-crc16",
            "x-amz-checksum-type",
            "x-wos-checksum-crc32",
            "x-amz-checksum-crc32,x-amz-acl",
            ",x-amz-checksum-crc32",
            ", x-amz-checksum-crc32, ,",
            "x-amz-checksum-crc32, ,",
            ",",
            "x-amz-checksum-crc32;x",
            "x-amz-checksum-crc32 x",
        ] {
            let refusal = request(mode, name).plan(20_000, Framing::Plain).err();
            assert_eq!(refusal, Some(BodyFailure::UnsupportedTrailer(name.into())));
        }
        for names in [
            "x-amz-checksum-crc32,x-amz-checksum-crc32",
            "x-amz-checksum-crc32, x-amz-checksum-sha256",
        ] {
            let refusal = request(mode, names).plan(20_000, Framing::Plain).err();
            assert_eq!(refusal, Some(BodyFailure::SeveralChecksums));
        }
    }
}

/// What S3's reader takes and refuses (its answers stand in OpenStack Swift's `test/s3api/test_input_errors.py`, which runs
/// against it).
#[test]
fn m17_the_ends_of_a_trailer() {
    let sum = checksum("crc32", &data(LENGTH));
    let line = format!("x-amz-checksum-crc32: {sum}\r\n");
    let name = "x-amz-checksum-crc32";
    for mode in MODES {
        let whole = trailer(mode, &line, &format!("{name}:{sum}\n"));
        let bare = &whole[..whole.len() - 2];
        for ends in [0, 1, 2, 3, 100] {
            let body = [bare, "\r\n".repeat(ends).as_bytes()].concat();
            request(mode, name).accepts(&body, &data(LENGTH));
            // Commas at the end of the list count for nothing.
            for list in [
                "x-amz-checksum-crc32,",
                "x-amz-checksum-crc32,,",
                " x-amz-checksum-crc32, ",
            ] {
                request(mode, list).accepts(&body, &data(LENGTH));
            }
        }
        // In the middle of a line there is no end.
        for cut in 1..bare.len().min(100) {
            let refusal = request(mode, name).refusal(&whole[..bare.len() - cut]);
            assert_eq!(refusal, BodyFailure::Truncated, "{mode:?} {cut}");
        }
        // Behind the empty line stands nothing else: what S3 drops there could be read as more by another.
        for junk in ["\u{ff}\u{de}", "bonus: trailer\r\n", &line, "\r\nx"] {
            let body = [&whole, junk.as_bytes()].concat();
            let refusal = request(mode, name).refusal(&body);
            assert_eq!(refusal, BodyFailure::MalformedChunk("bytes behind the end"));
        }
    }
    // Announced, and nothing behind the last chunk.
    let none = unsigned(&data(LENGTH), 8192, "");
    let refusal = request(Mode::UnsignedTrailer, name).refusal(&none);
    assert_eq!(refusal, BodyFailure::Truncated);
    // The checksum without the signature that has to stand below.
    let unsigned = with(Mode::SignedTrailer, |_| line.clone());
    let refusal = request(Mode::SignedTrailer, name).refusal(&unsigned);
    assert_eq!(refusal, BodyFailure::Truncated);
}

#[test]
fn c8_a_trailer_brings_nothing_but_the_checksum() {
    let sum = checksum("crc32", &data(LENGTH));
    let right = format!("x-amz-checksum-crc32:{sum}");
    let canonical = format!("{right}\n");
    for mode in MODES {
        let request = request(mode, "x-amz-checksum-crc32");
        request.accepts(
            &trailer(mode, &format!("{right}\r\n"), &canonical),
            &data(LENGTH),
        );
        for lines in [
            format!("x-amz-acl:public-read\r\n{right}\r\n"),
            format!("{right}\r\nx-amz-acl:public-read\r\n"),
            format!("host:x\r\n{right}\r\n"),
            format!("{right}\r\ncontent-length:0\r\n"),
            format!("x-amz-content-sha256:UNSIGNED-PAYLOAD\r\n{right}\r\n"),
            format!("{right}\rx-amz-acl:x\r\n"),
            format!("{right}\nx-amz-acl:x\r\n"),
            format!("{right}\r\r\n"),
            format!("{right}\n\n"),
            format!("\n{right}\r\n"),
            format!(" {right}\r\n"),
            format!("{right}\r\n folded\r\n"),
            format!("x-amz-checksum-crc32 :{sum}\r\n"),
            format!("x-amz-checksum-crc32={sum}\r\n"),
            format!("x-amz-checksum-crc32:{sum} {sum}\r\n"),
            format!("x-amz-checksum-crc32:{sum}\0\r\n"),
            "x-amz-checksum-crc32:\r\n".to_owned(),
            "x-amz-checksum-crc32\r\n".to_owned(),
            ":\r\n".to_owned(),
        ] {
            let refusal = request.refusal(&trailer(mode, &lines, &canonical));
            assert!(
                matches!(
                    refusal,
                    BodyFailure::MalformedTrailer(_) | BodyFailure::BadTrailerChecksum(_)
                ),
                "{mode:?} {lines:?}: {refusal:?}"
            );
        }
        // The empty line is the end of the line above it: no signature begins there.
        let short = request.judge(&trailer(mode, &format!("{right}\n"), &canonical));
        match mode {
            Mode::SignedTrailer => {
                assert!(matches!(short, Err(BodyFailure::MalformedTrailer(_))));
            }
            _ => assert_eq!(short, Ok(data(LENGTH))),
        }
        // The empty line ends a trailer; it does not begin one.
        let early = request.refusal(&trailer(mode, &format!("\r\n{right}\r\n"), &canonical));
        assert!(
            matches!(early, BodyFailure::MalformedTrailer(_)),
            "{early:?}"
        );
    }
}

#[test]
fn c8_the_signature_is_the_last_line_and_stands_once() {
    let sum = checksum("crc32", &data(LENGTH));
    let right = format!("x-amz-checksum-crc32:{sum}");
    let mode = Mode::SignedTrailer;
    let request = request(mode, "x-amz-checksum-crc32");
    let judged = |write: fn(&str, &str) -> String| {
        let body = with(mode, |chain| {
            write(
                &right,
                &format!(
                    "x-amz-trailer-signature:{}",
                    chain.trailer(&format!("{right}\n"))
                ),
            )
        });
        request.judge(&body)
    };
    assert_eq!(
        judged(|line, signature| format!("{line}\r\n{signature}\r\n\r\n")),
        Ok(data(LENGTH))
    );
    let malformed: [fn(&str, &str) -> String; 6] = [
        |line, signature| format!("{signature}\r\n{line}\r\n\r\n"),
        |line, signature| format!("{line}\r\n{signature}\r\n{signature}\r\n\r\n"),
        |line, signature| format!("{line}\r\n{signature}\r\n{line}\r\n\r\n"),
        |line, signature| format!("{line}\r\n{signature}\r\nx-amz-acl:private\r\n\r\n"),
        |line, signature| format!("{line}\r\n{signature}\n\r\n"),
        |line, signature| format!("{line}\n{signature}\r\n\r\n"),
    ];
    for write in malformed {
        let refusal = judged(write).expect_err("a trailer that is no good");
        assert!(
            matches!(refusal, BodyFailure::MalformedTrailer(_)),
            "{refusal:?}"
        );
    }
    // Where chunks are not signed, neither is the trailer.
    let unsigned = self::request(Mode::UnsignedTrailer, "x-amz-checksum-crc32");
    let body = with(Mode::UnsignedTrailer, |chain| {
        format!(
            "{right}\r\nx-amz-trailer-signature:{}\r\n\r\n",
            chain.trailer(&format!("{right}\n"))
        )
    });
    assert!(matches!(
        unsigned.refusal(&body),
        BodyFailure::MalformedTrailer(_)
    ));
}

#[test]
fn c14_a_trailer_has_a_most() {
    let sum = checksum("crc32", &data(LENGTH));
    let canonical = format!("x-amz-checksum-crc32:{sum}\n");
    let mode = Mode::UnsignedTrailer;
    let request = request(mode, "x-amz-checksum-crc32");
    let padded = |blanks: usize| {
        let line = format!("x-amz-checksum-crc32:{}{sum}\r\n", " ".repeat(blanks));
        request.judge(&trailer(mode, &line, &canonical))
    };
    // 1,024 bytes with the empty line.
    let most = 1024 - "x-amz-checksum-crc32:AAAAAA==\r\n\r\n".len();
    assert_eq!(padded(most), Ok(data(LENGTH)));
    assert_eq!(
        padded(most + 1),
        Err(BodyFailure::MalformedTrailer("it is too long"))
    );
    let endless = with(mode, |_| "x".repeat(5000));
    assert_eq!(
        request.refusal(&endless),
        BodyFailure::MalformedTrailer("it is too long")
    );
}
