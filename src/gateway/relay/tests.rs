use super::*;
use crate::dialect::{AWS, WOS};

const DOCUMENT: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><InitiateMultipartUploadResult \
    xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Bucket>bucket01</Bucket></InitiateMultipartUploadResult>";
const TRANSLATED: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><InitiateMultipartUploadResult \
    xmlns=\"http://wcs.chinanetcenter.com/document\"><Bucket>bucket01</Bucket></InitiateMultipartUploadResult>";

/// The ids that the documents of these tests would get.
fn identity() -> Identity<'static> {
    Identity {
        request_id: HeaderValue::from_static("id1"),
        host_id: "host1",
    }
}

fn head_of(status: u16) -> Parts {
    let (mut head, ()) = http::Response::new(()).into_parts();
    head.status = StatusCode::from_u16(status).unwrap();
    head
}

struct Translated {
    header: Parts,
    body: String,
}

/// Sends a document through, cut into pieces at `cuts`.
fn translate(
    dialect: DialectName,
    status: u16,
    document: &str,
    cuts: &[usize],
    announced: Option<usize>,
) -> Translated {
    let others = [DialectName::Wos, DialectName::Aws];
    let cluster = others[usize::from(dialect == others[0])];
    let mut header = head_of(status);
    header
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Some(length) = announced {
        header.headers.insert(CONTENT_LENGTH, length.into());
    }
    let operation = Operation::CreateMultipartUpload;
    let (relay, _) = head(
        &mut header,
        dialect,
        cluster,
        &Method::POST,
        operation,
        identity(),
        None,
    )
    .unwrap();
    through(header, relay, document, cuts)
}

/// Sends a body through, cut into pieces at `cuts`.
fn through(header: Parts, mut relay: Relay, document: &str, cuts: &[usize]) -> Translated {
    let mut body = Vec::new();
    let mut start = 0;
    for &cut in cuts.iter().chain([&document.len()]) {
        let piece = Bytes::copy_from_slice(&document.as_bytes()[start..cut]);
        body.extend_from_slice(&relay.push(piece, End::More).0);
        start = cut;
    }
    body.extend_from_slice(&relay.push(Bytes::new(), End::Last).0);
    Translated {
        header,
        body: String::from_utf8(body).unwrap(),
    }
}

#[test]
fn a_document_is_translated_wherever_it_is_cut() {
    for cut in 0..=DOCUMENT.len() {
        let whole = translate(
            DialectName::Wos,
            200,
            DOCUMENT,
            &[cut],
            Some(DOCUMENT.len()),
        );
        assert_eq!(whole.body, TRANSLATED, "cut at {cut}");
        assert_eq!(
            whole.header.headers[CONTENT_LENGTH],
            TRANSLATED.len().to_string()
        );
        assert_eq!(whole.header.headers["x-wos-request-id"], "id1");
        let unannounced = translate(DialectName::Wos, 200, DOCUMENT, &[cut], None);
        assert_eq!(unannounced.body, TRANSLATED, "cut at {cut}");
        assert!(!unannounced.header.headers.contains_key(CONTENT_LENGTH));
    }
}

#[test]
fn the_announced_length_always_holds() {
    let error = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code></Error>";
    let bare = "<Error><Code>NoSuchKey</Code></Error>";
    let standalone = TRANSLATED.replace(WOS.documents.namespaces[0], AWS.documents.namespaces[0]);
    let other = DOCUMENT.replace(AWS.documents.namespaces[0], "urn:other");
    let no_xml = "not a document at all";
    let comment = DOCUMENT.replace(
        "?><",
        "?><!-- <a xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/> --><",
    );
    let long = format!("<!--{}-->{DOCUMENT}", "x".repeat(2 * MAX_PROLOGUE));
    for document in [
        error,
        bare,
        &standalone,
        &other,
        no_xml,
        "",
        &comment,
        &long,
        DOCUMENT,
    ] {
        for status in [200, 404] {
            for dialect in [DialectName::Wos, DialectName::Aws] {
                let sent = translate(dialect, status, document, &[], Some(document.len()));
                let announced = sent.header.headers[CONTENT_LENGTH].to_str().unwrap();
                assert_eq!(
                    announced,
                    sent.body.len().to_string(),
                    "{dialect:?} {status} {document}"
                );
            }
        }
    }
    let sent = translate(DialectName::Wos, 404, error, &[], Some(error.len()));
    let translated = error.replace("\"?>", "\" standalone=\"yes\"?>");
    assert_eq!(sent.body.trim_end(), translated);
    let sent = translate(DialectName::Wos, 200, &comment, &[], None);
    assert!(
        sent.body
            .contains("<!-- <a xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/> -->")
    );
    assert!(
        sent.body
            .contains("Result xmlns=\"http://wcs.chinanetcenter.com/document\"")
    );
}

