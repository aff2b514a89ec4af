//! Bodies: plain, or in the frames of `aws-chunked` (Amazon S3 API Reference, "Transferring payload in multiple chunks" and
//! "… with trailing headers"), right or damaged.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use crate::combination::{Combination, Damage, Digest, Mode, Payload};
use crate::operations::Content;
use crate::v4::{Chain, sha256, words};
use support::signer::Word;

/// The smallest chunk but the last one.
const CHUNK: usize = 8 * 1024;

/// The object or the document that a combination sends; no two send the same.
pub fn data(combination: &Combination) -> Vec<u8> {
    let serial = combination.serial;
    match combination.operation.content {
        Content::Nothing => Vec::new(),
        Content::Document => format!("<Document>{serial}</Document>").into_bytes(),
        // Framed: three chunks, no two the same. Else it is as long as its serial number makes it.
        Content::Object if combination.payload.mode.is_chunked() => {
            let bytes = (0..2 * CHUNK + 300).map(|at| (at / CHUNK + at % 251 + serial) as u8);
            bytes.collect()
        }
        Content::Object => format!("object {serial};")
            .repeat(1 + serial % 40)
            .into_bytes(),
    }
}

/// The value of `x-amz-content-sha256`.
pub fn mode_value(word: Word, payload: Payload, data: &[u8]) -> Option<String> {
    let algorithm = words(word).algorithm;
    let value = match (payload.mode, payload.damage) {
        (Mode::Absent, _) => return None,
        (Mode::Hash, Damage::WrongHash) => sha256("another body"),
        (Mode::Hash, Damage::MalformedHash) => sha256(data)[1..].to_owned(),
        (Mode::Hash, _) => sha256(data),
        (Mode::Unsigned, _) => "UNSIGNED-PAYLOAD".to_owned(),
        (Mode::Chunks, _) => format!("STREAMING-{algorithm}-PAYLOAD"),
        (Mode::ChunksWithTrailer, _) => format!("STREAMING-{algorithm}-PAYLOAD-TRAILER"),
        (Mode::UnsignedChunksWithTrailer, _) => "STREAMING-UNSIGNED-PAYLOAD-TRAILER".to_owned(),
    };
    Some(value)
}

fn checksum_name(word: Word, digest: Digest) -> Option<String> {
    let name = match digest {
        Digest::None | Digest::Md5 => return None,
        Digest::Crc32 => "crc32",
        Digest::Crc32c => "crc32c",
        Digest::Crc64 => "crc64nvme",
        Digest::Sha1 => "sha1",
        Digest::Sha256 => "sha256",
        Digest::Sha512 => "sha512",
        Digest::ChecksumMd5 => "md5",
    };
    Some(format!("{}checksum-{name}", word.header_prefix()))
}

/// Reflected, all ones before and after: CRC-32/ISO-HDLC, CRC-32/ISCSI and CRC-64/NVME differ in the polynomial alone.
fn crc(data: &[u8], polynomial: u64, ones: u64) -> u64 {
    let table: Vec<u64> = (0..256)
        .map(|byte| (0..8).fold(byte, |crc, _| (crc >> 1) ^ (polynomial * (crc & 1))))
        .collect();
    let crc = data.iter().fold(ones, |crc, byte| {
        (crc >> 8) ^ table[usize::from(crc as u8 ^ byte)]
    });
    crc ^ ones
}

fn digest_value(digest: Digest, data: &[u8]) -> String {
    let crc32 = |polynomial| (crc(data, polynomial, 0xffff_ffff) as u32).to_be_bytes();
    match digest {
        Digest::None => String::new(),
        Digest::Md5 | Digest::ChecksumMd5 => STANDARD.encode(Md5::digest(data)),
        Digest::Crc32 => STANDARD.encode(crc32(0xedb8_8320)),
        Digest::Crc32c => STANDARD.encode(crc32(0x82f6_3b78)),
        Digest::Crc64 => STANDARD.encode(crc(data, 0x9a6c_9329_ac4b_c9b5, u64::MAX).to_be_bytes()),
        Digest::Sha1 => STANDARD.encode(Sha1::digest(data)),
        Digest::Sha256 => STANDARD.encode(Sha256::digest(data)),
        Digest::Sha512 => STANDARD.encode(Sha512::digest(data)),
    }
}

/// The digest's value in the header: the right one, another body's, or none at all.
fn header_value(payload: Payload, data: &[u8]) -> String {
    match payload.damage {
        Damage::WrongDigest => digest_value(payload.digest, b"another body"),
        Damage::MalformedDigest => "none".into(),
        _ => digest_value(payload.digest, data),
    }
}

