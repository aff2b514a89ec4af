//! The operations, from the Amazon S3 API Reference and the documents of WOS.

/// What a request is addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Service,
    Bucket,
    Object,
}

/// Whose signature of version 2 covers the parameters; the parameters of a listing need none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered {
    Both,
    Aws,
    Wos,
    Neither,
}
use Covered::{Aws, Both, Neither, Wos};

/// What the request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    Nothing,
    /// An XML document.
    Document,
    /// An object's bytes, or a part's.
    Object,
}

/// What the parameters select with this method, at this level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected {
    Operation,
    /// No operation.
    Nothing,
    /// Half of the name of a part.
    HalfAPart,
    /// What nodes with regard to case do not see, and others do.
    Misspelt,
}

/// One operation, or a request that looks like one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub method: &'static str,
    pub level: Level,
    /// The parameters, without credentials.
    pub query: &'static str,
    /// The vendor's header, behind its prefix, that makes the operation another one.
    pub header: Option<(&'static str, &'static str)>,
    pub covered: Covered,
    pub selected: Selected,
    pub content: Content,
}

impl Operation {
    /// Whether the body may come in the frames of `aws-chunked`: where an object's bytes are stored.
    pub fn takes_chunks(&self) -> bool {
        self.content == Content::Object && self.method == "PUT"
    }
}

const METHODS: [&str; 5] = ["GET", "HEAD", "PUT", "POST", "DELETE"];

/// Parameters, the methods with which they select an operation on a bucket and on an object, and who signs them.
type Row = (&'static str, &'static str, &'static str, Covered);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("", "GET HEAD PUT DELETE", "GET HEAD PUT DELETE", Both),
    ("versionId=null", "GET HEAD PUT DELETE", "GET HEAD PUT DELETE", Both),
    ("list-type=2&prefix=a%2Fb&max-keys=5", "GET", "", Both),
    ("versions", "GET", "", Both),
    ("uploads", "GET", "POST", Both),
    ("delete", "POST", "", Both),
    ("session", "GET", "", Neither),
    ("location", "GET", "", Both),
    ("acl", "GET PUT", "GET PUT", Both),
    ("policy", "GET PUT DELETE", "", Both),
    ("policyStatus", "GET", "", Neither),
    ("cors", "GET PUT DELETE", "", Both),
    ("lifecycle", "GET PUT DELETE", "", Both),
    ("website", "GET PUT DELETE", "", Both),
    ("logging", "GET PUT", "", Both),
    ("notification", "GET PUT", "", Both),
    ("replication", "GET PUT DELETE", "", Both),
    ("tagging", "GET PUT DELETE", "GET PUT DELETE", Both),
    ("versioning", "GET PUT", "", Both),
    ("requestPayment", "GET PUT", "", Both),
    ("encryption", "GET PUT DELETE", "", Neither),
    ("accelerate", "GET PUT", "", Aws),
    ("analytics", "GET PUT DELETE", "", Aws),
    ("inventory", "GET PUT DELETE", "", Aws),
    ("metrics", "GET PUT DELETE", "", Aws),
    ("intelligent-tiering", "GET PUT DELETE", "", Neither),
    ("ownershipControls", "GET PUT DELETE", "", Neither),
    ("publicAccessBlock", "GET PUT DELETE", "", Neither),
    ("object-lock", "GET PUT", "", Aws),
    ("quota", "GET PUT", "", Wos),
    ("storageinfo", "GET", "", Wos),
    ("storagePolicy", "GET PUT", "", Wos),
    ("backtosource", "GET PUT DELETE", "", Wos),
    ("partNumber=1&uploadId=x", "", "GET PUT POST DELETE", Both),
    ("uploadId=x", "", "GET POST DELETE", Both),
    ("torrent", "", "GET", Both),
    ("attributes", "", "GET", Neither),
    ("legal-hold", "", "GET PUT", Neither),
    ("retention", "", "GET PUT", Neither),
    ("renameObject", "", "PUT", Neither),
    ("restore", "", "POST", Both),
    ("select&select-type=2", "", "POST", Aws),
    ("append&position=0", "", "POST", Wos),
    ("response-content-type=text%2Fhtml", "GET HEAD PUT DELETE", "GET HEAD PUT DELETE", Both),
    ("defaultObjectAcl", "", "", Aws),
    ("storageClass", "", "", Both),
    ("deletebucket", "", "", Wos),
    ("metadata", "", "", Wos),
    ("symlink", "", "", Wos),
    ("ACL", "", "", Wos),
    ("Tagging", "", "", Wos),
];

fn content(method: &str, level: Level, query: &str) -> Content {
    let name = query.split(['=', '&']).next().unwrap_or_default();
    match (method, level, name) {
        ("PUT", Level::Object, "" | "versionId" | "partNumber" | "response-content-type") => {
            Content::Object
        }
        ("POST", Level::Object, "append") => Content::Object,
        ("POST", Level::Object, "uploads") | ("PUT", _, "renameObject") => Content::Nothing,
        ("PUT" | "POST", _, _) => Content::Document,
        _ => Content::Nothing,
    }
}

fn operation(method: &'static str, level: Level, query: &'static str, row: &Row) -> Operation {
    let known = match level {
        Level::Service => "",
        Level::Bucket => row.1,
        Level::Object => row.2,
    };
    let half = method == "PUT" && level == Level::Object && query == "uploadId=x";
    let selected = match known.split(' ').any(|own| own == method) {
        _ if half => Selected::HalfAPart,
        _ if query.starts_with(|letter: char| letter.is_ascii_uppercase()) => Selected::Misspelt,
        true => Selected::Operation,
        false => Selected::Nothing,
    };
    Operation {
        method,
        level,
        query,
        header: None,
        covered: row.3,
        selected,
        content: content(method, level, query),
    }
}

/// Every row with every method on a bucket and on an object, the service, and the copies.
pub fn all() -> Vec<Operation> {
    let mut all = Vec::new();
    for row in ROWS {
        for method in METHODS {
            for level in [Level::Bucket, Level::Object] {
                all.push(operation(method, level, row.0, row));
            }
        }
    }
    let list = operation("GET", Level::Service, "", &ROWS[0]);
    all.push(Operation {
        selected: Selected::Operation,
        ..list
    });
    for method in ["PUT", "POST", "DELETE"] {
        all.push(operation(method, Level::Service, "", &ROWS[0]));
    }
    for query in ["", "partNumber=1&uploadId=x"] {
        let put = all
            .iter()
            .find(|own| own.method == "PUT" && own.level == Level::Object && own.query == query);
        let put = put.expect("a row of the table").clone();
        all.push(Operation {
            header: Some(("copy-source", "/bucket02/other")),
            content: Content::Nothing,
            ..put
        });
    }
    all
}

/// Those that are operations.
pub fn known() -> Vec<Operation> {
    let mut all = all();
    all.retain(|operation| operation.selected == Selected::Operation);
    all
}

/// `PUT` of an object.
pub fn put_object() -> Operation {
    operation("PUT", Level::Object, "", &ROWS[0])
}

/// `POST` of a form to a bucket.
pub fn post_object() -> Operation {
    operation("POST", Level::Bucket, "", &ROWS[0])
}
