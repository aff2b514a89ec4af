//! The gateway as a process: sockets, connections, signals, the admin listener.
//!
//! | file | what it does |
//! |---|---|
//! | `run` | binds every socket, starts the threads, awaits signals |
//! | `socket`, `descriptors` | the sockets that listeners listen on; the file descriptors that there are |
//! | `listener`, `connection_slots` | takes connections and serves their requests; how many there may be |
//! | `admin` | `/metrics`, `/healthz`, `/readyz` |

mod admin;
mod connection_slots;
mod descriptors;
mod listener;
mod run;
mod socket;

pub use run::{Addresses, RunOptions, Running, start};
pub use socket::ListenError;
