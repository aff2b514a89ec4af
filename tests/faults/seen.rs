//! What somebody sees of an answer that may break off anywhere: a client of the gateway, or one of the node itself.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::TcpStream;

use support::wire::{Framing, Head, Response, SAFETY_NET};

/// An answer as far as it has come.
#[derive(Clone, Debug)]
pub struct Seen {
    pub head: Head,
    pub status: u16,
    pub body: Vec<u8>,
    /// Whether its framing says that nothing is missing.
    pub is_whole: bool,
}

impl Seen {
    /// Reads an answer to a request of that method; none where the first byte is already missing, or the head is broken.
    pub fn read(reader: &mut impl BufRead, method: &str) -> Option<Self> {
        let head = match Head::read(reader) {
            Ok(head) => head?,
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::WouldBlock, "nothing comes");
                return None;
            }
        };
        let status = head.line.split(' ').nth(1)?.parse().ok()?;
        let is_bodiless = method == "HEAD" || matches!(status, 204 | 304);
        let framing = match is_bodiless {
            true => Framing::None,
            false => head.framing(Framing::Close),
        };
        let mut body = Vec::new();
        let is_whole = match framing {
            Framing::None => true,
            Framing::Length(length) => read_some(reader, length, &mut body),
            Framing::Close => !read_some(reader, usize::MAX, &mut body) && is_at_end(reader),
            Framing::Chunked => read_chunks(reader, &mut body).is_some(),
        };
        Some(Self {
            head,
            status,
            body,
            is_whole,
        })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// Whether the connection is to end with it.
    pub fn closes(&self) -> bool {
        let connection = self.header("connection");
        connection.is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

impl From<Seen> for Response {
    fn from(seen: Seen) -> Self {
        let Seen {
            head, status, body, ..
        } = seen;
        Self { status, head, body }
    }
}

/// A connection that is waited on for [`SAFETY_NET`].
pub fn connect(address: &str) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).expect("somebody listens");
    let net = stream.set_read_timeout(Some(SAFETY_NET));
    net.and_then(|()| stream.set_nodelay(true))
        .expect("a TCP socket");
    BufReader::new(stream)
}

/// Reads so much, or what there is, and says whether it was all.
fn read_some(reader: &mut impl BufRead, length: usize, body: &mut Vec<u8>) -> bool {
    let before = body.len();
    // The bytes that came ahead of a failure are kept.
    let read = reader.take(length as u64).read_to_end(body);
    if let Err(error) = read {
        assert_ne!(error.kind(), ErrorKind::WouldBlock, "nothing comes");
    }
    body.len() - before == length
}

/// Whether a connection has been ended, rather than cut.
fn is_at_end(reader: &mut impl BufRead) -> bool {
    reader.fill_buf().is_ok_and(<[u8]>::is_empty)
}

/// None where the chunks break off or are none (RFC 9112, section 7.1).
fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let mut line = Vec::new();
        // A line that breaks off is none.
        let _cut = reader.read_until(b'\n', &mut line);
        let digits = line.strip_suffix(b"\r\n")?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let size = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        if !read_some(reader, size, body) {
            return None;
        }
        let mut end = Vec::new();
        if !read_some(reader, 2, &mut end) || end != b"\r\n" {
            return None;
        }
        if size == 0 {
            return Some(());
        }
    }
}
