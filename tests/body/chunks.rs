//! Bodies in chunks: their grammar, their lengths, their signatures.

use countersign::body::{BodyFailure, BodyOptions, Framing};

use super::scene::{Mode, Request, data, feed, signed};
use support::chunks::{self, signed_chunk, signed_chunks, unsigned_chunk};
use support::signer::Word;

const KIB: usize = 1024;

fn length(declared: usize, received: u64) -> BodyFailure {
    BodyFailure::Length {
        declared: declared as u64,
        received,
    }
}

#[test]
fn right_bodies_are_accepted() {
    for word in Word::BOTH {
        for (length, size) in [
            (0, 8192),
            (1, 8192),
            (8192, 8192),
            (8193, 8192),
            (70_000, 65_536),
        ] {
            let mut request = Request::new(Mode::SignedChunks);
            request.word = word;
            let name = format!("{}decoded-content-length", word.header_prefix());
            let request = request.header(&name, &length.to_string());
            let body = chunks::signed(&mut request.chain(), &data(length), size);
            request.accepts(&body, &data(length));
            request.endless().accepts(&body, &data(length));
        }
    }
    for (length, size) in [
        (0, 1),
        (1, 1),
        (1000, 1),
        (1000, 7),
        (9000, 8192),
        (70_000, 65_536),
    ] {
        let request = Request::framed(Mode::UnsignedTrailer, length, None).with_small_chunks();
        request.accepts(
            &chunks::unsigned(&data(length), size, "\r\n"),
            &data(length),
        );
    }
}

#[test]
fn c1_one_bit_of_the_second_of_three_chunks() {
    let size = KIB * KIB;
    let payload = data(3 * size);
    let request = Request::framed(Mode::SignedChunks, payload.len(), None);
    let mut body = chunks::signed(&mut request.chain(), &payload, size);
    body[size + size / 2] ^= 1;
    for framing in [Framing::AsReceived, Framing::Plain] {
        let plan = request.plan(body.len(), framing).expect("a plan");
        for pieces in [4 * KIB, 64 * KIB, 100 * KIB, 2 * size] {
            // `feed` sees that the node never gets a whole message.
            let pieces: Vec<&[u8]> = body.chunks(pieces).collect();
            assert_eq!(feed(&plan, &pieces), Err(BodyFailure::ChunkSignature));
        }
    }
}

/// What a chunk of most tests has, so that every byte of a body can be the last of a piece.
pub const SMALL: usize = 64;

/// Chunks that differ, with the right signatures.
pub fn chain_of(count: usize) -> (Request, Vec<Vec<u8>>) {
    let request = Request::framed(Mode::SignedChunks, count * SMALL, None).with_small_chunks();
    let mut chain = request.chain();
    let mut all: Vec<Vec<u8>> = (0..count)
        .map(|at| signed_chunk(&mut chain, &[at as u8; SMALL]))
        .collect();
    all.push(signed_chunk(&mut chain, b""));
    all.push(b"\r\n".to_vec());
    (request, all)
}

#[test]
fn c2_a_chain_has_one_order() {
    let (request, right) = chain_of(3);
    let payload: Vec<u8> = (0..3).flat_map(|at| vec![at; SMALL]).collect();
    request.accepts(&right.concat(), &payload);
    let changed = |change: fn(&mut Vec<Vec<u8>>), decoded: usize| {
        let mut body = right.clone();
        change(&mut body);
        let request = Request::framed(Mode::SignedChunks, decoded, None).with_small_chunks();
        assert_eq!(request.refusal(&body.concat()), BodyFailure::ChunkSignature);
    };
    changed(|body| body.swap(0, 1), 3 * SMALL);
    changed(|body| body.swap(1, 2), 3 * SMALL);
    changed(|body| drop(body.remove(0)), 2 * SMALL);
    changed(|body| drop(body.remove(1)), 2 * SMALL);
    changed(|body| drop(body.remove(2)), 2 * SMALL);
    changed(|body| body.insert(1, body[0].clone()), 4 * SMALL);
    changed(|body| body.insert(3, body[2].clone()), 4 * SMALL);
    changed(|body| body[2] = body[0].clone(), 3 * SMALL);
}

