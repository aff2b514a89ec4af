//! What the integration tests share: signers of their own, a raw client, a recording node, the gateway as a process, and
//! [`scene::Scene`], which puts them together.
//!
//! Nothing here is taken from the crates that are tested.

pub mod chunks;
pub mod dice;
pub mod form;
pub mod gateway;
pub mod rec;
pub mod refusal;
pub mod scene;
pub mod signer;
pub mod signer_v4;
pub mod upload;
pub mod vectors;
pub mod verifier;
pub mod wire;
