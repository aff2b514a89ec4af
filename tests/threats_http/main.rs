//! Threats from below the signature: framing, limits, methods, secrets in what is printed, and bytes that are no request.
//! Each test bears the name of its threat.

mod answers;
mod chunks;
mod connection;
mod crowds;
mod framing;
mod fuzz;
mod limits;
mod methods;
mod reuse;
mod secrets;
mod signatures;
mod slow;
mod spent;
mod stalled_log;

use support::gateway::Gateway;
use support::refusal::assert_refused;
use support::scene::{Forward, Scene};
use support::signer::{Request, Word, now};
use support::wire::{Connection, Response};

/// A request for an object, signed in its header.
fn get() -> Request {
    signed(Word::Aws, "GET", "/bucket01/key")
}

fn signed(word: Word, method: &str, target: &str) -> Request {
    Request::new(word, method, target).date(&now()).signed()
}

/// Sends bytes and gives the only answer, after which the connection is closed.
fn only_answer(gateway: &Gateway, bytes: impl AsRef<[u8]>) -> Response {
    let mut connection: Connection = gateway.connect();
    connection.send(bytes);
    let response = connection.receive();
    assert!(connection.closes(), "more than one answer");
    response
}