#[test]
fn each_namespace_of_the_vendor_becomes_the_one_of_s3() {
    for namespace in WOS.documents.namespaces {
        let document = DOCUMENT.replace(AWS.documents.namespaces[0], namespace);
        let sent = translate(DialectName::Aws, 200, &document, &[], None);
        assert_eq!(sent.body, DOCUMENT);
    }
}

#[test]
fn objects_heads_and_encoded_bodies_pass() {
    let relayed = |method: Method, operation, status: u16, encoding: Option<&str>| {
        let mut header = head_of(status);
        header
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        header
            .headers
            .insert("x-amz-meta-a", HeaderValue::from_static("b"));
        if let Some(encoding) = encoding {
            header
                .headers
                .insert(CONTENT_ENCODING, encoding.parse().unwrap());
        }
        let (relay, _) = head(
            &mut header,
            DialectName::Wos,
            DialectName::Aws,
            &method,
            operation,
            identity(),
            None,
        )
        .unwrap();
        assert_eq!(header.headers["x-wos-meta-a"], "b");
        assert!(!header.headers.contains_key("x-amz-meta-a"));
        matches!(relay, Relay::AsIs)
    };
    assert!(relayed(Method::GET, Operation::GetObject, 200, None));
    assert!(relayed(Method::GET, Operation::GetObject, 206, None));
    assert!(!relayed(Method::GET, Operation::GetObject, 404, None));
    assert!(relayed(Method::HEAD, Operation::HeadBucket, 200, None));
    assert!(relayed(
        Method::GET,
        Operation::ListObjects,
        200,
        Some("gzip")
    ));
    assert!(!relayed(Method::GET, Operation::ListObjects, 200, None));
}

#[test]
fn an_answer_without_a_body_keeps_its_length() {
    for (status, length) in [
        (200, Some(0)),
        (404, Some(0)),
        (204, None),
        (304, None),
        (304, Some(100)),
    ] {
        for dialect in [DialectName::Wos, DialectName::Aws] {
            let sent = translate(dialect, status, "", &[], length);
            assert_eq!(sent.body, "", "{dialect:?} {status} {length:?}");
            let announced = sent.header.headers.get(CONTENT_LENGTH);
            let expected = length.map(|length| length.to_string());
            assert_eq!(
                announced.map(|value| value.to_str().unwrap()),
                expected.as_deref(),
                "{dialect:?} {status}"
            );
        }
    }
}

#[test]
fn an_abort_answers_as_the_vendor_documents_it() {
    let mut header = head_of(204);
    let operation = Operation::AbortMultipartUpload;
    head(
        &mut header,
        DialectName::Wos,
        DialectName::Aws,
        &Method::DELETE,
        operation,
        identity(),
        None,
    )
    .unwrap();
    assert_eq!(header.status, StatusCode::OK);
    assert_eq!(header.headers[CONTENT_LENGTH], "0");
}

const ERROR: &str = "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><RequestId>NODE-0123456789</RequestId>\
    <HostId>the-node-with-a-name-that-is-longer-than-any-of-ours</HostId></Error>";

