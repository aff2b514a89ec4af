//! `body-load TARGET (put MODE | get) SIZE COUNT AT_ONCE`: sends or fetches COUNT objects of SIZE bytes, AT_ONCE at a time, and
//! prints the seconds.
//!
//! MODE is `unsigned`, `declared`, `signed-chunks` or `signed-chunks-hashed`, which compares the hash that the node got with the
//! one that was sent. Every upload is signed separately. The signer is that of the tests, written from the vendor's
//! documentation.

use std::env;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Instant;

use sha2::{Digest, Sha256};
use support::upload::{Chain, SIGNED_CHUNKS, UNSIGNED, Upload, sha256};

/// The size of a chunk, as in the SDKs.
const CHUNK: usize = 64 * 1024;
/// The number of different chunks, which repeat.
const CHUNKS: usize = 16;
const STACK: usize = 256 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Get,
    Unsigned,
    Declared,
    SignedChunks,
    SignedChunksHashed,
}

/// The object that all uploads send.
struct Object {
    chunks: Vec<u8>,
    hashes: Vec<String>,
    size: usize,
    digest: String,
}

struct Load {
    target: String,
    mode: Mode,
    object: Object,
    count: usize,
    next: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (target, mode, numbers) = match words.as_slice() {
        [target, "get", numbers @ ..] => (*target, Mode::Get, numbers),
        [target, "put", mode, numbers @ ..] => (*target, named(mode)?, numbers),
        _ => return Err("TARGET (put MODE | get) SIZE COUNT AT_ONCE".into()),
    };
    let [size, count, at_once] = numbers else {
        return Err("SIZE COUNT AT_ONCE are missing".into());
    };
    let (size, count, at_once) = (size.parse()?, count.parse()?, at_once.parse::<usize>()?);
    let load = Arc::new(Load {
        target: target.into(),
        mode,
        object: Object::of(size, mode),
        count,
        next: AtomicUsize::new(0),
        failures: Mutex::default(),
    });
    // All connections are open before the first byte is sent, so that they really are concurrent.
    let start = Arc::new(Barrier::new(at_once + 1));
    let mut threads = Vec::new();
    for _ in 0..at_once {
        let (load, start) = (load.clone(), start.clone());
        let thread = thread::Builder::new().stack_size(STACK);
        threads.push(thread.spawn(move || {
            let connection = TcpStream::connect(&load.target);
            start.wait();
            let ended = connection.and_then(|connection| work(&load, &connection));
            if let Err(error) = ended {
                load.fail(error.to_string());
            }
        })?);
    }
    start.wait();
    let started = Instant::now();
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let failures = load.failures.lock().map_err(|_| "a thread panicked")?;
    if let Some(first) = failures.first() {
        return Err(format!("{} failed: {first}", failures.len()).into());
    }
    println!("{seconds:.3}");
    Ok(())
}

fn named(mode: &str) -> Result<Mode, String> {
    match mode {
        "unsigned" => Ok(Mode::Unsigned),
        "declared" => Ok(Mode::Declared),
        "signed-chunks" => Ok(Mode::SignedChunks),
        "signed-chunks-hashed" => Ok(Mode::SignedChunksHashed),
        _ => Err(format!("no mode {mode}")),
    }
}

impl Object {
    fn of(size: usize, mode: Mode) -> Self {
        let mut state = 0x9e37_79b9_u32;
        let chunks: Vec<u8> = (0..CHUNK * CHUNKS)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let hashes = chunks.chunks(CHUNK).map(sha256).collect();
        let mut object = Self {
            chunks,
            hashes,
            size,
            digest: String::new(),
        };
        if matches!(mode, Mode::Declared | Mode::SignedChunksHashed) {
            let mut hash = Sha256::new();
            object.pieces().for_each(|(_, data)| hash.update(data));
            object.digest = support::chunks::hex(&hash.finalize());
        }
        object
    }

    /// The chunks in order, each with its index among the different ones.
    fn pieces(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let whole = self.size / CHUNK;
        let rest = self.size % CHUNK;
        let lengths = (0..whole).map(|_| CHUNK).chain((rest > 0).then_some(rest));
        lengths.enumerate().map(|(at, length)| {
            let place = at % CHUNKS;
            (place, &self.chunks[place * CHUNK..][..length])
        })
    }
}

