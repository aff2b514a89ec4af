//! Threats to form uploads: a POST whose signature is over a policy, and whose policy has to be kept. Each test bears the
//! name of its threat.

mod answers;
mod fields;
mod framing;
mod fuzz;
mod length;
mod mechanisms;
mod policy;
mod real_clients;
mod tail;

use support::form::{BUCKET, Form, Version};
use support::scene::Scene;
use support::signer::Word;
use support::wire::{Connection, Response};

/// The message of a refusal, as text.
fn message(response: &Response) -> String {
    support::refusal::unescape(&response.element("Message").unwrap_or_default())
}

/// Every way of signing a form.
fn signers() -> impl Iterator<Item = (Word, Version)> {
    Word::BOTH
        .into_iter()
        .flat_map(|word| Version::BOTH.map(|version| (word, version)))
}

/// A form to sign in version 2 and AWS words.
fn form(key: &str) -> Form {
    Form::new(Word::Aws, Version::V2, key)
}

/// A connection on which every byte is sent by itself.
fn drip(address: &str, bytes: &[u8]) -> Response {
    let mut connection = Connection::open(address);
    for byte in bytes {
        connection.send([*byte]);
    }
    connection.receive()
}

/// The node's path of a key.
fn path(key: &str) -> String {
    format!("/{BUCKET}/{key}")
}
