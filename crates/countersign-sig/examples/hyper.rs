//! Verifies requests inside of a hyper server. `cargo run --example hyper` starts it; then, with the key below,
//! `countersign sign --body README.md PUT http://127.0.0.1:8000/bucket01/key | sh` says who sent how much, and
//! `curl http://127.0.0.1:8000/bucket01/key` gets the error document of S3.

use std::convert::Infallible;
use std::error::Error;
use std::time::SystemTime;

use countersign_sig::address::{Address, AddressFailure, CopySource, HostNames, NameRules};
use countersign_sig::answer::{Answer, Answered, ErrorDocument};
use countersign_sig::body::{BodyFailure, BodyOptions, BodyPlan, End, Framing};
use countersign_sig::dialect::AWS;
use countersign_sig::secret::Secret;
use countersign_sig::sig::{self, Identity, RequestView, VerifyOptions, VerifyingKey, fields_of};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

const ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// The answer to a request that is refused.
struct Refused(Answer);

impl<F: Answered> From<F> for Refused {
    fn from(failure: F) -> Self {
        Self(failure.answer(AWS.name))
    }
}

/// Who signed a request, and its body, proven.
async fn verified(head: &Parts, mut body: Incoming) -> Result<(String, Vec<u8>), Refused> {
    let (method, path, query) = (&head.method, head.uri.path(), head.uri.query());
    let view = RequestView::of(method.as_str(), path, query, fields_of(&head.headers))?;
    let host = head.headers.get("host").map(|host| host.to_str());
    let host = host.ok_or(AddressFailure::MissingHost)?;
    let host = host.map_err(|_not_ascii| AddressFailure::BadHost)?;
    let names = view.parameters.iter().map(|parameter| &*parameter.name);
    let copy_source = match view.fields.vendor("x-amz-copy-source") {
        Some(_) => CopySource::Present,
        None => CopySource::Absent,
    };
    let (hosts, rules) = (HostNames::default(), NameRules::default());
    let address = Address::of(method, host, path, names, copy_source, &hosts, rules)?;
    let (now, options) = (SystemTime::now(), VerifyOptions::default());
    let claim = sig::claim(&view, &address, now, &[&AWS], &options)?;
    // Here a server looks up the key of `claim.access_key_id()`.
    let identity = Identity {
        access_key_id: ACCESS_KEY_ID.into(),
        principal: "alice".into(),
        domains: None,
    };
    let key = VerifyingKey::new(identity, &Secret::new(SECRET_ACCESS_KEY.into()));
    let verified = claim.verify(&key)?;

    let (syntax, length) = (verified.dialect().syntax, body.size_hint().exact());
    let (payload, limits) = (verified.payload(), BodyOptions::default());
    let plan = BodyPlan::of(&view, syntax, payload, length, Framing::Plain, &limits)?;
    let (mut verifier, mut proven) = (plan.verifier(), Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_broken| BodyFailure::Truncated)?;
        if let Ok(piece) = frame.into_data() {
            proven.extend_from_slice(&verifier.push(piece, End::More)?);
        }
    }
    proven.extend_from_slice(&verifier.push(Default::default(), End::Last)?);
    Ok((verified.identity().principal.clone(), proven))
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let (status, content) = match verified(&head, body).await {
        Ok((principal, body)) => (
            200,
            format!("{principal} sent {} bytes\n", body.len()).into(),
        ),
        Err(Refused(answer)) => {
            let document = ErrorDocument {
                answer: &answer,
                resource: head.uri.path(),
                request_id: "4442587FB7D0A2F9", // each request has its own
                host_id: "hyper",
            };
            (answer.status, document.to_xml(AWS.name))
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(content)));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status of HTTP");
    Ok(response)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    loop {
        let (stream, _peer) = listener.accept().await?;
        let served = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service_fn(answer));
        if let Err(error) = served.await {
            eprintln!("{error}");
        }
    }
}
