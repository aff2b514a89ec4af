//! The ids in a node's error document, put into the gateway's: the client gets one id, in the header and in the document,
//! and the log tells the node's.

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memmem};

use super::Relay;

/// By how much a document can grow: an id has no more characters than this, and the node's may have none.
const ID: usize = 32;
/// The elements whose text is replaced.
const TAGS: [&[u8]; 2] = [b"<RequestId>", b"<HostId>"];
/// What is held back at most: the beginning of a tag.
const LONGEST_TAG: usize = TAGS[0].len();
/// The root element of an error document.
const ERROR: &[u8] = b"<Error>";

/// By how much the announced length of a document must exceed the node's.
pub const GROWTH: usize = TAGS.len() * ID;

/// A document whose ids are replaced while it passes, behind whatever else is done to it.
#[derive(Debug)]
pub struct Identified {
    inner: Relay,
    ids: [Bytes; TAGS.len()],
    /// What has come and not gone: less than a tag.
    held: BytesMut,
    /// Within the text of an id, which does not pass.
    within: bool,
    /// Whether it is known to be an error document.
    is_error: bool,
    /// So much may the document still grow; none where no length is announced.
    room: Option<usize>,
}

impl Identified {
    /// A document that is to come. Its length has grown by [`GROWTH`] where it is `announced`.
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

    /// Passes a piece, see [`Relay::body`].
    pub fn body(&mut self, piece: &mut Option<Bytes>, end: bool) -> Option<&'static str> {
        let refused = self.inner.body(piece, end);
        if let Some(arrived) = piece.take() {
            self.held.extend_from_slice(&arrived);
        }
        let mut passed = BytesMut::with_capacity(self.held.len() + GROWTH);
        self.replace(&mut passed, end);
        if end {
            // White space behind the root element makes up for what the document has not grown.
            passed.resize(passed.len() + self.room.take().unwrap_or(0), b' ');
        }
        *piece = Some(passed.freeze()).filter(|passed| !end || !passed.is_empty());
        refused
    }

    fn replace(&mut self, passed: &mut BytesMut, end: bool) {
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
            match found.min_by_key(|(end, _)| *end).filter(|_| self.is_error) {
                Some((end, id)) => {
                    passed.extend_from_slice(&self.held.split_to(end));
                    let left = self.room.map(|room| room.checked_sub(id.len()));
                    // No document has so many ids that there is no room for another: the node's stays.
                    if left != Some(None) {
                        passed.extend_from_slice(id);
                        self.room = left.flatten();
                        self.within = true;
                    }
                }
                None => {
                    let tail = if end { 0 } else { self.tail() };
                    passed.extend_from_slice(&self.held.split_to(self.held.len() - tail));
                    return;
                }
            }
        }
    }

    /// How much of the end of what is held may be the beginning of a tag.
    fn tail(&self) -> usize {
        let from = self.held.len().saturating_sub(LONGEST_TAG - 1);
        memchr(b'<', &self.held[from..]).map_or(0, |at| self.held.len() - from - at)
    }
}
