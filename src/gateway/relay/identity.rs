//! Replaces the ids in a node's error document with those of the gateway: the client gets one request id, in the header and in
//! the document. The node's id is in the log.

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memmem};

use super::Relay;
use crate::body::End;

/// The length of the longest id of the gateway. The node's may be empty, so a document can grow by this for each id.
const ID: usize = 32;
/// The elements whose text is replaced.
const TAGS: [&[u8]; 2] = [b"<RequestId>", b"<HostId>"];
/// The most that is buffered: the beginning of a tag.
const LONGEST_TAG: usize = TAGS[0].len();
/// The root element of an error document.
const ERROR: &[u8] = b"<Error>";

/// By how much the announced length of a document exceeds the node's.
pub const GROWTH: usize = TAGS.len() * ID;

/// A document whose ids are replaced while it streams, after its other translations.
#[derive(Debug)]
pub struct Identified {
    inner: Relay,
    ids: [Bytes; TAGS.len()],
    /// What is buffered: less than a tag.
    held: BytesMut,
    /// Whether the next bytes belong to an id of the node, which is removed.
    within: bool,
    /// Whether it is known to be an error document.
    is_error: bool,
    /// How much the document may still grow; none if no length is announced.
    room: Option<usize>,
}

impl Identified {
    /// A document before its body is read. If its length is `announced`, it has been increased by [`GROWTH`].
    pub fn new(
        inner: Relay,
        request_id: Bytes,
        host_id: &str,
        announced: bool,
        is_error: bool,
    ) -> Self {
        let host_id = &host_id[..host_id.len().min(ID)];
        Self {
            inner,
            ids: [request_id, Bytes::copy_from_slice(host_id.as_bytes())],
            held: BytesMut::new(),
            within: false,
            is_error,
            room: announced.then_some(GROWTH),
        }
    }

    /// Takes a part of the body, see [`Relay::push`].
    pub fn push(&mut self, piece: Bytes, end: End) -> (Bytes, Option<&'static str>) {
        let (piece, refused) = self.inner.push(piece, end);
        self.held.extend_from_slice(&piece);
        let mut passed = BytesMut::with_capacity(self.held.len() + GROWTH);
        self.replace(&mut passed, end);
        if end == End::Last {
            // White space after the root element fills the announced length.
            passed.resize(passed.len() + self.room.take().unwrap_or(0), b' ');
        }
        (passed.freeze(), refused)
    }

    fn replace(&mut self, passed: &mut BytesMut, end: End) {
        loop {
            if self.within {
                let text = memchr(b'<', &self.held);
                let length = text.unwrap_or(self.held.len());
                let _node_id = self.held.split_to(length);
                self.room = self.room.map(|room| room + length);
                self.within = text.is_none();
                if self.within {
                    return;
                }
            }
            self.is_error |= memmem::find(&self.held, ERROR).is_some();
            let found = TAGS.iter().zip(&self.ids).filter_map(|(tag, id)| {
                memmem::find(&self.held, tag).map(|at| (at + tag.len(), id))
            });
            match found
                .min_by_key(|(stop, _)| *stop)
                .filter(|_| self.is_error)
            {
                Some((stop, id)) => {
                    passed.extend_from_slice(&self.held.split_to(stop));
                    let left = self.room.map(|room| room.checked_sub(id.len()));
                    // If the announced length has no room for another id, the node's stays.
                    if left != Some(None) {
                        passed.extend_from_slice(id);
                        self.room = left.flatten();
                        self.within = true;
                    }
                }
                None => {
                    let tail = match end {
                        End::Last => 0,
                        End::More => self.tail(),
                    };
                    passed.extend_from_slice(&self.held.split_to(self.held.len() - tail));
                    return;
                }
            }
        }
    }

    /// The length of the end of the buffer that may be the beginning of a tag.
    fn tail(&self) -> usize {
        let from = self.held.len().saturating_sub(LONGEST_TAG - 1);
        memchr(b'<', &self.held[from..]).map_or(0, |at| self.held.len() - from - at)
    }
}
