//! `node DIR [ACCESS_KEY_ID SECRET_ACCESS_KEY]`: the embedded node alone, for the clients' tests.
//!
//! With a key it verifies signatures itself, without one it serves unsigned requests only. It listens on a free port of
//! the loopback, says where, and stops at the end of its standard input.

use std::env;
use std::error::Error;
use std::io;

use countersign::embedded::{Node, NodeOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (root, auth) = match arguments.as_slice() {
        [root] => (root, None),
        [root, access_key_id, secret] => (root, Some((access_key_id.clone(), secret.clone()))),
        _ => return Err("node DIR [ACCESS_KEY_ID SECRET_ACCESS_KEY]".into()),
    };
    let node = Node::start(NodeOptions {
        root: root.into(),
        address: "127.0.0.1:0".parse().unwrap(),
        auth,
        domains: vec!["localhost".into()],
    })?;
    println!("listening on http://{}", node.address());
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
