//! Verifies the signatures of object-storage requests, and their bodies while they stream: bytes in, a verdict out. No
//! runtime, no clock, no file and no socket.
//!
//! ```text
//! RequestView ─ claim ─▶ Claim ─ verify(key) ─▶ Verified ─ BodyPlan ─▶ BodyVerifier ─ push ─▶ the proven bytes
//! ```
//!
//! | module | what lives there |
//! |---|---|
//! | [`secret`], [`address`] | what cannot be printed; bucket, key and operation of a request |
//! | [`dialect`] | a file for each vendor: everything in which vendors differ |
//! | [`sig`] | the signatures: AWS Signature Version 2 and 4, Wangsu WOS; header, query string and form |
//! | [`body`] | what a request says of its body, and the proof of it, piece by piece |
//! | [`answer`] | from a failure of any of them to the status and the S3 error document that answer it |
//!
//! The example is Amazon's own: an upload whose header declares the SHA-256 of its body (Amazon S3 API Reference, "Signature
//! Calculations for the Authorization Header", "PUT Object"). `examples/hyper.rs` verifies requests inside of a server.
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//!
//! use countersign_sig::address::{Address, CopySource, HostNames, NameRules};
//! use countersign_sig::answer::{Answered, ErrorDocument, S3ErrorCode};
//! use countersign_sig::body::{BodyOptions, BodyPlan, End, Framing};
//! use countersign_sig::dialect::{AWS, DialectName};
//! use countersign_sig::secret::Secret;
//! use countersign_sig::sig::{self, Identity, RequestView, VerifyOptions, VerifyingKey};
//!
//! let (host, path) = ("examplebucket.s3.amazonaws.com", "/test%24file.text");
//! let fields: [(&str, &[u8]); 6] = [
//!     ("host", host.as_bytes()),
//!     ("date", b"Fri, 24 May 2013 00:00:00 GMT"),
//!     ("x-amz-date", b"20130524T000000Z"),
//!     ("x-amz-storage-class", b"REDUCED_REDUNDANCY"),
//!     ("x-amz-content-sha256", b"44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
//!     ("authorization", b"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
//!         SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, \
//!         Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
//! ];
//! let view = RequestView::of("PUT", path, None, fields)?;
//! let hosts = HostNames { domains: vec!["s3.amazonaws.com".into()], ..HostNames::default() };
//! let no_parameters = std::iter::empty();
//! let address = Address::of(&http::Method::PUT, host, path, no_parameters, CopySource::Absent, &hosts, NameRules::default())?;
//!
//! let now = UNIX_EPOCH + Duration::from_secs(1_369_353_600);
//! let claim = sig::claim(&view, &address, now, &[&AWS], &VerifyOptions::default())?;
//! assert_eq!(claim.access_key_id(), "AKIAIOSFODNN7EXAMPLE"); // whose key is to be looked up
//! let identity = Identity { access_key_id: claim.access_key_id().into(), principal: "alice".into(), domains: None };
//! let key = VerifyingKey::new(identity, &Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into()));
//! let verified = claim.verify(&key)?;
//!
//! let syntax = verified.dialect().syntax;
//! let plan = BodyPlan::of(&view, syntax, verified.payload(), Some(21), Framing::Plain, &BodyOptions::default())?;
//! let mut body = plan.verifier();
//! let first = body.push("Welcome to ".into(), End::More)?; // some of it stays behind until all is proven
//! let rest = body.push("Amazon S3.".into(), End::Last)?;
//! assert_eq!([first, rest].concat(), b"Welcome to Amazon S3.");
//!
//! let other = RequestView::of("GET", path, None, fields)?; // every failure has its answer: here, status 403 and a document
//! let failure = sig::claim(&other, &address, now, &[&AWS], &VerifyOptions::default())?.verify(&key).unwrap_err();
//! let answer = failure.answer(DialectName::Aws);
//! assert_eq!((answer.status, answer.code), (403, S3ErrorCode::SignatureDoesNotMatch));
//! let document = ErrorDocument { answer: &answer, resource: path, request_id: "4442587FB7D0A2F9", host_id: "server-1" };
//! assert!(document.to_xml(DialectName::Aws).ends_with(b"<HostId>server-1</HostId></Error>"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod address;
pub mod answer;
pub mod body;
pub mod dialect;
pub mod secret;
pub mod sig;