#[test]
fn c2_every_signature_is_checked() {
    let (request, right) = chain_of(3);
    for at in 0..4 {
        let header = right[at]
            .iter()
            .position(|byte| *byte == b'\r')
            .expect("a header");
        let digits = header - 64..header;
        for (from, to) in [(0, b'0'), (63, b'0'), (0, b'f')] {
            let mut body = right.clone();
            if body[at][digits.start + from] != to {
                body[at][digits.start + from] = to;
                assert_eq!(request.refusal(&body.concat()), BodyFailure::ChunkSignature);
            }
        }
        let mut body = right.clone();
        body[at][digits.clone()].fill(b'0');
        assert_eq!(request.refusal(&body.concat()), BodyFailure::ChunkSignature);
        if at < 3 {
            let mut body = right.clone();
            body[at][header + 20] ^= 1;
            assert_eq!(request.refusal(&body.concat()), BodyFailure::ChunkSignature);
        }
        // Blank, missing, with a second extension.
        let whole = String::from_utf8(right[at][..header].to_vec()).expect("ASCII");
        let (size, provided) = whole.split_once(";chunk-signature=").expect("a signature");
        let malformed = [
            format!("{size};chunk-signature="),
            size.to_owned(),
            format!("{size};"),
            format!("{size};chunk-signature= \t"),
            format!("{size};{provided}"),
            format!("{size}\u{a0};chunk-signature={provided}"),
            format!("{size};chunk-signature={provided};x=y"),
            format!("{size};chunk-signature={provided};"),
            format!("{size};chunk-signature={provided};chunk-signature={provided}"),
        ];
        // Cut, in capitals, under another name: nobody made that signature.
        let unsigned = [
            format!("{size};chunk-signature=invalid"),
            format!("{size};chunk-signature={}", &provided[1..]),
            format!("{size};chunk-signature={provided}0"),
            format!("{size};chunk-signature={}", provided.to_uppercase()),
            format!("{size};chunk-signature=\"{provided}\""),
            format!(
                "{size};chunk-signature={} {}",
                &provided[..30],
                &provided[30..]
            ),
            format!("{size};Chunk-Signature={provided}"),
            format!("{size};chunk signature={provided}"),
            format!("{size};x=y;chunk-signature={provided}"),
        ];
        for line in unsigned {
            let mut body = right.clone();
            body[at].splice(..header, line.bytes());
            let refusal = request.clone().endless().refusal(&body.concat());
            assert_eq!(refusal, BodyFailure::ChunkSignature, "{line}");
        }
        for line in malformed {
            let mut body = right.clone();
            body[at].splice(..header, line.bytes());
            let refusal = request.clone().endless().refusal(&body.concat());
            assert!(
                matches!(refusal, BodyFailure::MalformedChunk(_)),
                "{line}: {refusal:?}"
            );
        }
    }
}

#[test]
fn c3_the_last_chunk_is_signed_and_needed() {
    let (request, right) = chain_of(2);
    let mut wrong = right.clone();
    wrong[2][40] = if wrong[2][40] == b'0' { b'1' } else { b'0' };
    assert_eq!(
        request.refusal(&wrong.concat()),
        BodyFailure::ChunkSignature
    );
    let request = request.endless();
    // All of the declared data is there, and the end is not.
    for cut in [
        right[..2].concat(),
        [right[..3].concat(), b"\r".to_vec()].concat(),
    ] {
        assert_eq!(request.refusal(&cut), BodyFailure::Truncated);
    }
    // An end before all of the data is signed by whoever knows the key; it is still none.
    let mut chain = request.chain();
    let early = [signed_chunks(&mut chain, &[&[0; SMALL]]), b"\r\n".to_vec()].concat();
    assert_eq!(request.refusal(&early), length(2 * SMALL, SMALL as u64));
}

#[test]
fn c4_the_decoded_length_is_that_of_the_data() {
    let payload = data(100);
    let modes = [Mode::SignedChunks, Mode::UnsignedTrailer];
    for mode in modes {
        let bare = Request::new(mode).with_small_chunks();
        let body = match mode {
            Mode::SignedChunks => chunks::signed(&mut bare.chain(), &payload, SMALL),
            _ => chunks::unsigned(&payload, SMALL, "\r\n"),
        };
        let declared = |value: &str| bare.clone().header("x-amz-decoded-content-length", value);
        declared("100").accepts(&body, &payload);
        declared("00100").accepts(&body, &payload);
        assert_eq!(bare.refusal(&body), BodyFailure::MissingDecodedLength);
        for wrong in [0, 1, 63, 64, 99, 101] {
            let refusal = declared(&wrong.to_string()).refusal(&body);
            let received = match wrong {
                0 | 1 | 63 => 64,
                _ => 100,
            };
            assert_eq!(refusal, length(wrong, received), "{wrong}");
        }
        for malformed in [
            "",
            "-1",
            "+5",
            "5,5",
            "0x10",
            "1e3",
            "10000 0",
            "ten",
            "18446744073709551616",
        ] {
            let refused = BodyFailure::BadDecodedLength(malformed.into());
            assert_eq!(declared(malformed).refusal(&body), refused);
        }
        for huge in [1 << 63, u64::MAX] {
            let refusal = declared(&huge.to_string()).refusal(&body);
            assert!(
                matches!(refusal, BodyFailure::TooLarge { .. }),
                "{refusal:?}"
            );
            let mut unbounded = declared(&huge.to_string()).endless();
            unbounded.options.max_body = u64::MAX;
            assert_eq!(
                unbounded.refusal(&body),
                BodyFailure::Length {
                    declared: huge,
                    received: 100
                }
            );
        }
    }
}

