//! The reference call, InitiateMultipartUpload of the WOS API, with its answer and its documented errors; and the form of every
//! answer that is the gateway's own.

mod diagnostics;
mod errors;
#[cfg(feature = "embedded")]
mod initiate;
mod request_id;
mod special_cases;

use support::gateway::Config;
use support::refusal::{Refused, request_id};
use support::scene::listener;
use support::signer::{Request, Word};
use support::wire::Response;

const BUCKET: &str = "bucket01";
const KEY: &str = "objectkey";
/// A host name that is a bucket.
const CUSTOM_DOMAIN: &str = "static.example.net";

/// The answers of three listeners, in this order.
const ANSWER_AS: [&str; 3] = ["request", "aws", "wos"];

/// A listener for each of [`ANSWER_AS`].
fn three_listeners(config: Config) -> Config {
    let listeners = ANSWER_AS.map(|words| {
        listener(&format!(
            "answer_as = \"{words}\"\ncustom_domains = [\"{CUSTOM_DOMAIN}\"]"
        ))
    });
    config.section("listener", &listeners.concat())
}

/// Whose words the answer uses.
fn words_of_answer(answer_as: &str, asked: Word) -> Word {
    match answer_as {
        "aws" => Word::Aws,
        "wos" => Word::Wos,
        _ => asked,
    }
}

/// Where the bucket's name stands.
#[derive(Clone, Copy, Debug)]
enum Style {
    Path,
    VirtualHost,
    CustomDomain,
}

impl Style {
    fn bucket(self) -> &'static str {
        match self {
            Self::Path | Self::VirtualHost => BUCKET,
            Self::CustomDomain => CUSTOM_DOMAIN,
        }
    }

    /// A request for the object; `query` with its question mark.
    fn request(self, word: Word, method: &str, query: &str) -> Request {
        let target = match self {
            Self::Path => format!("/{BUCKET}/{KEY}{query}"),
            Self::VirtualHost | Self::CustomDomain => format!("/{KEY}{query}"),
        };
        let request = Request::new(word, method, &target);
        match self {
            Self::Path => request,
            Self::VirtualHost => request.virtual_host(BUCKET),
            Self::CustomDomain => request.custom_domain(CUSTOM_DOMAIN),
        }
    }
}

/// The error document as the vendors print it. HostId is what it says it is: it names the gateway.
fn error_document(
    words: Word,
    expected: Refused,
    fields: &[(&str, &str)],
    resource: &str,
    response: &Response,
) -> String {
    let Refused(_, code, message) = expected;
    let fields: String = fields
        .iter()
        .map(|(name, text)| format!("<{name}>{text}</{name}>"))
        .collect();
    let id = format!("<RequestId>{}</RequestId>", request_id(response));
    let host = response.element("HostId").expect("a HostId");
    let host = format!("<HostId>{host}</HostId>");
    let (standalone, ids) = match words {
        Word::Aws => ("", id + &host),
        Word::Wos => (" standalone=\"yes\"", host + &id),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"{standalone}?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         {fields}<Resource>{resource}</Resource>{ids}</Error>"
    )
}

/// The request id stands in the words' own header.
fn assert_id_in(words: Word, response: &Response) {
    let name = format!("{}request-id", words.header_prefix());
    assert_eq!(response.header(&name), Some(&*request_id(response)));
}
