//! REC, the recording node: a raw TCP server that logs every byte, and responds, stalls or disconnects by script.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::wire::{Framing, Head, SAFETY_NET};

/// What REC does with one request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// `200 OK` with an empty body.
    Ok,
    /// These bytes, once the request is complete. With `Connection: close` among them REC closes after them.
    Raw(Vec<u8>),
    /// These bytes as soon as the head is there; the body is read and logged after that.
    Early(Vec<u8>),
    /// Reads the request and never responds.
    Stall,
    /// Closes the connection.
    Die(Cue),
}

impl Answer {
    pub fn raw(response: &str) -> Self {
        Self::Raw(response.as_bytes().to_vec())
    }
}

/// A success after which the connection closes.
pub const CLOSING_OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// When REC disconnects.
#[derive(Clone, Debug)]
pub enum Cue {
    /// Right after `accept`.
    Accept,
    /// After the head of a request.
    Head,
    /// After that many bytes of a request's body.
    Body(usize),
    /// After these bytes of a response.
    Response(Vec<u8>),
}

/// One complete request.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Which connection it came on, counted from 0.
    pub connection: usize,
    pub head: Head,
    pub body: Vec<u8>,
}

impl Recorded {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The request target as received.
    pub fn target(&self) -> &str {
        self.head.line.split(' ').nth(1).unwrap_or_default()
    }
}

#[derive(Default)]
struct Log {
    bytes: Vec<u8>,
    connections: Vec<TcpStream>,
    closed: usize,
    heads: usize,
    requests: Vec<Recorded>,
    answers: VecDeque<Answer>,
    stopping: bool,
}

#[derive(Default)]
struct Shared {
    log: Mutex<Log>,
    changed: Condvar,
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        // A wait that times out panics while it holds the lock; the log is consistent nevertheless.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.log());
        self.changed.notify_all();
    }

    /// Waits for the event itself; the timeout is a safety net.
    fn wait(&self, event: &str, happened: impl Fn(&Log) -> bool) -> MutexGuard<'_, Log> {
        let waited = self
            .changed
            .wait_timeout_while(self.log(), SAFETY_NET, |log| !happened(log));
        let (log, timeout) = waited.expect("REC's threads do not panic");
        assert!(
            !timeout.timed_out(),
            "REC: {event} did not happen within {SAFETY_NET:?}"
        );
        log
    }

    /// The next answer of the script; its last one repeats.
    fn next_answer(&self) -> Answer {
        let mut log = self.log();
        let last = log.answers.len() == 1;
        if last {
            log.answers.front().cloned()
        } else {
            log.answers.pop_front()
        }
        .unwrap_or(Answer::Ok)
    }
}

/// The running recording node. Its connections are closed when it is dropped.
pub struct Rec {
    address: String,
    shared: Arc<Shared>,
}

impl Rec {
    /// Gives every request the same answer.
    pub fn start(answer: Answer) -> Self {
        Self::scripted([answer])
    }

