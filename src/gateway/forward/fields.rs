//! The header fields of a request to a node.

use std::borrow::Cow;
use std::fmt;

use bytes::{BufMut, BytesMut};
use http::HeaderValue;
use pingora::{ErrorType, OrErr};

use crate::dialect::vendor_header;
use crate::sig::Field;

/// The header fields of a request to a node, in the order in which they are sent. Names are compared byte by byte: they are in
/// lower case, unless they are forwarded as the client sent them.
///
/// Names are tokens and values are field values (RFC 9110, section 5): the guard has checked those of the client, and the code
/// that adds others has checked them.
#[derive(Default)]
pub struct NodeFields<'r>(Vec<(Cow<'r, str>, Cow<'r, [u8]>)>);

impl<'r> NodeFields<'r> {
    /// No fields, with space for this many.
    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    /// Adds a field after others with the same name.
    pub fn add(&mut self, name: impl Into<Cow<'r, str>>, value: impl Into<Cow<'r, [u8]>>) {
        self.0.push((name.into(), value.into()));
    }

    /// Sets a field and removes others with the same name.
    pub fn set(&mut self, name: &'static str, value: impl Into<Cow<'r, [u8]>>) {
        let value = value.into();
        let mut same = self.0.iter_mut().filter(|field| field.0 == name);
        let Some(first) = same.next() else {
            return self.add(name, value);
        };
        first.1 = value;
        if same.next().is_some() {
            let mut kept = false;
            self.0
                .retain(|field| field.0 != name || !std::mem::replace(&mut kept, true));
        }
    }

    /// The same for a value that the gateway has made.
    ///
    /// # Errors
    /// Pingora's, if it is no field value (RFC 9110, section 5.5).
    pub fn set_text(&mut self, name: &'static str, value: String) -> pingora::Result<()> {
        let checked = HeaderValue::from_str(&value);
        checked.or_err(ErrorType::InvalidHTTPHeader, "a value of the gateway")?;
        self.set(name, value.into_bytes());
        Ok(())
    }

    /// Removes all fields with this name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|field| field.0 != name);
    }

    /// Keeps only the fields whose names the function accepts.
    pub fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.0.retain(|field| wanted(&field.0));
    }

    /// The first value with this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.0.iter();
        let field = fields.find(|field| field.0 == name)?;
        Some(&field.1)
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Joins the vendor's fields with the same name: a signature covers the joined value, and nodes read it so too.
    pub fn join_repeated(&mut self) {
        let mut at = 1;
        while at < self.0.len() {
            let (before, behind) = self.0.split_at_mut(at);
            let (name, value) = &behind[0];
            let first =
                vendor_header(name).and_then(|_| before.iter_mut().find(|field| field.0 == *name));
            match first {
                Some(first) => {
                    let joined = first.1.to_mut();
                    joined.push(b',');
                    joined.extend_from_slice(value);
                    self.0.remove(at);
                }
                None => at += 1,
            }
        }
    }

    /// Writes the fields as they are sent.
    pub fn write(&self, wire: &mut BytesMut) {
        for (name, value) in self.iter() {
            wire.put_slice(name.as_bytes());
            wire.put_slice(b": ");
            wire.put_slice(value);
            wire.put_slice(b"\r\n");
        }
    }

    /// The number of bytes that [`NodeFields::write`] writes.
    pub fn length(&self) -> usize {
        let lengths = self
            .iter()
            .map(|(name, value)| name.len() + value.len() + 4);
        lengths.sum()
    }
}

impl fmt::Debug for NodeFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // They contain credentials.
        f.debug_struct("NodeFields").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(written: &[(&'static str, &'static str)]) -> NodeFields<'static> {
        let mut fields = NodeFields::default();
        for (name, value) in written {
            fields.add(*name, value.as_bytes());
        }
        fields
    }

    fn written(fields: &NodeFields<'_>) -> String {
        let mut wire = BytesMut::new();
        fields.write(&mut wire);
        assert_eq!(wire.len(), fields.length());
        String::from_utf8(wire.to_vec()).unwrap()
    }

    #[test]
    fn a_field_is_set_once_in_its_place() {
        let mut set = fields(&[("a", "1"), ("b", "2"), ("a", "3"), ("a", "4")]);
        set.set("a", &b"5"[..]);
        set.set("c", &b"6"[..]);
        assert_eq!(written(&set), "a: 5\r\nb: 2\r\nc: 6\r\n");
        set.remove("a");
        assert_eq!((set.get("a"), set.get("b")), (None, Some(&b"2"[..])));
    }

    #[test]
    fn the_fields_of_a_vendor_are_joined_and_no_others() {
        let mut joined = fields(&[
            ("x-amz-meta-a", "1"),
            ("range", "x"),
            ("x-amz-meta-b", ""),
            ("x-amz-meta-a", "2"),
            ("range", "y"),
            ("x-amz-meta-a", "3"),
        ]);
        joined.join_repeated();
        assert_eq!(
            written(&joined),
            "x-amz-meta-a: 1,2,3\r\nrange: x\r\nx-amz-meta-b: \r\nrange: y\r\n"
        );
    }

    #[test]
    fn no_value_of_the_gateway_ends_its_line() {
        let mut set = fields(&[]);
        assert!(set.set_text("a", "1\r\nb: 2".to_owned()).is_err());
        assert!(set.set_text("a", "1".to_owned()).is_ok());
        assert_eq!(written(&set), "a: 1\r\n");
    }
}
