//! Policy: whether this caller may do this operation here.

use thiserror::Error;

use crate::address::{Address, HostNames, Operation};
use crate::sig::Verified;

/// Who asks.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every caller is the large one, and each lives for one call"
)]
pub enum Caller {
    /// Somebody whose signature holds.
    Signed(Verified),
    /// Somebody who did not sign. No statement allows that yet.
    Anonymous,
}

/// Why the caller may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, strum::IntoStaticStr, strum::VariantNames)]
pub enum Denial {
    /// Nothing allows a request that is not signed.
    #[error("the request is not signed")]
    Anonymous,
    /// The method, the address and the parameters select no operation that the gateway knows.
    #[error("the request selects no known operation")]
    UnknownOperation,
    /// The key is not good for the domain that the request was sent to.
    #[error("the access key is not good for this host")]
    OtherDomain,
}

/// Leave for one request to go on to a node: the caller, and the address that was signed.
///
/// Only [`decide`] makes one, and without one there is no upstream connection. This does not compile:
///
/// ```compile_fail,E0451
/// use countersign::{address::Address, policy::Permit, sig::Verified};
/// fn forge(address: Address, verified: Verified) -> Permit {
///     Permit { address, verified }
/// }
/// ```
///
/// and this, its twin, does:
///
/// ```
/// use countersign::address::{Address, HostNames};
/// use countersign::policy::{Caller, Denial, Permit, decide};
/// use countersign::sig::Verified;
/// fn ask(address: Address, verified: Verified, hosts: &HostNames) -> Result<Permit, Denial> {
///     decide(Caller::Signed(verified), address, hosts)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Permit {
    address: Address,
    verified: Verified,
}

impl Permit {
    /// What the request is about.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Who signed it, and how.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }
}

/// Decides whether the caller may do what the request asks. `hosts` are the listener's names.
///
/// # Errors
/// [`Denial`].
pub fn decide(caller: Caller, address: Address, hosts: &HostNames) -> Result<Permit, Denial> {
    let Caller::Signed(verified) = caller else {
        return Err(Denial::Anonymous);
    };
    if address.operation() == Operation::Unknown {
        return Err(Denial::UnknownOperation);
    }
    if let Some(bound) = &verified.identity().domains {
        // V2 does not sign the Host: only this binding keeps a signature from being replayed at another tenant's name.
        let domain = address.domain().and_then(|index| hosts.domains.get(index));
        if !domain.is_some_and(|domain| bound.contains(domain)) {
            return Err(Denial::OtherDomain);
        }
    }
    Ok(Permit { address, verified })
}
