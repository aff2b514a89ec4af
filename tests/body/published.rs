//! The bodies that Amazon S3's pages print: 65 KiB of `a`.

use countersign::body::BodyFailure;

use super::scene::{Mode, Request};
use support::chunks::signed_chunks;

const CHUNKS: [&str; 3] = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
];
const TRAILER_SEED: &str = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
const TRAILER_CHUNKS: [&str; 3] = [
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
];
const CHECKSUM: &str = "x-amz-checksum-crc32c:sOO8/Q==";
const TRAILER: &str = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";
/// An older edition of the page printed this one, made with a chunk's label.
const OLD_TRAILER: &str = "63bddb248ad2590c92712055f51b8e78ab024eead08276b24f010b0efd74843f";

fn payload() -> Vec<u8> {
    vec![b'a'; 66_560]
}

/// The chunks with their printed signatures, without what stands behind the last one.
fn framed(signatures: [&str; 3]) -> Vec<u8> {
    let payload = payload();
    let (first, second) = payload.split_at(65_536);
    let [one, two, three] = signatures;
    [
        format!("10000;chunk-signature={one}\r\n").as_bytes(),
        first,
        format!("\r\n400;chunk-signature={two}\r\n").as_bytes(),
        second,
        format!("\r\n0;chunk-signature={three}\r\n").as_bytes(),
    ]
    .concat()
}

#[test]
fn the_chunked_upload() {
    let request = Request::framed(Mode::SignedChunks, 66_560, None);
    let body = [framed(CHUNKS), b"\r\n".to_vec()].concat();
    // The page's Content-Length.
    assert_eq!(body.len(), 66_824);
    request.accepts(&body, &payload());
    // The encoder of these tests writes the page's bytes.
    let pieces: Vec<&[u8]> = vec![&[b'a'; 65_536], &[b'a'; 1024]];
    assert_eq!(signed_chunks(&mut request.chain(), &pieces), framed(CHUNKS));
}

fn with_trailer(checksum_line: &str, signature: &str) -> Vec<u8> {
    let trailer = format!("{checksum_line}x-amz-trailer-signature:{signature}\r\n\r\n");
    [framed(TRAILER_CHUNKS), trailer.into_bytes()].concat()
}

fn trailer_request() -> Request {
    let mut request = Request::framed(Mode::SignedTrailer, 66_560, Some("x-amz-checksum-crc32c"));
    request.seed = TRAILER_SEED.into();
    request
}

#[test]
fn c7_the_upload_with_a_trailer() {
    let request = trailer_request();
    // As clients write the line, and as the page does and minio-go after it.
    for end in ["\r\n", "\n\r\n"] {
        let body = with_trailer(&format!("{CHECKSUM}{end}"), TRAILER);
        request.accepts(&body, &payload());
    }
    for wrong in [OLD_TRAILER, &TRAILER.to_uppercase(), &TRAILER[1..], "0"] {
        let body = with_trailer(&format!("{CHECKSUM}\r\n"), wrong);
        assert_eq!(request.refusal(&body), BodyFailure::TrailerSignature);
    }
    let unsigned = [framed(TRAILER_CHUNKS), format!("{CHECKSUM}\r\n\r\n").into()].concat();
    assert_eq!(request.refusal(&unsigned), BodyFailure::TrailerSignature);
}

/// The old label is what the old value was made with: the test above refuses the right thing.
#[test]
fn c7_the_old_value_is_the_chunks_label() {
    let mut chain = trailer_request().chain();
    chain.previous = TRAILER_CHUNKS[2].into();
    let lines = format!("{CHECKSUM}\n");
    assert_eq!(chain.clone().trailer(&lines), TRAILER);
    assert_eq!(chain.trailer_labelled_as_a_chunk(&lines), OLD_TRAILER);
}
