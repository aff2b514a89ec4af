//! What is held back, and what is not.

use bytes::Bytes;
use countersign::body::{BodyFailure, End, Framing, MAX_HELD};

use super::scene::{Mode, Request, data, feed, signed};
use support::chunks::{sha256, unsigned};

/// Pushes pieces of these sizes and gives, after each, how much is held.
fn held(request: &Request, body: &[u8], framing: Framing, sizes: &[usize]) -> Vec<usize> {
    let plan = request.plan(body.len(), framing).expect("a plan");
    let mut verifier = plan.verifier();
    let (mut rest, mut held, mut all) = (body, 0, Vec::new());
    for size in sizes {
        let (piece, behind) = rest.split_at(*size);
        rest = behind;
        let pushed = verifier.push(Bytes::copy_from_slice(piece), End::More);
        held += size;
        held -= pushed.expect("right so far").len();
        all.push(held);
    }
    all
}

#[test]
fn between_one_byte_and_64_kib_are_held() {
    let body = data(8 * MAX_HELD);
    let request = Request::new(Mode::Sha256(sha256(&body)));
    let sizes = [0, 1, 0, 10, MAX_HELD, 0, MAX_HELD + 1, 3 * MAX_HELD, 5];
    let expected = [0, 1, 1, 10, MAX_HELD, MAX_HELD, MAX_HELD, MAX_HELD, 5];
    for framing in [Framing::Plain, Framing::AsReceived] {
        assert_eq!(held(&request, &body, framing, &sizes), expected);
    }
    // With framing as it came the same holds, until the last chunk begins.
    let (request, body) = signed(8 * MAX_HELD);
    assert_eq!(held(&request, &body, Framing::AsReceived, &sizes), expected);
    // However large the last piece is: the end of the framing is in what is held.
    let all = [body.len() - 1];
    assert_eq!(held(&request, &body, Framing::AsReceived, &all), [MAX_HELD]);
}

/// A piece goes on as the same bytes in memory; a part of one too, where it is the data of one chunk.
#[test]
fn nothing_is_copied_that_need_not_be() {
    let body = data(4 * MAX_HELD);
    let plan = Request::new(Mode::Sha256(sha256(&body))).plan(body.len(), Framing::Plain);
    let mut verifier = plan.expect("a plan").verifier();
    let mut before: Option<*const u8> = None;
    for piece in body.chunks(MAX_HELD) {
        let piece = Bytes::copy_from_slice(piece);
        let own = piece.as_ptr();
        let forwarded = verifier.push(piece, End::More).expect("right so far");
        let same = before.replace(own);
        assert_eq!(same.is_some(), !forwarded.is_empty());
        assert!(same.is_none_or(|same| same == forwarded.as_ptr()));
    }
    let request = Request::framed(Mode::UnsignedTrailer, body.len(), None);
    let framed = unsigned(&body, body.len(), "\r\n");
    let plan = request.plan(framed.len(), Framing::Plain).expect("a plan");
    let mut verifier = plan.verifier();
    let first = Bytes::copy_from_slice(&framed[..1000]);
    let data_begins = first[b"40000\r\n".len()..].as_ptr();
    assert_eq!(verifier.push(first, End::More), Ok(Bytes::new()));
    let forwarded = verifier.push(Bytes::copy_from_slice(&framed[1000..2000]), End::More);
    assert_eq!(forwarded.expect("right so far").as_ptr(), data_begins);
}

/// C14 and K6: the smallest chunks are read as fast as their bytes come.
#[test]
fn k6_a_hundred_thousand_chunks_of_one_byte() {
    let payload = data(100_000);
    let request = Request::framed(Mode::UnsignedTrailer, payload.len(), None).with_small_chunks();
    let body = unsigned(&payload, 1, "\r\n");
    let plan = request.plan(body.len(), Framing::Plain).expect("a plan");
    let pieces: Vec<&[u8]> = body.chunks(MAX_HELD).collect();
    assert_eq!(feed(&plan, &pieces), Ok(payload));
}

/// A node that reads the framing itself could take the last chunk for the end: it does not get it.
#[test]
fn the_last_chunk_is_held_back_with_all_that_follows() {
    let (request, body) = signed(100);
    let request = request.header("x-amz-checksum-crc32", "AAAAAA==");
    let plan = request
        .plan(body.len(), Framing::AsReceived)
        .expect("a plan");
    let last = body.len() - 2;
    let mut verifier = plan.verifier();
    let mut forwarded = Vec::new();
    for byte in &body {
        let piece = Bytes::copy_from_slice(&[*byte]);
        forwarded.extend(verifier.push(piece, End::More).expect("no failure yet"));
    }
    assert_eq!(
        forwarded,
        body[..last - 2],
        "all but the last chunk's CR LF and what follows"
    );
    let end = verifier.push(Bytes::new(), End::Last);
    assert!(matches!(end, Err(BodyFailure::Checksum(_))));
}