/// The headers that say something of the body, but for the payload mode.
pub fn headers(word: Word, payload: Payload, data: &[u8]) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let own = |name: &str| format!("{}{name}", word.header_prefix());
    let checksum = checksum_name(word, payload.digest);
    if payload.mode.is_chunked() {
        let length = match payload.damage {
            Damage::DecodedLess => data.len().saturating_sub(1).to_string(),
            Damage::DecodedMore => (data.len() + 1).to_string(),
            Damage::GarbledDecoded => format!("+{}", data.len()),
            _ => data.len().to_string(),
        };
        headers.push(("content-encoding".into(), "aws-chunked".into()));
        if payload.damage != Damage::NoDecoded {
            headers.push((own("decoded-content-length"), length));
        }
    }
    match (payload.mode.has_trailer(), checksum, payload.digest) {
        (true, Some(name), _) => {
            let unknown = payload.damage == Damage::UnknownTrailer;
            headers.push((own("trailer"), if unknown { own("acl") } else { name }));
        }
        (false, Some(name), _) => headers.push((name, header_value(payload, data))),
        (_, None, Digest::Md5) => headers.push(("content-md5".into(), header_value(payload, data))),
        _ => {}
    }
    headers
}

struct Frame {
    size: String,
    signature: Option<String>,
    data: Vec<u8>,
}

impl Frame {
    fn write(&self, body: &mut Vec<u8>) {
        let signature = self.signature.iter();
        let extension: String = signature
            .map(|own| format!(";chunk-signature={own}"))
            .collect();
        body.extend_from_slice(format!("{}{extension}\r\n", self.size).as_bytes());
        body.extend_from_slice(&self.data);
        if !self.data.is_empty() {
            body.extend_from_slice(b"\r\n");
        }
    }
}

/// The body as it is sent. The chain starts with the request's own signature.
pub fn sent(word: Word, payload: Payload, data: &[u8], chain: Option<Chain>) -> Vec<u8> {
    if !payload.mode.is_chunked() {
        return data.to_vec();
    }
    // Without version 4 there is nothing to sign chunks with: such a request is refused before its body.
    let mut chain = chain.filter(|_| payload.mode.signs_chunks());
    let chunk = if payload.damage == Damage::SmallChunk {
        1024
    } else {
        CHUNK
    };
    let mut frames: Vec<Frame> = data
        .chunks(chunk)
        .chain([&[][..]])
        .map(|piece| Frame {
            size: format!("{:x}", piece.len()),
            signature: chain.as_mut().map(|chain| chain.chunk(piece)),
            data: piece.to_vec(),
        })
        .collect();
    let trailer = trailer(word, payload, data, chain);
    let end = damage(payload.damage, &mut frames);
    let mut body = Vec::new();
    frames.iter().for_each(|frame| frame.write(&mut body));
    if end {
        body.extend_from_slice(format!("{trailer}\r\n").as_bytes());
    }
    body
}

/// Damages the frames; says whether the body goes on behind them.
fn damage(damage: Damage, frames: &mut Vec<Frame>) -> bool {
    let last = frames.len() - 1;
    let middle = last / 2;
    let zeros = Some("0".repeat(64));
    match damage {
        Damage::FirstSignature => frames[0].signature = zeros,
        Damage::MiddleSignature => frames[middle].signature = zeros,
        Damage::FinalSignature => frames[last].signature = zeros,
        Damage::NoSignature => frames[middle].signature = None,
        Damage::GarbledSize => frames[0].size.insert_str(0, "0x"),
        Damage::ChangedData => {
            if let Some(byte) = frames[middle].data.first_mut() {
                *byte ^= 1;
            }
        }
        Damage::SwappedChunks if last > 1 => frames.swap(0, 1),
        Damage::DroppedChunk if last > 0 => drop(frames.remove(middle)),
        Damage::RepeatedChunk => {
            let Frame {
                size,
                signature,
                data,
            } = &frames[0];
            let copy = Frame {
                size: size.clone(),
                signature: signature.clone(),
                data: data.clone(),
            };
            frames.insert(0, copy);
        }
        Damage::NoFinalChunk => {
            frames.pop();
            return false;
        }
        _ => {}
    }
    true
}

fn trailer(word: Word, payload: Payload, data: &[u8], chain: Option<Chain>) -> String {
    let Some(name) = checksum_name(word, payload.digest).filter(|_| payload.mode.has_trailer())
    else {
        return String::new();
    };
    let prefix = word.header_prefix();
    let right = digest_value(payload.digest, data);
    let acl = (format!("{prefix}acl"), "public-read".to_owned());
    let lines = match payload.damage {
        Damage::WrongTrailer => vec![(name, digest_value(payload.digest, b"another body"))],
        Damage::MalformedTrailer => vec![(name, "none".into())],
        Damage::OtherTrailer => vec![acl],
        Damage::NoTrailer => Vec::new(),
        Damage::SecondTrailer => vec![(name, right), acl],
        _ => vec![(name, right)],
    };
    let text = |end: &str| -> String {
        lines
            .iter()
            .map(|(name, value)| format!("{name}:{value}{end}"))
            .collect()
    };
    let signature = chain.map(|mut chain| chain.trailer(&text("\n")));
    let signature = match payload.damage {
        Damage::TrailerSignature => signature.map(|_| "0".repeat(64)),
        Damage::NoTrailerSignature => None,
        _ => signature,
    };
    let signature: String = signature
        .iter()
        .map(|own| format!("{prefix}trailer-signature:{own}\r\n"))
        .collect();
    text("\r\n") + &signature
}
