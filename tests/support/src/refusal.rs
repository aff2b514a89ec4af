//! Checks that hold for every refusal.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::signer::{SECRET_ACCESS_KEY, Word};
use crate::wire::Response;

/// The status, code and message of a refusal.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a>(pub u16, pub &'a str, pub &'a str);

/// The refusal of a signature that does not match.
pub fn mismatch(words: Word) -> Refused<'static> {
    let message = match words {
        Word::Aws => {
            "The request signature we calculated does not match the signature you provided. Check your key and signing method."
        }
        Word::Wos => {
            "The request signature we calculated does not match the signature you provided."
        }
    };
    Refused(403, "SignatureDoesNotMatch", message)
}

/// Asserts that the gateway itself refused a request other than HEAD: the status, and a well-formed document with the code,
/// with the request id of the header, and without the secret. `case` is printed on failure.
pub fn assert_refused(case: &str, response: &Response, status: u16, code: &str) {
    let shown = format!("{case}:\n{}", shown(response));
    assert_refused_head(case, response, status);
    let length = response.body.len().to_string();
    assert_eq!(response.header("content-length"), Some(&*length), "{shown}");
    let text = response.text();
    assert!(text.contains("?>\n<Error><Code>"), "{shown}");
    let elements = elements(&text);
    let element = |name: &str| {
        let all = elements.iter().filter(|(own, _)| own == name);
        let all: Vec<&str> = all.map(|(_, text)| text.as_str()).collect();
        assert_eq!(all.len(), 1, "{name} in {shown}");
        all[0]
    };
    assert_eq!(element("Code"), code, "{shown}");
    assert_eq!(element("RequestId"), request_id(response), "{shown}");
    assert!(is_id(element("HostId")), "{shown}");
    assert!(!element("Message").is_empty(), "{shown}");
    element("Resource");
}

/// The checks that also hold for the response to HEAD.
pub fn assert_refused_head(case: &str, response: &Response, status: u16) {
    let shown = format!("{case}:\n{}", shown(response));
    assert_eq!(response.status, status, "{shown}");
    let kind = response.header("content-type");
    assert_eq!(kind, Some("application/xml"), "{shown}");
    request_id(response);
    assert!(!shown.contains(SECRET_ACCESS_KEY), "{shown}");
}

/// The header and the body of a response, as text.
pub fn shown(response: &Response) -> String {
    String::from_utf8_lossy(&response.head.raw).into_owned() + &response.text()
}

/// The request id of the gateway, which a response has exactly once, in the header of one dialect.
pub fn request_id(response: &Response) -> String {
    let ids: Vec<&str> = ["x-amz-request-id", "x-wos-request-id"]
        .iter()
        .flat_map(|name| response.head.all(name))
        .collect();
    let &[id] = ids.as_slice() else {
        panic!("request ids {ids:?}\n{}", shown(response))
    };
    assert!(is_id(id), "{id}");
    id.to_owned()
}

/// Whether a text is 32 hexadecimal digits.
pub fn is_id(text: &str) -> bool {
    text.len() == 32
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The elements in `<Error>`, the root of a well-formed document without attributes.
fn elements(xml: &str) -> Vec<(String, String)> {
    let mut reader = Reader::from_str(xml);
    let (mut path, mut found) = (Vec::new(), Vec::<(String, String)>::new());
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(start) => {
                assert!(start.attributes().next().is_none(), "{xml}");
                let name = start.name().as_ref().to_owned();
                if path.len() == 1 {
                    found.push((name.clone(), String::new()));
                }
                path.push(name);
            }
            Event::End(_) => drop(path.pop()),
            Event::Text(text) if path.len() == 2 => {
                let (_, value) = found.last_mut().expect("an element is open");
                value.push_str(&text);
            }
            Event::Eof => {
                assert!(path.is_empty() && !found.is_empty(), "{xml}");
                return found;
            }
            _ => {}
        }
        assert!(path.len() <= 2 && path.first().is_none_or(|root| root == "Error"));
    }
}

/// Asserts that there is one root element, and that every element is closed.
pub fn assert_well_formed(text: &str) {
    let mut reader = Reader::from_str(text);
    let mut open = 0;
    let mut roots = 0;
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => {
                roots += usize::from(open == 0);
                open += 1;
            }
            Ok(Event::End(_)) => open -= 1,
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => panic!("{error}: {text}"),
        }
    }
    assert_eq!((open, roots), (0, 1), "{text}");
}

/// Replaces the five predefined entities of XML.
pub fn unescape(text: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (entity, meant)| {
        text.replace(entity, meant)
    })
}
