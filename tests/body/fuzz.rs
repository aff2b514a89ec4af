//! K5: whatever the bytes, one verdict, and no data but the one that was claimed. Targets: the chunk decoder, the trailer,
//! and the headers that announce a body. `FUZZ_TURNS=1000000 cargo test --release --test body fuzz` throws for longer.

use countersign::body::{BodyFailure, Framing};

use super::scene::{Mode, Request, data, feed};
use support::chunks::{checksum, sha256, signed, signed_with_trailer, unsigned};
use support::dice::{Dice, turns};
use support::signer::Word;

const LENGTH: usize = 150;

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\n\r\n",
    b"\r\n\r\n",
    b"0\r\n",
    b"0\r\n\r\n",
    b"00",
    b"1\r\nx\r\n",
    b"ffffffffffffffff\r\n",
    b"7fffffffffffffff\r\n",
    b"10000000000000000\r\n",
    b"-1\r\n",
    b"+1\r\n",
    b"0x1\r\n",
    b";",
    b";chunk-signature=",
    b";x=y",
    b":",
    b" ",
    b"\0",
    b"\xff",
    b"x-amz-checksum-crc32:AAAAAA==\r\n",
    b"x-amz-trailer-signature:",
    b"x-amz-acl:public-read\r\n",
    b"0;chunk-signature=0000000000000000000000000000000000000000000000000000000000000000\r\n",
];

/// Right bodies of the same data, each with its request.
fn seeds() -> Vec<(Request, Vec<u8>)> {
    let payload = data(LENGTH);
    let sum = checksum("crc32", &payload);
    let name = "x-amz-checksum-crc32";
    let framed = |mode: Mode, trailer: Option<&str>| {
        let request = Request::framed(mode, LENGTH, trailer);
        request.with_small_chunks().endless()
    };
    let chunks = framed(Mode::SignedChunks, None);
    let trailer = framed(Mode::SignedTrailer, Some(name));
    let plain = framed(Mode::UnsignedTrailer, Some(name));
    let hashed = Request::new(Mode::Sha256(sha256(&payload))).endless();
    let line = format!("{name}:{sum}\r\n\r\n");
    let signed_trailer =
        signed_with_trailer(&mut trailer.chain(), Word::Aws, &payload, 64, (name, &sum));
    vec![
        (chunks.clone(), signed(&mut chunks.chain(), &payload, 64)),
        (trailer, signed_trailer),
        (plain.clone(), unsigned(&payload, 64, &line)),
        (plain, unsigned(&payload, 1, &line)),
        (hashed, payload),
    ]
}

fn cut<'b>(dice: &mut Dice, body: &'b [u8]) -> Vec<&'b [u8]> {
    let mut rest = body;
    let mut pieces = vec![];
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(dice.below(40).min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(b"");
    pieces
}

#[test]
fn k5_fuzz_bodies() {
    let seeds = seeds();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut accepted, mut refused) = (0, [0_u32; 8]);
    for _ in 0..turns(6000) {
        let (request, seed) = &seeds[dice.below(seeds.len())];
        let other = &seeds[dice.below(seeds.len())].1;
        let body = dice.mutated(seed, WORDS, other);
        let mut verdicts = Vec::new();
        for framing in [Framing::Plain, Framing::AsReceived] {
            let plan = request.plan(body.len(), framing).expect("a plan");
            let whole = feed(&plan, &[&body]);
            assert_eq!(feed(&plan, &cut(&mut dice, &body)), whole);
            verdicts.push(whole);
        }
        match &verdicts[0] {
            Ok(forwarded) => {
                assert_eq!(*forwarded, data(LENGTH));
                assert_eq!(verdicts[1].as_ref(), Ok(&body));
                accepted += 1;
            }
            Err(failure) => {
                assert_eq!(verdicts[1].as_ref(), Err(failure));
                refused[kind(failure)] += 1;
            }
        }
    }
    // Without some of each this would prove nothing.
    assert!(accepted > 5, "{accepted}");
    assert!(refused[1..].iter().all(|count| *count > 5), "{refused:?}");
    assert_eq!(refused[0], 0, "a failure of the header");
}

