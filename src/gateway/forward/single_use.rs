//! Connections to nodes that serve one request alone.

use http::header::CONNECTION;
use http::{HeaderValue, Method};
use pingora::http::RequestHeader;

/// Tells the node and Pingora that a connection serves this request alone, where that is so: it was made for this request
/// (`single`), or the request has a body where HTTP knows none (RFC 9110, section 9.3.1), which nodes leave unread.
/// `body_length` is none where the body comes in chunks.
///
/// # Errors
/// None: the value is a header value.
pub fn mark_single_use(
    request: &mut RequestHeader,
    body_length: Option<u64>,
    single: bool,
) -> pingora::Result<()> {
    let odd = matches!(request.method, Method::GET | Method::HEAD | Method::DELETE)
        && body_length != Some(0);
    if odd || single {
        request.insert_header(CONNECTION, HeaderValue::from_static("close"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l1_a_body_that_nodes_leave_unread_ends_the_connection() {
        for (method, length, single, closes) in [
            ("GET", Some(0), false, false),
            ("GET", Some(129), false, true),
            ("HEAD", Some(129), false, true),
            ("DELETE", None, false, true),
            ("PUT", Some(129), false, false),
            ("POST", None, false, false),
            ("PUT", Some(129), true, true),
        ] {
            let mut request = RequestHeader::build(method, b"/b/k", None).unwrap();
            mark_single_use(&mut request, length, single).unwrap();
            let marked = request.headers.get(CONNECTION);
            assert_eq!(
                marked.is_some_and(|value| value == "close"),
                closes,
                "{method} {length:?}"
            );
        }
    }
}
