//! How fast is a body verified, compared with plain SHA-256 of the same bytes?
//!
//! Every body has 8 MiB of data and arrives in reads of 64 KiB, as from Pingora. The size after a mode is that of its
//! chunks. Throughput is in bytes of data.
//!
//! - `sha256`: the hash that every verification of a signed body needs.
//! - `declared`, `declared+…`: a signed hash, alone and with a second digest in the header.
//! - `signed`, `signed+…`: signed chunks, without and with a checksum in the trailer.
//! - `unsigned+…`: unsigned chunks, with a checksum in the trailer.
//! - `passthrough`: signed chunks that are forwarded unchanged.
//!
//!     cargo bench --bench body -- --quick

use std::hint::black_box;

use bytes::Bytes;
use countersign::body::{BodyOptions, BodyPlan, End, Framing};
use countersign::dialect::AWS;
use countersign::secret::Secret;
use countersign::sig::payload::{ChunkChain, PayloadClaim};
use countersign::sig::signing_key::{CredentialScope, SigningKey};
use countersign::sig::{RequestView, fields_of};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::Md5;
use sha2::{Digest, Sha256};

const LENGTH: usize = 8 << 20;
/// The read size of Pingora 0.9.1.
const PIECE: usize = 64 << 10;
const CHUNKS: [(&str, usize); 3] = [("8KiB", 8 << 10), ("64KiB", 64 << 10), ("1MiB", 1 << 20)];
const TIMESTAMP: &str = "20130524T000000Z";

fn payload() -> Vec<u8> {
    (0..LENGTH).map(|at| (at * 31 / 7) as u8).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn chain() -> ChunkChain {
    let scope = CredentialScope {
        date: "20130524",
        region: "us-east-1",
        service: "s3",
        terminator: "aws4_request",
    };
    let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned());
    let key = SigningKey::derive("AWS4", &secret, scope);
    ChunkChain::new(
        key,
        "AWS4-HMAC-SHA256",
        TIMESTAMP,
        scope.to_string(),
        [7; 32],
    )
}

/// The value of `x-amz-checksum-{name}`.
fn checksum(name: &str, payload: &[u8]) -> String {
    let sum = |algorithm| crc_fast::checksum(algorithm, payload).to_be_bytes();
    match name {
        "crc32" => base64(&sum(crc_fast::CrcAlgorithm::Crc32IsoHdlc)[4..]),
        "crc32c" => base64(&sum(crc_fast::CrcAlgorithm::Crc32Iscsi)[4..]),
        "crc64nvme" => base64(&sum(crc_fast::CrcAlgorithm::Crc64Nvme)),
        "sha1" => base64(&sha1::Sha1::digest(payload)),
        _ => base64(&Sha256::digest(payload)),
    }
}

/// The body in chunks of this size, signed if there is a chain, with this line in the trailer.
fn framed(
    payload: &[u8],
    size: usize,
    mut chain: Option<ChunkChain>,
    line: Option<&str>,
) -> Vec<u8> {
    let mut body = Vec::with_capacity(payload.len() + payload.len() / 50);
    for chunk in payload.chunks(size).chain([&b""[..]]) {
        body.extend(format!("{:x}", chunk.len()).bytes());
        if let Some(chain) = &mut chain {
            let signature = chain.sign_chunk(&Sha256::digest(chunk).into());
            body.extend(format!(";chunk-signature={}", hex(&signature)).bytes());
        }
        body.extend(b"\r\n");
        body.extend(chunk);
        if !chunk.is_empty() {
            body.extend(b"\r\n");
        }
    }
    if let Some(line) = line {
        body.extend(format!("{line}\r\n").bytes());
        if let Some(chain) = &mut chain {
            let signature = chain.sign_trailer(&Sha256::digest(format!("{line}\n")).into());
            body.extend(format!("x-amz-trailer-signature:{}\r\n", hex(&signature)).bytes());
        }
    }
    body.extend(b"\r\n");
    body
}

fn plan(
    headers: &[(&str, String)],
    payload: &PayloadClaim,
    length: usize,
    framing: Framing,
) -> BodyPlan {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().expect("a header's name");
        map.insert(
            name,
            HeaderValue::from_str(value).expect("a header's value"),
        );
    }
    let view = RequestView::of("PUT", "/bucket/key", None, fields_of(&map)).expect("a request");
    let options = BodyOptions::default();
    let length = u64::try_from(length).expect("64 bits");
    BodyPlan::of(
        &view,
        AWS.syntaxes[0],
        payload,
        Some(length),
        framing,
        &options,
    )
    .expect("a plan")
}

