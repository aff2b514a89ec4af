//! What goes on to a node: the request as it was verified, without what could steer the node past the check.

mod compose;
mod passing;
mod resign;
mod target;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use pingora::http::RequestHeader;

use super::admit::Target;
use super::body::Body;
use super::context::RequestId;
use crate::body::SignedChunks;
use crate::clock::Clock;
use crate::cluster::{Cluster, ClusterOptions, Forward};
use crate::policy::Permit;
use crate::sig::dialect::vendor_header;
pub use passing::passes;
pub use resign::check;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-countersign-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What the gateway knows of a request besides its header.
#[derive(Clone, Copy)]
pub struct Own<'o> {
    /// What is known of its body.
    pub body: &'o Body,
    /// The gateway's id of the request.
    pub request_id: &'o RequestId,
    /// The address that the client has.
    pub peer: Option<&'o HeaderValue>,
    /// The address of the node.
    pub node: &'o str,
    /// Tells the time of this attempt, which a new signature carries.
    pub clock: &'o dyn Clock,
}

/// Turns the client's request into the node's. Gives the frames that its body goes on in, if it does.
///
/// # Errors
/// Pingora's, where a value of ours is no header value; the configuration and the check leave none.
pub fn rewrite(
    request: &mut RequestHeader,
    permit: &Permit,
    cluster: &Cluster,
    own: Own<'_>,
) -> pingora::Result<Option<SignedChunks>> {
    match cluster.options().forward {
        Forward::Passthrough => pass_on(request, own)?,
        Forward::Trusted => compose::trusted(request, permit, cluster.options(), own)?,
        Forward::Resign => {
            let (resigned, chunks) = resign::resigned(request, permit, cluster, own)?;
            *request = resigned;
            return Ok(chunks);
        }
    }
    Ok(None)
}

/// Leaves behind what no node gets to see unless it verifies for itself, of the request that Pingora is to copy for each
/// node: the credentials, and the names as the client spelled them, which Pingora keeps besides the fields.
pub fn forget_proof(request: &mut RequestHeader, cluster: &ClusterOptions) {
    // Only the origin form survives: it stands in the URI byte for byte.
    if cluster.forward == Forward::Passthrough || !request.raw_path().starts_with(b"/") {
        return;
    }
    let mut parts = compose::taken(request);
    parts.headers.remove(AUTHORIZATION);
    if cluster.forward == Forward::Trusted {
        compose::remove(&mut parts.headers, |name| {
            vendor_header(name).is_some_and(compose::is_proof)
        });
    }
    *request = RequestHeader::from(parts);
}

/// Takes the strangers away; everything else stays as it came, the case of the names included.
fn pass_on(request: &mut RequestHeader, own: Own<'_>) -> pingora::Result<()> {
    let strangers: Vec<HeaderName> = request
        .headers
        .keys()
        .filter(|name| !passes(name.as_str()))
        .cloned()
        .collect();
    for name in &strangers {
        request.remove_header(name);
    }
    if !request.raw_path().starts_with(b"/") {
        let target = Target::of(request);
        let target = match target.query {
            Some(query) => format!("{}?{query}", target.path),
            None => target.path.to_owned(),
        };
        request.set_raw_path(target.as_bytes())?;
    }
    if let Some(peer) = own.peer {
        request.insert_header(FORWARDED_FOR, peer)?;
    }
    request.insert_header(REQUEST_ID, own.request_id.value()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn the_absolute_form_becomes_the_origin_form() {
        let target = |text: &str| {
            let mut request = RequestHeader::build("GET", text.as_bytes(), None).unwrap();
            let own = Own {
                body: &Body::default(),
                request_id: &RequestId::random(),
                peer: None,
                node: "127.0.0.1:9000",
                clock: &SystemClock,
            };
            pass_on(&mut request, own).unwrap();
            String::from_utf8(request.raw_path().to_vec()).unwrap()
        };
        assert_eq!(target("http://h/b/k%2F?acl"), "/b/k%2F?acl");
        assert_eq!(target("http://h"), "/");
        assert_eq!(target("/b/http://h/k"), "/b/http://h/k");
    }
}
