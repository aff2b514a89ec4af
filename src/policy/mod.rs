//! Policy: whether a caller may do an operation at this address.

use thiserror::Error;

use crate::address::{Address, HostNames, Operation};
use crate::sig::Verified;

/// Who sends the request.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every caller is the large variant, and each is dropped after one call"
)]
pub enum Caller {
    /// A caller with a verified signature.
    Signed(Verified),
    /// A caller without a signature, which nothing allows yet.
    Anonymous,
}

/// Why the request is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, strum::IntoStaticStr, strum::VariantNames)]
pub enum Denial {
    /// Nothing allows a request that is not signed.
    #[error("the request is not signed")]
    Anonymous,
    /// The method, the address and the parameters select no operation that the gateway knows.
    #[error("the request selects no known operation")]
    UnknownOperation,
    /// The key is not valid for the domain that the request was sent to.
    #[error("the access key is not valid for this host")]
    OtherDomain,
}

/// The permission to forward one request to a node: the caller, and the address that was signed.
///
/// Only [`decide`] makes one, and a connection to a node needs one. This does not compile:
///
/// ```compile_fail,E0451
/// use countersign::{address::Address, policy::Permit, sig::Verified};
/// fn forge(address: Address, verified: Verified) -> Permit {
///     Permit { address, verified }
/// }
/// ```
///
/// but this does:
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
    /// The bucket, key and operation of the request.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The verified signature.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }
}

/// Decides whether the caller may do the operation. `hosts` are the host names of the listener.
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
        // V2 does not sign the Host: only this check prevents that a request is replayed at the domain of another tenant.
        let domain = address.domain().and_then(|index| hosts.domains.get(index));
        if !domain.is_some_and(|domain| bound.contains(domain)) {
            return Err(Denial::OtherDomain);
        }
    }
    Ok(Permit { address, verified })
}
