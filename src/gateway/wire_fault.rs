//! The answer to what is no request.

use super::{observe, respond};
use crate::error::{Refusal, WireFault};
use crate::runtime::request_id::RequestId;
use crate::wire::connection::Connection;

/// Records bytes that were no request, and gives the whole answer to them, which ends the connection.
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
