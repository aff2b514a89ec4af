//! The body of a request on its way to the node: proven while it streams, its last piece held back until it is.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HeaderMap, HeaderName, HeaderValue};
use pingora::{Error, ErrorType};

use super::client::{Client, Piece};
use crate::address::{Content, Operation};
use crate::body::{
    BodyFailure, BodyOptions, BodyPlan, BodyVerifier, ChecksumAlgorithm, End, ForwardedEncoding,
    Framing, Unwrapping, VerifyOrder,
};
use crate::cluster::Forward;
use crate::dialect::vendor_header;
use crate::error::Refusal;
use crate::policy::Permit;
use crate::sig::RequestView;
use crate::wire::head::RequestHead;

/// The most that is read of a body that frames an empty object: its one chunk and its trailer. What Pingora keeps of a
/// body to send it to a node that is asked later.
const MAX_EMPTY_OBJECT_BYTES: usize = 64 * 1024;

/// What is to be proven of a body, and how far that has come.
#[derive(Debug, Default)]
pub struct Body {
    /// Boxed, as all that only a request with a body has: the others are most, and each is moved several times.
    plan: Option<Box<BodyPlan>>,
    /// That of an empty body, which is proven: where its header changes on the way.
    settled: Option<Box<BodyPlan>>,
    /// Of the attempt under way. Another attempt starts with the first byte again.
    verifier: Option<Box<BodyVerifier>>,
    proof: Proof,
    /// The operation that has no body, where one in chunks of HTTP's is announced nonetheless.
    bodiless: Option<Operation>,
}

#[derive(Debug, Default)]
enum Proof {
    /// The end has not come.
    #[default]
    Pending,
    Held,
    Failed(BodyFailure),
}

impl Body {
    /// Plans the proof of a permitted request's body. `content_length` is 0 where the request has no body at all, none
    /// where it comes in chunks of HTTP's. GET, HEAD and DELETE without a body claim nothing of it, as S3 has it: a hash that a client signs there is no
    /// matter.
    ///
    /// # Errors
    /// [`Refusal`], for what the header alone tells to be wrong.
    pub fn planned(
        permit: &Permit,
        view: &RequestView<'_>,
        forward: Forward,
        content_length: Option<u64>,
    ) -> Result<Self, Refusal> {
        let operation = permit.address().operation();
        match (operation.content(), content_length) {
            (Content::Nothing, Some(1..)) => Err(Refusal::UnexpectedBody(operation)),
            // What is in the chunks is seen when they are read.
            (Content::Nothing, None) => {
                let body = Self::of_operation(permit, view, forward, Some(0))?;
                Ok(Self {
                    bodiless: Some(operation),
                    ..body
                })
            }
            _ => Self::of_operation(permit, view, forward, content_length),
        }
    }

    /// The same for a body that the operation has.
    fn of_operation(
        permit: &Permit,
        view: &RequestView<'_>,
        forward: Forward,
        content_length: Option<u64>,
    ) -> Result<Self, Refusal> {
        let verified = permit.verified();
        let payload = verified.payload();
        if content_length == Some(0) && matches!(view.method, "GET" | "HEAD" | "DELETE") {
            return Ok(Self::default());
        }
        let framing = match forward {
            Forward::Passthrough => Framing::AsReceived,
            Forward::Trusted | Forward::Resign => Framing::Plain,
        };
        let syntax = verified.dialect().syntax;
        let limits = BodyOptions::default();
        let plan = BodyPlan::of(view, syntax, payload, content_length, framing, &limits)?;
        if content_length == Some(0) {
            // No filter need run over nothing: what is claimed of it is settled here.
            let settled = plan.verifier().push(Bytes::new(), End::Last);
            settled?;
            let renamed = plan.forwarded_encoding() != ForwardedEncoding::AsReceived;
            return Ok(Self {
                settled: renamed.then(|| Box::new(plan)),
                ..Self::default()
            });
        }
        let plan = Some(plan).filter(|plan| !plan.nothing_to_prove());
        Ok(Self {
            plan: plan.map(Box::new),
            ..Self::default()
        })
    }

    /// Whether the body has to be read before the header goes on: the node is to get an empty object out of frames, and
    /// would have all of it with the header, or it is to get no body.
    pub fn verify_first(&self) -> bool {
        let plan = self.plan.as_ref();
        self.bodiless.is_some()
            || plan.is_some_and(|plan| plan.verify_order() == VerifyOrder::BeforeHeader)
    }

