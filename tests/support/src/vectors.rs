//! The published examples in `tests/vectors`: `<dialect>-<version>-<case>/{request.txt, key.toml, canonical-request.txt,
//! string-to-sign.txt, signature.txt, chain.txt}`, the canonical request and the chain of chunks in version 4.

use std::fs;
use std::path::Path;

/// One published example.
pub struct Vector {
    /// The folder's name.
    pub name: String,
    /// `request.txt` with CRLF line ends, as it goes over the wire.
    pub request: Vec<u8>,
    pub key: Key,
    /// The StringToSign that the source prints, or the one by its rules if it prints none.
    pub string_to_sign: String,
    /// Version 4: the canonical request.
    pub canonical_request: Option<String>,
    /// Version 4 with a body in chunks: `chunk` or `trailer`, its SHA-256 and its signature, line by line.
    pub chain: Vec<[String; 3]>,
    /// The signature that the source prints.
    pub signature: String,
}

/// `key.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    pub access_key_id: String,
    pub secret_access_key: String,
    /// The dialect of the request: `aws` or `wos`.
    pub dialect: String,
    /// Where the credentials are: `header`, `query` or `form` (a POST policy).
    pub form: String,
    /// The base domains for the Host.
    pub domains: Vec<String>,
    /// The host names that are bucket names.
    pub custom_domains: Vec<String>,
    /// A time at which the request is fresh, IMF-fixdate.
    pub now: String,
    /// Does the printed signature belong to `string-to-sign.txt` and this key?
    pub reproduces: bool,
    /// Does the dialect's rule lead from `request.txt` to `string-to-sign.txt`?
    pub follows_the_rules: bool,
    pub source: String,
    pub notes: String,
}

impl Key {
    /// Must a verifier that knows this key accept the request?
    pub fn verifies(&self) -> bool {
        self.reproduces && self.follows_the_rules
    }
}

/// Every published example of the HMAC-SHA1 family, in the order of their names.
pub fn v2() -> Vec<Vector> {
    of_version("v2")
}

/// Every example of the HMAC-SHA256 family.
pub fn v4() -> Vec<Vector> {
    of_version("v4")
}

fn of_version(version: &str) -> Vec<Vector> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors");
    let mut vectors: Vec<Vector> = fs::read_dir(&root)
        .expect("the folder of the vectors")
        .map(|entry| {
            entry
                .expect("a readable folder")
                .file_name()
                .into_string()
                .expect("an ASCII name")
        })
        .filter(|name| name.split('-').nth(1) == Some(version))
        .map(|name| load(&root.join(&name), name))
        .collect();
    vectors.sort_by(|a, b| a.name.cmp(&b.name));
    vectors
}

fn load(folder: &Path, name: String) -> Vector {
    let read = |file: &str| {
        let text = fs::read_to_string(folder.join(file))
            .unwrap_or_else(|error| panic!("{name}/{file}: {error}"));
        text.strip_suffix('\n')
            .map(ToOwned::to_owned)
            .unwrap_or(text)
    };
    let optional = |file: &str| folder.join(file).exists().then(|| read(file));
    let chain = optional("chain.txt").unwrap_or_default();
    let chain = chain.lines().map(|line| {
        let words: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
        words.try_into().expect("three words a line")
    });
    let request = (read("request.txt") + "\n")
        .replace('\n', "\r\n")
        .into_bytes();
    let key = toml::from_str(&read("key.toml"))
        .unwrap_or_else(|error| panic!("{name}/key.toml: {error}"));
    let (string_to_sign, signature) = (read("string-to-sign.txt"), read("signature.txt"));
    Vector {
        canonical_request: optional("canonical-request.txt"),
        chain: chain.collect(),
        name,
        request,
        key,
        string_to_sign,
        signature,
    }
}