/// Sends an answer through whose words need no translation, cut into pieces at `cuts`.
fn relayed(
    operation: Operation,
    status: u16,
    document: &str,
    cuts: &[usize],
    announced: bool,
) -> Translated {
    let mut header = head_of(status);
    for (name, value) in [
        ("content-type", "application/xml"),
        ("x-amz-request-id", "NODE-0123456789"),
        ("x-amz-id-2", "the-node"),
    ] {
        header.headers.insert(name, value.parse().unwrap());
    }
    if announced {
        header.headers.insert(CONTENT_LENGTH, document.len().into());
    }
    let aws = DialectName::Aws;
    let (relay, node) = head(
        &mut header,
        aws,
        aws,
        &Method::PUT,
        operation,
        identity(),
        None,
    )
    .unwrap();
    assert_eq!(node.as_deref(), Some("NODE-0123456789"));
    assert_eq!(header.headers["x-amz-request-id"], "id1");
    through(header, relay, document, cuts)
}

#[test]
fn m18_the_ids_of_an_error_are_the_gateways_wherever_it_is_cut() {
    let expected = ERROR.replace("NODE-0123456789", "id1").replace(
        "the-node-with-a-name-that-is-longer-than-any-of-ours",
        "host1",
    );
    for cut in 0..=ERROR.len() {
        for other in [cut, (cut + 12).min(ERROR.len())] {
            for announced in [true, false] {
                let sent = relayed(Operation::GetObject, 404, ERROR, &[cut, other], announced);
                assert_eq!(sent.body.trim_end_matches(' '), expected, "{cut}");
                assert_eq!(sent.header.headers["x-amz-id-2"], "host1");
                let length = sent.header.headers.get(CONTENT_LENGTH);
                let length = length.map(|length| length.to_str().unwrap().parse().unwrap());
                assert_eq!(length, announced.then_some(sent.body.len()), "{cut}");
            }
        }
    }
    let bytes: Vec<usize> = (0..ERROR.len()).collect();
    let sent = relayed(Operation::GetObject, 503, ERROR, &bytes, false);
    assert_eq!(sent.body, expected);
}

#[test]
fn m18_the_announced_length_of_an_error_always_holds() {
    let many = "<Error><RequestId></RequestId><HostId></HostId></Error>".repeat(9);
    let longer = ERROR.replace("NODE-0123456789", &"x".repeat(70_000));
    for document in [
        "<Error/>",
        "<Error><RequestId/><HostId/></Error>",
        "<Error><RequestId></RequestId><HostId></HostId></Error>",
        "<Error><RequestId>cut",
        "<Error><RequestId",
        "<html>no document</html>",
        "<",
        &many,
        &longer,
    ] {
        for piece in [1, 7, document.len()] {
            let cuts: Vec<usize> = (0..document.len()).step_by(piece).collect();
            let sent = relayed(Operation::PutObject, 500, document, &cuts, true);
            let announced = sent.header.headers[CONTENT_LENGTH].to_str().unwrap();
            assert_eq!(announced, sent.body.len().to_string(), "{document:.40}");
        }
    }
}

/// S3 says 200 before it knows how some operations end.
#[test]
fn m18_an_error_under_a_200_is_one_too() {
    let keeping_awake = ERROR.replace("?>\n", &format!("?>\n{}", " \n".repeat(100)));
    for operation in [
        Operation::CompleteMultipartUpload,
        Operation::CopyObject,
        Operation::UploadPartCopy,
    ] {
        for cut in 0..keeping_awake.len() {
            let sent = relayed(operation, 200, &keeping_awake, &[cut], false);
            assert!(sent.body.contains("<RequestId>id1</RequestId>"), "{cut}");
            assert!(!sent.body.contains("NODE"), "{cut}");
        }
        // What is no error passes as it is, and so does the id of a node that has made no mistake.
        let good = "<CopyObjectResult><ETag>e</ETag><RequestId>x</RequestId></CopyObjectResult>";
        let sent = relayed(operation, 200, good, &[], true);
        assert_eq!(sent.body.trim_end_matches(' '), good);
        assert_eq!(sent.header.headers["x-amz-id-2"], "the-node");
    }
    let listed = relayed(Operation::ListObjects, 200, ERROR, &[], true);
    assert_eq!(listed.body, ERROR);
}
