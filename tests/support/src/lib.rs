//! The tools of the integration tests: independent signers, a raw client, a recording node, the gateway as a process, and
//! [`scene::Scene`], which puts them together.
//!
//! Nothing here uses the crates under test.

pub mod chunks;
pub mod dice;
pub mod form;
pub mod gateway;
pub mod peer;
pub mod rec;
pub mod refusal;
pub mod scene;
pub mod signer;
pub mod signer_v4;
pub mod upload;
pub mod vectors;
pub mod verifier;
pub mod wire;
