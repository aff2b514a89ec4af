//! Bodies in every mode, in chunks and pieces of any size, right and with one byte changed.

use countersign::body::{BodyFailure, Framing};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

use super::scene::{Mode, Request, data, feed};
use support::chunks::{ALGORITHMS, checksum, content_md5, sha256, signed_chunks, unsigned_chunk};

/// What a random body is made of.
#[derive(Debug, Clone)]
struct Recipe {
    mode: usize,
    length: usize,
    /// The sizes of the chunks, again and again.
    chunks: Vec<usize>,
    algorithm: &'static str,
    content_md5: bool,
}

prop_compose! {
    fn recipe()(
        mode in 0..5_usize,
        length in prop_oneof![0..50_usize, 0..3000_usize],
        chunks in prop::collection::vec(1..700_usize, 1..6),
        algorithm in prop::sample::select(&ALGORITHMS[..]),
        content_md5 in any::<bool>(),
    ) -> Recipe {
        Recipe { mode, length, chunks, algorithm, content_md5 }
    }
}

/// The request, its body on the wire and its data.
fn cook(recipe: &Recipe) -> (Request, Vec<u8>, Vec<u8>) {
    let payload = data(recipe.length);
    let name = format!("x-amz-checksum-{}", recipe.algorithm);
    let sum = checksum(recipe.algorithm, &payload);
    let modes = [
        Mode::Unsigned,
        Mode::Sha256(sha256(&payload)),
        Mode::SignedChunks,
        Mode::SignedTrailer,
        Mode::UnsignedTrailer,
    ];
    let mode = modes[recipe.mode];
    let mut rest = payload.as_slice();
    let mut pieces = Vec::new();
    for size in recipe.chunks.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, behind) = rest.split_at((*size).min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    let in_trailer = matches!(mode, Mode::SignedTrailer | Mode::UnsignedTrailer);
    let mut request = Request::framed(mode, payload.len(), in_trailer.then_some(&name))
        .with_small_chunks()
        .endless();
    if !in_trailer {
        request = request.header(&name, &sum);
    }
    if recipe.content_md5 {
        request = request.header("content-md5", &content_md5(&payload));
    }
    let mut chain = request.chain();
    let body = match mode {
        Mode::SignedChunks => [signed_chunks(&mut chain, &pieces), b"\r\n".to_vec()].concat(),
        Mode::SignedTrailer => {
            let chunks = signed_chunks(&mut chain, &pieces);
            let signature = chain.trailer(&format!("{name}:{sum}\n"));
            let trailer = format!("{name}:{sum}\r\nx-amz-trailer-signature:{signature}\r\n\r\n");
            [chunks, trailer.into_bytes()].concat()
        }
        Mode::UnsignedTrailer => {
            let chunks = pieces.iter().copied().chain([&b""[..]]);
            let chunks: Vec<u8> = chunks.flat_map(unsigned_chunk).collect();
            [chunks, format!("{name}:{sum}\r\n\r\n").into_bytes()].concat()
        }
        _ => payload.clone(),
    };
    (request, body, payload)
}

/// The body in pieces of these sizes, again and again; some are empty.
fn cut<'b>(body: &'b [u8], sizes: &[usize]) -> Vec<&'b [u8]> {
    let mut rest = body;
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        let (piece, behind) = rest.split_at((*size).min(rest.len()));
        pieces.push(piece);
        rest = behind;
        if rest.is_empty() {
            return pieces;
        }
    }
    unreachable!("a size is not 0")
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![0..4_usize, 0..200_usize, 0..4000_usize];
    let sizes = prop::collection::vec(size, 1..8);
    sizes.prop_filter("a size that is not 0", |sizes| {
        sizes.iter().any(|size| *size > 0)
    })
}

const FRAMINGS: [Framing; 2] = [Framing::AsReceived, Framing::Plain];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn a_right_body_is_accepted_however_it_is_cut(recipe in recipe(), sizes in sizes()) {
        let (request, body, payload) = cook(&recipe);
        for framing in FRAMINGS {
            let plan = request.plan(body.len(), framing).expect("a plan");
            let expected = match framing {
                Framing::AsReceived => &body,
                Framing::Plain => &payload,
            };
            prop_assert_eq!(&feed(&plan, &cut(&body, &sizes)), &Ok(expected.clone()));
        }
    }

    /// A changed byte is refused, or it changes nothing: the case of a size's digit or of a trailer's name.
    #[test]
    fn a_changed_byte_changes_the_verdict_or_nothing(
        recipe in recipe(), sizes in sizes(), at in any::<Index>(), bits in 1..=255_u8,
    ) {
        let (request, mut body, payload) = cook(&recipe);
        prop_assume!(!body.is_empty());
        let at = at.index(body.len());
        let before = body[at];
        body[at] ^= bits;
        let mut verdicts = FRAMINGS.map(|framing| {
            let plan = request.plan(body.len(), framing).expect("a plan");
            let verdict = feed(&plan, &cut(&body, &sizes));
            assert_eq!(&verdict, &feed(&plan, &[&body]));
            verdict
        });
        if verdicts[0].is_ok() {
            prop_assert_eq!(before.to_ascii_lowercase(), body[at].to_ascii_lowercase());
            prop_assert_eq!(std::mem::replace(&mut verdicts[1], Err(BodyFailure::Truncated)), Ok(payload));
        } else {
            prop_assert_eq!(verdicts[0].as_ref().err(), verdicts[1].as_ref().err());
        }
    }

    /// Without the last CR LF alone it is whole.
    #[test]
    fn a_body_that_is_cut_short_is_refused(recipe in recipe(), sizes in sizes(), at in any::<Index>()) {
        let (request, body, _) = cook(&recipe);
        prop_assume!(!body.is_empty());
        let short = &body[..at.index(body.len())];
        prop_assume!(recipe.mode < 2 || short.len() + 2 != body.len());
        for framing in FRAMINGS {
            let plan = request.plan(body.len(), framing).expect("a plan");
            prop_assert!(feed(&plan, &cut(short, &sizes)).is_err());
        }
    }
}
