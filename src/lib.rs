//! Countersign: a reverse proxy that checks the signature of every object-storage request before a node sees it.
//!
//! The rooms, in the order in which a request passes through them:
//!
//! | level | room | what lives there |
//! |---|---|---|
//! | 0 pure | [`secret`], [`address`], [`dialect`] | what cannot be printed; bucket, key and operation; a file for each vendor |
//! | 0 | [`clock`], [`socket_address`] | the time; where a socket listens |
//! | 1 pure | [`sig`] | `RequestView → Claim → Verified`: signatures, bytes in, a verdict out |
//! | 2 pure | [`body`] | `PayloadClaim → BodyPlan → BodyVerifier`: bodies, proven while they stream |
//! | 2 | [`credentials`] | the keys: the only I/O on the line |
//! | 2 | [`policy`] | `Verified → Permit`: may this caller do this here |
//! | 3 pure | [`answer`] | from a failure of the pure rooms to its S3 error document |
//! | 3 | [`cluster`] | `Permit → HttpPeer`: the nodes; without a permit no connection |
//! | 4 | [`error`] | every refusal, and the answers to those that are the gateway's own |
//! | 5 | [`metrics`], [`logs`] | every metric, declared once; the log lines |
//! | 6 | [`runtime`] | what a running gateway shares: the configuration in use |
//! | 6 | `embedded` | the storage node of the demo and the tests |
//! | 7 | [`wire`] | a connection's bytes, checked before the HTTP parser sees them |
//! | 7 | [`config`] | the TOML file: what was written, and what is true |
//! | 8 | [`gateway`] | one request: the Pingora proxy, thin callbacks over the rooms above |
//! | 9 | [`server`] | the process: sockets, connections, signals, the admin listener |
//! | 10 | [`cli`] | the commands: serve, demo, check, sign |
//!
//! A file imports only lower levels and its own room, whose files import each other in no circle. A pure room names no
//! Pingora, no tokio, no file, no socket, no clock and no log: these rooms are the crate `countersign-sig`, which anybody can
//! embed. `tests/layering.rs` reads this table and holds the code to it.

pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod credentials;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod error;
pub mod gateway;
pub mod logs;
pub mod metrics;
pub mod policy;
pub mod runtime;
pub mod server;
pub mod socket_address;
pub mod wire;

pub use countersign_sig::{address, answer, body, dialect, secret, sig};
