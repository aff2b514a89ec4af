//! A socket to a node.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, tcp, unix};
use tokio::time::timeout;

use super::fault::FaultKind;
use crate::socket_address::SocketAddress;

/// A socket to a node.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
}

impl Stream {
    /// Opens a connection, in this time at most.
    pub(super) async fn connect(
        address: &SocketAddress,
        within: Duration,
    ) -> Result<Self, FaultKind> {
        match timeout(within, Self::open(address)).await {
            Ok(opened) => opened.map_err(|error| match error.kind() {
                io::ErrorKind::ConnectionRefused => FaultKind::Refused,
                io::ErrorKind::TimedOut => FaultKind::ConnectTimeout,
                other => FaultKind::Connect(other),
            }),
            Err(_) => Err(FaultKind::ConnectTimeout),
        }
    }

    async fn open(address: &SocketAddress) -> io::Result<Self> {
        match address {
            SocketAddress::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            SocketAddress::Unix(path) => UnixStream::connect(path).await.map(Self::Unix),
        }
    }

    /// Whether nothing has come, not even the end. No question to the system where it has not said that something has.
    pub(super) fn is_quiet(&self) -> bool {
        let mut byte = [0];
        let read = match self {
            Self::Tcp(stream) => stream.try_read(&mut byte),
            Self::Unix(stream) => stream.try_read(&mut byte),
        };
        read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Both directions.
    pub(super) fn split(&mut self) -> (ReadSide<'_>, WriteSide<'_>) {
        match self {
            Self::Tcp(stream) => {
                let (read, write) = stream.split();
                (ReadSide::Tcp(read), WriteSide::Tcp(write))
            }
            Self::Unix(stream) => {
                let (read, write) = stream.split();
                (ReadSide::Unix(read), WriteSide::Unix(write))
            }
        }
    }
}

/// What the node sends.
#[derive(Debug)]
pub enum ReadSide<'s> {
    /// Over TCP.
    Tcp(tcp::ReadHalf<'s>),
    /// Over a Unix socket.
    Unix(unix::ReadHalf<'s>),
}

impl ReadSide<'_> {
    /// Reads up to `most` bytes behind what is in the buffer. An empty buffer takes no room while nothing is there to read.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        let ready = match self {
            Self::Tcp(half) => half.as_ref().poll_read_ready(cx),
            Self::Unix(half) => half.as_ref().poll_read_ready(cx),
        };
        let read = match ready {
            Poll::Ready(Ok(())) => match self {
                Self::Tcp(half) => read_some(half, cx, buffer, most),
                Self::Unix(half) => read_some(half, cx, buffer, most),
            },
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        if read.is_pending() && buffer.is_empty() {
            *buffer = BytesMut::new();
        }
        read
    }
}

fn read_some<R: AsyncRead + Unpin>(
    half: &mut R,
    cx: &mut Context<'_>,
    buffer: &mut BytesMut,
    most: usize,
) -> Poll<io::Result<usize>> {
    buffer.reserve(most);
    let mut room = (&mut *buffer).limit(most);
    pin!(half.read_buf(&mut room)).poll(cx)
}

/// What goes to the node.
#[derive(Debug)]
pub enum WriteSide<'s> {
    /// Over TCP.
    Tcp(tcp::WriteHalf<'s>),
    /// Over a Unix socket.
    Unix(unix::WriteHalf<'s>),
}

impl WriteSide<'_> {
    /// Writes some of what the slices hold, at least a byte.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = match self {
            Self::Tcp(half) => write_some(half, cx, slices),
            Self::Unix(half) => write_some(half, cx, slices),
        };
        match ready!(written) {
            Ok(0) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            other => Poll::Ready(other),
        }
    }
}

fn write_some<W: AsyncWrite + Unpin>(
    half: &mut W,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    match slices {
        [one] => Pin::new(half).poll_write(cx, one),
        many => Pin::new(half).poll_write_vectored(cx, many),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn small_writes_leave_at_once() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = SocketAddress::Tcp(listener.local_addr().unwrap());
        let stream = Stream::connect(&address, Duration::from_secs(20)).await;
        let Ok(Stream::Tcp(stream)) = stream else {
            panic!("no TCP: {stream:?}");
        };
        assert!(stream.nodelay().unwrap());
    }
}
