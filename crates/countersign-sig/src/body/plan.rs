//! What a request declares of its body, read before the body arrives.

use std::borrow::Cow;
use std::sync::Arc;

use http::HeaderValue;

use super::checksum::{ChecksumAlgorithm, MD5_LENGTH, is_base64_of};
use super::chunked::Chunks;
use super::digest::{ChecksumClaim, DataClaim};
use super::failure::BodyFailure;
use super::trailer::{Announced, TrailerRule};
use super::{BodyOptions, Framing};
use crate::dialect::Syntax;
use crate::sig::RequestView;
use crate::sig::payload::{ChunkChain, PayloadClaim};

/// `;chunk-signature=` and 64 digits.
const CHUNK_SIGNATURE_LENGTH: u64 = 81;
/// The last chunk of any framed body: `0`, CR LF. The CR LF after it may be missing.
const LAST_CHUNK_LENGTH: u64 = 3;

/// Headers `x-amz-checksum-…` that are not a checksum of the body (Amazon S3 API Reference, "CreateMultipartUpload",
/// "GetObject").
const NO_CHECKSUMS: &[&str] = &["algorithm", "mode", "type"];

/// Whether the framing of a body is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwrapping {
    /// The node gets the bytes as received.
    None,
    /// The node gets the data alone: [`BodyPlan::forwarded_length`] bytes, and [`BodyPlan::forwarded_encoding`].
    Chunks,
}

/// When a body has to be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyOrder {
    /// While it is forwarded: without the last piece the node cannot complete it.
    WhileForwarded,
    /// Before the header is forwarded: with the header the node would have a complete request.
    BeforeHeader,
}

/// The Content-Encoding to forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardedEncoding<'p> {
    /// As received.
    AsReceived,
    /// None: it named nothing but the framing.
    Removed,
    /// This value.
    Value(&'p HeaderValue),
}

#[derive(Debug)]
pub(super) struct Planned {
    pub framing: Framing,
    pub content_length: Option<u64>,
    /// The value of `x-amz-decoded-content-length`, for a body without chunks.
    pub decoded_length: Option<u64>,
    pub data: DataClaim,
    pub chunks: Option<Chunks>,
    encoding: Option<Encoding>,
    pub options: BodyOptions,
}

/// Content-Encoding without `aws-chunked`.
#[derive(Debug)]
enum Encoding {
    Removed,
    Value(HeaderValue),
}

/// What a request declares of its body. A clone shares the plan.
#[derive(Debug, Clone)]
pub struct BodyPlan(pub(super) Arc<Planned>);

impl BodyPlan {
    /// Reads what a request declares of its body. `syntax` is the one that it is signed with, `payload` what the signature covers
    /// of the body. `content_length` is none only for a body that marks its own end (`Transfer-Encoding: chunked`, HTTP/2); for a
    /// request without a body it is 0.
    ///
    /// # Errors
    /// The variants of [`BodyFailure`] that concern the header, and [`BodyFailure::Length`] where Content-Length is too small for
    /// the data.
    pub fn of(
        view: &RequestView<'_>,
        syntax: &Syntax,
        payload: &PayloadClaim,
        content_length: Option<u64>,
        framing: Framing,
        options: &BodyOptions,
    ) -> Result<Self, BodyFailure> {
        let headers = BodyHeaders::of(view, syntax)?;
        let decoded_length = headers.decoded_length()?;
        let announced = headers.announced(syntax)?;
        headers.check_named(announced.as_ref())?;
        let chunks = chunks(payload, decoded_length, announced, syntax)?;
        let encoding = headers.encoding.and_then(without_chunked);
        if let (Some(value), Some(_), None) = (headers.encoding, &encoding, &chunks)
            && !matches!(payload, PayloadClaim::Sha256(_))
        {
            // A signed hash covers the bytes as sent, whatever Content-Encoding says. Without a hash the body may be framed.
            return Err(BodyFailure::UndeclaredChunks(lossy(value)));
        }
        check_lengths(chunks.as_ref(), decoded_length, content_length, options)?;
        Ok(Self(Arc::new(Planned {
            framing,
            content_length,
            decoded_length: decoded_length.filter(|_| chunks.is_none()),
            data: data_claim(payload, &headers, chunks.as_ref())?,
            chunks,
            encoding,
            options: options.clone(),
        })))
    }

    /// The Content-Length to forward; none where the body marks its own end.
    pub fn forwarded_length(&self) -> Option<u64> {
        match (self.unwraps(), &self.0.chunks) {
            (Unwrapping::Chunks, Some(chunks)) => Some(chunks.decoded_length),
            _ => self.0.content_length,
        }
    }

    /// Whether the framing of the body is removed. Its headers have to be removed with it: `x-amz-decoded-content-length`,
    /// `x-amz-trailer`, the streaming value of `x-amz-content-sha256`.
    pub fn unwraps(&self) -> Unwrapping {
        match (self.0.framing, &self.0.chunks) {
            (Framing::Plain, Some(_)) => Unwrapping::Chunks,
            _ => Unwrapping::None,
        }
    }

