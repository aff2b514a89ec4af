//! What a node checks of a request that the gateway has signed anew, with the node's own secret and nothing of the gateway's.

use crate::run::Forward;
use crate::v4::{Canonical, Chain, Scope, sha256, words};
use support::rec::Recorded;
use support::signer::{ACCESS_KEY_ID, Request, Word};

/// The gateway's own key at the nodes.
pub const NODE_KEY: &str = "AKIAGATEWAYATTHENODE";
pub const NODE_SECRET: &str = "the-secret-of-the-gateway-at-the-nodes";

/// The `[cluster.sign_with]` of a forward mode.
pub fn sign_with(forward: Forward) -> String {
    let version = match forward {
        Forward::Trusted | Forward::Passthrough => return String::new(),
        Forward::ResignV2 => "v2",
        Forward::ResignV4 => "v4",
    };
    format!(
        "[cluster.sign_with]\nversion = \"{version}\"\naccess_key_id = \"{NODE_KEY}\"\nsecret_access_key = \"{NODE_SECRET}\"\n"
    )
}

/// The signature is the gateway's, and nothing of the client's is left.
///
/// # Errors
/// What is wrong.
pub fn check(forward: Forward, seen: &Recorded) -> Result<(), String> {
    if forward == Forward::Trusted || forward == Forward::Passthrough {
        return Ok(());
    }
    let head = String::from_utf8_lossy(&seen.head.raw);
    let lower = head.to_ascii_lowercase();
    let credentials = [ACCESS_KEY_ID, "x-wos-", "signature=x", "security-token"];
    if let Some(left) = credentials
        .iter()
        .find(|own| lower.contains(&own.to_ascii_lowercase()))
    {
        return Err(format!("the node got {left}:\n{head}"));
    }
    let provided = seen.header("authorization").unwrap_or_default();
    let computed = match forward {
        Forward::ResignV2 => version_2(seen),
        _ => version_4(seen)?,
    };
    if provided == computed {
        Ok(())
    } else {
        Err(format!("the node computes {computed}:\n{head}"))
    }
}

fn version_2(seen: &Recorded) -> String {
    let method = seen.head.line.split(' ').next().unwrap_or_default();
    let mut request = Request::new(Word::Aws, method, seen.target());
    request.headers.clone_from(&seen.head.headers);
    let host = seen.header("host").unwrap_or_default();
    let bucket = host.strip_suffix(".s3.example.com");
    request.bucket = bucket.map(Into::into);
    format!(
        "AWS {NODE_KEY}:{}",
        request.signing().signature(NODE_SECRET)
    )
}

fn version_4(seen: &Recorded) -> Result<String, String> {
    let lower = |(name, value): &(String, String)| (name.to_ascii_lowercase(), value.clone());
    let headers: Vec<(String, String)> = seen.head.headers.iter().map(lower).collect();
    let value = |name: &str| seen.header(name).unwrap_or_default();
    let (stamp, payload) = (value("x-amz-date"), value("x-amz-content-sha256"));
    if payload != "UNSIGNED-PAYLOAD" && payload != sha256(&seen.body) {
        return Err(format!("the node got a body that is not {payload}"));
    }
    let listed = value("authorization").split_once("SignedHeaders=");
    let listed = listed.and_then(|(_, rest)| rest.split_once(','));
    let signed: Vec<String> = listed
        .map_or("", |(list, _)| list)
        .split(';')
        .map(Into::into)
        .collect();
    let unsigned = headers.iter().find(|(name, _)| {
        let vendors = name.starts_with("x-amz-") || name == "host";
        vendors && !signed.contains(name)
    });
    if let Some((name, _)) = unsigned {
        return Err(format!("the node got {name}, which nobody signed"));
    }
    let (path, query) = seen.target().split_once('?').unwrap_or((seen.target(), ""));
    let parameters = query.split('&').filter(|pair| !pair.is_empty());
    let parameters: Vec<String> = parameters.map(Into::into).collect();
    let canonical = Canonical {
        method: seen.head.line.split(' ').next().unwrap_or_default(),
        path,
        parameters: &parameters,
        headers: &headers,
        signed: &signed,
        payload,
    };
    let words = words(Word::Aws);
    let scope = Scope::of(&words, stamp.get(..16).ok_or("no date")?);
    let mut chain = Chain::new(words.seed, NODE_SECRET, words.algorithm, stamp, &scope);
    let signature = chain.request(&canonical.request());
    let (scope, signed) = (scope.text(), signed.join(";"));
    Ok(format!(
        "{} Credential={NODE_KEY}/{scope}, SignedHeaders={signed}, Signature={signature}",
        words.algorithm
    ))
}
