//! Reads a form up to its file, before a node is contacted.

use bytes::BytesMut;
use tokio::time::timeout;

use crate::body::Framing;
use crate::body::form::{
    Boundary, FormBody, FormHead, HeadReader, MAX_HEAD_LENGTH, MAX_WHOLE_FORM,
};
use crate::error::Refusal;
use crate::gateway::client::{Client, Piece};
use crate::wire::PIECE;
use crate::wire::connection::{Connection, ReadState};

/// The size of Pingora's buffer for a body that is read before a node is contacted (`BODY_BUF_LIMIT`).
const REPLAYED: usize = 64 * 1024;

// The guard returns the bytes of a form in small reads, and the parser may have one of them already.
const _: () = assert!(MAX_HEAD_LENGTH + 2 * PIECE < REPLAYED);
const _: () = assert!(MAX_WHOLE_FORM + 2 * PIECE < REPLAYED);

/// The head of a form (its fields before the file), and how much was read with it.
pub struct Read {
    pub head: FormHead,
    extent: Length,
}

enum Length {
    /// The whole form.
    Whole(BytesMut),
    /// The beginning of a form of this length; none with `Transfer-Encoding: chunked`.
    Beginning(Option<u64>),
}

impl Read {
    /// The plan of the body. With `needs_length` the node needs the length of the file in advance.
    ///
    /// # Errors
    /// [`Refusal::Form`].
    pub fn body(
        &self,
        boundary: &Boundary,
        framing: Framing,
        needs_length: bool,
    ) -> Result<FormBody, Refusal> {
        let body = match &self.extent {
            Length::Whole(body) => FormBody::of_whole(body, &self.head, boundary, framing),
            Length::Beginning(length) => {
                let form = FormBody::of_stream(*length, &self.head, boundary, framing);
                if needs_length {
                    form.promised()
                } else {
                    Ok(form)
                }
            }
        };
        body.map_err(Refusal::Form)
    }
}

/// Reads the head of a form; a short form is read to its end. `length` is that of the form; none with `Transfer-Encoding:
/// chunked`.
///
/// # Errors
/// [`Refusal::Form`], [`Refusal::ClientSilent`].
pub async fn head(
    client: &mut Client<'_>,
    connection: &Connection,
    boundary: &Boundary,
    length: Option<u64>,
) -> Result<Read, Refusal> {
    // The fields are in the body.
    client.allow_body().await;
    client.forget_expectation();
    client.keep_what_is_read();
    connection.set_state(ReadState::Form);
    // Nothing is verified yet, so the fields have the timeout of a header section, not that of a body.
    let time = connection.header_timeout();
    let read = timeout(time, pieces(client, boundary, length)).await;
    connection.set_state(ReadState::Body);
    read.map_err(|_late| Refusal::ClientSilent)?
}

async fn pieces(
    client: &mut Client<'_>,
    boundary: &Boundary,
    length: Option<u64>,
) -> Result<Read, Refusal> {
    let is_short = length.is_none_or(|length| length <= MAX_WHOLE_FORM as u64);
    let mut reader = HeadReader::new(boundary);
    let mut body = BytesMut::new();
    let mut head = None;
    loop {
        let Piece {
            bytes: piece,
            last: ended,
        } = client.next_piece().await?;
        if head.is_none() {
            head = reader.push(&piece).map_err(Refusal::Form)?;
        }
        if is_short {
            body.extend_from_slice(&piece);
        }
        match (head, ended) {
            (Some(head), true) if is_short => {
                let extent = Length::Whole(body);
                return Ok(Read { head, extent });
            }
            (Some(head), _) if !is_short || body.len() > MAX_WHOLE_FORM => {
                let extent = Length::Beginning(length);
                return Ok(Read { head, extent });
            }
            (None, true) => return Err(Refusal::Form(reader.cut())),
            (more, _) => head = more,
        }
    }
}
