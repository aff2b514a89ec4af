//! What every refusal looks like, whatever was wrong.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::signer::SECRET_ACCESS_KEY;
use super::wire::Response;

/// Asserts an answer of the gateway's own: the status, and an S3 error document that is well-formed, without a
/// namespace, with the request id of the header, and without the secret. `case` names it where it is none.
pub fn assert_refused(case: &str, response: &Response, status: u16, code: &str) {
    let text = response.text();
    let shown = format!(
        "{case}:\n{}\n{:?}\n{text}",
        response.head.line, response.head.headers
    );
    assert_eq!(response.status, status, "{shown}");
    assert_eq!(
        response.header("content-type"),
        Some("application/xml"),
        "{shown}"
    );
    let id = response
        .header("x-amz-request-id")
        .or(response.header("x-wos-request-id"));
    let id = id.unwrap_or_else(|| panic!("no request id in {shown}"));
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{shown}"
    );
    let names = elements(&text);
    assert_eq!(names[0], "Error", "{shown}");
    for name in ["Code", "Message", "Resource", "RequestId", "HostId"] {
        assert_eq!(
            names.iter().filter(|own| *own == name).count(),
            1,
            "{name} in {shown}"
        );
    }
    assert_eq!(response.element("Code").as_deref(), Some(code), "{shown}");
    assert_eq!(
        response.element("RequestId").as_deref(),
        Some(id),
        "{shown}"
    );
    assert!(!shown.contains(SECRET_ACCESS_KEY), "{shown}");
}

/// The names of a document's elements in their order. Fails where it is not well-formed.
pub fn elements(document: &str) -> Vec<String> {
    let mut reader = Reader::from_str(document);
    let mut names = Vec::new();
    loop {
        match reader
            .read_event()
            .unwrap_or_else(|error| panic!("{error} in {document}"))
        {
            Event::Start(tag) | Event::Empty(tag) => names.push(tag.name().as_ref().to_owned()),
            Event::Eof => return names,
            _ => {}
        }
    }
}
