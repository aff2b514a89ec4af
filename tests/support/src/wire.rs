//! A raw HTTP/1.1 client on a socket, and the message parser that the recording node shares.
//!
//! The timeouts only prevent hanging: a test that reaches one fails.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::signer::Request;

pub const SAFETY_NET: Duration = Duration::from_secs(30);

/// A start line and header fields, as received.
#[derive(Clone, Debug)]
pub struct Head {
    /// Every byte, with the empty line.
    pub raw: Vec<u8>,
    pub line: String,
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// Reads one head; `None` if the peer has closed before its first byte.
    pub fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut raw = Vec::new();
        let mut lines = Vec::new();
        loop {
            let start = raw.len();
            if reader.read_until(b'\n', &mut raw)? == 0 {
                return if raw.is_empty() {
                    Ok(None)
                } else {
                    Err(cut("a header"))
                };
            }
            let line = String::from_utf8_lossy(&raw[start..])
                .trim_end_matches(['\r', '\n'])
                .to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let mut lines = lines.into_iter();
        let line = lines
            .next()
            .ok_or_else(|| Error::new(ErrorKind::InvalidData, "an empty start line"))?;
        let headers = lines
            .map(|field| {
                let (name, value) = field.split_once(':').unwrap_or((&field, ""));
                (name.to_owned(), value.trim().to_owned())
            })
            .collect();
        Ok(Some(Self { raw, line, headers }))
    }

    /// The first field of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Every field of that name, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = self
            .headers
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str()).collect()
    }

    /// How the body is framed. A response without a length lasts until the peer closes, a request without one has none.
    pub fn framing(&self, otherwise: Framing) -> Framing {
        if self
            .header("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
        {
            return Framing::Chunked;
        }
        let length = self
            .header("content-length")
            .and_then(|value| value.parse().ok());
        length.map_or(otherwise, Framing::Length)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(usize),
    Chunked,
    Close,
}

impl Framing {
    /// Reads a whole body, or fails with `UnexpectedEof` if the peer closes before its end.
    pub fn read(self, reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        match self {
            Self::None => {}
            Self::Length(length) => {
                body.resize(length, 0);
                reader.read_exact(&mut body)?;
            }
            Self::Close => {
                reader.read_to_end(&mut body)?;
            }
            Self::Chunked => loop {
                let mut line = String::new();
                reader.read_line(&mut line)?;
                let digits = line.split([';', '\r', '\n']).next().unwrap_or_default();
                let size = usize::from_str_radix(digits, 16).map_err(|_| cut("a chunk size"))?;
                let start = body.len();
                // The chunk's own CRLF is read with it. After the last one come trailers and a blank line.
                body.resize(start + size, 0);
                reader.read_exact(&mut body[start..])?;
                if size == 0 {
                    while !line.trim_end().is_empty() {
                        line.clear();
                        if reader.read_line(&mut line)? == 0 {
                            return Err(cut("the trailers"));
                        }
                    }
                    break;
                }
                reader.read_exact(&mut [0; 2])?;
            },
        }
        Ok(body)
    }
}

fn cut(place: &str) -> Error {
    Error::new(
        ErrorKind::UnexpectedEof,
        format!("the peer closed within {place}"),
    )
}

/// One response.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub head: Head,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of the first XML element of that name.
    pub fn element(&self, name: &str) -> Option<String> {
        let text = self.text();
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    }
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

/// A client connection: any bytes out, exactly one response in at a time.
pub struct Connection(BufReader<Socket>);

impl From<TcpStream> for Connection {
    /// An accepted one.
    fn from(stream: TcpStream) -> Self {
        stream
            .set_read_timeout(Some(SAFETY_NET))
            .expect("a timeout above zero");
        Self(BufReader::new(Socket::Tcp(stream)))
    }
}

impl Connection {
    /// Connects to `host:port` or `unix:/path`.
    pub fn open(address: &str) -> Self {
        let socket = if let Some(path) = address.strip_prefix("unix:") {
            let stream = UnixStream::connect(path)
                .unwrap_or_else(|error| panic!("connect to {address}: {error}"));
            stream
                .set_read_timeout(Some(SAFETY_NET))
                .expect("a timeout above zero");
            Socket::Unix(stream)
        } else {
            let stream = TcpStream::connect(address)
                .unwrap_or_else(|error| panic!("connect to {address}: {error}"));
            stream
                .set_read_timeout(Some(SAFETY_NET))
                .expect("a timeout above zero");
            // Bytes go out as the test writes them, one segment per `send`.
            stream.set_nodelay(true).expect("a TCP socket");
            Socket::Tcp(stream)
        };
        Self(BufReader::new(socket))
    }

    /// Reads the header of a request, on the side of the node.
    pub fn read_head(&mut self) -> Head {
        let head = Head::read(&mut self.0).expect("a whole header");
        head.expect("a header")
    }

    /// Reads a body of that length, on the side of the node.
    pub fn read_body(&mut self, length: usize) -> Vec<u8> {
        let body = Framing::Length(length).read(&mut self.0);
        body.expect("a whole body")
    }

    /// Sends bytes. A peer that has closed already is not an error here: the response, or its absence, is checked instead.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = match self.0.get_mut() {
            Socket::Tcp(stream) => stream.write_all(bytes.as_ref()),
            Socket::Unix(stream) => stream.write_all(bytes.as_ref()),
        };
        if let Err(error) = sent {
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
                ),
                "send: {error}"
            );
        }
    }

    /// Shuts down the sending side, and keeps reading.
    pub fn finish_sending(&mut self) {
        // The peer may have closed already.
        let _ = match self.0.get_ref() {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Socket::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }

    /// Reads one response, a 100 included, to a request of that method (the answer to HEAD has no body).
    ///
    /// # Errors
    /// `UnexpectedEof` if the peer closed before its end.
    pub fn try_receive(&mut self, method: &str) -> io::Result<Response> {
        let head = Head::read(&mut self.0)?.ok_or_else(|| cut("no response at all"))?;
        let status = head
            .line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| Error::new(ErrorKind::InvalidData, head.line.clone()))?;
        let bodiless = method == "HEAD" || matches!(status, 100..200 | 204 | 304);
        let framing = if bodiless {
            Framing::None
        } else {
            head.framing(Framing::Close)
        };
        let body = framing.read(&mut self.0)?;
        Ok(Response { status, head, body })
    }

    /// Reads the whole response to a request other than HEAD.
    pub fn receive(&mut self) -> Response {
        self.try_receive("GET")
            .unwrap_or_else(|error| panic!("receive: {error}"))
    }

    /// Sends a request and reads its response.
    pub fn exchange(&mut self, request: &Request) -> Response {
        self.send(request.bytes());
        let received = self.try_receive(&request.method);
        received.unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.target))
    }

    /// Reads until the peer closes or resets.
    pub fn drain(&mut self) {
        if let Err(error) = io::copy(&mut self.0, &mut io::sink()) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        }
    }

    /// Waits until the peer closes or resets, and returns whether it did so without another byte.
    pub fn closes(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == ErrorKind::ConnectionReset && rest.is_empty(),
        }
    }
}
