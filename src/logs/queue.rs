//! The lines that wait for standard error: bounded in bytes, and written by a thread of their own.
//!
//! Lines are gathered in pieces of 64 KiB. The first line of a piece wakes the writer, which then waits a moment for more:
//! under load a request copies its line and does nothing else. A line that finds no room is dropped and counted; no
//! request ever waits for standard error.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The most memory that lines take while they wait, in bytes. Lines that come while it is full are dropped.
pub const MAX_WAITING_BYTES: usize = 8 * 1024 * 1024;
/// How much is gathered before it is written at once, in bytes.
const PIECE: usize = 64 * 1024;
/// How long a line waits for others.
const GATHER: Duration = Duration::from_millis(100);
/// How long the end of the process waits until the last lines are written.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long the writer waits for a standard error that takes nothing now and does not block either.
const RETRY: Duration = Duration::from_millis(20);

/// Whether a line may wait for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It may.
    Gathered,
    /// It is written at once, behind those that wait already.
    AtOnce,
}

/// Takes lines. A clone takes them to the same place.
#[derive(Debug, Clone)]
pub struct Queue(Arc<Shared>);

/// Writes what waits when it is dropped, and ends the writer.
#[derive(Debug)]
pub struct QueueGuard(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Tells the writer that there is something to do.
    work: Condvar,
    /// Tells the guard that the writer has ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The pieces that are full, the oldest first.
    full: VecDeque<Vec<u8>>,
    /// The piece that is being filled.
    filling: Vec<u8>,
    /// The bytes of every line that is not written yet.
    waiting: usize,
    /// The memory of every piece, that of the writer included.
    held: usize,
    /// The lines that were dropped so far.
    dropped: u64,
    /// The piece that is being filled is to be written now.
    urgent: bool,
    closed: bool,
    ended: bool,
}

impl Queue {
    /// Starts the writer.
    ///
    /// # Panics
    /// Where the system gives no thread.
    pub fn start(out: impl Write + Send + 'static) -> (Self, QueueGuard) {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            ended: Condvar::new(),
        });
        let writer = Arc::clone(&shared);
        thread::Builder::new()
            .name("log".into())
            .spawn(move || writer.write_all(out))
            .expect("the system gives a thread for the log");
        (Self(Arc::clone(&shared)), QueueGuard(shared))
    }

    /// Takes a line, which ends with a line feed, or counts it as dropped.
    pub fn push(&self, line: &[u8], urgency: Urgency) {
        let mut state = self.0.lock();
        let before = (state.full.len(), state.filling.is_empty(), state.urgent);
        if !state.take(line) {
            state.dropped += 1;
            return;
        }
        state.urgent |= urgency == Urgency::AtOnce;
        let wakes = before != (state.full.len(), state.filling.is_empty(), state.urgent);
        drop(state);
        if wakes {
            self.0.work.notify_one();
        }
    }

    /// The lines that were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }

    /// The bytes of the lines that wait.
    pub fn waiting(&self) -> usize {
        self.0.lock().waiting
    }
}

impl State {
    /// Whether there was room for the line.
    fn take(&mut self, line: &[u8]) -> bool {
        if self.closed {
            return false;
        }
        if self.filling.capacity() - self.filling.len() < line.len() {
            let size = line.len().max(PIECE);
            if self.held + size > MAX_WAITING_BYTES {
                return false;
            }
            let piece = std::mem::replace(&mut self.filling, Vec::with_capacity(size));
            self.held += self.filling.capacity();
            if piece.is_empty() {
                self.held -= piece.capacity();
            } else {
                self.full.push_back(piece);
            }
        }
        self.filling.extend_from_slice(line);
        self.waiting += line.len();
        true
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A line is taken whole or not at all, wherever a thread may have panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer: writes piece by piece until the queue is closed and empty.
    fn write_all(&self, mut out: impl Write) {
        let mut spare = Vec::new();
        while let Some(mut piece) = self.next_piece(&mut spare) {
            let lost = write_piece(&mut out, &piece);
            let mut state = self.lock();
            state.waiting -= piece.len();
            state.dropped += lost;
            piece.clear();
            if spare.capacity() == 0 && piece.capacity() == PIECE {
                spare = piece;
            } else {
                state.held -= piece.capacity();
            }
        }
        self.lock().ended = true;
        self.ended.notify_all();
    }

    /// Waits for what is to be written next; none at the end. `spare` is filled next, where the unfilled piece is taken.
    fn next_piece(&self, spare: &mut Vec<u8>) -> Option<Vec<u8>> {
        let gathers = |state: &mut State| state.full.is_empty() && !state.urgent && !state.closed;
        let mut state = self.lock();
        let mut gathered = false;
        loop {
            if let Some(piece) = state.full.pop_front() {
                return Some(piece);
            }
            if state.filling.is_empty() {
                if state.closed {
                    return None;
                }
                state.urgent = false;
                state = self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            } else if gathered || state.urgent || state.closed {
                state.urgent = false;
                return Some(std::mem::replace(&mut state.filling, std::mem::take(spare)));
            } else {
                let waited = self.work.wait_timeout_while(state, GATHER, gathers);
                let (next, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                (state, gathered) = (next, timeout.timed_out());
            }
        }
    }
}

/// Writes a piece, and gives how many of its lines were lost because there is nobody who could take them.
fn write_piece(out: &mut impl Write, piece: &[u8]) -> u64 {
    let mut rest = piece;
    while !rest.is_empty() {
        match out.write(rest) {
            Ok(count) if count > 0 => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY),
            Ok(_) | Err(_) => return memchr::memchr_iter(b'\n', rest).count() as u64,
        }
    }
    0
}

impl Drop for QueueGuard {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        self.0.work.notify_one();
        // Whoever reads standard error no more does not keep the process from ending.
        let ended = |state: &mut State| !state.ended;
        let _late = self.0.ended.wait_timeout_while(state, LAST_WORDS, ended);
    }
}

#[cfg(test)]
mod tests;
