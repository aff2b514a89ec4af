//! A request signed anew: nothing of the client's credentials goes on, and no header is signed that the client has not
//! signed or the gateway has not set.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, DATE, HeaderMap, HeaderName, TRANSFER_ENCODING};
use pingora::http::RequestHeader;
use pingora::{Error, ErrorType, OrErr};

use super::ForwardInfo;
use super::compose::{compose, value_of, what_passes};
use super::target::{
    TargetEncoding, UpstreamTarget, insert_host, is_foreign, is_of_signature, is_query_header,
};
use crate::address::{Address, Operation};
use crate::body::SignedChunks;
use crate::cluster::{Cluster, ClusterOptions, PayloadSigning, SignWith};
use crate::dialect::{ChosenSyntax, Dialect};
use crate::error::Refusal;
use crate::policy::Permit;
use crate::sig::encode::hex;
use crate::sig::freshness::timestamp;
use crate::sig::node_key::{Chunks, NodeKey};
use crate::sig::payload::{EMPTY_SHA256, PayloadClaim};
use crate::sig::v2::StringToSign;
use crate::sig::{RequestView, Verified, Version, fields_of};
use crate::wire::head::RequestHead;

/// The client's fields that belong to its signature, by the name behind the vendor's prefix.
fn of_signature(rest: &str) -> bool {
    matches!(
        rest,
        "date" | "content-sha256" | "decoded-content-length" | "security-token"
    )
}

/// Whether a verified request can be signed anew for these nodes.
///
/// # Errors
/// [`Refusal`]: it has a parameter that the nodes do not know, or one that their version's string has two readings of.
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

/// Signs the request with the cluster's key for its client, and gives the frames that its body goes on in, if it does.
///
/// # Errors
/// Pingora's, where the cluster has no key, or a value of ours is no header value: the configuration leaves none such.
pub fn resign(
    request: &mut RequestHeader,
    head: &RequestHead,
    permit: &Permit,
    cluster: &Cluster,
    own: ForwardInfo<'_>,
) -> pingora::Result<Option<SignedChunks>> {
    let options = cluster.options();
    let sign_with = options.sign_with.as_ref().zip(cluster.key(permit));
    let (sign_with, key) = sign_with.ok_or_else(|| {
        Error::explain(
            ErrorType::InternalError,
            "a cluster without a key to sign with",
        )
    })?;
    let upstream = UpstreamTarget::of(
        request,
        head,
        permit,
        options,
        TargetEncoding::Canonical,
        own.node,
    );
    let mut headers = what_passes(head, permit, options, own, |rest| !of_signature(rest))?;
    headers.remove(DATE);
    insert_host(&mut headers, upstream.host.as_deref())
        .or_err(ErrorType::InvalidHTTPHeader, "the host")?;
    let signing = NodeSigning {
        method: request.method.as_str(),
        data: data_length(head, &headers),
        permit,
        upstream: &upstream,
        own,
    };
    let chunks = match sign_with.version {
        Version::V2 => {
            signing.sign_v2(&mut headers, key)?;
            None
        }
        Version::V4 => signing.sign_v4(&mut headers, key, sign_with)?,
    };
    let target = upstream.changed(request.raw_path());
    compose(request, headers, target.as_deref())?;
    Ok(chunks)
}

/// A request about to be signed.
struct NodeSigning<'s> {
    method: &'s str,
    /// The length of the data; none where nothing tells it.
    data: Option<u64>,
    permit: &'s Permit,
    upstream: &'s UpstreamTarget<'s>,
    own: ForwardInfo<'s>,
}

impl NodeSigning<'_> {
    fn sign_v2(&self, headers: &mut HeaderMap, key: &NodeKey) -> pingora::Result<()> {
        let date = httpdate::fmt_http_date(self.own.clock.now());
        headers.insert(DATE, value_of(&date)?);
        let address = self.permit.address().in_style(self.upstream.style);
        let authorization = key.sign_v2(&self.view(headers)?, &address).or_err(
            ErrorType::InternalError,
            "a request that cannot be signed anew",
        )?;
        headers.insert(AUTHORIZATION, value_of(&authorization)?);
        Ok(())
    }

    /// Signs with version 4, and gives the frames that the signature announces, if it does.
    fn sign_v4(
        &self,
        headers: &mut HeaderMap,
        key: &NodeKey,
        sign_with: &SignWith,
    ) -> pingora::Result<Option<SignedChunks>> {
        let syntax = Dialect::named(sign_with.dialect).syntaxes[0];
        let timestamp = timestamp(self.own.clock.now());
        let payload = Payload::of(self.data, self.permit, sign_with.payload);
        let mut chunks = Chunks::None;
        if let Payload::SignedChunks { data, encoded } = payload {
            // No `aws-chunked` in Content-Encoding: the payload mode says it, and some nodes would store the token (radosgw).
            headers.insert(CONTENT_LENGTH, encoded.into());
            let decoded_length = HeaderName::from_static("x-amz-decoded-content-length");
            headers.insert(decoded_length, data.into());
            chunks = Chunks::Signed;
        }
        let payload = payload.text();
        headers.insert(syntax.date_header, value_of(&timestamp)?);
        headers.insert(syntax.v4.content_sha256_header, value_of(&payload)?);
        let content_headers = self.permit.verified().content_headers();
        let view = self.view(headers)?;
        let (authorization, chain) =
            key.sign_v4(&view, content_headers, &payload, &timestamp, chunks);
        headers.insert(AUTHORIZATION, value_of(&authorization)?);
        Ok(chain.map(SignedChunks::new))
    }

    fn view<'h>(&'h self, headers: &'h HeaderMap) -> pingora::Result<RequestView<'h>> {
        let query = self.upstream.query.as_deref();
        RequestView::of(self.method, &self.upstream.path, query, fields_of(headers)).or_err(
            ErrorType::InternalError,
            "a request that cannot be signed anew",
        )
    }
}

/// What version 4 says about a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payload {
    /// There is none.
    Empty,
    /// The hash that the client declared, which the gateway proves.
    Declared([u8; 32]),
    /// So much data, in frames that make it so long.
    SignedChunks { data: u64, encoded: u64 },
    /// Nothing.
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
            // A node would take the frames of anything else for its document, and wants to know their length before.
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

/// The length of the data. What goes on is framed anew and has no Transfer-Encoding: only what was received tells of it.
fn data_length(head: &RequestHead, composed: &HeaderMap) -> Option<u64> {
    match composed.get(CONTENT_LENGTH) {
        Some(length) => length.to_str().ok()?.parse().ok(),
        None if head.value(TRANSFER_ENCODING.as_str()).is_some() => None,
        None => Some(0),
    }
}
