//! The body of a request: verified while it streams, with its last part withheld until then.

use bytes::Bytes;

use super::client::{Client, Piece};
use super::forward::NodeFields;
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

/// The longest body of an empty object in chunks: its one chunk and its trailer. The size of Pingora's buffer for a body that
/// is read before a node is contacted.
const MAX_EMPTY_OBJECT_BYTES: usize = 64 * 1024;

/// What is to be verified of a body.
#[derive(Debug, Default)]
pub struct Body {
    /// Boxed, because most requests have none, and each request is moved several times.
    plan: Option<Box<BodyPlan>>,
    /// The plan of an empty body, which is verified already, if its header changes for the node.
    settled: Option<Box<BodyPlan>>,
    /// The operation that has no body, if the request has `Transfer-Encoding: chunked` nevertheless.
    bodiless: Option<Operation>,
}

/// The verification of a body in one attempt at a node. Another attempt starts with the first byte again.
#[derive(Debug)]
pub struct BodyProof {
    /// None if there is nothing to verify.
    verifier: Option<Box<BodyVerifier>>,
    is_done: bool,
}

impl BodyProof {
    /// Takes a part and returns the bytes that may be sent to the node now.
    ///
    /// # Errors
    /// [`BodyFailure`], once the body is found to differ from the signed one.
    pub fn push(&mut self, piece: Bytes, end: End) -> Result<Bytes, BodyFailure> {
        let Some(verifier) = &mut self.verifier else {
            return Ok(piece);
        };
        let passed = verifier.push(piece, end)?;
        self.is_done |= end == End::Last;
        Ok(passed)
    }

    /// Whether the body is not yet verified to its end.
    pub fn is_open(&self) -> bool {
        self.verifier.is_some() && !self.is_done
    }
}

impl Body {
    /// Plans the verification of a permitted request's body. `content_length` is 0 if the request has no body, none with
    /// `Transfer-Encoding: chunked`. Like S3, GET, HEAD and DELETE without a body claim nothing: a hash that a client signs
    /// there is ignored.
    ///
    /// # Errors
    /// [`Refusal`], for faults that the header shows.
    pub fn planned(
        permit: &Permit,
        view: &RequestView<'_>,
        forward: Forward,
        content_length: Option<u64>,
    ) -> Result<Self, Refusal> {
        let operation = permit.address().operation();
        match (operation.content(), content_length) {
            (Content::Nothing, Some(1..)) => Err(Refusal::UnexpectedBody(operation)),
            // Whether there is a body is known once the chunks are read.
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

    /// The same for an operation that has a body.
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
            // There is no part to verify later: what is claimed of an empty body is checked here.
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

    /// Whether the request has no body, although it has `Transfer-Encoding: chunked`.
    pub fn is_proven_empty(&self) -> bool {
        self.bodiless.is_some()
    }

    /// Whether the body has to be read before the header is sent: the node gets an empty object without its chunk framing, and
    /// would have all of it with the header; or it gets no body.
    pub fn verify_first(&self) -> bool {
        let plan = self.plan.as_ref();
        self.bodiless.is_some()
            || plan.is_some_and(|plan| plan.verify_order() == VerifyOrder::BeforeHeader)
    }

    /// Verifies an empty object in chunks, or that the chunks are empty, before a node is contacted.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn verify_buffered(&self, client: &mut Client<'_>) -> Result<(), Refusal> {
        client.allow_body().await;
        // The attempt gets what is read here from Pingora's buffer.
        client.keep_what_is_read();
        let mut proof = self.proof();
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
            let end = if last { End::Last } else { End::More };
            proof.push(bytes, end)?;
            if last {
                return Ok(());
            }
        }
    }

    /// Starts the verification of the body, for one attempt at a node.
    pub fn proof(&self) -> BodyProof {
        BodyProof {
            verifier: self.plan.as_ref().map(|plan| Box::new(plan.verifier())),
            is_done: false,
        }
    }