    /// The Content-Encoding to forward: without `aws-chunked` where the framing is removed.
    pub fn forwarded_encoding(&self) -> ForwardedEncoding<'_> {
        match (self.0.framing, &self.0.encoding) {
            (Framing::Plain, Some(Encoding::Removed)) => ForwardedEncoding::Removed,
            (Framing::Plain, Some(Encoding::Value(value))) => ForwardedEncoding::Value(value),
            _ => ForwardedEncoding::AsReceived,
        }
    }

    /// Whether nothing is declared of the body, so that no verifier is needed.
    pub fn nothing_to_prove(&self) -> bool {
        let planned = &self.0;
        // A body that marks its own end is still counted, because there is a limit.
        let counted = planned.content_length.is_some();
        planned.data.is_empty() && planned.chunks.is_none() && counted
    }

    /// When the body has to be verified.
    pub fn verify_order(&self) -> VerifyOrder {
        match self.forwarded_length() {
            Some(0) => VerifyOrder::BeforeHeader,
            _ => VerifyOrder::WhileForwarded,
        }
    }
}

/// The header fields that concern the body.
#[derive(Default)]
struct BodyHeaders<'v> {
    decoded_length: Option<&'v [u8]>,
    trailer: Option<&'v [u8]>,
    checksum: Option<(ChecksumAlgorithm, &'v [u8], &'v str)>,
    /// `x-amz-sdk-checksum-algorithm`: the name of the checksum that is sent.
    sdk_algorithm: Option<Named<'v>>,
    /// `x-amz-checksum-algorithm`: the same where a checksum is sent. Without one it chooses the algorithm of an upload.
    algorithm: Option<Named<'v>>,
    content_md5: Option<Cow<'v, [u8]>>,
    encoding: Option<&'v [u8]>,
}

/// A header that names an algorithm.
struct Named<'v> {
    header: &'v str,
    word: &'v [u8],
}

impl<'v> BodyHeaders<'v> {
    fn of(view: &RequestView<'v>, syntax: &Syntax) -> Result<Self, BodyFailure> {
        let mut headers = Self {
            content_md5: view.content_md5(),
            encoding: view.fields.content_encoding,
            ..Self::default()
        };
        // The checksum of CompleteMultipartUpload is the object's, not that of the document in the body.
        let completes = view.method == "POST" && view.parameter("uploadId").is_some();
        let mut copies = false;
        for &(name, value) in &view.fields.vendor {
            let Some(rest) = name.strip_prefix(syntax.header_prefix) else {
                continue;
            };
            copies |= rest == "copy-source";
            let named = || {
                Some(Named {
                    header: name,
                    word: value,
                })
            };
            match (rest, rest.strip_prefix("checksum-")) {
                ("decoded-content-length", _) => headers.decoded_length = Some(value),
                ("trailer", _) => headers.trailer = Some(value),
                ("sdk-checksum-algorithm", _) if !completes => headers.sdk_algorithm = named(),
                ("checksum-algorithm", _) if !completes => headers.algorithm = named(),
                (_, Some(word)) if !completes && !NO_CHECKSUMS.contains(&word) => {
                    let algorithm = ChecksumAlgorithm::named(word)
                        .ok_or_else(|| BodyFailure::UnknownChecksum(name.to_owned()))?;
                    if headers.checksum.replace((algorithm, value, name)).is_some() {
                        return Err(BodyFailure::SeveralChecksums);
                    }
                }
                _ => {}
            }
        }
        if copies || (view.method == "POST" && view.parameter("uploads").is_some()) {
            // A copy, or the start of a multipart upload: the data is not in this request, and the header chooses its algorithm.
            headers.sdk_algorithm = None;
            headers.algorithm = None;
        }
        Ok(headers)
    }

    fn decoded_length(&self) -> Result<Option<u64>, BodyFailure> {
        let read = |text| number(text).ok_or_else(|| BodyFailure::BadDecodedLength(lossy(text)));
        self.decoded_length.map(read).transpose()
    }

    /// The one checksum that `x-amz-trailer` announces. The value is a list; commas at its end are ignored.
    fn announced(&self, syntax: &Syntax) -> Result<Option<Announced>, BodyFailure> {
        let Some(value) = self.trailer else {
            return Ok(None);
        };
        let list = lossy(value.trim_ascii()).to_ascii_lowercase();
        let mut announced = None;
        let mut several = false;
        for name in list.trim_end_matches(',').split(',').map(str::trim) {
            let rest = name.strip_prefix(syntax.header_prefix);
            let word = rest.and_then(|rest| rest.strip_prefix("checksum-"));
            let algorithm = word
                .and_then(ChecksumAlgorithm::named)
                .ok_or_else(|| BodyFailure::UnsupportedTrailer(lossy(value)))?;
            let name = name.to_owned();
            several |= announced.replace(Announced { algorithm, name }).is_some();
        }
        match several {
            true => Err(BodyFailure::SeveralChecksums),
            false if self.checksum.is_some() => Err(BodyFailure::ChecksumAndTrailer),
            false => Ok(announced),
        }
    }

