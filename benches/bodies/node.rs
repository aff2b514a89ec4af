//! `body-node LISTEN`: a storage node that stores nothing, for the comparison of bodies.
//!
//! It reads a PUT to its end and answers with the number of its bytes, and with their SHA-256 if the request asks for
//! it with `x-amz-meta-hash`. It answers a GET of `/bucket/NUMBER` with that many bytes. One blocking thread per
//! connection, because this has the least overhead.

use std::env;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use sha2::{Digest, Sha256};

const PIECE: usize = 64 * 1024;
/// The stack of a thread: small, because buffers are on the heap and there are a thousand threads.
const STACK: usize = 128 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let listen = env::args()
        .nth(1)
        .ok_or("one argument is needed: LISTEN, for example 127.0.0.1:9000")?;
    let listener = TcpListener::bind(&listen)
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    for connection in listener.incoming() {
        let connection = connection?;
        // A proxy that is stopped resets its connections, which only ends the thread.
        thread::Builder::new()
            .stack_size(STACK)
            .spawn(move || serve(&connection))?;
    }
    Ok(())
}

/// The relevant parts of a request head.
#[derive(Default)]
struct Head {
    length: u64,
    hashed: bool,
    expects: bool,
    /// The number in the target of a GET.
    wanted: Option<u64>,
}

fn serve(mut connection: &TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(PIECE, connection);
    let piece = vec![b'x'; PIECE];
    while let Some(head) = read_head(&mut reader)? {
        if let Some(wanted) = head.wanted {
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {wanted}\r\n\r\n");
            connection.write_all(answer.as_bytes())?;
            send(connection, &piece, wanted)?;
            continue;
        }
        if head.expects {
            connection.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let digest = receive(&mut reader, &head)?;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nx-body-length: {}\r\nx-body-sha256: {digest}\r\n\r\n",
            head.length
        );
        connection.write_all(answer.as_bytes())?;
    }
    Ok(())
}

fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut head = Head::default();
    let mut line = String::new();
    let mut first = true;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let text = line.trim_end();
        if text.is_empty() {
            return Ok(Some(head));
        }
        if std::mem::take(&mut first) {
            let target = text
                .strip_prefix("GET ")
                .and_then(|rest| rest.split(' ').next());
            let number = target.and_then(|target| target.split('?').next()?.rsplit('/').next());
            head.wanted = number.and_then(|number| number.parse().ok());
            continue;
        }
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => head.length = value.trim().parse().unwrap_or(0),
            "x-amz-meta-hash" => head.hashed = true,
            "expect" => head.expects = true,
            _ => {}
        }
    }
}

fn send(mut connection: &TcpStream, piece: &[u8], mut left: u64) -> io::Result<()> {
    while left > 0 {
        let length = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
        connection.write_all(&piece[..length])?;
        left -= length as u64;
    }
    Ok(())
}

/// Reads a body to its end; the digest is empty if none was requested.
fn receive(reader: &mut impl BufRead, head: &Head) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut body = reader.take(head.length);
    loop {
        let piece = body.fill_buf()?;
        if piece.is_empty() {
            break;
        }
        if head.hashed {
            hash.update(piece);
        }
        let length = piece.len();
        body.consume(length);
    }
    if body.limit() > 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let digest = hash.finalize();
    Ok(match head.hashed {
        true => digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        false => String::new(),
    })
}
