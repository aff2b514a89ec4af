//! The file of a form while it streams, and the check that the form is complete.

use std::sync::Arc;

use bytes::{Buf, Bytes};

use super::boundary::Boundary;
use super::head::{EMPTY_PART, FormHead, Next, header, next};
use super::{FormFault, MAX_TAIL_LENGTH, MAX_WHOLE_FORM};
use crate::body::pieces::concat;
use crate::body::{End, Framing};

/// The line end of the header of the file's part. Together with it the file could begin with its own boundary.
const HEADER_END: &[u8] = b"\r\n";
const NO_END: FormFault = FormFault::Malformed("it has no closing boundary");

/// What is known of the body of a form once its head has been read.
#[derive(Debug, Clone)]
pub struct FormBody {
    boundary: Arc<Boundary>,
    head_length: u64,
    /// The length of the form; none where it arrives in chunks and has not been read whole.
    content_length: Option<u64>,
    /// The length of the file, if it is known or promised to the node.
    file_length: Option<u64>,
    framing: Framing,
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
        let length = body.len() as u64;
        let form = Self::of_stream(Some(length), head, boundary, framing);
        let mut verifier = form.verifier();
        verifier.push(Bytes::copy_from_slice(body), End::Last)?;
        Ok(Self {
            file_length: Some(verifier.file_length()),
            ..form
        })
    }

    /// A form of which only the beginning was read. `content_length` is the length of all of it, if known.
    pub fn of_stream(
        content_length: Option<u64>,
        head: &FormHead,
        boundary: &Boundary,
        framing: Framing,
    ) -> Self {
        Self {
            boundary: Arc::new(boundary.clone()),
            head_length: head.length as u64,
            content_length,
            file_length: None,
            framing,
        }
    }

    /// The same with the length of its file promised to the node: the length that it has if only the usual closing line
    /// follows it.
    ///
    /// # Errors
    /// [`FormFault::NoLength`]; [`FormFault::NotTheLast`] if the form is too short for a closing line.
    pub fn promised(self) -> Result<Self, FormFault> {
        if self.content_length.is_none() {
            return Err(FormFault::NoLength);
        }
        let usual = self.usual_file_length();
        Ok(Self {
            file_length: Some(usual.ok_or(FormFault::NotTheLast)?),
            ..self
        })
    }

    /// The length of the file, if the node is told it in advance.
    pub fn file_length(&self) -> Option<u64> {
        self.file_length
    }

    /// The least and the greatest length that the file can have, in bytes.
    pub fn file_lengths(&self) -> (u64, u64) {
        let delimiter = self.boundary.delimiter().len() as u64;
        match (self.file_length, self.behind_head()) {
            (Some(length), _) => (length, length),
            (None, Some(rest)) => (
                rest.saturating_sub(MAX_TAIL_LENGTH as u64),
                rest.saturating_sub(delimiter + b"--".len() as u64),
            ),
            (None, None) => (0, u64::MAX),
        }
    }

    /// The length of the file if only the usual closing line follows it; none where that is not known.
    pub fn usual_file_length(&self) -> Option<u64> {
        let closing = self.boundary.closing_length() as u64;
        self.file_length
            .or_else(|| self.behind_head()?.checked_sub(closing))
    }

    fn behind_head(&self) -> Option<u64> {
        self.content_length?.checked_sub(self.head_length)
    }

    /// A verifier for one transmission, which gets the body from its first byte.
    pub fn verifier(&self) -> FormBodyVerifier {
        FormBodyVerifier {
            head_left: self.head_length,
            seam: HEADER_END.to_vec(),
            searched: 0,
            held: Bytes::new(),
            tail: None,
            plan: self.clone(),
        }
    }
}

/// Follows one body to its end. What it gives may be forwarded; the last bytes of the file are held back until the form is
/// known to be complete.
#[derive(Debug)]
pub struct FormBodyVerifier {
    plan: FormBody,
    /// The bytes of the head that have not arrived.
    head_left: u64,
    /// The end of what was searched, one byte shorter than a delimiter, so that a delimiter across two pieces is found.
    seam: Vec<u8>,
    /// The bytes of the file so far; until its end is found, including those that may belong to the delimiter.
    searched: u64,
    /// What is held back.
    held: Bytes,
    /// What follows the file, from its delimiter on; none before that.
    tail: Option<Vec<u8>>,
}

impl FormBodyVerifier {
    /// Takes the next piece, and gives what may be forwarded now: the file alone, or with [`Framing::AsReceived`] the form.
    ///
    /// # Errors
    /// [`FormFault`]. Nothing more of the body may be forwarded then.
    pub fn push(&mut self, mut piece: Bytes, end: End) -> Result<Bytes, FormFault> {
        let left = usize::try_from(self.head_left).unwrap_or(usize::MAX);
        let mut head = left.min(piece.len());
        self.head_left -= head as u64;
        if self.plan.framing == Framing::Plain {
            piece.advance(head);
            head = 0;
        }
        let ready = match &mut self.tail {
            None => self.search(piece, head)?,
            Some(tail) => {
                add(tail, &piece, &self.plan.boundary)?;
                Bytes::new()
            }
        };
        if end == End::More {
            return Ok(ready);
        }
        let tail = self.tail.as_deref().ok_or(NO_END)?;
        check_tail(tail, &self.plan.boundary)?;
        let ready = concat(ready, std::mem::take(&mut self.held));
        Ok(match self.plan.framing {
            Framing::Plain => ready,
            Framing::AsReceived => concat(ready, Bytes::copy_from_slice(tail)),
        })
    }

