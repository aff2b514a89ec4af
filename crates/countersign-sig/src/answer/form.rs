//! The answers to forms that are not what their signer allowed, or no forms at all.

use super::{Answer, Answered, S3ErrorCode as Code};
use crate::body::form::{FormFault, MAX_TAIL_LENGTH};
use crate::dialect::DialectName;
use crate::sig::form::failure::{MAX_KEY_LENGTH, MAX_TAGS};
use crate::sig::form::{FormFailure, PolicyFailure, TaggingFault};

impl Answered for FormFailure {
    fn answer(&self, dialect: DialectName) -> Answer {
        match self {
            Self::Auth(failure) => failure.answer(dialect),
            Self::Policy(failure) => failure.answer(dialect),
        }
    }
}

/// Amazon S3 API Reference, "List of error codes", and what S3 answers to forms.
impl Answered for PolicyFailure {
    fn answer(&self, _dialect: DialectName) -> Answer {
        let argument = |message: String| Answer::new(400, Code::InvalidArgument, message);
        let against_policy = |why: String| {
            let message = format!("Invalid according to Policy: {why}");
            Answer::new(403, Code::AccessDenied, message)
        };
        match self {
        PolicyFailure::DuplicateField(name) => {
            argument(format!("The form field '{name}' stands more than once."))
                .with("ArgumentName", name.clone())
        }
        PolicyFailure::MissingField(name) => {
            argument(missing_field(name)).with("ArgumentName", *name)
        }
        // The list of codes has UserKeyMustBeSpecified; S3 answers as for any other field that is missing.
        PolicyFailure::NoKey => argument(missing_field("key")).with("ArgumentName", "key"),
        PolicyFailure::KeyTooLong { length } => {
            Answer::new(400, Code::KeyTooLongError, "Your key is too long")
                .with("Size", length.to_string())
                .with("MaxSizeAllowed", MAX_KEY_LENGTH.to_string())
        }
        PolicyFailure::Document(why) => {
            let message = format!("Invalid Policy: {why}.");
            Answer::new(400, Code::InvalidPolicyDocument, message)
        }
        PolicyFailure::Expired => against_policy("Policy expired.".into()),
        PolicyFailure::Condition(text) => {
            against_policy(format!("Policy Condition failed: {text}"))
        }
        PolicyFailure::ExtraField(name) => against_policy(format!("Extra input fields: {name}")),
        PolicyFailure::TooSmall { length, min } => Answer::new(
            400,
            Code::EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size",
        )
        .with("ProposedSize", length.to_string())
        .with("MinSizeAllowed", min.to_string()),
        PolicyFailure::TooLarge { length, max } => Answer::new(
            400,
            Code::EntityTooLarge,
            "Your proposed upload exceeds the maximum allowed size",
        )
        .with("ProposedSize", length.to_string())
        .with("MaxSizeAllowed", max.to_string()),
        PolicyFailure::UnsupportedField(name) => Answer::new(
            501,
            Code::NotImplemented,
            format!("The form field '{name}' you provided implies functionality that is not implemented."),
        )
        .with("ArgumentName", name.clone()),
        PolicyFailure::AmbiguousFilename(name) => argument(format!(
            "The form field '{name}' has ${{filename}} in it, and the file's part says two names: 'filename' and 'filename*' differ, or only 'filename*' is there."
        ))
        .with("ArgumentName", name.clone()),
        PolicyFailure::Tagging(fault) => tagging(fault),
        PolicyFailure::FieldValue(name) => {
            argument(format!("The value of the form field '{name}' is not valid."))
                .with("ArgumentName", name.clone())
        }
    }
    }
}

/// The same for what is wrong with the multipart body.
impl Answered for FormFault {
    fn answer(&self, _dialect: DialectName) -> Answer {
        const ONE_FILE: &str = "POST requires exactly one file upload per request.";
        match self {
            FormFault::Malformed(why) => Answer::new(
                400,
                Code::MalformedPostRequest,
                format!(
                    "The body of your POST request is not well-formed multipart/form-data: {why}."
                ),
            ),
            FormFault::HeadTooLong => Answer::new(
                400,
                Code::MaxPostPreDataLengthExceededError,
                "Your POST request fields preceding the upload file were too large.",
            ),
            FormFault::NoFile => Answer::new(400, Code::InvalidArgument, ONE_FILE)
                .with("ArgumentName", "file")
                .with("ArgumentValue", "0"),
            FormFault::SeveralFiles => {
                Answer::new(400, Code::IncorrectNumberOfFilesInPostRequest, ONE_FILE)
            }
            FormFault::TailTooLong => Answer::new(
                400,
                Code::MalformedPostRequest,
                format!(
                    "The body of your POST request is not well-formed multipart/form-data: more than {MAX_TAIL_LENGTH} bytes follow its file; fields belong in front of it."
                ),
            ),
            FormFault::NoLength => Answer::new(
                411,
                Code::MissingContentLength,
                "You must provide the Content-Length HTTP header.",
            ),
            FormFault::NotTheLast => Answer::new(
                400,
                Code::MalformedPostRequest,
                "The body of your POST request is not well-formed multipart/form-data: a form of this length has to end with its \
             file and a closing line, CRLF--boundary--CRLF; put every field in front of the file.",
            ),
        }
    }
}

/// Amazon S3 API Reference, "PutObjectTagging", and what S3 answers to it.
fn tagging(fault: &TaggingFault) -> Answer {
    let tag = |message: &'static str| Answer::new(400, Code::InvalidTag, message);
    match fault {
        TaggingFault::Malformed(why) => Answer::new(
            400,
            Code::MalformedXml,
            format!(
                "The XML you provided was not well-formed or did not validate against our published schema: {why}."
            ),
        ),
        TaggingFault::TooMany => Answer::new(
            400,
            Code::BadRequest,
            format!("Object tags cannot be greater than {MAX_TAGS}"),
        ),
        TaggingFault::DuplicateKey(key) => {
            tag("Cannot provide multiple Tags with the same key").with("TagKey", key.clone())
        }
        TaggingFault::Key { .. } => tag("The TagKey you have provided is invalid"),
        TaggingFault::Value { key, .. } => {
            tag("The TagValue you have provided is invalid").with("TagKey", key.clone())
        }
    }
}

fn missing_field(name: &str) -> String {
    format!(
        "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
    )
}
