//! What the integration tests share: a signer of their own, a raw client, a recording node, the gateway as a process.

pub mod chunks;
pub mod deployment;
pub mod dice;
pub mod form;
pub mod gateway;
pub mod rec;
pub mod refusal;
pub mod signer;
pub mod signer_v4;
pub mod upload;
pub mod vectors;
pub mod verifier;
pub mod wire;