/// Content-Length has room for the data and the last chunk, or it is refused before a byte comes.
#[test]
fn c4_the_content_length_holds_the_data() {
    for (mode, last) in [(Mode::UnsignedTrailer, 3), (Mode::SignedChunks, 84)] {
        let request = Request::framed(mode, 1000, None);
        assert!(request.plan(1000 + last, Framing::Plain).is_ok());
        let refused = request.plan(1000 + last - 1, Framing::Plain).err();
        assert_eq!(refused, Some(length(1000, 1000 + last as u64 - 1)));
    }
}

#[test]
fn c5_a_body_that_ends_early_fails_at_once() {
    let (request, body) = signed(9000);
    let declared = body.len();
    for at in (0..300).chain(8200..8500).chain(declared - 100..declared) {
        let plan = request.plan(declared, Framing::Plain).expect("a plan");
        assert_eq!(
            feed(&plan, &[&body[..at]]),
            Err(length(declared, at as u64))
        );
        let endless = request
            .clone()
            .endless()
            .plan(at, Framing::Plain)
            .expect("a plan");
        let expected = match declared - at {
            2 => Ok(data(9000)), // the CR LF behind the last chunk tells nothing more
            _ => Err(BodyFailure::Truncated),
        };
        assert_eq!(feed(&endless, &[&body[..at]]), expected, "{at}");
    }
}

