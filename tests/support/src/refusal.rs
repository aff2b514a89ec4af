//! What every refusal looks like, whatever was wrong.

use crate::deployment::{assert_well_formed, is_id, request_id, shown};
use crate::signer::SECRET_ACCESS_KEY;
use crate::wire::Response;

/// Asserts an answer of the gateway's own to anything but HEAD: the status, and a well-formed document with the code, with
/// the request id of the header, and without the secret. `case` names it where it is none.
pub fn assert_refused(case: &str, response: &Response, status: u16, code: &str) {
    let shown = format!("{case}:\n{}", shown(response));
    assert_eq!(response.status, status, "{shown}");
    assert_eq!(
        response.header("content-type"),
        Some("application/xml"),
        "{shown}"
    );
    assert_well_formed(&response.text());
    let element = |name: &str| response.element(name);
    assert_eq!(element("Code").as_deref(), Some(code), "{shown}");
    assert_eq!(element("RequestId"), Some(request_id(response)), "{shown}");
    assert!(element("HostId").is_some_and(|id| is_id(&id)), "{shown}");
    assert!(!shown.contains(SECRET_ACCESS_KEY), "{shown}");
}
