//! The tags of an object: a document in the field `tagging` of a form, a query string in the header `x-amz-tagging` of a PUT.

use percent_encoding::utf8_percent_encode;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;

use super::success::QUERY;
use crate::sig::form::TaggingFault;
use crate::sig::form::failure::{MAX_TAG_KEY_LENGTH, MAX_TAG_VALUE_LENGTH, MAX_TAGS};

/// The elements of the document, starting with the root element (Amazon S3 API Reference, "PutObjectTagging").
const TAGGING: &str = "Tagging";
const TAG_SET: &str = "TagSet";
const TAG: &str = "Tag";
const KEY: &str = "Key";
const VALUE: &str = "Value";

const NOT_XML: TaggingFault = TaggingFault::Malformed("it is not XML");
const NO_TAGGING: TaggingFault =
    TaggingFault::Malformed("it is not a Tagging with a TagSet of Tags with a Key and a Value");

/// The header value for a document: percent-encoded pairs `key=value` separated by `&`, in the order of the document.
///
/// # Errors
/// [`TaggingFault`].
pub fn header_value(document: &str) -> Result<String, TaggingFault> {
    let mut value = String::new();
    for (at, (key, text)) in tags(document)?.iter().enumerate() {
        if at > 0 {
            value.push('&');
        }
        value.extend(utf8_percent_encode(key, QUERY));
        value.push('=');
        value.extend(utf8_percent_encode(text, QUERY));
    }
    Ok(value)
}

/// The keys and values of a document.
fn tags(document: &str) -> Result<Vec<(String, String)>, TaggingFault> {
    let mut elements = Elements::of(document);
    elements.open(TAGGING)?;
    elements.open(TAG_SET)?;
    let mut tags: Vec<(String, String)> = Vec::new();
    while elements.opens_tag()? {
        if tags.len() == MAX_TAGS {
            return Err(TaggingFault::TooMany);
        }
        let (key, value) = elements.tag()?;
        check_lengths(&key, &value)?;
        if tags.iter().any(|(earlier, _)| *earlier == key) {
            return Err(TaggingFault::DuplicateKey(key));
        }
        tags.push((key, value));
    }
    elements.close()?;
    match elements.next()? {
        Event::Eof => Ok(tags),
        _ => Err(NO_TAGGING),
    }
}

fn check_lengths(key: &str, value: &str) -> Result<(), TaggingFault> {
    let length = key.chars().count();
    if !(1..=MAX_TAG_KEY_LENGTH).contains(&length) {
        return Err(TaggingFault::Key { length });
    }
    let length = value.chars().count();
    if length > MAX_TAG_VALUE_LENGTH {
        return Err(TaggingFault::Value {
            key: key.to_owned(),
            length,
        });
    }
    Ok(())
}

/// The elements of a document.
struct Elements<'d>(Reader<&'d [u8]>);

impl<'d> Elements<'d> {
    fn of(document: &'d str) -> Self {
        let mut reader = Reader::from_str(document);
        // Reads `<Value/>` as `<Value></Value>`.
        reader.config_mut().expand_empty_elements = true;
        Self(reader)
    }

