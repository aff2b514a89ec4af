//! The permit for a verified request, whether it is signed in its header, its query or a form.

use super::body::{Body, without_length};
use super::forward;
use crate::address::{Address, HostNames, selector};
use crate::cluster::ClusterOptions;
use crate::dialect::{AWS, CaseRule, Dialect};
use crate::error::Refusal;
use crate::policy::{Caller, Permit, decide};
use crate::sig::{RequestView, Verified, Version};
use crate::wire::head::RequestHead;

/// A request that the gateway writes for a node.
#[derive(Clone, Copy)]
pub struct NodeRequest<'r> {
    /// Its method, target and fields, as the client signed them or as the gateway made them of a form.
    pub view: &'r RequestView<'r>,
    /// The same fields, with the length of its body.
    pub head: &'r RequestHead,
}

/// Decides whether a verified request may be forwarded, and plans the verification of its body. `request` is none for a form
/// that is forwarded unchanged: the reader of the form verifies it. `hosts` are the listener's names.
///
/// # Errors
/// [`Refusal`].
pub fn permit(
    cluster: &ClusterOptions,
    hosts: &HostNames,
    verified: Verified,
    address: Address,
    request: Option<NodeRequest<'_>>,
) -> Result<(Permit, Body), Refusal> {
    if let Some(NodeRequest { view, .. }) = request {
        check_spelling(&verified, Dialect::named(cluster.dialect), view)?;
        forward::check(cluster, &verified, view, &address)?;
    }
    let permit = decide(Caller::Signed(verified), address, hosts).map_err(Refusal::Denied)?;
    let Some(NodeRequest { view, head }) = request else {
        return Ok((permit, Body::default()));
    };
    match Body::planned(&permit, view, cluster.forward, head.body_length()) {
        Ok(body) => Ok((permit, body)),
        Err(refusal) => Err(without_length(refusal, &permit, head)),
    }
}

/// Refuses parameters such as `?ACL` for nodes of a case-sensitive dialect, which would not read it as `acl`. A
/// case-insensitive dialect signs it as `acl`, and version 4 signs it as sent. Version 2 in a case-sensitive dialect does not
/// cover such a name: it has been refused already.
fn check_spelling(
    asked: &Verified,
    cluster: &Dialect,
    view: &RequestView<'_>,
) -> Result<(), Refusal> {
    let exact = asked.dialect().dialect.case_rule == CaseRule::Sensitive;
    let covers_exact_names = exact && asked.version() == Version::V2;
    if covers_exact_names || cluster.case_rule == CaseRule::Insensitive {
        return Ok(());
    }
    for parameter in &view.parameters {
        let listed = AWS
            .sub_resources
            .iter()
            .find(|name| name.eq_ignore_ascii_case(&parameter.name))
            .copied();
        if let Some(known) = listed
            .or_else(|| selector(&parameter.name))
            .filter(|known| *known != parameter.name)
        {
            return Err(Refusal::ParameterSpelling {
                sent: parameter.name.clone().into_owned(),
                known: known.to_owned(),
            });
        }
    }
    Ok(())
}
