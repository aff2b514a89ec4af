//! The file of a form: its bytes on their way to the node, and the proof that they were all of it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::boundary::Boundary;
use super::head::{EMPTY_PART, FormHead, Next, header, next};
use super::{FormFault, MAX_WHOLE_FORM};
use crate::body::{End, Framing};

/// What may stand behind the closing boundary of a form that is held whole: nothing, or line ends.
const EPILOGUES: [&[u8]; 3] = [b"", b"\r\n", b"\r\n\r\n"];

/// What is known of a form's body once its head has been read.
#[derive(Debug, Clone)]
pub struct FormBody {
    head_length: u64,
    file_length: u64,
    rest: Rest,
    framing: Framing,
}

/// What follows the file.
#[derive(Debug, Clone)]
enum Rest {
    /// It has been read, and the file ends where it should.
    Proven,
    /// It has not arrived: it has to be the closing line.
    Awaited(Arc<Boundary>),
}

impl FormBody {
    /// A form that was read whole: `body` is all of it.
    ///
    /// # Errors
    /// [`FormFault`].
    pub fn of_whole(
        body: &[u8],
        head: &FormHead,
        boundary: &Boundary,
        framing: Framing,
    ) -> Result<Self, FormFault> {
        let rest = body.get(head.length..).unwrap_or_default();
        // With the line end of the part's header: the file may not begin with `--boundary`.
        let from_header = body
            .get(head.length.saturating_sub(2)..)
            .unwrap_or_default();
        let file_length = boundary
            .find(from_header)
            .ok_or(FormFault::Malformed("its file has no end"))?
            .checked_sub(2)
            .ok_or(EMPTY_PART)?;
        check_rest(&rest[file_length..], boundary)?;
        Ok(Self {
            head_length: head.length as u64,
            file_length: file_length as u64,
            rest: Rest::Proven,
            framing,
        })
    }

    /// A form of which only the beginning was read: `content_length` is the length of all of it.
    ///
    /// # Errors
    /// [`FormFault::NotTheLast`] where it is too short to end with the closing line.
    pub fn of_length(
        content_length: u64,
        head: &FormHead,
        boundary: &Boundary,
        framing: Framing,
    ) -> Result<Self, FormFault> {
        let head_length = head.length as u64;
        let closing = boundary.closing().len() as u64;
        let file_length = content_length
            .checked_sub(head_length)
            .and_then(|rest| rest.checked_sub(closing))
            .ok_or(FormFault::NotTheLast)?;
        Ok(Self {
            head_length,
            file_length,
            rest: Rest::Awaited(Arc::new(boundary.clone())),
            framing,
        })
    }

    /// The bytes of the file, which the node is told in advance.
    pub fn file_length(&self) -> u64 {
        self.file_length
    }

    /// A verifier for one attempt at a node, which gets the body from its first byte.
    pub fn verifier(&self) -> FormBodyVerifier {
        let closing = match &self.rest {
            Rest::Proven => Vec::new(),
            Rest::Awaited(boundary) => boundary.closing(),
        };
        FormBodyVerifier {
            plan: self.clone(),
            closing,
            taken: 0,
            seam: Vec::new(),
            held: Bytes::new(),
            passed: 0,
        }
    }
}

/// Follows one body to its end. What it gives may go on to the node; at least the last byte stays here until the form has
/// turned out to be whole.
#[derive(Debug)]
pub struct FormBodyVerifier {
    plan: FormBody,
    closing: Vec<u8>,
    /// The bytes of the body so far.
    taken: u64,
    /// The end of them, as long as a delimiter without its last byte, that a delimiter across two pieces is seen.
    seam: Vec<u8>,
    held: Bytes,
    /// The bytes that have gone on.
    passed: u64,
}

impl FormBodyVerifier {
    /// Takes the next piece, and gives what may go on now: the file alone, or in [`Framing::AsReceived`] the form.
    ///
    /// # Errors
    /// [`FormFault::NotTheLast`]. Nothing of the body may go on then.
    pub fn push(&mut self, piece: Bytes, end: End) -> Result<Bytes, FormFault> {
        self.look_for_delimiter(&piece)?;
        self.taken += piece.len() as u64;
        let FormBody {
            head_length,
            file_length,
            ref rest,
            framing,
        } = self.plan;
        let awaited = matches!(rest, Rest::Awaited(_));
        let whole = head_length + file_length + self.closing.len() as u64;
        if awaited && self.taken > whole {
            return Err(FormFault::NotTheLast);
        }
        if end == End::Yes {
            let all = joined(std::mem::take(&mut self.held), piece);
            let proven = !awaited || (self.taken == whole && all.ends_with(&self.closing));
            return match proven {
                true => Ok(self.cut(all, framing)),
                false => Err(FormFault::NotTheLast),
            };
        }
        // The closing line and one byte more stay here. A piece that is longer than that holds them by itself.
        let kept = self.closing.len() + 1;
        let ready = if piece.len() >= kept {
            std::mem::replace(&mut self.held, piece)
        } else {
            let ready = (self.held.len() + piece.len()).saturating_sub(kept);
            let ready = self.held.split_to(ready);
            self.held = joined(std::mem::take(&mut self.held), piece);
            ready
        };
        Ok(self.cut(ready, framing))
    }