    fn read(&mut self) -> Result<Event<'d>, TaggingFault> {
        match self.0.read_event().map_err(|_not_xml| NOT_XML)? {
            // A DOCTYPE could define entities that are read from files or hosts.
            Event::DocType(_) => Err(TaggingFault::Malformed("it has a DOCTYPE")),
            event => Ok(event),
        }
    }

    /// The next event other than comments, declarations and white space.
    fn next(&mut self) -> Result<Event<'d>, TaggingFault> {
        loop {
            match self.read()? {
                Event::Comment(_) | Event::Decl(_) => {}
                Event::Text(text) if text.trim_ascii().is_empty() => {}
                event => return Ok(event),
            }
        }
    }

    fn open(&mut self, name: &str) -> Result<(), TaggingFault> {
        match self.next()? {
            Event::Start(start) if start.name().as_ref() == name => Ok(()),
            _ => Err(NO_TAGGING),
        }
    }

    /// Whether another tag follows, and not the end of the set.
    fn opens_tag(&mut self) -> Result<bool, TaggingFault> {
        match self.next()? {
            Event::Start(start) if start.name().as_ref() == TAG => Ok(true),
            // The reader checks its name.
            Event::End(_) => Ok(false),
            _ => Err(NO_TAGGING),
        }
    }

    fn close(&mut self) -> Result<(), TaggingFault> {
        match self.next()? {
            Event::End(_) => Ok(()),
            _ => Err(NO_TAGGING),
        }
    }

    /// Reads a key and a value, in either order, and the end of their tag.
    fn tag(&mut self) -> Result<(String, String), TaggingFault> {
        let (mut key, mut value) = (None, None);
        loop {
            let found = match self.next()? {
                Event::Start(start) if start.name().as_ref() == KEY => &mut key,
                Event::Start(start) if start.name().as_ref() == VALUE => &mut value,
                Event::End(_) => return key.zip(value).ok_or(NO_TAGGING),
                _ => return Err(NO_TAGGING),
            };
            if found.replace(self.text()?).is_some() {
                return Err(NO_TAGGING);
            }
        }
    }

    /// Reads the text of an element and its end.
    fn text(&mut self) -> Result<String, TaggingFault> {
        let mut text = String::new();
        loop {
            match self.read()? {
                Event::Text(part) => text.push_str(&part.xml10_content()),
                Event::CData(part) => text.push_str(&part.xml10_content()),
                Event::GeneralRef(reference) => {
                    match reference.resolve_char_ref().map_err(|_not_xml| NOT_XML)? {
                        Some(character) => text.push(character),
                        None => text.push_str(resolve_xml_entity(&reference).ok_or(NOT_XML)?),
                    }
                }
                Event::Comment(_) => {}
                Event::End(_) => return Ok(text),
                _ => return Err(NO_TAGGING),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(tags: &str) -> String {
        format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")
    }

    fn tag(key: &str, value: &str) -> String {
        format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>")
    }

    #[test]
    fn each_way_of_writing_a_document_gives_one_header() {
        for (tags, header) in [
            ("".to_owned(), ""),
            (tag("a", "b"), "a=b"),
            (tag("a", "b") + &tag("c", ""), "a=b&c="),
            ("<Tag><Value>b</Value><Key>a</Key></Tag>".into(), "a=b"),
            ("<Tag><Key>a</Key><Value/></Tag>".into(), "a="),
            (tag("a b+c", "d&amp;e=f%"), "a%20b%2Bc=d%26e%3Df%25"),
            (tag("é", "&#233;&#xE9;&lt;"), "%C3%A9=%C3%A9%C3%A9%3C"),
            (tag("<![CDATA[<&]]>", " b\n"), "%3C%26=%20b%0A"),
            (tag("a<!-- x -->b", "c"), "ab=c"),
            (format!("\n  {}\n  <!-- x -->\n", tag("a", "b")), "a=b"),
            (tag("a", "b") + &tag("A", "b"), "a=b&A=b"),
        ] {
            assert_eq!(
                header_value(&document(&tags)).as_deref(),
                Ok(header),
                "{tags}"
            );
        }
        let namespace = document(&tag("a", "b")).replacen(
            "<Tagging",
            "<?xml version=\"1.0\"?>\n<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"",
            1,
        );
        assert_eq!(header_value(&namespace).as_deref(), Ok("a=b"));
    }

    #[test]
    fn the_limits_hold_on_both_sides() {
        let many = |count: usize| {
            let tags: String = (0..count).map(|at| tag(&at.to_string(), "v")).collect();
            header_value(&document(&tags))
        };
        assert!(many(MAX_TAGS).is_ok());
        assert_eq!(many(MAX_TAGS + 1), Err(TaggingFault::TooMany));
        let lengths = |key: usize, value: usize| {
            // Characters, not bytes.
            header_value(&document(&tag(&"é".repeat(key), &"é".repeat(value))))
        };
        assert!(lengths(MAX_TAG_KEY_LENGTH, MAX_TAG_VALUE_LENGTH).is_ok());
        for (length, fault) in
            [0, MAX_TAG_KEY_LENGTH + 1].map(|length| (length, TaggingFault::Key { length }))
        {
            assert_eq!(lengths(length, 1), Err(fault));
        }
        let too_long = TaggingFault::Value {
            key: "é".into(),
            length: MAX_TAG_VALUE_LENGTH + 1,
        };
        assert_eq!(lengths(1, MAX_TAG_VALUE_LENGTH + 1), Err(too_long));
        let twice = document(&(tag("a", "b") + &tag("a", "c")));
        assert_eq!(
            header_value(&twice),
            Err(TaggingFault::DuplicateKey("a".into()))
        );
        // The same key, written in another way.
        let twice = document(&(tag("a", "b") + &tag("&#97;", "c")));
        assert_eq!(
            header_value(&twice),
            Err(TaggingFault::DuplicateKey("a".into()))
        );
    }

    #[test]
    fn anything_else_is_malformed() {
        let right = document(&tag("a", "b"));
        let mut broken = vec![
            " ".to_owned(),
            "a=b".into(),
            "<Tagging/>".into(),
            "<TagSet></TagSet>".into(),
            format!("{right}{right}"),
            format!("{right}x"),
            format!("x{right}"),
            format!("<!DOCTYPE Tagging>{right}"),
            format!("<!DOCTYPE Tagging [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>{right}"),
            right.to_lowercase(),
            right.replace("Tagging", "Tags"),
            right.replace("</Tagging>", ""),
            right.replace("</Tag>", "</Tag"),
            right.replace("<Key>a</Key>", ""),
            right.replace("<Value>b</Value>", ""),
            right.replace("<Key>a</Key>", "<Key>a</Key><Key>a</Key>"),
            right.replace("<Key>a</Key>", "<Key>a</Key><Other>a</Other>"),
            right.replace("<Key>a</Key>", "<Key>a</Key>x"),
            right.replace("<Key>a</Key>", "<Key><b>a</b></Key>"),
            right.replace("<Key>a</Key>", "<Key>&e;</Key>"),
            right.replace("<Key>a</Key>", "<Key>&#0;</Key>"),
            right.replace("<Key>a</Key>", "<Key>a&b</Key>"),
            right.replace("<Key>", "<Key><?x?>"),
            right.replace("<Tag>", "<x:Tag>"),
        ];
        let whole = right.len();
        broken.extend((1..whole).map(|length| right[..length].to_owned()));
        for document in broken {
            let read = header_value(&document);
            assert!(
                matches!(read, Err(TaggingFault::Malformed(_))),
                "{document}: {read:?}"
            );
        }
    }
}
