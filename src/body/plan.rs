//! What a request says about its body, read before the body comes.

use std::borrow::Cow;
use std::sync::Arc;

use http::HeaderValue;

use super::digest::{ChecksumAlgorithm, ChecksumClaim, DataClaim, is_base64_of};
use super::failure::BodyFailure;
use super::verifier::BodyVerifier;
use super::{BodyOptions, Framing};
use crate::sig::RequestView;
use crate::sig::dialect::Form;
use crate::sig::payload::{ChunkChain, PayloadClaim};

/// The bytes of an MD5 (RFC 1864).
const MD5_LENGTH: usize = 16;
/// `;chunk-signature=` and 64 digits.
const CHUNK_SIGNATURE_LENGTH: u64 = 81;
/// The last chunk of any framed body: `0`, CR LF, CR LF.
const LAST_CHUNK_LENGTH: u64 = 5;

/// Headers behind `checksum-` that are no checksum of the body (Amazon S3 API Reference, "CreateMultipartUpload",
/// "GetObject").
const NO_CHECKSUMS: &[&str] = &["algorithm", "mode", "type"];

/// Whether framing is taken off a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwrapping {
    /// The node gets the bytes as they come.
    None,
    /// The node gets the data alone: [`BodyPlan::forwarded_length`] bytes, and [`BodyPlan::forwarded_encoding`].
    Chunks,
}

/// When a body has to be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// While it goes on to the node, which cannot complete it without the last piece.
    WhileForwarded,
    /// Before the header goes on: the node would see a complete request as soon as it has the header.
    BeforeHeader,
}

/// What becomes of Content-Encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardedEncoding<'p> {
    /// It stays as it came.
    AsReceived,
    /// It is removed: it named nothing but the framing.
    Removed,
    /// It is this.
    Value(&'p HeaderValue),
}

/// The chunks of a framed body.
#[derive(Debug, Clone)]
pub(super) struct Chunks {
    pub decoded_length: u64,
    /// None where chunks are not signed.
    pub chain: Option<ChunkChain>,
    pub trailer: TrailerRule,
}

/// Whether something may stand behind the last chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TrailerRule {
    /// Nothing.
    None,
    /// What was announced, and behind it a signature where the chunks have one.
    Allowed {
        /// The checksum that was announced.
        announced: Option<Announced>,
        /// The full name of the signature's line.
        signature: String,
    },
}

/// A checksum that `x-amz-trailer` announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Announced {
    pub algorithm: ChecksumAlgorithm,
    /// The full name, lower-case.
    pub name: String,
}

#[derive(Debug)]
pub(super) struct Planned {
    pub framing: Framing,
    pub content_length: Option<u64>,
    pub data: DataClaim,
    pub chunks: Option<Chunks>,
    encoding: Option<Encoding>,
    pub options: BodyOptions,
}

/// Content-Encoding without the framing's token.
#[derive(Debug)]
enum Encoding {
    Removed,
    Value(HeaderValue),
}

/// What a request says about its body. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BodyPlan(pub(super) Arc<Planned>);

impl BodyPlan {
    /// Reads what a request says about its body: `payload` is what its signature says, `form` whose words it uses.
    /// `content_length` is none only for a body that ends by itself (`Transfer-Encoding: chunked`, HTTP/2); a request
    /// without a body has 0.
    ///
    /// # Errors
    /// The first group of [`BodyFailure`], and [`BodyFailure::Length`] where Content-Length cannot hold the data.
    pub fn of(
        view: &RequestView<'_>,
        form: &Form,
        payload: &PayloadClaim,
        content_length: Option<u64>,
        framing: Framing,
        options: &BodyOptions,
    ) -> Result<Self, BodyFailure> {
        let said = Said::of(view, form)?;
        let chunks = chunks(payload, &said, form)?;
        let encoding = said.encoding.and_then(without_chunked);
        if chunks.is_none() && encoding.is_some() {
            return Err(BodyFailure::UndeclaredChunks);
        }
        check_lengths(chunks.as_ref(), content_length, options)?;
        Ok(Self(Arc::new(Planned {
            framing,
            content_length,
            data: data_claim(payload, &said, chunks.as_ref())?,
            chunks,
            encoding,
            options: options.clone(),
        })))
    }

    /// Content-Length towards the node; none where the body ends by itself.
    pub fn forwarded_length(&self) -> Option<u64> {
        match (self.unwraps(), &self.0.chunks) {
            (Unwrapping::Chunks, Some(chunks)) => Some(chunks.decoded_length),
            _ => self.0.content_length,
        }
    }

