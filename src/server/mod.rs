//! The process: sockets, connections, signals, the admin listener.
//!
//! | file | what it does |
//! |---|---|
//! | `run` | binds every socket, starts the threads, waits for signals |
//! | `socket`, `descriptors` | listening sockets; the limit of file descriptors and how they are divided |
//! | `listener`, `connection_slots` | accepts connections and serves their requests; limits the number of connections |
//! | `idle_nodes` | closes connections to nodes that have been idle for too long |
//! | `admin` | `/metrics`, `/healthz`, `/readyz` |

mod admin;
mod connection_slots;
mod descriptors;
mod idle_nodes;
mod listener;
mod run;
mod socket;

pub use run::{Addresses, RunOptions, Running, start};
pub use socket::ListenError;
