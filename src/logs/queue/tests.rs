use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{self, Receiver, Sender};

use super::*;

/// A writer that blocks until the test lets it continue.
struct Gate {
    leave: Receiver<()>,
    taken: Sender<Vec<u8>>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Once the sender is dropped, nothing blocks any more.
        let _gone = self.leave.recv();
        self.taken.send(bytes.to_vec()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gate() -> (Gate, Sender<()>, Receiver<Vec<u8>>) {
    let ((give, leave), (taken, written)) = (mpsc::channel(), mpsc::channel());
    (Gate { leave, taken }, give, written)
}

#[test]
fn l6_a_stalled_log_is_bounded_in_bytes_and_counts_what_it_drops() {
    for length in [1_000, 30_000, 200_000] {
        let (gate, leave, written) = gate();
        let (queue, guard) = Queue::start(gate);
        let line = [vec![b'x'; length - 1], b"\n".to_vec()].concat();
        let sent = 4 * MAX_WAITING_BYTES / length;
        for _ in 0..sent {
            queue.push(&line, Urgency::Gathered);
            let state = queue.0.lock();
            assert!(state.held <= MAX_WAITING_BYTES, "{}", state.held);
            assert!(state.waiting <= state.held);
        }
        let kept = sent - usize::try_from(queue.dropped()).unwrap();
        assert_eq!(queue.waiting(), kept * length);
        // At least half of the memory is used: a buffer is as large as its lines need.
        assert!(kept * length > MAX_WAITING_BYTES / 2, "{kept} of {length}");
        // With free memory, lines are accepted again; the accepted lines are written completely and in order.
        drop(leave);
        drop(guard);
        let text: Vec<u8> = written.iter().flatten().collect();
        assert_eq!(text, line.repeat(kept));
        assert_eq!(
            (queue.waiting(), queue.0.lock().held <= 2 * PIECE),
            (0, true)
        );
    }
}

#[test]
fn l6_a_line_larger_than_the_bound_is_dropped_and_the_next_one_is_not() {
    let (gate, leave, written) = gate();
    let (queue, guard) = Queue::start(gate);
    drop(leave);
    queue.push(&vec![b'x'; MAX_WAITING_BYTES + 1], Urgency::Gathered);
    queue.push(b"next\n", Urgency::Gathered);
    assert_eq!(queue.dropped(), 1);
    drop(guard);
    assert_eq!(written.iter().flatten().collect::<Vec<u8>>(), b"next\n");
    queue.push(b"too late\n", Urgency::Gathered);
    assert_eq!(queue.dropped(), 2);
}

#[test]
fn lines_are_gathered_and_an_urgent_one_takes_those_before_it_along() {
    let (gate, leave, written) = gate();
    let (queue, _guard) = Queue::start(gate);
    leave.send(()).unwrap();
    queue.push(b"one\n", Urgency::Gathered);
    queue.push(b"two\n", Urgency::Gathered);
    // The line is written without a further event.
    let mut text = written.recv().unwrap();
    leave.send(()).unwrap();
    queue.push(b"three\n", Urgency::AtOnce);
    while !text.ends_with(b"three\n") {
        leave.send(()).unwrap();
        text.extend(written.recv().unwrap());
    }
    assert_eq!(text, b"one\ntwo\nthree\n");
}

#[test]
fn what_waits_is_written_at_the_end_and_on_a_panic() {
    let (gate, leave, written) = gate();
    drop(leave);
    let unwound = std::panic::catch_unwind(AssertUnwindSafe(move || {
        let (queue, _guard) = Queue::start(gate);
        queue.push(b"last words\n", Urgency::Gathered);
        panic!("as it was to be");
    }));
    assert!(unwound.is_err());
    assert_eq!(
        written.iter().flatten().collect::<Vec<u8>>(),
        b"last words\n"
    );
}

#[test]
fn whoever_does_not_read_does_not_keep_the_process_from_ending() {
    let (gate, _leave, _written) = gate();
    let (queue, guard) = Queue::start(gate);
    queue.push(b"unread\n", Urgency::AtOnce);
    drop(guard);
    assert_eq!(queue.waiting(), 7);
}

/// A writer that fails in a given way.
struct Failing(Vec<io::Result<usize>>, Sender<Vec<u8>>);

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.0.pop().unwrap_or(Ok(bytes.len()))?;
        self.1
            .send(bytes[..count].to_vec())
            .map_err(io::Error::other)?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_is_not_ready_is_asked_again_and_one_that_is_gone_loses_counted_lines() {
    let (taken, written) = mpsc::channel();
    let failures = vec![
        Err(ErrorKind::BrokenPipe.into()),
        Ok(2),
        Err(ErrorKind::WouldBlock.into()),
        Err(ErrorKind::Interrupted.into()),
    ];
    let (queue, guard) = Queue::start(Failing(failures, taken));
    // In one buffer, so that the writer gets both at once.
    queue.push(b"one\ntwo\n", Urgency::AtOnce);
    drop(guard);
    assert_eq!(written.iter().flatten().collect::<Vec<u8>>(), b"on");
    assert_eq!((queue.dropped(), queue.waiting()), (2, 0));
}
