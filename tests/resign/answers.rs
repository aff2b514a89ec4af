//! What comes back: in the client's words, and never the blame for a signature that is the gateway's.

use crate::scene::{Resigning, SignWith};
use support::rec::Answer;
use support::signer::{Request, Word, now};
use support::wire::Response;

/// Every code that says something about the signature of a request.
const CODES: [(u16, &str); 8] = [
    (400, "AuthorizationHeaderMalformed"),
    (400, "ExpiredToken"),
    (403, "InvalidAccessKeyId"),
    (403, "InvalidSecurity"),
    (400, "InvalidToken"),
    (400, "MissingSecurityHeader"),
    (403, "RequestTimeTooSkewed"),
    (403, "SignatureDoesNotMatch"),
];
const OWN: &str =
    "The storage nodes do not accept the credentials of the gateway; inform its operator.";

fn document(code: &str, further: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>m</Message>{further}</Error>"
    )
}

/// The node's answer, with a length or in chunks of HTTP's.
fn answer(status: u16, body: &str, chunked: bool) -> Answer {
    let framed = if chunked {
        let (first, rest) = body.split_at(body.len() / 2);
        format!(
            "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
            first.len(),
            rest.len()
        )
    } else {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    };
    Answer::raw(&format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/xml\r\nx-amz-request-id: n1\r\nx-wos-request-id: n1\r\n{framed}"
    ))
}

fn ask(scene: &Resigning, word: Word, method: &str) -> Response {
    let request = Request::new(word, method, "/bucket01/k");
    let mut connection = scene.gateway.connect();
    let response = connection.exchange(&request.clone().date(&now()).signed());
    // The connection is not out of step.
    let again = connection.exchange(&request.date(&now()).signed());
    assert_eq!(again.status, response.status);
    response
}

#[test]
fn a_node_that_refuses_the_gateways_key_puts_no_blame_on_the_client() {
    let long = format!("<StringToSign>{}</StringToSign>", "leak ".repeat(200));
    for sign_with in [SignWith::AWS_V4, SignWith::ALL[3]] {
        for (status, code) in CODES {
            for chunked in [false, true] {
                for further in [
                    "",
                    "<AWSAccessKeyId>GATEWAYATTHENODES</AWSAccessKeyId>",
                    &long,
                ] {
                    let answers = [answer(status, &document(code, further), chunked)];
                    let scene = Resigning::scripted(sign_with, answers);
                    for word in Word::BOTH {
                        let response = ask(&scene, word, "GET");
                        let told = response.text();
                        assert_eq!(response.status, status, "{told}");
                        assert_eq!(
                            response.element("Code").as_deref(),
                            Some("AccessDenied"),
                            "{told}"
                        );
                        let message = response.element("Message").expect("a message");
                        assert_eq!(message.replace("&apos;", "'"), OWN);
                        for leak in [code, "leak", "GATEWAYATTHENODES", "n1"] {
                            assert!(!told.contains(leak), "{leak} in {told}");
                        }
                        let id = format!("{}request-id", word.header_prefix());
                        let id = response.header(&id).expect("an id");
                        assert_eq!(response.element("RequestId").as_deref(), Some(id));
                    }
                    let line = scene.gateway.await_log("the gateway's own signature");
                    assert!(line.contains(code) && line.contains("ERROR"), "{line}");
                }
            }
        }
    }
}

#[test]
fn what_else_a_node_refuses_is_told_as_it_came() {
    for sign_with in [SignWith::AWS_V4, SignWith::ALL[2]] {
        for (status, code) in [
            (403, "AccessDenied"),
            (400, "EntityTooSmall"),
            (400, "SignatureDoesNotMatchX"),
            (404, "NoSuchKey"),
            (500, "InternalError"),
        ] {
            for chunked in [false, true] {
                let sent = document(code, "<HostId>h</HostId>");
                let scene = Resigning::scripted(sign_with, [answer(status, &sent, chunked)]);
                for word in Word::BOTH {
                    let response = ask(&scene, word, "GET");
                    // But for the ids, which are the gateway's.
                    let host = response.element("HostId").expect("one");
                    let told = response.text().replace(" standalone=\"yes\"", "");
                    let told = told.replace(&host, "h");
                    assert_eq!((response.status, told.trim_end()), (status, &*sent));
                }
            }
        }
        // An answer that is too long for a refusal passes while it comes.
        let sent = document("SignatureDoesNotMatch", &"x".repeat(200_000));
        let scene = Resigning::scripted(sign_with, [answer(403, &sent, false)]);
        let response = ask(&scene, sign_with.word, "GET");
        assert_eq!(response.text().trim_end(), sent);
        // An object is no document, whatever it says.
        let sent = document("SignatureDoesNotMatch", "");
        let scene = Resigning::scripted(sign_with, [answer(200, &sent, false)]);
        assert_eq!(ask(&scene, Word::Aws, "GET").text(), sent);
    }
}

/// The client's own signature is another matter: there the node speaks to the client.
#[test]
fn a_node_that_verifies_for_itself_tells_the_client() {
    use support::gateway::{Config, Gateway};
    use support::rec::Rec;
    let sent = document("SignatureDoesNotMatch", "");
    let rec = Rec::start(answer(403, &sent, false));
    let config = Config::new(rec.address());
    let cluster = config.text_of("cluster").replace("trusted", "passthrough");
    let gateway = Gateway::start(&config.section("cluster", &cluster));
    let request = Request::new(Word::Aws, "GET", "/bucket01/k")
        .date(&now())
        .signed();
    assert_eq!(gateway.exchange(&request).text().trim_end(), sent);
}

#[test]
fn headers_and_documents_come_back_in_the_clients_words() {
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"></ListBucketResult>";
    let raw = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nx-amz-meta-m: v\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let scene = Resigning::scripted(SignWith::AWS_V4, [Answer::raw(&raw)]);
    let list = Request::new(Word::Wos, "GET", "/bucket01/?prefix=a");
    for signed in [list.clone().date(&now()).signed(), list.signed_v4()] {
        let response = scene.gateway.exchange(&signed);
        assert_eq!(response.header("x-wos-meta-m"), Some("v"));
        assert_eq!(response.header("x-amz-meta-m"), None);
        assert!(
            response
                .text()
                .contains("http://wcs.chinanetcenter.com/document")
        );
    }
    let raw = raw.replace("x-amz-", "x-wos-").replace(
        "http://s3.amazonaws.com/doc/2006-03-01/",
        "http://wcs.chinanetcenter.com/document/",
    );
    let raw = raw.replace("document/\"", "document\"");
    let body_length = raw.split("\r\n\r\n").nth(1).expect("a body").len();
    let raw = raw.replace(
        &format!("Content-Length: {}", body.len()),
        &format!("Content-Length: {body_length}"),
    );
    let scene = Resigning::scripted(SignWith::ALL[2], [Answer::raw(&raw)]);
    let list = Request::new(Word::Aws, "GET", "/bucket01/?prefix=a").signed_v4();
    let response = scene.gateway.exchange(&list);
    assert_eq!(response.header("x-amz-meta-m"), Some("v"));
    assert!(
        response
            .text()
            .contains("http://s3.amazonaws.com/doc/2006-03-01/")
    );
}
