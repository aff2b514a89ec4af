//! The pieces in which a body arrives.

use bytes::{BufMut, Bytes, BytesMut};

/// One piece and then the other; copied only where neither is empty.
pub(in crate::body) fn concat(first: Bytes, second: Bytes) -> Bytes {
    if first.is_empty() {
        return second;
    }
    if second.is_empty() {
        return first;
    }
    let mut both = BytesMut::with_capacity(first.len() + second.len());
    both.put(first);
    both.put(second);
    both.freeze()
}
