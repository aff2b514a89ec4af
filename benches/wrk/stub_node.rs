//! `stub-node LISTEN`: a storage node with little overhead, so that a comparison measures the proxy in front of it.
//!
//! It answers every request with the same 200 and keeps the connection open. One blocking thread per connection is
//! cheapest on one core: a read and a write per request, and no readiness call. Requests have no body.

use std::env;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use memchr::memmem;

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Content-Type: application/octet-stream\r\n\
    Content-Length: 20\r\n\
    ETag: \"3395d01b6d1b36e5924c688537768bd6\"\r\n\
    \r\n\
    hello from the node\n";

const HEADER_END: &[u8] = b"\r\n\r\n";

fn main() -> Result<(), Box<dyn Error>> {
    let listen = env::args()
        .nth(1)
        .ok_or("one argument is needed: LISTEN, for example 127.0.0.1:9000")?;
    let listener = TcpListener::bind(&listen)
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    for connection in listener.incoming() {
        let connection = connection?;
        // A proxy that is stopped resets its connections, which only ends the thread.
        thread::spawn(move || answer(connection));
    }
    Ok(())
}

/// Answers the requests of one connection until the proxy closes it.
fn answer(mut connection: TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut buffer = [0; 16 * 1024];
    let mut filled = 0;
    loop {
        let read = connection.read(&mut buffer[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        while let Some(at) = memmem::find(&buffer[..filled], HEADER_END) {
            connection.write_all(RESPONSE)?;
            let end = at + HEADER_END.len();
            buffer.copy_within(end..filled, 0);
            filled -= end;
        }
    }
}