    /// Proves the framed empty object, or that there is nothing in the chunks, before a node is asked.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn verify_buffered(&mut self, client: &mut Client<'_>) -> Result<(), Refusal> {
        client.allow_body().await;
        // What is read here comes through the filter once more, from Pingora's buffer.
        client.keep_what_is_read();
        self.begin_attempt();
        let mut read = 0;
        loop {
            let Piece { bytes, last } = client.next_piece().await?;
            read += bytes.len();
            if let Some(operation) = self.bodiless.filter(|_| read > 0) {
                return Err(Refusal::UnexpectedBody(operation));
            }
            if read > MAX_EMPTY_OBJECT_BYTES {
                return Err(Refusal::Body(BodyFailure::Truncated));
            }
            self.push(bytes, last)?;
            if last {
                return Ok(());
            }
        }
    }

    /// A node is about to get the body from its first byte.
    pub fn begin_attempt(&mut self) {
        self.verifier = self.plan.as_ref().map(|plan| Box::new(plan.verifier()));
        self.proof = Proof::Pending;
    }

    /// Passes a piece: takes out of it what is not for the node now. `Some` of nothing holds everything back; `None`
    /// would end the message.
    ///
    /// # Errors
    /// Pingora's, which cuts the connection to the node with its message incomplete. [`Body::failure`] says why.
    pub fn pass(&mut self, piece: &mut Option<Bytes>, end: bool) -> pingora::Result<()> {
        if self.verifier.is_none() {
            return Ok(());
        }
        match self.push(piece.take().unwrap_or_default(), end) {
            // At the end nothing more is nothing more: no bytes would be written as an empty chunk, which ends a message
            // in chunks a first time.
            Ok(passed) => *piece = Some(passed).filter(|passed| !end || !passed.is_empty()),
            Err(failure) => {
                self.proof = Proof::Failed(failure);
                return Error::e_explain(ErrorType::InternalError, "the body is not as signed");
            }
        }
        Ok(())
    }

    fn push(&mut self, piece: Bytes, end: bool) -> Result<Bytes, BodyFailure> {
        let Some(verifier) = &mut self.verifier else {
            return Ok(piece);
        };
        let end = if end { End::Last } else { End::More };
        let passed = verifier.push(piece, end)?;
        if end == End::Last {
            self.proof = Proof::Held;
        }
        Ok(passed)
    }

    /// Whether there is something to prove that has not been.
    pub fn is_unproven(&self) -> bool {
        self.plan.is_some() && !matches!(self.proof, Proof::Held)
    }

    /// Why the proof failed, if it did.
    pub fn failure(&self) -> Option<&BodyFailure> {
        match &self.proof {
            Proof::Failed(failure) => Some(failure),
            Proof::Pending | Proof::Held => None,
        }
    }

    /// Makes the header that of the plain object, where the body is to arrive at the node as that: with its length, and
    /// without what tells of the frames around it. A trailer's checksum is lost with them: it comes behind the object, and
    /// a header goes before it.
    pub fn unframe(&self, headers: &mut HeaderMap) {
        if self.bodiless.is_some() {
            // The gateway has met it.
            headers.remove(EXPECT);
        }
        let Some(plan) = self.plan.as_ref().or(self.settled.as_ref()) else {
            return;
        };
        match plan.forwarded_encoding() {
            ForwardedEncoding::AsReceived => {}
            ForwardedEncoding::Removed => drop(headers.remove(CONTENT_ENCODING)),
            ForwardedEncoding::Value(codings) => {
                headers.insert(CONTENT_ENCODING, codings.clone());
            }
        }
        if plan.unwraps() == Unwrapping::None {
            return;
        }
        let checked = headers.keys().any(|name| {
            let word = vendor_header(name.as_str()).and_then(|own| own.strip_prefix("checksum-"));
            word.is_some_and(|word| ChecksumAlgorithm::named(word).is_some())
        });
        let framing: Vec<HeaderName> = headers
            .keys()
            .filter(|name| match vendor_header(name.as_str()) {
                Some("content-sha256" | "decoded-content-length" | "trailer") => true,
                // It announces a checksum that now stands nowhere, which S3 refuses.
                Some("sdk-checksum-algorithm") => !checked,
                _ => false,
            })
            .cloned()
            .collect();
        for name in framing {
            headers.remove(name);
        }
        if let Some(length) = plan.forwarded_length() {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        if self.verify_first() {
            // The gateway has met it.
            headers.remove(EXPECT);
        }
    }
}

