//! Signature version 4: the HMAC-SHA256 family.
//!
//! ```text
//! Signature = hex(hmac-sha256(SigningKey, StringToSign))
//! ```
//! Source: Amazon S3 API Reference, "Authenticating requests (AWS Signature Version 4)"; the WOS SDKs for Go and Java.

pub mod canonical;
pub mod credential;
pub mod presented;
mod spelling;

use std::borrow::Cow;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::encode::{equal, hex};
use super::failure::AuthFailure;
use super::freshness;
use super::headers::{Fields, text_of};
use super::payload::{ChunkChain, PayloadClaim, PayloadMode, has_no_body};
use super::request::RequestView;
use super::signing_key::{HMAC_SHA256_LENGTH, SigningKey};
use super::verifying_key::VerifyingKey;
use super::{Placement, VerifyOptions};
use crate::address::Operation;
use crate::dialect::{ChosenSyntax, Syntax};
use canonical::{CanonicalRequest, PayloadSigned, StringToSign, UNSIGNED_PAYLOAD, USUAL_LENGTH};
pub use credential::{Credential, Region, SignedHeaders};
pub use presented::Presented;
use spelling::Spelling;

/// How many bytes of further variants are hashed if the usual one does not match: enough for every variant of a request with
/// a header of 8 KB, the most that Amazon S3 accepts, and for a few of a longer one.
const MAX_TRIED_BYTES: usize = 256 * 1024;

/// A request of version 4 that is checked in everything but its signature.
#[derive(Debug)]
pub struct Signing<'v> {
    syntax: &'static Syntax,
    credential: Credential<'v>,
    timestamp: Cow<'v, str>,
    canonical: CanonicalRequest<'v>,
    provided: Cow<'v, str>,
    payload: PayloadMode,
}

/// A signature that holds.
pub struct Confirmed<'c> {
    /// The key that confirmed it.
    key: SigningKey,
    /// The bytes of the signature, the seed for the chunks of a body.
    signature: [u8; HMAC_SHA256_LENGTH],
    /// The variant of the request over which it holds.
    pub spelling: Spelling,
    /// The first header of the vendor, metadata excepted, that was signed with other spaces than it was sent with.
    pub collapsed: Option<&'c str>,
}

impl<'v> Signing<'v> {
    /// Checks everything that needs no key.
    ///
    /// # Errors
    /// Rules 16, 18 to 23 and 25 to 28 of [`AuthFailure`].
    pub fn of(
        view: &'v RequestView<'v>,
        operation: Operation,
        now: SystemTime,
        ChosenSyntax { syntax, .. }: ChosenSyntax,
        presented: Presented<'v>,
        options: &VerifyOptions,
    ) -> Result<Self, AuthFailure> {
        let Presented {
            placement,
            credential,
            signed_headers,
            signature,
        } = presented;
        view.fields.check_foreign(syntax)?;
        let declared = Declared::of(view, syntax, placement, &signed_headers)?;
        if declared.mode.is_chunked() && !takes_chunks(operation, placement) {
            return Err(AuthFailure::MisplacedChunks);
        }
        let Some((timestamp, signed_at)) = time_of(view, syntax, placement) else {
            return Err(AuthFailure::NoDate(placement));
        };
        credential
            .check_scope(&syntax.v4, &timestamp, &options.region)
            .map_err(|fault| AuthFailure::CredentialScope(placement, fault))?;
        match placement {
            Placement::Header => {
                freshness::check_skew(&*timestamp, signed_at, now, options.max_clock_skew)?;
            }
            Placement::Query | Placement::Form => {
                let expires = view.parameter(syntax.v4.parameters.expires);
                let expires = expires
                    .and_then(|parameter| parameter.raw_value)
                    .unwrap_or("");
                freshness::check_life(
                    signed_at,
                    expires,
                    now,
                    options.max_clock_skew,
                    options.max_presigned_lifetime,
                )?;
            }
        }
        check_signed(&view.fields, syntax, &signed_headers)?;
        let left_out = match placement {
            Placement::Header | Placement::Form => None,
            Placement::Query => Some(syntax.v4.parameters.signature),
        };
        Ok(Self {
            syntax,
            credential,
            timestamp,
            canonical: CanonicalRequest {
                view,
                signed_headers,
                left_out,
                host_rule: syntax.v4.host_rule,
                payload: declared.text,
                payload_signed: declared.signed,
            },
            provided: signature,
            payload: declared.mode,
        })
    }

