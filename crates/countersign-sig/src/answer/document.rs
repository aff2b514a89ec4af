//! The S3 error document.

use quick_xml::Writer;
use quick_xml::escape::partial_escape;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::Answer;
use crate::dialect::{Dialect, DialectName, FirstId};

/// An error document: the answer, and what else it says of the request.
#[derive(Debug)]
pub struct ErrorDocument<'a> {
    /// The answer.
    pub answer: &'a Answer,
    /// The path of the request as it was sent, without the query string.
    pub resource: &'a str,
    /// The id that the server gave to the request.
    pub request_id: &'a str,
    /// The id of the server.
    pub host_id: &'a str,
}

impl ErrorDocument<'_> {
    /// The document as a vendor writes it, in UTF-8: `<Error>` without a namespace (Amazon S3 API Reference, "REST error
    /// responses").
    pub fn to_xml(&self, dialect: DialectName) -> Vec<u8> {
        let documents = &Dialect::named(dialect).documents;
        let standalone = documents.standalone.then_some("yes");
        let (request, host) = (("RequestId", self.request_id), ("HostId", self.host_id));
        let ids = match documents.first_id {
            FirstId::Request => [request, host],
            FirstId::Host => [host, request],
        };
        let answer = self.answer;
        let head = [("Code", answer.code.as_str()), ("Message", &answer.message)];
        let fields = answer
            .fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let elements = head
            .into_iter()
            .chain(fields)
            .chain([("Resource", self.resource)])
            .chain(ids);
        let mut writer = Writer::new(Vec::with_capacity(512));
        let written =
            write_declaration(&mut writer, standalone).and_then(|()| {
                writer
                    .create_element("Error")
                    .write_inner_content(|inner| {
                        for (name, text) in elements {
                            inner.create_element(name).write_text_content(
                                BytesText::from_escaped(partial_escape(xml_text(text))),
                            )?;
                        }
                        Ok(())
                    })?;
                Ok(())
            });
        written.expect("a Vec takes every write");
        writer.into_inner()
    }
}

fn write_declaration(
    writer: &mut Writer<Vec<u8>>,
    standalone: Option<&str>,
) -> quick_xml::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new(
        "1.0",
        Some("UTF-8"),
        standalone,
    )))?;
    writer.write_event(Event::Text(BytesText::from_escaped("\n")))?;
    Ok(())
}

/// The text with what XML 1.0 cannot hold (section 2.2, "Characters") replaced by U+FFFD.
pub fn xml_text(text: &str) -> std::borrow::Cow<'_, str> {
    let stranger = |c: char| {
        (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    if text.contains(stranger) {
        text.replace(stranger, "\u{fffd}").into()
    } else {
        text.into()
    }
}
