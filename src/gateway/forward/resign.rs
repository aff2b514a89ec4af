//! A re-signed request: the client's credentials are removed, and no header is signed that neither the client has signed nor the
//! gateway has set.

use std::borrow::Cow;

use http::header::TRANSFER_ENCODING;
use pingora::http::RequestHeader;
use pingora::{Error, ErrorType, OrErr};

use super::ForwardInfo;
use super::compose::{Composed, what_passes};
use super::fields::NodeFields;
use super::target::{TargetEncoding, UpstreamTarget, is_foreign, is_of_signature, is_query_header};
use crate::address::{Address, Operation};
use crate::body::SignedChunks;
use crate::cluster::{Cluster, ClusterOptions, PayloadSigning, SignWith};
use crate::dialect::{ChosenSyntax, Dialect};
use crate::error::Refusal;
use crate::policy::Permit;
use crate::sig::encode::hex;
use crate::sig::freshness::timestamp;
use crate::sig::headers::text_of;
use crate::sig::node_key::{Chunks, NodeKey};
use crate::sig::payload::{EMPTY_SHA256, PayloadClaim};
use crate::sig::v2::StringToSign;
use crate::sig::{RequestView, Verified, Version};
use crate::wire::head::RequestHead;

/// The client's fields that belong to its signature, by the name after the vendor's prefix.
fn of_signature(rest: &str) -> bool {
    matches!(
        rest,
        "date" | "content-sha256" | "decoded-content-length" | "security-token"
    )
}

/// Checks that a verified request can be re-signed for these nodes.
///
/// # Errors
/// [`Refusal`]: it has a parameter that the nodes do not support, or one that is ambiguous in the StringToSign of version 2.
pub fn check(
    options: &ClusterOptions,
    verified: &Verified,
    view: &RequestView<'_>,
    address: &Address,
) -> Result<(), Refusal> {
    let Some(sign_with) = &options.sign_with else {
        return Ok(());
    };
    let dialect = Dialect::named(sign_with.dialect);
    let syntax = dialect.syntaxes[0];
    let unknown = view.parameters.iter().find(|parameter| {
        let name = &*parameter.name;
        is_foreign(name, syntax)
            && !view.has(name)
            && !is_of_signature(verified, name)
            && !is_query_header(verified, name)
    });
    if let Some(parameter) = unknown {
        return Err(Refusal::VendorParameter(
            parameter.name.clone().into_owned(),
        ));
    }
    if sign_with.version == Version::V2 {
        let chosen = ChosenSyntax { dialect, syntax };
        StringToSign::of(view, address, chosen, b"")?;
    }
    Ok(())
}

/// Signs the request with the cluster's key for its client. Also returns the signed chunks of its body, if it has any.
///
/// # Errors
/// Pingora's, if the cluster has no key, or a value of the gateway is not a valid header value; the configuration excludes both.
pub fn resign<'r>(
    request: &'r RequestHeader,
    head: &'r RequestHead,
    permit: &'r Permit,
    cluster: &Cluster,
    info: ForwardInfo<'r>,
) -> pingora::Result<(Composed<'r>, Option<SignedChunks>)> {
    let options = cluster.options();
    let sign_with = options.sign_with.as_ref().zip(cluster.key(permit));
    let (sign_with, key) = sign_with.ok_or_else(|| {
        Error::explain(
            ErrorType::InternalError,
            "a cluster without a key to sign with",
        )
    })?;
    let encoding = TargetEncoding::Canonical;
    let upstream = UpstreamTarget::of(request, head, permit, options, encoding, info.node);
    let mut fields = what_passes(head, permit, options, info, |rest| !of_signature(rest))?;
    fields.remove("date");
    if let Some(host) = &upstream.host {
        fields.set_text("host", host.clone())?;
    }
    let signing = NodeSigning {
        method: request.method.as_str(),
        data: data_length(head, &fields),
        permit,
        upstream: &upstream,
        info,
    };
    let chunks = match sign_with.version {
        Version::V2 => {
            signing.sign_v2(&mut fields, key)?;
            None
        }
        Version::V4 => signing.sign_v4(&mut fields, key, sign_with)?,
    };
    let target = upstream.on_the_wire(request.raw_path());
    Ok((Composed { target, fields }, chunks))
}