    /// If the node gets the plain object, changes the header fields accordingly: the length of the object, and no field about
    /// its chunk framing. The checksum of a trailer is not forwarded: it arrives after the object, and the header is sent
    /// before.
    pub fn unframe(&self, fields: &mut NodeFields<'_>) {
        if self.bodiless.is_some() {
            // The gateway has sent `100 Continue`.
            fields.remove("expect");
        }
        let Some(plan) = self.plan.as_ref().or(self.settled.as_ref()) else {
            return;
        };
        match plan.forwarded_encoding() {
            ForwardedEncoding::AsReceived => {}
            ForwardedEncoding::Removed => fields.remove("content-encoding"),
            ForwardedEncoding::Value(codings) => {
                fields.set("content-encoding", codings.as_bytes().to_vec());
            }
        }
        if plan.unwraps() == Unwrapping::None {
            return;
        }
        let checked = fields.iter().any(|(name, _)| {
            let word = vendor_header(name).and_then(|rest| rest.strip_prefix("checksum-"));
            word.is_some_and(|word| ChecksumAlgorithm::named(word).is_some())
        });
        fields.retain(|name| match vendor_header(name) {
            Some("content-sha256" | "decoded-content-length" | "trailer") => false,
            // S3 refuses it without the checksum that it names.
            Some("sdk-checksum-algorithm") => checked,
            _ => true,
        });
        if let Some(length) = plan.forwarded_length() {
            fields.set("content-length", length.to_string().into_bytes());
        }
        if self.verify_first() {
            // The gateway has sent `100 Continue`.
            fields.remove("expect");
        }
    }
}

/// The refusal of an upload with neither Content-Length nor `Transfer-Encoding: chunked` that claims a body: the length is
/// missing (S3: 411), which describes the fault better than a failed checksum of no bytes.
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
    use crate::sig::Field;
    use crate::sig::payload::PayloadClaim;

    fn fields(written: &[(&'static str, &'static str)]) -> NodeFields<'static> {
        let mut fields = NodeFields::default();
        for (name, value) in written {
            fields.add(*name, value.as_bytes());
        }
        fields
    }

    fn all(fields: &NodeFields<'_>) -> Vec<(String, Vec<u8>)> {
        let owned = |(name, value): Field<'_>| (name.to_owned(), value.to_vec());
        fields.iter().map(owned).collect()
    }

    fn body(headers: &NodeFields<'_>, framing: Framing, payload: &PayloadClaim) -> Body {
        let view = RequestView::of("PUT", "/b/k", None, headers.iter()).unwrap();
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
    fn the_header_of_the_plain_object_says_nothing_about_chunks() {
        let claim = PayloadClaim::UnsignedChunksWithTrailer;
        let mut headers = fields(CHUNKED);
        body(&headers, Framing::Plain, &claim).unframe(&mut headers);
        let plain = [
            ("content-length", "900"),
            ("content-encoding", "gzip"),
            ("x-amz-meta-trailer", "x"),
        ];
        assert_eq!(all(&headers), all(&fields(&plain)));

        let mut headers = fields(CHUNKED);
        body(&headers, Framing::AsReceived, &claim).unframe(&mut headers);
        assert_eq!(all(&headers), all(&fields(CHUNKED)));
    }

    #[test]
    fn the_name_of_a_checksum_stays_with_the_checksum() {
        let mut headers = fields(CHUNKED);
        headers.remove("x-amz-trailer");
        headers.set("x-amz-checksum-crc32", &b"AAAAAA=="[..]);
        let claim = PayloadClaim::UnsignedChunksWithTrailer;
        body(&headers, Framing::Plain, &claim).unframe(&mut headers);
        assert!(headers.get("x-amz-checksum-crc32").is_some());
        assert!(headers.get("x-amz-sdk-checksum-algorithm").is_some());
    }

    #[test]
    fn an_attempt_starts_with_the_first_byte() {
        let headers = fields(&[("content-md5", "XrY7u+Ae7tCTyyK7j1rNww==")]);
        let view = RequestView::of("PUT", "/b/k", None, headers.iter()).unwrap();
        let claim = PayloadClaim::NotDeclared;
        let limits = BodyOptions::default();
        let framing = Framing::AsReceived;
        let plan =
            BodyPlan::of(&view, AWS.syntaxes[0], &claim, Some(11), framing, &limits).unwrap();
        let body = Body {
            plan: Some(Box::new(plan)),
            ..Body::default()
        };
        let mut proof = body.proof();
        let held = proof.push(Bytes::from_static(b"hello"), End::More).unwrap();
        assert_eq!(held, Bytes::new(), "withheld");
        assert!(proof.is_open());
        let mut proof = body.proof();
        assert_eq!(proof.push("hello ".into(), End::More), Ok(Bytes::new()));
        let whole = proof.push("world".into(), End::Last);
        assert_eq!(whole, Ok("hello world".into()));
        assert!(!proof.is_open());
        let mut proof = body.proof();
        let failed = proof.push("hello_world".into(), End::Last);
        assert!(matches!(failed, Err(BodyFailure::ContentMd5 { .. })));
        assert!(proof.is_open());
    }
}
