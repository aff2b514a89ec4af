//! `stub-node LISTEN`: a storage node with little overhead, so that a comparison measures the proxy in front of it.
//!
//! It answers every request with 200 and 20 bytes, or with as many bytes as the object's name says if that is a number, and
//! keeps the connection open. One blocking thread per connection is cheapest on one core: a read and a write per request,
//! and no readiness call. A request's body has a `Content-Length`; it is read and dropped.

use std::env;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use memchr::memmem;

const BODY: &[u8] = b"hello from the node\n";
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
    let mut buffer = vec![0; 16 * 1024];
    let mut filled = 0;
    let mut asked = None;
    let mut answer = response(asked);
    loop {
        let read = connection.read(&mut buffer[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        while let Some(at) = memmem::find(&buffer[..filled], HEADER_END) {
            let header = &buffer[..at];
            let end = at + HEADER_END.len() + body_length(header);
            if end > filled {
                if end > buffer.len() {
                    buffer.resize(end, 0);
                }
                break;
            }
            let bytes = bytes_asked(header);
            if bytes != asked {
                asked = bytes;
                answer = response(asked);
            }
            connection.write_all(&answer)?;
            buffer.copy_within(end..filled, 0);
            filled -= end;
        }
    }
}

/// The answer with a body of so many bytes, or with the usual one.
fn response(bytes: Option<usize>) -> Vec<u8> {
    let body = bytes.map_or(BODY.to_vec(), |bytes| vec![b'x'; bytes]);
    let header = format!(
        "HTTP/1.1 200 OK\r\n\
        Content-Type: application/octet-stream\r\n\
        Content-Length: {}\r\n\
        ETag: \"3395d01b6d1b36e5924c688537768bd6\"\r\n\
        \r\n",
        body.len()
    );
    [header.into_bytes(), body].concat()
}

/// The number that is the name of the object.
fn bytes_asked(header: &[u8]) -> Option<usize> {
    let target = header.split(|&byte| byte == b' ').nth(1)?;
    let name = target.rsplit(|&byte| byte == b'/').next()?;
    std::str::from_utf8(name).ok()?.parse().ok()
}

fn body_length(header: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    if header.starts_with(b"GET ") {
        return 0;
    }
    header
        .split(|&byte| byte == b'\n')
        .filter(|line| line.len() > NAME.len())
        .find(|line| line[..NAME.len()].eq_ignore_ascii_case(NAME))
        .and_then(|line| std::str::from_utf8(&line[NAME.len()..]).ok())
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(0)
}