    /// The length of the file once its end has been found; before that, the least that it can be.
    pub fn file_length(&self) -> u64 {
        match self.tail {
            Some(_) => self.searched,
            None => self.searched.saturating_sub(self.seam.len() as u64),
        }
    }

    /// Searches a piece, whose first `head` bytes are not the file's, for the end of the file, and gives what may be forwarded.
    fn search(&mut self, mut piece: Bytes, head: usize) -> Result<Bytes, FormFault> {
        let boundary = Arc::clone(&self.plan.boundary);
        let delimiter = boundary.delimiter().len();
        let overlap = delimiter - 1;
        let file = &piece[head..];
        let seam = self.seam.len();
        self.seam
            .extend_from_slice(&file[..file.len().min(overlap)]);
        // Its position, from the first byte of the seam.
        let across = boundary.find(&self.seam);
        let Some(at) = across.or_else(|| Some(seam + boundary.find(file)?)) else {
            self.searched += file.len() as u64;
            if file.len() >= overlap {
                self.seam.clear();
                self.seam.extend_from_slice(&file[file.len() - overlap..]);
            } else {
                let excess = self.seam.len().saturating_sub(overlap);
                self.seam.drain(..excess);
            }
            return Ok(self.hold(piece));
        };
        let length = (self.searched + at as u64).checked_sub(seam as u64);
        self.searched = length.ok_or(EMPTY_PART)?;
        if self
            .plan
            .file_length
            .is_some_and(|found| found != self.searched)
        {
            return Err(FormFault::NotTheLast);
        }
        let mut tail = boundary.delimiter().to_vec();
        add(&mut tail, &file[at + delimiter - seam..], &boundary)?;
        self.tail = Some(tail);
        if let Some(of_piece) = at.checked_sub(seam) {
            piece.truncate(head + of_piece);
            return Ok(self.hold(piece));
        }
        self.held.truncate(self.held.len() + at - seam);
        Ok(Bytes::new())
    }

    /// Holds back one byte more than the usual closing line, so that a node cannot have all of a file, not even of one with the
    /// promised length, before the end has been read. A longer piece is held back instead of the one before.
    fn hold(&mut self, piece: Bytes) -> Bytes {
        let kept = self.plan.boundary.closing_length() + 1;
        if piece.len() >= kept {
            return std::mem::replace(&mut self.held, piece);
        }
        let ready = (self.held.len() + piece.len()).saturating_sub(kept);
        let ready = self.held.split_to(ready);
        self.held = concat(std::mem::take(&mut self.held), piece);
        ready
    }
}

/// Adds to what follows the file.
fn add(tail: &mut Vec<u8>, more: &[u8], boundary: &Boundary) -> Result<(), FormFault> {
    let room = MAX_TAIL_LENGTH - tail.len();
    tail.extend_from_slice(&more[..more.len().min(room)]);
    if more.len() <= room {
        return Ok(());
    }
    // What is so long is most likely another file.
    match check_tail(tail, boundary) {
        Err(FormFault::SeveralFiles) => Err(FormFault::SeveralFiles),
        _ => Err(FormFault::TailTooLong),
    }
}

/// Checks what follows the file, from the delimiter on. Fields there are ignored (Amazon S3 API Reference, "POST Object":
/// the file is the last field); another file is not.
fn check_tail(tail: &[u8], boundary: &Boundary) -> Result<(), FormFault> {
    let mut rest = tail;
    loop {
        rest = rest.get(boundary.delimiter().len()..).ok_or(NO_END)?;
        let after = next(rest)?.ok_or(NO_END)?;
        rest = &rest[2..];
        match after {
            Next::End => return check_epilogue(rest, boundary),
            Next::Part => {}
        }
        let (part, length) = header(rest)?.ok_or(NO_END)?;
        if part.is_file() {
            return Err(FormFault::SeveralFiles);
        }
        // From the line end of the part's header on: with nothing in between, some readers see the next part there.
        let value = rest.get(length - HEADER_END.len()..).ok_or(NO_END)?;
        let delimiter = boundary.find(value).ok_or(NO_END)?;
        if delimiter < HEADER_END.len() {
            return Err(EMPTY_PART);
        }
        rest = &value[delimiter..];
    }
}

/// What follows the closing boundary is ignored (RFC 2046, section 5.1.1: the epilogue). It has to be on separate lines, and may
/// not have the boundary again, at which some readers would continue.
fn check_epilogue(epilogue: &[u8], boundary: &Boundary) -> Result<(), FormFault> {
    let apart = epilogue.is_empty() || epilogue.starts_with(b"\r\n");
    if apart && memchr::memmem::find(epilogue, boundary.opening()).is_none() {
        return Ok(());
    }
    Err(FormFault::Malformed(
        "something follows its closing boundary",
    ))
}

// A form that is read whole is replayed from a buffer, in pieces of any size.
const _: () = assert!(MAX_WHOLE_FORM < crate::body::MAX_HELD);
// The file of a form that streams is never empty: so a node that gets it in chunks cannot take the header for all of it.
const _: () = assert!(super::MAX_HEAD_LENGTH + MAX_TAIL_LENGTH < MAX_WHOLE_FORM);

#[cfg(test)]
#[path = "file/tests.rs"]
mod tests;