    /// Whether framing is taken off the body. Its headers go with it: `x-amz-decoded-content-length`, `x-amz-trailer`,
    /// the streaming value of `x-amz-content-sha256`.
    pub fn unwraps(&self) -> Unwrapping {
        match (self.0.framing, &self.0.chunks) {
            (Framing::Plain, Some(_)) => Unwrapping::Chunks,
            _ => Unwrapping::None,
        }
    }

    /// Content-Encoding towards the node.
    pub fn forwarded_encoding(&self) -> ForwardedEncoding<'_> {
        match (self.unwraps(), &self.0.encoding) {
            (Unwrapping::Chunks, Some(Encoding::Removed)) => ForwardedEncoding::Removed,
            (Unwrapping::Chunks, Some(Encoding::Value(value))) => ForwardedEncoding::Value(value),
            _ => ForwardedEncoding::AsReceived,
        }
    }

    /// Whether nothing is claimed of the body, so that no verifier is needed.
    pub fn nothing_to_prove(&self) -> bool {
        let planned = &self.0;
        // A body that ends by itself is still counted, because there is a most.
        planned.data.is_empty() && planned.chunks.is_none() && planned.content_length.is_some()
    }

    /// When the body has to be proven.
    pub fn moment(&self) -> Moment {
        match self.forwarded_length() {
            Some(0) => Moment::BeforeHeader,
            _ => Moment::WhileForwarded,
        }
    }

    /// A verifier of the whole body: a fresh one for each attempt.
    pub fn verifier(&self) -> BodyVerifier {
        BodyVerifier::of(self)
    }
}

/// What the header fields say.
#[derive(Default)]
struct Said<'v> {
    decoded_length: Option<&'v [u8]>,
    trailer: Option<&'v [u8]>,
    checksum: Option<(ChecksumAlgorithm, &'v [u8], &'v str)>,
    content_md5: Option<Cow<'v, [u8]>>,
    encoding: Option<&'v [u8]>,
}

impl<'v> Said<'v> {
    fn of(view: &RequestView<'v>, form: &Form) -> Result<Self, BodyFailure> {
        let mut said = Self {
            content_md5: view.content_md5(),
            encoding: view.fields.content_encoding,
            ..Self::default()
        };
        // The checksum of CompleteMultipartUpload is the object's, not that of the document in the body.
        let completes = view.method == "POST" && view.parameter("uploadId").is_some();
        for &(name, value) in &view.fields.vendor {
            let Some(own) = name.strip_prefix(form.header_prefix) else {
                continue;
            };
            match (own, own.strip_prefix("checksum-")) {
                ("decoded-content-length", _) => said.decoded_length = Some(value),
                ("trailer", _) => said.trailer = Some(value),
                (_, Some(word)) if !completes && !NO_CHECKSUMS.contains(&word) => {
                    let algorithm = ChecksumAlgorithm::named(word)
                        .ok_or_else(|| BodyFailure::UnknownChecksum(name.to_owned()))?;
                    if said.checksum.replace((algorithm, value, name)).is_some() {
                        return Err(BodyFailure::SeveralChecksums);
                    }
                }
                _ => {}
            }
        }
        Ok(said)
    }
}

fn chunks(
    payload: &PayloadClaim,
    said: &Said<'_>,
    form: &Form,
) -> Result<Option<Chunks>, BodyFailure> {
    let (chain, with_trailer) = match payload {
        PayloadClaim::NotDeclared | PayloadClaim::Unsigned | PayloadClaim::Sha256(_) => {
            return match said.trailer {
                None => Ok(None),
                Some(value) => Err(unsupported(value)),
            };
        }
        PayloadClaim::SignedChunks(chain) => (Some(ChunkChain::clone(chain)), TrailerMode::None),
        PayloadClaim::SignedChunksWithTrailer(chain) => {
            (Some(ChunkChain::clone(chain)), TrailerMode::Signed)
        }
        PayloadClaim::UnsignedChunksWithTrailer => (None, TrailerMode::Unsigned),
    };
    let text = said
        .decoded_length
        .ok_or(BodyFailure::MissingDecodedLength)?;
    let decoded_length = number(text).ok_or_else(|| BodyFailure::BadDecodedLength(lossy(text)))?;
    let announced = said
        .trailer
        .map(|value| announced(value, form))
        .transpose()?;
    let trailer = match (with_trailer, announced) {
        (TrailerMode::None, None) => TrailerRule::None,
        // Something that was announced cannot come, or nothing that could be signed was announced.
        (TrailerMode::None, Some(Announced { name, .. })) => {
            return Err(BodyFailure::UnsupportedTrailer(name));
        }
        (TrailerMode::Signed, None) => return Err(BodyFailure::UnsupportedTrailer(String::new())),
        (TrailerMode::Signed | TrailerMode::Unsigned, announced) => TrailerRule::Allowed {
            announced,
            signature: format!("{}trailer-signature", form.header_prefix),
        },
    };
    Ok(Some(Chunks {
        decoded_length,
        chain,
        trailer,
    }))
}

