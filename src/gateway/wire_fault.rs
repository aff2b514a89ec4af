//! The response to an invalid request header.

use super::{observe, respond};
use crate::error::{Refusal, WireFault};
use crate::runtime::request_id::RequestId;
use crate::wire::connection::Connection;

/// Records an invalid request header, and returns the complete response to it. The connection closes after the response.
pub fn answer_to_fault(connection: &Connection, fault: WireFault) -> Vec<u8> {
    let runtime = connection.runtime();
    let refusal = Refusal::Wire(fault);
    let dialect = connection
        .listener(&runtime.live.load())
        .response_dialect(None);
    let request_id = RequestId::random();
    let answer = refusal.answer(dialect);
    let reason = refusal.reason();
    observe::wire_fault(runtime, connection, &request_id, &answer, reason);
    respond::raw(&answer, dialect, &request_id, &runtime.host_id)
}