#[test]
fn c13_bytes_behind_the_last_chunk() {
    let (request, body) = signed(10);
    let unsigned = Request::framed(Mode::UnsignedTrailer, 10, None);
    let plain = chunks::unsigned(&data(10), 10, "\r\n");
    let pipelined = "GET / HTTP/1.1\r\n\r\n";
    let padded = format!("\r\n{pipelined}");
    let long = "\r\n".repeat(512);
    for extra in ["r", "\r", "\n", "0\r\n\r\n", pipelined, &padded, &long] {
        for (request, body) in [(&request, &body), (&unsigned, &plain)] {
            let longer = [body, extra.as_bytes()].concat();
            for request in [request.clone(), request.clone().endless()] {
                let refusal = request.refusal(&longer);
                assert_eq!(refusal, BodyFailure::MalformedChunk("bytes behind the end"));
            }
        }
    }
    // Nothing may stand where a trailer would.
    let last = body.len() - 2;
    let trailer = [&body[..last], b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n"].concat();
    assert!(matches!(
        request.refusal(&trailer),
        BodyFailure::MalformedTrailer(_)
    ));
}

#[test]
fn c14_sizes_and_headers_have_a_most() {
    let max = BodyOptions::MAX_SIGNED_CHUNK as usize;
    assert_eq!(max, 16 * KIB * KIB);
    let zeros = "0".repeat(64);
    let signed = |size: u64| {
        let mut request = Request::framed(Mode::SignedChunks, 1 << 40, None).endless();
        request.options.max_body = 1 << 40;
        request.refusal(format!("{size:x};chunk-signature={zeros}\r\n").as_bytes())
    };
    assert_eq!(signed(max as u64), BodyFailure::Truncated);
    for size in [max as u64 + 1, 0xffff_ffff, u64::MAX] {
        let refused = BodyFailure::ChunkTooLarge {
            chunk: 1,
            size,
            max: max as u64,
        };
        assert_eq!(signed(size), refused);
    }
    // Unsigned chunks have no most of their own: the declared length is one.
    let unsigned = Request::framed(Mode::UnsignedTrailer, 100, None)
        .endless()
        .with_small_chunks();
    assert_eq!(unsigned.refusal(b"64\r\n"), BodyFailure::Truncated);
    assert_eq!(unsigned.refusal(b"65\r\n"), length(100, 101));
    assert_eq!(unsigned.refusal(b"ffffffff\r\n"), length(100, 0xffff_ffff));
    assert_eq!(
        unsigned.refusal(b"1\r\nx\r\nffffffffffffffff\r\n"),
        length(100, u64::MAX)
    );
    // A header is refused when it is longer than any could be, not when it ends.
    for request in [
        unsigned,
        Request::framed(Mode::SignedChunks, 100, None).endless(),
    ] {
        let long = |length: usize| request.refusal(&vec![b'0'; length]);
        assert_eq!(long(127), BodyFailure::Truncated);
        assert_eq!(
            long(128),
            BodyFailure::MalformedChunk("a chunk's header is too long")
        );
        assert_eq!(
            long(1500),
            BodyFailure::MalformedChunk("a chunk's header is too long")
        );
    }
}

#[test]
fn c15_a_size_is_hexadecimal_digits_and_nothing_else() {
    let payload = data(16);
    let request = Request::framed(Mode::UnsignedTrailer, 16, None).endless();
    let with = |header: &str| {
        let data = [header.as_bytes(), &payload, b"\r\n0\r\n\r\n"].concat();
        request.judge(&data)
    };
    for right in ["10\r\n", "010\r\n", "0000000000000010\r\n"] {
        assert_eq!(with(right).as_ref(), Ok(&payload), "{right}");
    }
    for wrong in [
        "0x10\r\n",
        "+10\r\n",
        "-10\r\n",
        "1_0\r\n",
        " 10\r\n",
        "10 \r\n",
        "\t10\r\n",
        "10\t\r\n",
        "\r\n",
        "\n",
        "10\n",
        "10\r\r\n",
        "\r10\r\n",
        "10;\r\n",
        "10;x\r\n",
        "10;x=y\r\n",
        "1\n0\r\n",
        "00000000000000010\r\n",
        "10h\r\n",
        "#10\r\n",
        "10;a\nb\r\n",
        "\u{661}\u{660}\r\n",
        "10\0\r\n",
        "1 0\r\n",
        "10,\r\n",
    ] {
        let refusal = with(wrong).expect_err(wrong);
        assert!(
            matches!(refusal, BodyFailure::MalformedChunk(_)),
            "{wrong:?}: {refusal:?}"
        );
    }
    // Digits in either case.
    let request = Request::framed(Mode::UnsignedTrailer, 26, None).endless();
    for digits in ["1a", "1A"] {
        let body = [digits.as_bytes(), b"\r\n", &data(26), b"\r\n0\r\n\r\n"].concat();
        request.accepts(&body, &data(26));
    }
    // The data ends where its size says.
    for end in ["\n", "\r", "\r\r\n", "\n\r", "x\r\n", ""] {
        let body = [b"1a\r\n", &data(26)[..], end.as_bytes(), b"0\r\n\r\n"].concat();
        let refused = BodyFailure::MalformedChunk("a chunk's data does not end with CR LF");
        assert_eq!(request.refusal(&body), refused, "{end:?}");
    }
    // So does the last chunk.
    for end in ["0\n\r\n", "0\r\n\n", "0\r\n0\r\n\r\n", "0\r\nx\r\n"] {
        let body = [&unsigned_chunk(&data(26)), end.as_bytes()].concat();
        let refusal = request.refusal(&body);
        assert!(
            matches!(
                refusal,
                BodyFailure::MalformedChunk(_) | BodyFailure::MalformedTrailer(_)
            ),
            "{end:?}: {refusal:?}"
        );
    }
}

#[test]
fn c16_only_the_last_chunk_is_small() {
    let signed_in = |sizes: &[usize]| {
        let payload = data(sizes.iter().sum());
        let mut rest = payload.as_slice();
        let mut pieces = Vec::new();
        for size in sizes {
            let (piece, behind) = rest.split_at(*size);
            pieces.push(piece);
            rest = behind;
        }
        let request = Request::framed(Mode::SignedChunks, payload.len(), None);
        let body = [
            signed_chunks(&mut request.chain(), &pieces),
            b"\r\n".to_vec(),
        ]
        .concat();
        (request, body, payload)
    };
    for sizes in [&[8192, 1][..], &[8192, 8192, 8191], &[1], &[8191]] {
        let (request, body, payload) = signed_in(sizes);
        request.accepts(&body, &payload);
    }
    for (sizes, chunk, size) in [
        (&[1024, 8192][..], 2, 1024),
        (&[8191, 1], 2, 8191),
        (&[8192, 1, 8192], 3, 1),
    ] {
        let (mut request, body, payload) = signed_in(sizes);
        let refused = BodyFailure::ChunkTooSmall {
            chunk,
            size,
            min: 8192,
        };
        assert_eq!(request.refusal(&body), refused);
        request.options.min_chunk = 1;
        request.accepts(&body, &payload);
    }
}

/// J10: a decoder that has nothing to give yet gives nothing, and that ends nothing.
#[test]
fn j10_a_chunk_header_in_eighty_reads() {
    let (request, body) = signed(9000);
    let plan = request.plan(body.len(), Framing::Plain).expect("a plan");
    let pieces: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(feed(&plan, &pieces), Ok(data(9000)));
}