    /// The AccessKeyId. Not verified.
    pub fn access_key_id(&self) -> &str {
        self.credential.access_key_id()
    }

    /// The names of the signed headers.
    pub fn signed_headers(&self) -> &SignedHeaders<'v> {
        &self.canonical.signed_headers
    }

    /// The signature as it was provided.
    pub fn provided(&self) -> &str {
        &self.provided
    }

    /// The canonical request.
    pub fn canonical_request(&self) -> &CanonicalRequest<'v> {
        &self.canonical
    }

    /// The StringToSign as AWS specifies it, for a diagnosis.
    pub fn string_to_sign(&self) -> StringToSign<'_> {
        self.string_over(Sha256::digest(self.canonical.to_bytes()).into())
    }

    fn string_over(&self, request: [u8; 32]) -> StringToSign<'_> {
        StringToSign {
            algorithm: self.syntax.v4.algorithm,
            timestamp: &self.timestamp,
            scope: self.credential.scope_text(),
            request,
        }
    }

    /// The variant of the request for which the key's signature is the one provided. Signatures are compared in constant time.
    pub(super) fn confirmed_by(&self, key: &VerifyingKey) -> Option<Confirmed<'_>> {
        let key = self.credential.signing_key(self.syntax.v4.key_seed, key);
        let mut buffer = Vec::with_capacity(USUAL_LENGTH);
        let mut holds = |spelling: Spelling| {
            let over = |request| self.string_over(request);
            let (computed, collapsed) = self.canonical.mac(spelling, &key, over, &mut buffer);
            let holds = equal(&hex(&computed), self.provided.as_bytes());
            holds.then_some((computed, spelling, collapsed))
        };
        let (signature, spelling, collapsed) = match holds(Spelling::USUAL) {
            Some(held) => held,
            None => {
                let most = MAX_TRIED_BYTES / self.canonical.length();
                self.canonical
                    .other_spellings()
                    .into_iter()
                    .take(most)
                    .find_map(holds)?
            }
        };
        Some(Confirmed {
            key,
            signature,
            spelling,
            collapsed,
        })
    }

    /// What the signature covers of the body.
    pub(super) fn payload(&self, confirmed: Confirmed<'_>) -> PayloadClaim {
        let Confirmed { key, signature, .. } = confirmed;
        let chain = || {
            let algorithm = self.syntax.v4.algorithm;
            let scope = self.credential.scope_text();
            let chain = ChunkChain::new(key, algorithm, &*self.timestamp, scope, signature);
            Box::new(chain)
        };
        match self.payload {
            PayloadMode::Unsigned => PayloadClaim::Unsigned,
            PayloadMode::Sha256(digest) => PayloadClaim::Sha256(digest),
            PayloadMode::SignedChunks => PayloadClaim::SignedChunks(chain()),
            PayloadMode::SignedChunksWithTrailer => PayloadClaim::SignedChunksWithTrailer(chain()),
            PayloadMode::UnsignedChunksWithTrailer => PayloadClaim::UnsignedChunksWithTrailer,
        }
    }
}

/// Only these two have the data of an object as body, which may be chunked; S3 reads any other body whole.
fn takes_chunks(operation: Operation, placement: Placement) -> bool {
    placement == Placement::Header
        && matches!(operation, Operation::PutObject | Operation::UploadPart)
}

/// What a request declares of its body.
struct Declared<'v> {
    text: &'v [u8],
    mode: PayloadMode,
    signed: PayloadSigned,
}

