//! HTTP/1.1 towards one storage node: a connection, one request and its answer on it, and the connections that wait for more.
//!
//! | file | what it does |
//! |---|---|
//! | `stream` | a TCP or Unix socket to a node |
//! | `connection` | a connection with nothing under way, and the exchange that takes it and gives it back |
//! | `sender`, `receiver`, `progress` | the request that goes out, the answer that comes in; both at once in one task |
//! | `head`, `framing`, `chunks` | reads the head of an answer; decides where its body ends; takes chunks apart |
//! | `idle` | the connections of a thread that wait for further requests |
//! | `patience` | how long a node may be silent |
//! | `fault` | what can be wrong with a node |
//!
//! The room knows nodes, not clients: what goes out is composed elsewhere and comes here as bytes.
//!
//! What has one meaning and is sent by real nodes is read; what others could read otherwise is an error of the node's. The
//! whole of it, as bytes and outcomes, is `tests/node/table.rs`.
//!
//! Every wait can be given up without a loss: what was read stays in the exchange, and what was not sent waits there. So the
//! answer is watched for while the request is being sent: `tests/node/forward.rs` shows the whole of it.

mod chunks;
mod connection;
mod fault;
mod framing;
mod head;
mod idle;
mod patience;
mod progress;
mod receiver;
mod sender;
mod stream;

pub use connection::{Connection, Exchange};
pub use fault::{FaultKind, Malformed, Misuse, NodeFault};
pub use framing::Framing;
pub use head::{AnswerHead, MAX_FIELDS, MAX_HEAD_BYTES};
pub use idle::{IDLE_SPAN, IdleConnections, give_back, sweep, take};
pub use patience::{Patience, Silence};
pub use receiver::{MAX_INTERIM_ANSWERS, MAX_PIECE, Receiver};
pub use sender::{RequestBody, Sender};
pub use stream::Stream;