#[derive(Clone, Copy)]
enum TrailerMode {
    None,
    Signed,
    Unsigned,
}

/// The one checksum that `x-amz-trailer` announces. AWS takes one.
fn announced(value: &[u8], form: &Form) -> Result<Announced, BodyFailure> {
    let name = lossy(value).trim_ascii().to_ascii_lowercase();
    let word = name.strip_prefix(form.header_prefix);
    let word = word.and_then(|own| own.strip_prefix("checksum-"));
    match word.and_then(ChecksumAlgorithm::named) {
        Some(algorithm) => Ok(Announced { algorithm, name }),
        None => Err(unsupported(value)),
    }
}

fn data_claim(
    payload: &PayloadClaim,
    said: &Said<'_>,
    chunks: Option<&Chunks>,
) -> Result<DataClaim, BodyFailure> {
    let payload_hash = match payload {
        PayloadClaim::Sha256(hash) => Some(*hash),
        _ => None,
    };
    let content_md5 = said.content_md5.as_deref().map(|value| {
        if is_base64_of(MD5_LENGTH, value) {
            Ok(lossy(value))
        } else {
            Err(BodyFailure::BadContentMd5(lossy(value)))
        }
    });
    let checksum = said.checksum.map(|(algorithm, value, name)| {
        if algorithm.reads(value) {
            Ok(ChecksumClaim {
                algorithm,
                value: Some(lossy(value)),
            })
        } else {
            Err(BodyFailure::BadChecksum(name.to_owned()))
        }
    });
    let announced = chunks.and_then(|chunks| match &chunks.trailer {
        TrailerRule::Allowed { announced, .. } => announced.as_ref(),
        TrailerRule::None => None,
    });
    let checksum = match (checksum.transpose()?, announced) {
        (Some(_), Some(_)) => return Err(BodyFailure::ChecksumAndTrailer),
        (None, Some(trailer)) => Some(ChecksumClaim {
            algorithm: trailer.algorithm,
            value: None,
        }),
        (in_header, None) => in_header,
    };
    Ok(DataClaim {
        payload_hash,
        content_md5: content_md5.transpose()?,
        checksum,
    })
}

fn check_lengths(
    chunks: Option<&Chunks>,
    content_length: Option<u64>,
    options: &BodyOptions,
) -> Result<(), BodyFailure> {
    let data = chunks.map_or(content_length, |chunks| Some(chunks.decoded_length));
    if let Some(proposed) = data.filter(|data| *data > options.max_body) {
        return Err(BodyFailure::TooLarge {
            proposed,
            max: options.max_body,
        });
    }
    let (Some(chunks), Some(received)) = (chunks, content_length) else {
        return Ok(());
    };
    let last = LAST_CHUNK_LENGTH + chunks.chain.as_ref().map_or(0, |_| CHUNK_SIGNATURE_LENGTH);
    if received < chunks.decoded_length.saturating_add(last) {
        return Err(BodyFailure::Length {
            declared: chunks.decoded_length,
            received,
        });
    }
    Ok(())
}

/// Content-Encoding without the token of the framing; none where it does not have it.
fn without_chunked(value: &[u8]) -> Option<Encoding> {
    let framing = |token: &&[u8]| token.eq_ignore_ascii_case(b"aws-chunked");
    let tokens = || value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    tokens().find(framing)?;
    let rest: Vec<&[u8]> = tokens()
        .filter(|token| !framing(token) && !token.is_empty())
        .collect();
    // What is left of a header's value is one.
    let value = HeaderValue::from_bytes(&rest.join(&b", "[..])).ok()?;
    Some(if value.is_empty() {
        Encoding::Removed
    } else {
        Encoding::Value(value)
    })
}

/// A number of bytes: digits and nothing else.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

fn unsupported(value: &[u8]) -> BodyFailure {
    BodyFailure::UnsupportedTrailer(lossy(value))
}

fn lossy(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into()
}