impl<'v> Declared<'v> {
    /// Reads the payload mode from the header; a presigned request may have it in a parameter, or not at all.
    fn of(
        view: &'v RequestView<'v>,
        syntax: &Syntax,
        placement: Placement,
        signed_headers: &SignedHeaders<'_>,
    ) -> Result<Self, AuthFailure> {
        let name = syntax.v4.content_sha256_header;
        let in_header = view.fields.vendor(name);
        let parameter = syntax.v4.parameters.content_sha256;
        let in_query = view
            .parameters
            .iter()
            .find(|found| {
                placement == Placement::Query && found.name.eq_ignore_ascii_case(parameter)
            })
            .map(|found| found.raw_value.unwrap_or("").as_bytes());
        let (text, signed) = match (in_header, in_query) {
            (None, None) if placement == Placement::Header => {
                return Err(AuthFailure::MissingPayloadMode(name));
            }
            (None, None) => (UNSIGNED_PAYLOAD.as_bytes(), PayloadSigned::Yes),
            (None, Some(text)) => (text, PayloadSigned::Yes),
            (Some(text), None)
                if placement == Placement::Query && !signed_headers.contains(name) =>
            {
                (text, PayloadSigned::Perhaps)
            }
            (Some(text), None) => (text, PayloadSigned::Yes),
            (Some(text), Some(other)) if text == other => (text, PayloadSigned::Yes),
            (Some(text), Some(_)) => return Err(AuthFailure::bad_payload_mode(name, text)),
        };
        let mode = match PayloadMode::of(text, syntax.v4.algorithm) {
            Some(mode) => mode,
            // As at S3, a signed payload mode of a presigned request without a body does not matter.
            None if placement == Placement::Query && has_no_body(view.method) => {
                PayloadMode::Unsigned
            }
            None => return Err(AuthFailure::bad_payload_mode(name, text)),
        };
        Ok(Self { text, mode, signed })
    }
}

/// The time of signing, as text and as a time. Signed in the header, a request has it in the vendor's date header or else in
/// `Date`, which may also be an HTTP date. The text is a line of the StringToSign, so it is always signed.
fn time_of<'v>(
    view: &'v RequestView<'v>,
    syntax: &Syntax,
    placement: Placement,
) -> Option<(Cow<'v, str>, SystemTime)> {
    let basic = |text: &'v str| Some((text.into(), freshness::parse_timestamp(text)?));
    if placement == Placement::Query {
        return basic(view.parameter(syntax.v4.parameters.date)?.raw_value?);
    }
    if let Some(value) = view.fields.vendor(syntax.date_header) {
        return basic(text_of(value)?.trim_ascii());
    }
    let text = text_of(view.fields.date?)?.trim_ascii();
    basic(text).or_else(|| {
        let time = freshness::parse_date(text)?;
        Some((freshness::timestamp(time).into(), time))
    })
}

/// The Host and every header of the vendor must be signed, except the payload mode: its value is the last line of the
/// canonical request anyway. Whoever sends the request could set any other such header.
fn check_signed(
    fields: &Fields<'_>,
    syntax: &Syntax,
    signed_headers: &SignedHeaders<'_>,
) -> Result<(), AuthFailure> {
    let optional = syntax.v4.content_sha256_header;
    // Both are sorted, so the search for a name starts after the one before. Metadata may appear more than once.
    let (mut names, mut before) = (signed_headers.names(), "");
    let mut signed = |name| {
        let again = name == before;
        before = name;
        again || names.any(|signed_name| signed_name == name)
    };
    let vendors = || fields.vendor.iter().map(|(name, _)| *name);
    if signed("host") && vendors().all(|name| name == optional || signed(name)) {
        return Ok(());
    }
    let wanted = std::iter::once("host").chain(vendors());
    let unsigned = |name: &&str| *name != optional && !signed_headers.contains(name);
    let mut missing: Vec<&str> = wanted.filter(unsigned).collect();
    missing.dedup();
    Err(AuthFailure::UnsignedHeaders(missing.join(", ")))
}