fn kind(failure: &BodyFailure) -> usize {
    match failure {
        BodyFailure::PayloadHash { .. } => 1,
        BodyFailure::Checksum(_) | BodyFailure::BadTrailerChecksum(_) => 2,
        BodyFailure::Length { .. } => 3,
        BodyFailure::Truncated => 4,
        BodyFailure::MalformedChunk(_) | BodyFailure::ChunkTooLarge { .. } => 5,
        BodyFailure::ChunkSignature | BodyFailure::TrailerSignature => 6,
        BodyFailure::MalformedTrailer(_) => 7,
        _ => 0,
    }
}

/// Garbage alone: never accepted, since nobody signed it, and never a panic.
#[test]
fn k5_fuzz_garbage() {
    let mut dice = Dice(0x1234_5678_9abc_def1);
    let seeds = seeds();
    for _ in 0..turns(4000) {
        let length = dice.below(300);
        let body: Vec<u8> = match dice.below(2) {
            0 => (0..length).map(|_| dice.byte()).collect(),
            _ => (0..length / 8)
                .flat_map(|_| WORDS[dice.below(WORDS.len())].to_vec())
                .collect(),
        };
        for (request, _) in &seeds {
            let plan = request.plan(body.len(), Framing::Plain).expect("a plan");
            assert!(feed(&plan, &cut(&mut dice, &body)).is_err());
        }
    }
}

/// The headers that announce a body: a plan or a refusal, and a plan means what a careful reader reads.
#[test]
fn k5_fuzz_announcements() {
    const NAMES: &[&str] = &[
        "x-amz-decoded-content-length",
        "x-amz-trailer",
        "x-amz-checksum-crc32",
        "x-amz-checksum-sha256",
        "x-amz-checksum-crc16",
        "content-md5",
        "content-encoding",
    ];
    const VALUES: &[&[u8]] = &[
        b"150",
        b"18446744073709551615",
        b"x-amz-checksum-crc32",
        b"x-amz-checksum-sha256",
        b"AAAAAA==",
        b"1B2M2Y8AsgTpgAmY7PhCfg==",
        b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        b"aws-chunked",
        b"gzip,aws-chunked",
        b"",
    ];
    const MODES: [Mode; 5] = [
        Mode::None,
        Mode::Sha256([0; 32]),
        Mode::SignedChunks,
        Mode::SignedTrailer,
        Mode::UnsignedTrailer,
    ];
    let words: &[&[u8]] = &[
        b",",
        b" ",
        b"0",
        b"-",
        b"+",
        b"=",
        b"x-amz-",
        b"aws-chunked",
        b"AAAA",
    ];
    let mut dice = Dice(0x5851_f42d_4c95_7f2d);
    let (mut plans, mut refusals) = (0, 0);
    for _ in 0..turns(20_000) {
        let mut request = Request::new(MODES[dice.below(MODES.len())]);
        for name in NAMES {
            if dice.below(3) > 0 {
                continue;
            }
            let mut value = VALUES[dice.below(VALUES.len())].to_vec();
            if dice.below(3) == 0 {
                let other = VALUES[dice.below(VALUES.len())];
                value = dice.mutated(&value, words, other);
            }
            let visible = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
            value.retain(visible);
            let value = String::from_utf8(value).expect("ASCII");
            request = request.header(name, &value);
        }
        let Ok(plan) = request.plan(1000, Framing::Plain) else {
            refusals += 1;
            continue;
        };
        plans += 1;
        let value = |name: &str| {
            let mut headers = request.headers.iter();
            headers
                .find(|(own, _)| own == name)
                .map(|(_, value)| value.as_str())
        };
        let framed = !matches!(request.mode, Mode::None | Mode::Sha256(_));
        if framed {
            let declared = value("x-amz-decoded-content-length").expect("declared");
            let declared = declared.parse::<u64>().expect("a number");
            assert_eq!(plan.forwarded_length(), Some(declared));
        } else {
            assert_eq!(plan.forwarded_length(), Some(1000));
            assert_eq!(value("x-amz-trailer"), None);
            let encoding = value("content-encoding").unwrap_or_default();
            let hashed = matches!(request.mode, Mode::Sha256(_));
            let named = encoding
                .split(',')
                .any(|token| token.trim() == "aws-chunked");
            assert!(hashed || !named);
            let declared = value("x-amz-decoded-content-length").map(str::parse::<u64>);
            assert!(matches!(declared, None | Some(Ok(1000))), "{declared:?}");
        }
        assert_eq!(value("x-amz-checksum-crc16"), None);
        assert!(value("content-md5").is_none_or(|value| value.len() == 24));
    }
    assert!(plans > 500 && refusals > 500, "{plans} {refusals}");
}
