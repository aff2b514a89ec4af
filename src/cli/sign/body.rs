//! The body of a request of version 4: its payload mode, and its bytes as they are sent.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use http::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::cli::Failure;
use crate::dialect::Syntax;
use crate::sig::encode::hex;
use crate::sig::payload::ChunkChain;

/// The data of one chunk, as in AWS's SDKs (Amazon S3 API Reference: at least 8 KiB).
const CHUNK: usize = 64 * 1024;
/// The checksum of the trailer modes, as in current SDKs.
const CHECKSUM: &str = "checksum-crc32";

/// How the body is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Payload {
    /// Not signed
    Unsigned,
    /// The SHA-256 of the body is signed
    Signed,
    /// In chunks, each of them signed
    SignedChunks,
    /// In signed chunks, with a signed CRC-32 in the trailer
    SignedChunksTrailer,
    /// In unsigned chunks, with a CRC-32 in the trailer
    UnsignedTrailer,
}

impl Payload {
    /// Whether the body is sent in chunks.
    pub fn is_framed(self) -> bool {
        match self {
            Self::Unsigned | Self::Signed => false,
            Self::SignedChunks | Self::SignedChunksTrailer | Self::UnsignedTrailer => true,
        }
    }

    fn has_trailer(self) -> bool {
        matches!(self, Self::SignedChunksTrailer | Self::UnsignedTrailer)
    }

    /// The value of the payload-mode header; reads the body where the value is its digest.
    pub fn text(self, syntax: &Syntax, body: Option<&Path>) -> Result<String, Failure> {
        let algorithm = syntax.v4.algorithm;
        Ok(match self {
            Self::Unsigned => "UNSIGNED-PAYLOAD".into(),
            Self::Signed => digest_of(body)?,
            Self::SignedChunks => format!("STREAMING-{algorithm}-PAYLOAD"),
            Self::SignedChunksTrailer => format!("STREAMING-{algorithm}-PAYLOAD-TRAILER"),
            Self::UnsignedTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER".into(),
        })
    }

    /// Adds the headers that describe the chunks, for a body of `length` bytes.
    pub fn describe(
        self,
        syntax: &Syntax,
        length: u64,
        headers: &mut HeaderMap,
    ) -> Result<(), Failure> {
        if !self.is_framed() {
            return Ok(());
        }
        let prefix = syntax.header_prefix;
        let name = |rest: &str| HeaderName::try_from(format!("{prefix}{rest}"));
        let encoding = match headers.get(CONTENT_ENCODING) {
            Some(encoding) => format!("aws-chunked,{}", encoding.to_str()?),
            None => "aws-chunked".into(),
        };
        headers.insert(CONTENT_ENCODING, HeaderValue::try_from(encoding)?);
        headers.insert(name("decoded-content-length")?, length.into());
        if self.has_trailer() {
            let checksum = HeaderValue::try_from(format!("{prefix}{CHECKSUM}"))?;
            headers.insert(name("trailer")?, checksum);
        }
        Ok(())
    }

    /// Writes the body in chunks, as it is sent.
    pub fn write(
        self,
        syntax: &Syntax,
        mut chain: ChunkChain,
        body: &Path,
        output: &Path,
    ) -> Result<(), Failure> {
        let reading = |error| cannot("read", body, &error);
        let writing = |error| cannot("write", output, &error);
        if is_same(body, output) {
            return Err("--output and --body must be different files".into());
        }
        let mut body = opened(body)?;
        let file = File::create(output).map_err(|error| cannot("create", output, &error))?;
        let mut wire = BufWriter::new(file);
        let mut checksum = Crc::new(CrcAlgorithm::Crc32IsoHdlc);
        let mut data = Vec::with_capacity(CHUNK);
        loop {
            data.clear();
            (&mut body)
                .take(CHUNK as u64)
                .read_to_end(&mut data)
                .map_err(reading)?;
            checksum.update(&data);
            write!(wire, "{:x}", data.len()).map_err(writing)?;
            if self != Self::UnsignedTrailer {
                let signature = hex(&chain.sign_chunk(&Sha256::digest(&data).into()));
                write!(
                    wire,
                    ";chunk-signature={}",
                    std::str::from_utf8(&signature)?
                )
                .map_err(writing)?;
            }
            wire.write_all(b"\r\n").map_err(writing)?;
            if data.is_empty() {
                break;
            }
            wire.write_all(&data).map_err(writing)?;
            wire.write_all(b"\r\n").map_err(writing)?;
        }
        if self.has_trailer() {
            let sum = u32::try_from(checksum.finalize())?.to_be_bytes();
            let line = format!(
                "{}{CHECKSUM}:{}",
                syntax.header_prefix,
                STANDARD.encode(sum)
            );
            write!(wire, "{line}\r\n").map_err(writing)?;
            if self == Self::SignedChunksTrailer {
                let digest = Sha256::digest(format!("{line}\n"));
                let signature = hex(&chain.sign_trailer(&digest.into()));
                let signature = std::str::from_utf8(&signature)?;
                write!(
                    wire,
                    "{}trailer-signature:{signature}\r\n",
                    syntax.header_prefix
                )
                .map_err(writing)?;
            }
        }
        wire.write_all(b"\r\n").map_err(writing)?;
        wire.flush().map_err(writing)?;
        Ok(())
    }
}

fn opened(path: &Path) -> Result<BufReader<File>, Failure> {
    let file = File::open(path).map_err(|error| cannot("read", path, &error))?;
    Ok(BufReader::new(file))
}

fn cannot(act: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {act} {}: {error}", path.display())
}

/// Whether two paths are the same file, which creating the output would empty before it is read.
fn is_same(one: &Path, other: &Path) -> bool {
    let file = |path: &Path| std::fs::metadata(path).map(|found| (found.dev(), found.ino()));
    matches!((file(one), file(other)), (Ok(one), Ok(other)) if one == other)
}

/// The length of a body, which must be a regular file, because it is read twice.
pub fn length_of(path: &Path) -> Result<u64, Failure> {
    let opened = File::open(path).and_then(|file| file.metadata());
    let found = opened.map_err(|error| cannot("read", path, &error))?;
    if !found.is_file() {
        return Err(format!("cannot read {}: it is not a regular file", path.display()).into());
    }
    Ok(found.len())
}

fn digest_of(body: Option<&Path>) -> Result<String, Failure> {
    let mut hash = Sha256::new();
    if let Some(path) = body {
        std::io::copy(&mut opened(path)?, &mut HashWriter(&mut hash))
            .map_err(|error| cannot("read", path, &error))?;
    }
    let digits = hex(&hash.finalize().into());
    Ok(String::from_utf8_lossy(&digits).into_owned())
}

struct HashWriter<'h>(&'h mut Sha256);

impl Write for HashWriter<'_> {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
        self.0.update(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