/// Verifies the body once and returns how many bytes are forwarded.
fn prove(plan: &BodyPlan, pieces: &[Bytes]) -> usize {
    let mut verifier = plan.verifier();
    let mut forwarded = 0;
    for piece in pieces {
        forwarded += black_box(
            verifier
                .push(piece.clone(), End::More)
                .expect("a right piece"),
        )
        .len();
    }
    forwarded
        + black_box(
            verifier
                .push(Bytes::new(), End::Last)
                .expect("a right body"),
        )
        .len()
}

fn pieces(body: &[u8]) -> Vec<Bytes> {
    body.chunks(PIECE).map(Bytes::copy_from_slice).collect()
}

fn declared(payload: &[u8]) -> Vec<(String, BodyPlan)> {
    let hash = PayloadClaim::Sha256(Sha256::digest(payload).into());
    let of = |name: &str, headers: &[(&str, String)]| {
        (
            name.to_owned(),
            plan(headers, &hash, payload.len(), Framing::Plain),
        )
    };
    let mut plans = vec![
        of("declared", &[]),
        of(
            "declared+content-md5",
            &[("content-md5", base64(&Md5::digest(payload)))],
        ),
    ];
    for name in ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"] {
        let header = format!("x-amz-checksum-{name}");
        let value = checksum(name, payload);
        plans.push(of(&format!("declared+{name}"), &[(&header, value)]));
    }
    plans
}

fn bodies(criterion: &mut Criterion) {
    let payload = payload();
    let mut group = criterion.benchmark_group("body");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(payload.len() as u64));

    let plain = pieces(&payload);
    group.bench_function("sha256", |bencher| {
        bencher.iter(|| {
            let mut sha256 = Sha256::new();
            plain.iter().for_each(|piece| sha256.update(piece));
            black_box(sha256.finalize())
        });
    });
    for (name, plan) in declared(&payload) {
        assert_eq!(prove(&plan, &plain), LENGTH);
        group.bench_function(&name, |bencher| bencher.iter(|| prove(&plan, &plain)));
    }
    let length = ("x-amz-decoded-content-length", LENGTH.to_string());
    for (size_name, size) in CHUNKS {
        let mut run =
            |name: &str, body: &[u8], trailer: Option<&str>, claim: &PayloadClaim, framing| {
                let mut headers = vec![length.clone()];
                headers.extend(trailer.map(|trailer| ("x-amz-trailer", trailer.to_owned())));
                let plan = plan(&headers, claim, body.len(), framing);
                let pieces = pieces(body);
                let forwarded = match framing {
                    Framing::AsReceived => body.len(),
                    Framing::Plain => LENGTH,
                };
                assert_eq!(prove(&plan, &pieces), forwarded);
                let name = format!("{name}/{size_name}");
                group.bench_function(&name, |bencher| bencher.iter(|| prove(&plan, &pieces)));
            };
        let signed = PayloadClaim::SignedChunks(chain().into());
        let body = framed(&payload, size, Some(chain()), None);
        run("signed", &body, None, &signed, Framing::Plain);
        run("passthrough", &body, None, &signed, Framing::AsReceived);
        for name in ["crc32", "crc64nvme", "sha256"] {
            let trailer = format!("x-amz-checksum-{name}");
            let line = format!("{trailer}:{}", checksum(name, &payload));
            let signed = PayloadClaim::SignedChunksWithTrailer(chain().into());
            let body = framed(&payload, size, Some(chain()), Some(&line));
            run(
                &format!("signed+{name}"),
                &body,
                Some(&trailer),
                &signed,
                Framing::Plain,
            );
            let unsigned = PayloadClaim::UnsignedChunksWithTrailer;
            let body = framed(&payload, size, None, Some(&line));
            run(
                &format!("unsigned+{name}"),
                &body,
                Some(&trailer),
                &unsigned,
                Framing::Plain,
            );
        }
    }
    group.finish();
}

criterion_group!(benches, bodies);
criterion_main!(benches);