impl Load {
    fn fail(&self, failure: String) {
        if let Ok(mut failures) = self.failures.lock() {
            failures.push(failure);
        }
    }

    /// The request of one object: its head, and the chain of chunk signatures if the chunks are signed.
    fn request(&self, number: usize) -> (String, Option<Chain>) {
        let size = self.object.size;
        let (mode, method) = match self.mode {
            Mode::Get => (UNSIGNED, "GET"),
            Mode::Unsigned => (UNSIGNED, "PUT"),
            Mode::Declared => (self.object.digest.as_str(), "PUT"),
            Mode::SignedChunks | Mode::SignedChunksHashed => (SIGNED_CHUNKS, "PUT"),
        };
        let target = match self.mode {
            Mode::Get => format!("/bucket01/{size}"),
            _ => format!("/bucket01/object-{number}"),
        };
        let mut upload = Upload::new(mode, "").method(method).target(&target);
        if self.mode == Mode::SignedChunksHashed {
            upload = upload.header("x-amz-meta-hash", "sha256");
        }
        if mode != SIGNED_CHUNKS {
            let (head, _) = upload.head_and_chain();
            let length = if self.mode == Mode::Get { 0 } else { size };
            return (format!("{head}Content-Length: {length}\r\n\r\n"), None);
        }
        let upload = upload.decoded_length(Some(&size.to_string()));
        let (head, chain) = upload.head_and_chain();
        let frame =
            |length: usize| format!("{length:x}").len() + ";chunk-signature=".len() + 64 + 4;
        let frames: usize = self
            .object
            .pieces()
            .map(|(_, data)| frame(data.len()))
            .sum();
        let length = size + frames + frame(0);
        (
            format!("{head}Content-Length: {length}\r\n\r\n"),
            Some(chain),
        )
    }
}

/// Sends requests on one connection until none is left.
fn work(load: &Load, mut connection: &TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(CHUNK, connection);
    loop {
        let number = load.next.fetch_add(1, Ordering::Relaxed);
        if number >= load.count {
            return Ok(());
        }
        let (head, chain) = load.request(number);
        connection.write_all(head.as_bytes())?;
        if load.mode != Mode::Get {
            send(connection, &load.object, chain)?;
        }
        receive(load, &mut reader)?;
    }
}

fn send(mut connection: &TcpStream, object: &Object, chain: Option<Chain>) -> io::Result<()> {
    let Some(mut chain) = chain else {
        return object
            .pieces()
            .try_for_each(|(_, data)| connection.write_all(data));
    };
    let mut frame = Vec::with_capacity(CHUNK + 128);
    for (place, data) in object.pieces() {
        let signature = match data.len() {
            CHUNK => chain.chunk_of(&object.hashes[place]),
            _ => chain.chunk(data),
        };
        frame.clear();
        frame.extend_from_slice(
            format!("{:x};chunk-signature={signature}\r\n", data.len()).as_bytes(),
        );
        frame.extend_from_slice(data);
        frame.extend_from_slice(b"\r\n");
        connection.write_all(&frame)?;
    }
    let last = format!("0;chunk-signature={}\r\n\r\n", chain.chunk(b""));
    connection.write_all(last.as_bytes())
}

/// Reads a response, which must be a success for what was sent.
fn receive(load: &Load, reader: &mut impl BufRead) -> io::Result<()> {
    let (mut line, mut first) = (String::new(), String::new());
    let (mut length, mut digest) = (0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let text = line.trim_end();
        if first.is_empty() {
            text.clone_into(&mut first);
        }
        if text.is_empty() {
            break;
        }
        match text.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().unwrap_or(0);
            }
            Some((name, value)) if name.eq_ignore_ascii_case("x-body-sha256") => {
                value.clone_into(&mut digest);
            }
            _ => {}
        }
    }
    let read = io::copy(&mut reader.take(length), &mut io::sink())?;
    if !first.starts_with("HTTP/1.1 200") || read != length {
        return Err(io::Error::other(format!(
            "{first:?}, {read} bytes of {length}"
        )));
    }
    let wrong = match load.mode {
        Mode::Get => length != load.object.size as u64,
        Mode::SignedChunksHashed => digest != load.object.digest,
        _ => false,
    };
    match wrong {
        true => Err(io::Error::other("the object is not the one that was sent")),
        false => Ok(()),
    }
}
