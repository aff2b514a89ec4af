//! A node of a test's own: whatever it does with its connections, a closure does.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use crate::wire::{Framing, Head, SAFETY_NET};

/// One connection to the node.
pub struct Peer {
    /// Counted from 0.
    pub number: usize,
    reader: BufReader<TcpStream>,
}

impl Peer {
    /// Reads a request's header; none where the gateway has closed.
    pub fn head(&mut self) -> Option<Head> {
        Head::read(&mut self.reader).ok().flatten()
    }

    /// Reads a whole request; none where the gateway has closed.
    pub fn request(&mut self) -> Option<(Head, Vec<u8>)> {
        let head = self.head()?;
        let body = self.body(head.framing(Framing::None))?;
        Some((head, body))
    }

    /// Reads a body; none where the gateway has closed in the middle of it.
    pub fn body(&mut self, framing: Framing) -> Option<Vec<u8>> {
        framing.read(&mut self.reader).ok()
    }

    /// Reads what there is, and nothing where the gateway has closed.
    pub fn read_some(&mut self) -> Vec<u8> {
        let some = self.reader.fill_buf().map(<[u8]>::to_vec);
        let some = some.unwrap_or_default();
        self.reader.consume(some.len());
        some
    }

    /// The socket.
    pub fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    /// Sends bytes, if there is still somebody.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.reader.get_mut().write_all(bytes.as_ref()).is_ok()
    }
}

/// Starts a node and gives its address. Each connection has a thread, which the end of the connection ends.
pub fn node(serve: impl Fn(Peer) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket").to_string();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let stream = stream.expect("a connection");
            stream
                .set_read_timeout(Some(SAFETY_NET))
                .expect("a timeout above zero");
            stream.set_nodelay(true).expect("a TCP socket");
            let serve = Arc::clone(&serve);
            let reader = BufReader::new(stream);
            thread::spawn(move || serve(Peer { number, reader }));
        }
    });
    address
}