    /// Gives the first request the first answer, and so on; the last one repeats.
    pub fn scripted(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket").to_string();
        let log = Log {
            answers: answers.into_iter().collect(),
            ..Log::default()
        };
        let shared = Arc::new(Shared {
            log: Mutex::new(log),
            ..Shared::default()
        });
        let accepting = shared.clone();
        thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared }
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The complete requests so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.log().requests.clone()
    }

    /// Every byte and every complete request since the last call.
    pub fn take(&self) -> (Vec<u8>, Vec<Recorded>) {
        let mut log = self.shared.log();
        (
            std::mem::take(&mut log.bytes),
            std::mem::take(&mut log.requests),
        )
    }

    /// Every byte so far, in the order of arrival.
    pub fn bytes(&self) -> Vec<u8> {
        self.shared.log().bytes.clone()
    }

    /// Waits for that many complete requests.
    pub fn await_requests(&self, count: usize) -> Vec<Recorded> {
        self.shared
            .wait(&format!("request {count}"), |log| {
                log.requests.len() >= count
            })
            .requests
            .clone()
    }

    /// Waits for the heads of that many requests.
    pub fn await_heads(&self, count: usize) {
        drop(
            self.shared
                .wait(&format!("head {count}"), |log| log.heads >= count),
        );
    }

    /// Waits until that many connections were closed by either side.
    pub fn await_closed(&self, count: usize) {
        drop(
            self.shared
                .wait(&format!("close {count}"), |log| log.closed >= count),
        );
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.shared.log().connections.len()
    }

    /// Asserts that no byte has arrived. Connections are accepted in the order in which they were opened: once a connection of
    /// this method is accepted, REC has accepted every earlier one.
    pub fn assert_untouched(&self) {
        let own = TcpStream::connect(&self.address).expect("REC accepts");
        let own_address = own.local_addr().expect("a connected socket");
        let log = self.shared.wait("accept", |log| {
            log.connections
                .iter()
                .any(|stream| stream.peer_addr().is_ok_and(|peer| peer == own_address))
        });
        assert!(
            log.bytes.is_empty(),
            "REC saw:\n{}",
            String::from_utf8_lossy(&log.bytes)
        );
        assert_eq!(log.heads, 0);
    }

    /// Asserts that no complete message has arrived.
    pub fn assert_nothing_complete(&self, case: &str) {
        self.await_settled();
        let requests = self.requests();
        assert!(requests.is_empty(), "{case}: {requests:?}");
    }

    /// Waits until every connection made so far has ended, so REC must close each after its response: see
    /// [`CLOSING_OK`].
    pub fn await_settled(&self) {
        let own = TcpStream::connect(&self.address).expect("REC accepts");
        let own_address = own.local_addr().expect("a connected socket");
        drop(self.shared.wait("the end of every message", |log| {
            let own = log
                .connections
                .iter()
                .position(|stream| stream.peer_addr().is_ok_and(|peer| peer == own_address));
            own.is_some_and(|own| log.closed >= own)
        }));
    }

    /// Discards what was recorded, so that one REC serves many cases.
    pub fn clear(&self) {
        self.shared.note(|log| {
            log.bytes.clear();
            log.requests.clear();
            log.heads = 0;
        });
    }
}

impl Drop for Rec {
    fn drop(&mut self) {
        self.shared.note(|log| {
            log.stopping = true;
            for stream in &log.connections {
                // It may be closed already.
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        // Wakes the accept loop.
        let _ = TcpStream::connect(&self.address);
    }
}

/// An address without a listener. The system assigns no port below 1024 to a socket with port 0, so no other test can get
/// it in the meantime. Each call returns another address.
pub fn nobody() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    format!("127.0.0.{}:1", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        if shared.log().stopping {
            return;
        }
        let Ok(clone) = stream.try_clone() else {
            continue;
        };
        let dies = matches!(shared.log().answers.front(), Some(Answer::Die(Cue::Accept)));
        if dies {
            shared.next_answer();
        }
        let connection = shared.log().connections.len();
        shared.note(|log| log.connections.push(clone));
        let shared = shared.clone();
        thread::spawn(move || {
            if !dies {
                // A peer that disconnects during a request is an event to record, not a failure of REC.
                let _ = serve(&stream, connection, &shared);
            }
            let _ = stream.shutdown(Shutdown::Both);
            shared.note(|log| log.closed += 1);
        });
    }
}

/// Logs what it reads.
struct Tap<'a> {
    stream: &'a TcpStream,
    shared: &'a Shared,
}

impl Read for Tap<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.shared
            .note(|log| log.bytes.extend_from_slice(&buffer[..count]));
        Ok(count)
    }
}

fn serve(mut stream: &TcpStream, connection: usize, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(Tap { stream, shared });
    while let Some(head) = Head::read(&mut reader)? {
        shared.note(|log| log.heads += 1);
        let answer = shared.next_answer();
        match &answer {
            Answer::Die(Cue::Head | Cue::Accept) => return Ok(()),
            Answer::Die(Cue::Body(count)) => {
                Framing::Length(*count).read(&mut reader)?;
                return Ok(());
            }
            Answer::Early(response) => stream.write_all(response)?,
            _ if head.header("expect").is_some() => {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?
            }
            _ => {}
        }
        let body = head.framing(Framing::None).read(&mut reader)?;
        shared.note(|log| {
            log.requests.push(Recorded {
                connection,
                head,
                body,
            })
        });
        match answer {
            Answer::Ok => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?,
            Answer::Raw(response) => {
                stream.write_all(&response)?;
                if String::from_utf8_lossy(&response)
                    .to_ascii_lowercase()
                    .contains("\r\nconnection: close\r\n")
                {
                    return Ok(());
                }
            }
            Answer::Stall => {
                io::copy(&mut reader, &mut io::sink())?;
            }
            Answer::Die(Cue::Response(part)) => return stream.write_all(&part),
            Answer::Early(_) | Answer::Die(_) => {}
        }
    }
    Ok(())
}
