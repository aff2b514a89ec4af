//! Countersign: a reverse proxy that verifies the signature of every S3 request before it reaches a storage node.
//!
//! The modules, from those without dependencies on others to the command line:
//!
//! | level | module | content |
//! |---|---|---|
//! | 0 pure | [`secret`], [`address`], [`dialect`] | secrets, which cannot be printed; bucket, key and operation; a file for each vendor |
//! | 0 | [`clock`], [`socket_address`] | the time; the address of a socket |
//! | 1 | [`node`] | HTTP/1.1 towards one storage node: an exchange on a connection; the idle connections |
//! | 1 pure | [`sig`] | `RequestView → Claim → Verified`: verification of signatures |
//! | 2 pure | [`body`] | `PayloadClaim → BodyPlan → BodyVerifier`: verification of bodies while they stream |
//! | 2 | [`credentials`] | the stores of access keys: the only I/O before a request is forwarded |
//! | 2 | [`policy`] | `Verified → Permit`: whether a caller may do an operation |
//! | 3 pure | [`answer`] | the S3 error documents: the response to a failure of a pure module |
//! | 3 | [`cluster`] | `Permit → Node`: the nodes; a connection to one needs a permit |
//! | 4 | [`error`] | every refusal, and the responses to those that only the gateway declares |
//! | 5 | [`metrics`], [`logs`] | all metrics; the log |
//! | 6 | [`runtime`] | the shared state of a running gateway, with the configuration in use |
//! | 6 | `embedded` | the storage node of the demo and the tests |
//! | 7 | [`wire`] | the bytes of a connection, checked before Pingora's HTTP parser sees them |
//! | 7 | [`config`] | the TOML file: reading, checking and printing |
//! | 8 | [`gateway`] | one request: Pingora's proxy callbacks, which use the modules above |
//! | 9 | [`server`] | the process: sockets, connections, signals, the admin listener |
//! | 10 | [`cli`] | the commands: serve, demo, check, sign |
//!
//! A file imports only modules of lower levels and files of its own module, without import cycles. A pure module uses no
//! Pingora, no tokio, no file, no socket, no clock and no log: the pure modules are the crate `countersign-sig`, which other
//! programs can use. `tests/layering.rs` reads this table and checks the imports.

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
pub mod node;
pub mod policy;
pub mod runtime;
pub mod server;
pub mod socket_address;
pub mod wire;

pub use countersign_sig::{address, answer, body, dialect, secret, sig};