/// A request before it is signed.
struct NodeSigning<'s> {
    method: &'s str,
    /// The length of the data, if known.
    data: Option<u64>,
    permit: &'s Permit,
    upstream: &'s UpstreamTarget<'s>,
    info: ForwardInfo<'s>,
}

impl NodeSigning<'_> {
    fn sign_v2(&self, fields: &mut NodeFields<'_>, key: &NodeKey) -> pingora::Result<()> {
        let date = httpdate::fmt_http_date(self.info.clock.now());
        fields.set("date", date.into_bytes());
        let address = self.permit.address().in_style(self.upstream.style);
        let authorization = key.sign_v2(&self.view(fields)?, &address).or_err(
            ErrorType::InternalError,
            "a request that cannot be re-signed",
        )?;
        fields.set_text("authorization", authorization)?;
        Ok(())
    }

    /// Signs with version 4. Also returns the signed chunks, if the signature announces them.
    fn sign_v4(
        &self,
        fields: &mut NodeFields<'_>,
        key: &NodeKey,
        sign_with: &SignWith,
    ) -> pingora::Result<Option<SignedChunks>> {
        let syntax = Dialect::named(sign_with.dialect).syntaxes[0];
        let timestamp = timestamp(self.info.clock.now());
        let payload = Payload::of(self.data, self.permit, sign_with.payload);
        let mut chunks = Chunks::None;
        if let Payload::SignedChunks { data, encoded } = payload {
            // No `aws-chunked` in Content-Encoding: the payload mode is enough, and radosgw would store the token.
            fields.set("content-length", encoded.to_string().into_bytes());
            fields.set(
                "x-amz-decoded-content-length",
                data.to_string().into_bytes(),
            );
            chunks = Chunks::Signed;
        }
        let payload = payload.text();
        fields.set(syntax.date_header, timestamp.clone().into_bytes());
        fields.set(
            syntax.v4.content_sha256_header,
            payload.clone().into_owned().into_bytes(),
        );
        let content_headers = self.permit.verified().content_headers();
        let view = self.view(fields)?;
        let (authorization, chain) =
            key.sign_v4(&view, content_headers, &payload, &timestamp, chunks);
        fields.set_text("authorization", authorization)?;
        Ok(chain.map(SignedChunks::new))
    }

    fn view<'h>(&'h self, fields: &'h NodeFields<'_>) -> pingora::Result<RequestView<'h>> {
        let query = self.upstream.query.as_deref();
        RequestView::of(self.method, &self.upstream.path, query, fields.iter()).or_err(
            ErrorType::InternalError,
            "a request that cannot be re-signed",
        )
    }
}

/// The payload hash of version 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payload {
    /// There is no body.
    Empty,
    /// The hash that the client declared, which the gateway verifies.
    Declared([u8; 32]),
    /// The length of the data, and of the body with its chunk framing.
    SignedChunks { data: u64, encoded: u64 },
    /// The body is not signed.
    Unsigned,
}

impl Payload {
    fn of(data: Option<u64>, permit: &Permit, signing: PayloadSigning) -> Self {
        let stores = matches!(
            permit.address().operation(),
            Operation::PutObject | Operation::UploadPart
        );
        match (permit.verified().payload(), data) {
            (_, Some(0)) => Self::Empty,
            (PayloadClaim::Sha256(hash), _) => Self::Declared(*hash),
            // Only objects: a node would read the chunk framing as part of a document. A node needs the length in advance.
            (_, Some(data)) if stores && signing == PayloadSigning::SignedChunks => {
                match SignedChunks::encoded_length(data) {
                    Some(encoded) => Self::SignedChunks { data, encoded },
                    None => Self::Unsigned,
                }
            }
            _ => Self::Unsigned,
        }
    }

    fn text(self) -> Cow<'static, str> {
        match self {
            Self::Empty => EMPTY_SHA256.into(),
            Self::Declared(hash) => String::from_utf8_lossy(&hex(&hash)).into_owned().into(),
            Self::SignedChunks { .. } => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD".into(),
            Self::Unsigned => "UNSIGNED-PAYLOAD".into(),
        }
    }
}

/// The length of the data, if known. `composed` has no Transfer-Encoding: only the received head has it.
fn data_length(head: &RequestHead, composed: &NodeFields<'_>) -> Option<u64> {
    match composed.get("content-length") {
        Some(length) => text_of(length)?.parse().ok(),
        None if head.value(TRANSFER_ENCODING.as_str()).is_some() => None,
        None => Some(0),
    }
}
