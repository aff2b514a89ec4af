//! The form fields of a POST upload, against which the conditions of its policy are checked.

use super::failure::PolicyFailure;
use crate::dialect::SYNTAXES;

/// The variable for the name of the file in the value of a field.
const FILENAME_VARIABLE: &str = "${filename}";
/// The longest value with the variable replaced, in bytes: it is replaced before the signature is verified. The variable is
/// meant for keys, which have at most 1,024 bytes.
const MAX_REPLACED_LENGTH: usize = 8 * 1024;
/// The fields that need no condition, and in which the variable is not replaced: the policy, the signature and the id of its
/// key (Amazon S3 API Reference, "POST policy": "Conditions"). Lower-case.
const POLICY: &str = "policy";
const SIGNATURE: &str = "signature";
/// The prefix of fields that need no condition and are ignored.
const IGNORED_PREFIX: &str = "x-ignore-";

/// The fields of a form before its file: names in lower case, because they are not case-sensitive, and values with
/// `${filename}` replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormFields {
    fields: Vec<(String, String)>,
}

impl FormFields {
    /// Takes the fields in the order of the form. Metadata that appears more than once becomes one value, joined with commas as
    /// header fields are (Amazon S3 API Reference, "PUT Object": user-defined metadata), so that a condition applies to all of it.
    ///
    /// `filename` is the file name of the file's part; none where that is ambiguous. Only what follows its last `/` or `\`
    /// is used, because some browsers send the whole path (Amazon S3 API Reference, "POST Object": "Form fields").
    ///
    /// # Errors
    /// [`PolicyFailure::DuplicateField`] if a field with a single value appears twice: two readers could use different values.
    /// [`PolicyFailure::AmbiguousFilename`] if a value has the variable and `filename` is none. [`PolicyFailure::KeyTooLong`]
    /// if a value with the variable replaced is too long.
    pub fn of(
        written: impl IntoIterator<Item = (String, String)>,
        filename: Option<&str>,
    ) -> Result<Self, PolicyFailure> {
        let filename = filename.map(|name| name.rsplit(['/', '\\']).next().unwrap_or_default());
        let mut fields: Vec<(String, String)> = Vec::new();
        for (mut name, mut value) in written {
            name.make_ascii_lowercase();
            let variables = value.matches(FILENAME_VARIABLE).count();
            if !is_exempt(&name) && variables > 0 {
                let Some(filename) = filename else {
                    return Err(PolicyFailure::AmbiguousFilename(name));
                };
                let length = value.len() + variables * filename.len();
                if length > MAX_REPLACED_LENGTH {
                    return Err(PolicyFailure::KeyTooLong { length });
                }
                value = value.replace(FILENAME_VARIABLE, filename);
            }
            match fields.iter_mut().find(|(earlier, _)| *earlier == name) {
                None => fields.push((name, value)),
                Some((_, earlier)) if is_metadata(&name) => {
                    earlier.push(',');
                    earlier.push_str(&value);
                }
                Some(_) => return Err(PolicyFailure::DuplicateField(name)),
            }
        }
        Ok(Self { fields })
    }

    /// The value of the field with this name, whatever its case.
    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self
            .fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Every field, names in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Whether the field needs no condition. `name` is lower-case.
pub(super) fn is_exempt(name: &str) -> bool {
    name == POLICY
        || name == SIGNATURE
        || name.starts_with(IGNORED_PREFIX)
        || SYNTAXES.iter().any(|syntax| {
            name.eq_ignore_ascii_case(syntax.access_key_parameter)
                || name.strip_prefix(syntax.header_prefix) == Some(SIGNATURE)
        })
}

fn is_metadata(name: &str) -> bool {
    let mut prefixes = SYNTAXES.iter().map(|syntax| syntax.header_prefix);
    prefixes.any(|prefix| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| rest.starts_with("meta-"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_does_not_multiply() {
        let variables = |count| FILENAME_VARIABLE.repeat(count);
        let name = "n".repeat(1024);
        let fits = of(&[("key", &variables(7))], &name);
        assert_eq!(fits.map(|fields| fields.fields[0].1.len()), Ok(7 * 1024));
        let refused = of(&[("x-amz-meta-a", &variables(8))], &name);
        assert!(matches!(refused, Err(PolicyFailure::KeyTooLong { .. })));
    }

    fn of(written: &[(&str, &str)], filename: &str) -> Result<FormFields, PolicyFailure> {
        let owned = written
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        FormFields::of(owned, Some(filename))
    }

    #[test]
    fn a_name_with_two_readings_stands_in_no_field() {
        let of = |value: &str| {
            let written = [("policy", FILENAME_VARIABLE), ("key", value)];
            let owned = written.map(|(name, value)| (name.to_owned(), value.to_owned()));
            FormFields::of(owned, None)
        };
        assert_eq!(of("a").map(|fields| fields.fields.len()), Ok(2));
        let refused = of("a/${filename}");
        assert_eq!(refused, Err(PolicyFailure::AmbiguousFilename("key".into())));
    }

    #[test]
    fn the_last_element_of_the_file_name_stands_in_every_field_but_the_signed_ones() {
        let written = [
            ("Key", "u/${filename}${filename}"),
            ("policy", "${filename}"),
            ("X-Amz-Signature", "${filename}"),
            ("x-amz-meta-name", "${filename}"),
        ];
        for (sent, name) in [
            ("photo.jpg", "photo.jpg"),
            ("/home/a/photo.jpg", "photo.jpg"),
            ("C:\\My Pictures\\photo.jpg", "photo.jpg"),
            ("a/b\\c/", ""),
            ("${filename}", "${filename}"),
            ("", ""),
        ] {
            let fields = of(&written, sent).unwrap();
            assert_eq!(fields.value("key"), Some(&*format!("u/{name}{name}")));
            assert_eq!(fields.value("x-amz-meta-name"), Some(name));
            assert_eq!(fields.value("policy"), Some("${filename}"));
            assert_eq!(fields.value("x-amz-signature"), Some("${filename}"));
        }
    }

    #[test]
    fn repeated_metadata_is_one_list_and_any_other_field_stands_once() {
        let fields = of(&[("x-amz-meta-a", "1"), ("X-Amz-Meta-A", "2")], "").unwrap();
        assert_eq!(fields.value("x-amz-meta-a"), Some("1,2"));
        assert_eq!(fields.iter().count(), 1);
        for name in ["key", "policy", "acl", "x-amz-date", "x-ignore-me"] {
            let twice = of(&[(name, "1"), (&name.to_uppercase(), "1")], "");
            assert_eq!(twice, Err(PolicyFailure::DuplicateField(name.into())));
        }
    }

    #[test]
    fn what_needs_no_condition_is_a_closed_list() {
        for name in [
            "policy",
            "signature",
            "awsaccesskeyid",
            "wosaccesskeyid",
            "x-amz-signature",
            "x-wos-signature",
            "x-ignore-",
            "x-ignore-anything",
        ] {
            assert!(is_exempt(name), "{name}");
        }
        for name in [
            "key",
            "acl",
            "x-amz-date",
            "x-amz-credential",
            "x-amz-algorithm",
            "x-amz-security-token",
            "x-ignore",
            "bucket",
            "submit",
        ] {
            assert!(!is_exempt(name), "{name}");
        }
    }
}