    /// Checks that the named algorithm is that of the checksum that is sent.
    fn check_named(&self, announced: Option<&Announced>) -> Result<(), BodyFailure> {
        let sent = self.checksum.map(|(algorithm, ..)| algorithm);
        let sent = sent.or(announced.map(|announced| announced.algorithm));
        for named in [&self.sdk_algorithm, &self.algorithm].into_iter().flatten() {
            let header = || named.header.to_owned();
            let word = named.word.trim_ascii();
            match sent {
                None if self.sdk_algorithm.is_some() => {
                    return Err(BodyFailure::NamedChecksumMissing(header()));
                }
                Some(sent) if !word.eq_ignore_ascii_case(sent.word().as_bytes()) => {
                    return Err(BodyFailure::OtherChecksumNamed(header()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn chunks(
    payload: &PayloadClaim,
    decoded_length: Option<u64>,
    announced: Option<Announced>,
    syntax: &Syntax,
) -> Result<Option<Chunks>, BodyFailure> {
    const NOWHERE: BodyFailure =
        BodyFailure::MalformedTrailer("one is announced where none can come");
    let (chain, with_trailer) = match payload {
        PayloadClaim::NotDeclared | PayloadClaim::Unsigned | PayloadClaim::Sha256(_) => {
            return announced.map_or(Ok(None), |_| Err(NOWHERE));
        }
        PayloadClaim::SignedChunks(chain) => (Some(ChunkChain::clone(chain)), TrailerMode::None),
        PayloadClaim::SignedChunksWithTrailer(chain) => {
            (Some(ChunkChain::clone(chain)), TrailerMode::Signed)
        }
        PayloadClaim::UnsignedChunksWithTrailer => (None, TrailerMode::Unsigned),
    };
    let decoded_length = decoded_length.ok_or(BodyFailure::MissingDecodedLength)?;
    let trailer = match (with_trailer, announced) {
        (TrailerMode::None, None) => TrailerRule::None,
        (TrailerMode::None, Some(_)) => return Err(NOWHERE),
        // No trailer was announced, so there is none to sign.
        (TrailerMode::Signed, None) => return Err(BodyFailure::UnsupportedTrailer(String::new())),
        (TrailerMode::Signed | TrailerMode::Unsigned, announced) => TrailerRule::Allowed {
            announced,
            signature: format!("{}trailer-signature", syntax.header_prefix),
            signed: matches!(with_trailer, TrailerMode::Signed),
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

fn data_claim(
    payload: &PayloadClaim,
    headers: &BodyHeaders<'_>,
    chunks: Option<&Chunks>,
) -> Result<DataClaim, BodyFailure> {
    let payload_hash = match payload {
        PayloadClaim::Sha256(hash) => Some(*hash),
        _ => None,
    };
    let content_md5 = headers.content_md5.as_deref().map(|value| {
        if is_base64_of(MD5_LENGTH, value) {
            Ok(lossy(value))
        } else {
            Err(BodyFailure::BadContentMd5(lossy(value)))
        }
    });
    let checksum = headers.checksum.map(|(algorithm, value, name)| {
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
    let in_trailer = || {
        announced.map(|trailer| ChecksumClaim {
            algorithm: trailer.algorithm,
            value: None,
        })
    };
    let checksum = checksum.transpose()?.or_else(in_trailer);
    Ok(DataClaim {
        payload_hash,
        content_md5: content_md5.transpose()?,
        checksum,
    })
}

fn check_lengths(
    chunks: Option<&Chunks>,
    decoded_length: Option<u64>,
    content_length: Option<u64>,
    options: &BodyOptions,
) -> Result<(), BodyFailure> {
    let data = decoded_length.or(content_length);
    if let Some(proposed) = data.filter(|data| *data > options.max_body) {
        return Err(BodyFailure::TooLarge {
            proposed,
            max: options.max_body,
        });
    }
    let (Some(declared), Some(received)) = (decoded_length, content_length) else {
        return Ok(());
    };
    let holds = match chunks {
        None => received == declared,
        Some(chunks) => {
            let signature = chunks.chain.as_ref().map_or(0, |_| CHUNK_SIGNATURE_LENGTH);
            received >= declared.saturating_add(LAST_CHUNK_LENGTH + signature)
        }
    };
    if holds {
        Ok(())
    } else {
        Err(BodyFailure::Length { declared, received })
    }
}

/// Content-Encoding without `aws-chunked`; none where it does not have it.
fn without_chunked(value: &[u8]) -> Option<Encoding> {
    let framing = |token: &&[u8]| token.eq_ignore_ascii_case(b"aws-chunked");
    let tokens = || value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    tokens().find(framing)?;
    let rest: Vec<&[u8]> = tokens()
        .filter(|token| !framing(token) && !token.is_empty())
        .collect();
    // A part of a valid header value is valid.
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

fn lossy(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into()
}