    /// Takes away what is not the file.
    fn cut(&mut self, mut bytes: Bytes, framing: Framing) -> Bytes {
        let start = self.passed;
        self.passed += bytes.len() as u64;
        if framing == Framing::AsReceived {
            return bytes;
        }
        let (first, last) = (
            self.plan.head_length,
            self.plan.head_length + self.plan.file_length,
        );
        let within = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
        bytes.truncate(within(last));
        bytes.split_off(within(first).min(bytes.len()))
    }

    /// Inside the file a delimiter would end it for another reader: the fields behind it are none that were checked.
    fn look_for_delimiter(&mut self, piece: &Bytes) -> Result<(), FormFault> {
        let Rest::Awaited(boundary) = &self.plan.rest else {
            return Ok(());
        };
        let overlap = boundary.delimiter().len() - 1;
        // From the line end of the part's header on.
        let start = self.plan.head_length.saturating_sub(2);
        let file = start..self.plan.head_length + self.plan.file_length;
        let inside = |at: u64| file.contains(&at);
        let seam_start = self.taken - self.seam.len() as u64;
        self.seam
            .extend_from_slice(&piece[..piece.len().min(overlap)]);
        let mut found = all(boundary, &self.seam).map(|at| seam_start + at);
        let mut in_piece = all(boundary, piece).map(|at| self.taken + at);
        if found.any(inside) || in_piece.any(inside) {
            return Err(FormFault::NotTheLast);
        }
        drop((found, in_piece));
        if piece.len() >= overlap {
            self.seam.clear();
            self.seam.extend_from_slice(&piece[piece.len() - overlap..]);
        } else {
            let excess = self.seam.len().saturating_sub(overlap);
            self.seam.drain(..excess);
        }
        Ok(())
    }
}

/// Where delimiters stand.
fn all<'p>(boundary: &'p Boundary, bytes: &'p [u8]) -> impl Iterator<Item = u64> + 'p {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + boundary.find(bytes.get(from..)?)?;
        from = at + 1;
        Some(at as u64)
    })
}

fn joined(one: Bytes, other: Bytes) -> Bytes {
    if one.is_empty() {
        return other;
    }
    if other.is_empty() {
        return one;
    }
    let mut all = BytesMut::with_capacity(one.len() + other.len());
    all.extend_from_slice(&one);
    all.extend_from_slice(&other);
    all.freeze()
}

/// Reads what follows the file in a form that is held whole, from the delimiter on. Fields there do not count (Amazon S3
/// API Reference, "POST Object": the file is the last field), another file does.
fn check_rest(rest: &[u8], boundary: &Boundary) -> Result<(), FormFault> {
    const NO_END: FormFault = FormFault::Malformed("it has no closing boundary");
    let mut rest = rest;
    loop {
        rest = rest.get(boundary.delimiter().len()..).ok_or(NO_END)?;
        let after = next(rest)?.ok_or(NO_END)?;
        rest = &rest[2..];
        match after {
            Next::End if EPILOGUES.contains(&rest) => return Ok(()),
            Next::End => {
                return Err(FormFault::Malformed(
                    "something follows its closing boundary",
                ));
            }
            Next::Part => {}
        }
        let (part, length) = header(rest)?.ok_or(NO_END)?;
        if part.is_file() || part.filename.is_some() {
            return Err(FormFault::SeveralFiles);
        }
        // From the line end of the part's header on: with nothing in between, another reader sees the next part there.
        let value = rest.get(length.saturating_sub(2)..).ok_or(NO_END)?;
        let delimiter = boundary.find(value).ok_or(NO_END)?;
        if delimiter < 2 {
            return Err(EMPTY_PART);
        }
        rest = &value[delimiter..];
    }
}

// A form that is held whole comes back from the gateway's buffer, in as many pieces as that gives.
const _: () = assert!(MAX_WHOLE_FORM < crate::body::MAX_HELD);

#[cfg(test)]
#[path = "file/tests.rs"]
mod tests;
