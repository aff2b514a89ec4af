//! `forward = "resign"`: the node gets a request that the gateway has signed with a key of its own, and nothing of the
//! client's credentials. Every test reads what arrived as the node would, with a verifier of the tests' own.

mod addressing;
mod answers;
mod bodies;
mod forms;
mod keys;
mod scene;
mod smuggled;
#[cfg(feature = "embedded")]
mod stores;
