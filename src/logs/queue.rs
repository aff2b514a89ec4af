//! The queue of lines for standard error: limited in bytes, and written by a separate thread.
//!
//! Lines are collected in buffers of 64 KiB. The first line of a buffer wakes the writer, which then waits briefly for more
//! lines: under load a request only copies its line. When the queue is full, a line is dropped and counted; a request never
//! waits for standard error.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The most memory of waiting lines, in bytes. Further lines are dropped.
pub const MAX_WAITING_BYTES: usize = 8 * 1024 * 1024;
/// The size of a buffer, in bytes. A full buffer is written at once.
const PIECE: usize = 64 * 1024;
/// How long a line waits for further lines.
const GATHER: Duration = Duration::from_millis(100);
/// How long the process waits at its end until the last lines are written.
const FINAL_WAIT: Duration = Duration::from_secs(1);
/// The pause of the writer when a non-blocking standard error accepts nothing.
const RETRY: Duration = Duration::from_millis(20);

/// Whether a line may wait for further lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It may wait.
    Gathered,
    /// It is written at once, after the lines that wait already.
    AtOnce,
}

/// A handle to the queue; clones share it.
#[derive(Debug, Clone)]
pub struct Queue(Arc<Shared>);

/// Dropping it writes the lines that wait, and ends the writer.
#[derive(Debug)]
pub struct QueueGuard(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Wakes the writer.
    work: Condvar,
    /// Signals that the writer has ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The full buffers, the oldest first.
    full: VecDeque<Vec<u8>>,
    /// The buffer that is being filled.
    filling: Vec<u8>,
    /// The bytes of all lines that are not yet written.
    waiting: usize,
    /// The memory of all buffers, with that of the writer.
    held: usize,
    /// The number of lines dropped so far.
    dropped: u64,
    /// Whether `filling` is to be written at once.
    urgent: bool,
    closed: bool,
    ended: bool,
}

impl Queue {
    /// Starts the writer.
    ///
    /// # Panics
    /// If the thread cannot be started.
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
            .expect("the thread of the log can be started");
        (Self(Arc::clone(&shared)), QueueGuard(shared))
    }

    /// Adds a line, which ends with a line feed, or counts it as dropped.
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

    /// The number of lines dropped so far.
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }

    /// The bytes of waiting lines.
    pub fn waiting(&self) -> usize {
        self.0.lock().waiting
    }
}

impl State {
    /// Adds a line; false if there is no room.
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
        // A poisoned lock is usable: a line is added completely or not at all.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread of the writer: writes buffers until the queue is closed and empty.
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

    /// Waits for the next buffer to write; none at the end. If it is `filling`, `spare` replaces it.
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

/// Writes a buffer, and returns the number of lines that were lost because of an error.
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
        // A blocked standard error must not keep the process from ending.
        let ended = |state: &mut State| !state.ended;
        let _late = self.0.ended.wait_timeout_while(state, FINAL_WAIT, ended);
    }
}

#[cfg(test)]
mod tests;