/// Why an upload is refused whose header has no length, neither Content-Length nor HTTP's chunks, and claims that there is a
/// body: for want of the length (S3: 411), and not because no bytes are others than the claimed ones.
pub fn without_length(refusal: Refusal, permit: &Permit, head: &RequestHead) -> Refusal {
    let operation = permit.address().operation();
    let stores = matches!(operation, Operation::PutObject | Operation::UploadPart);
    let announces = head.body_length() != Some(0) || head.value("content-length").is_some();
    match refusal {
        Refusal::Body(
            BodyFailure::PayloadHash { .. }
            | BodyFailure::ContentMd5 { .. }
            | BodyFailure::Checksum(_)
            | BodyFailure::Length { .. },
        ) if stores && !announces => Refusal::Body(BodyFailure::MissingLength),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::AWS;
    use crate::sig::fields_of;
    use crate::sig::payload::PayloadClaim;

    fn fields(written: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = written.iter().map(|(name, value)| {
            let value = HeaderValue::from_str(value).unwrap();
            (HeaderName::from_static(name), value)
        });
        pairs.collect()
    }

    fn body(headers: &HeaderMap, framing: Framing, payload: &PayloadClaim) -> Body {
        let view = RequestView::of("PUT", "/b/k", None, fields_of(headers)).unwrap();
        let limits = BodyOptions::default();
        let plan = BodyPlan::of(
            &view,
            AWS.syntaxes[0],
            payload,
            Some(1000),
            framing,
            &limits,
        )
        .unwrap();
        Body {
            plan: Some(Box::new(plan)),
            ..Body::default()
        }
    }

    const CHUNKED: &[(&str, &str)] = &[
        ("content-length", "1000"),
        ("content-encoding", "gzip, aws-chunked"),
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("x-amz-decoded-content-length", "900"),
        ("x-amz-meta-trailer", "x"),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ];

    #[test]
    fn the_header_of_the_plain_object_tells_of_no_frames() {
        let claim = PayloadClaim::UnsignedChunksWithTrailer;
        let mut headers = fields(CHUNKED);
        body(&headers, Framing::Plain, &claim).unframe(&mut headers);
        let plain = [
            ("content-length", "900"),
            ("content-encoding", "gzip"),
            ("x-amz-meta-trailer", "x"),
        ];
        assert_eq!(headers, fields(&plain));

        let mut headers = fields(CHUNKED);
        body(&headers, Framing::AsReceived, &claim).unframe(&mut headers);
        assert_eq!(headers, fields(CHUNKED));
    }

    #[test]
    fn the_name_of_a_checksum_stays_with_the_checksum() {
        let mut headers = fields(CHUNKED);
        headers.remove("x-amz-trailer");
        let crc32 = HeaderValue::from_static("AAAAAA==");
        headers.insert("x-amz-checksum-crc32", crc32);
        let claim = PayloadClaim::UnsignedChunksWithTrailer;
        body(&headers, Framing::Plain, &claim).unframe(&mut headers);
        assert!(headers.contains_key("x-amz-checksum-crc32"));
        assert!(headers.contains_key("x-amz-sdk-checksum-algorithm"));
    }

    #[test]
    fn an_attempt_starts_with_the_first_byte() {
        let headers = fields(&[("content-md5", "XrY7u+Ae7tCTyyK7j1rNww==")]);
        let view = RequestView::of("PUT", "/b/k", None, fields_of(&headers)).unwrap();
        let claim = PayloadClaim::NotDeclared;
        let limits = BodyOptions::default();
        let framing = Framing::AsReceived;
        let plan =
            BodyPlan::of(&view, AWS.syntaxes[0], &claim, Some(11), framing, &limits).unwrap();
        let mut body = Body {
            plan: Some(Box::new(plan)),
            ..Body::default()
        };
        body.begin_attempt();
        let mut piece = Some(Bytes::from_static(b"hello"));
        body.pass(&mut piece, false).unwrap();
        assert_eq!(piece, Some(Bytes::new()), "held back, and no end");
        assert!(body.is_unproven());
        body.begin_attempt();
        for (text, end) in [("hello ", false), ("world", true)] {
            piece = Some(Bytes::from_static(text.as_bytes()));
            body.pass(&mut piece, end).unwrap();
        }
        assert_eq!(piece, Some(Bytes::from_static(b"hello world")));
        assert!(!body.is_unproven());
        body.begin_attempt();
        piece = Some(Bytes::from_static(b"hello_world"));
        assert!(body.pass(&mut piece, true).is_err());
        assert!(matches!(
            body.failure(),
            Some(BodyFailure::ContentMd5 { .. })
        ));
        assert!(body.is_unproven());
    }
}
