//! How requests are signed anew: what goes together, and what does not.

use countersign::cluster::{Addressing, FormFiles, PayloadSigning};
use countersign::dialect::DialectName;
use countersign::sig::Version;

use super::{BASE, parse};

const KEY: &str = "access_key_id = \"GW\", secret_access_key = \"NODES\"";

/// The base configuration with these lines at the end, which is in the cluster; the first is line 15.
fn with(lines: &str) -> String {
    format!("{BASE}{lines}\n")
}

#[test]
fn what_is_written_of_signing_anew_is_what_is_true() {
    let text = with(
        r#"dialect = "wos"
forward = "resign"
addressing = "virtual-host"
host = "s3.internal:9000"
[cluster.sign_with]
dialect = "wos"
version = "v4"
region = "cn-1"
payload = "unsigned"
access_key_id = "GW"
secret_access_key = "NODES"
[[cluster.node_keys]]
client = "AK"
access_key_id = "AK-AT-NODES"
secret_access_key = { env = "PATH" }"#,
    );
    let settings = parse(&text).unwrap();
    let cluster = &settings.cluster;
    assert_eq!(cluster.addressing, Addressing::VirtualHost);
    assert_eq!(cluster.host.as_deref(), Some("s3.internal:9000"));
    let sign_with = cluster.sign_with.as_ref().unwrap();
    assert_eq!(sign_with.dialect, DialectName::Wos);
    assert_eq!(
        (sign_with.version, &*sign_with.region),
        (Version::V4, "cn-1")
    );
    assert_eq!(sign_with.payload, PayloadSigning::Unsigned);
    assert_eq!(sign_with.credentials.access_key_id, "GW");
    assert_eq!(sign_with.credentials.secret_access_key.expose(), "NODES");
    let [node_key] = &cluster.node_keys[..] else {
        panic!("{cluster:?}")
    };
    assert_eq!(node_key.client, "AK");
    assert_eq!(node_key.credentials.access_key_id, "AK-AT-NODES");
    let path = std::env::var("PATH").unwrap();
    assert_eq!(*node_key.credentials.secret_access_key.expose(), path);
    let shown = format!("{settings:?}{}", settings.to_toml());
    assert!(!shown.contains("NODES\"") || shown.contains("AK-AT-NODES"));
    assert!(
        !shown.contains(&path) && !shown.contains("\"NODES\""),
        "{shown}"
    );
}

#[test]
fn what_is_not_written_of_signing_anew_has_its_default() {
    for (dialect, region) in [("aws", "us-east-1"), ("wos", "default-region")] {
        let text = with(&format!(
            "forward = \"resign\"\ndialect = \"{dialect}\"\nsign_with = {{ {KEY} }}"
        ));
        let cluster = parse(&text).unwrap().cluster;
        let sign_with = cluster.sign_with.unwrap();
        assert_eq!(sign_with.dialect.as_str(), dialect);
        assert_eq!(
            (sign_with.version, &*sign_with.region),
            (Version::V4, region)
        );
        assert_eq!(sign_with.payload, PayloadSigning::Unsigned);
        assert_eq!(cluster.addressing, Addressing::AsReceived);
        assert_eq!(cluster.host, None);
        assert!(cluster.node_keys.is_empty());
    }
}

#[test]
fn what_is_printed_of_signing_anew_is_what_was_read() {
    for lines in [
        format!("forward = \"resign\"\nsign_with = {{ {KEY} }}"),
        format!("forward = \"resign\"\nsign_with = {{ version = \"v2\", {KEY} }}"),
        format!("forward = \"resign\"\nsign_with = {{ payload = \"signed-chunks\", {KEY} }}"),
        format!(
            "forward = \"resign\"\naddressing = \"path\"\nhost = \"[::1]:9000\"\nsign_with = {{ {KEY} }}\n\
             node_keys = [{{ client = \"AK\", {KEY} }}]"
        ),
        "host = \"a.example\"\naddressing = \"virtual-host\"".to_owned(),
        "forward = \"passthrough\"".to_owned(),
    ] {
        let settings = parse(&with(&lines)).unwrap();
        let printed = settings.to_toml();
        assert!(!printed.contains("\"NODES\""), "{printed}");
        let again = parse(&printed.replace("***", "SECRET")).unwrap();
        assert_eq!(again.to_toml(), printed);
        assert_eq!(format!("{again:?}"), format!("{settings:?}"));
    }
}

#[test]
fn nodes_that_verify_are_told_how_long_a_file_is() {
    let files = |lines: &str| parse(&with(lines)).unwrap().cluster.form_files;
    let resign = format!("forward = \"resign\"\nsign_with = {{ {KEY} }}");
    assert_eq!(files(&resign), FormFiles::Sized);
    let chunked = format!("{resign}\nform_files = \"chunked\"");
    assert_eq!(files(&chunked), FormFiles::Chunked);
    assert_eq!(files("forward = \"trusted\""), FormFiles::Chunked);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let resign = |rest: &str| format!("forward = \"resign\"\n{rest}");
    let signed = |inner: &str| resign(&format!("sign_with = {{ {inner} }}"));
    let host = |host: &str| resign(&format!("sign_with = {{ {KEY} }}\nhost = {host}"));
    let rows = [
        (
            "forward = \"resign\"".to_owned(),
            "12:1: cluster[0].sign_with: missing; write sign_with = { access_key_id = \"…\", secret_access_key = … } for forward = \"resign\"",
        ),
        (
            format!("sign_with = {{ {KEY} }}"),
            "15:13: cluster[0].sign_with: needs forward = \"resign\"; write that, or remove it",
        ),
        (
            format!("forward = \"passthrough\"\nsign_with = {{ {KEY} }}"),
            "16:13: cluster[0].sign_with: needs forward = \"resign\"; write that, or remove it",
        ),
        (
            format!("node_keys = [{{ client = \"AK\", {KEY} }}]"),
            "15:13: cluster[0].node_keys: needs forward = \"resign\"; write that, or remove it",
        ),
        (
            signed("access_key_id = \"GW\""),
            "16:13: cluster[0].sign_with.secret_access_key: missing; write the secret, { env = \"NAME\" } or { file = \"path\" }",
        ),
        (
            signed("secret_access_key = \"NODES\""),
            "16:13: cluster[0].sign_with.access_key_id: missing; write the access key id at the nodes",
        ),
        (
            signed("access_key_id = \"G W\", secret_access_key = \"NODES\""),
            "16:31: cluster[0].sign_with.access_key_id: must be 1 to 128 visible ASCII characters without spaces",
        ),
        (
            signed(&format!("dialect = \"wos\", {KEY}")),
            "16:25: cluster[0].sign_with.dialect: must be the dialect of the nodes, \"aws\"; change one",
        ),
        (
            signed(&format!("version = \"v3\", {KEY}")),
            "16:25: cluster[0].sign_with.version: \"v3\" is not one of \"v2\", \"v4\"",
        ),
        (
            signed(&format!("version = \"v2\", region = \"r\", {KEY}")),
            "16:40: cluster[0].sign_with.region: needs version = \"v4\"; remove it",
        ),
        (
            signed(&format!("version = \"v2\", payload = \"unsigned\", {KEY}")),
            "16:41: cluster[0].sign_with.payload: needs version = \"v4\"; remove it",
        ),
        (
            signed(&format!("region = \"a/b\", {KEY}")),
            "16:24: cluster[0].sign_with.region: cannot have a '/' or a ',', which separate the parts of a signature",
        ),
        (
            signed(&format!("region = \"{}\", {KEY}", "r".repeat(65))),
            "16:24: cluster[0].sign_with.region: must be 1 to 64 visible ASCII characters without spaces",
        ),
        (
            signed(&format!("payload = \"signed\", {KEY}")),
            "16:25: cluster[0].sign_with.payload: \"signed\" is not one of \"unsigned\", \"signed-chunks\"",
        ),
        (
            format!(
                "dialect = \"wos\"\n{}",
                signed(&format!("payload = \"signed-chunks\", {KEY}"))
            ),
            "17:25: cluster[0].sign_with.payload: \"signed-chunks\" needs the dialect \"aws\"; write \"unsigned\"",
        ),
        (
            signed(&format!("regoin = \"a\", {KEY}")),
            "16:15: cluster[0].sign_with.regoin: unknown key; did you mean \"region\"?",
        ),
        (
            resign("sign_with = \"GW\""),
            "16:13: cluster[0].sign_with: must be a table, not a string",
        ),
        (
            resign(&format!(
                "sign_with = {{ {KEY} }}\nnode_keys = [{{ client = \"BK\", {KEY} }}]"
            )),
            "17:25: cluster[0].node_keys[0].client: is not the access_key_id of a [[credentials.key]]; change one",
        ),
        (
            resign(&format!(
                "sign_with = {{ {KEY} }}\nnode_keys = [{{ client = \"AK\", {KEY} }}, {{ client = \"AK\", {KEY} }}]"
            )),
            "17:95: cluster[0].node_keys[1].client: is the same client as cluster[0].node_keys[0].client; remove one",
        ),
        (
            resign(&format!(
                "sign_with = {{ {KEY} }}\nnode_keys = [{{ {KEY} }}]"
            )),
            "17:14: cluster[0].node_keys[0].client: missing; write the access key id that the client signs with",
        ),
        (
            resign(&format!("sign_with = {{ {KEY} }}\naddressing = \"path\"")),
            "17:14: cluster[0].addressing: needs host, the host name of the nodes; write host = \"name:port\"",
        ),
        (
            resign(&format!(
                "sign_with = {{ {KEY} }}\naddressing = \"virtual-host\""
            )),
            "17:14: cluster[0].addressing: needs host, the host name of the nodes; write host = \"name:port\"",
        ),
        (
            resign(&format!(
                "sign_with = {{ {KEY} }}\naddressing = \"virtual-host\"\nhost = \"10.0.0.1:9000\""
            )),
            "18:8: cluster[0].host: is an IP address, and a bucket name cannot be put before one; write a name",
        ),
        (
            resign(&format!("sign_with = {{ {KEY} }}\naddressing = \"vhost\"")),
            "17:14: cluster[0].addressing: \"vhost\" is not one of \"as-received\", \"path\", \"virtual-host\"",
        ),
        (
            "forward = \"passthrough\"\nhost = \"a.example\"".to_owned(),
            "16:8: cluster[0].host: cannot be used with forward = \"passthrough\", which changes nothing; remove it",
        ),
        (
            "forward = \"passthrough\"\naddressing = \"path\"".to_owned(),
            "16:14: cluster[0].addressing: cannot be used with forward = \"passthrough\", which changes nothing; remove it",
        ),
        (
            "forward = \"passthrough\"\nform_files = \"chunked\"".to_owned(),
            "16:14: cluster[0].form_files: cannot be used with forward = \"passthrough\", which forwards a form unchanged; remove it",
        ),
        (
            host("\"http://a\""),
            "17:8: cluster[0].host: \"http://a\" is not a Host; write \"name\" or \"name:port\"",
        ),
        (
            host("\"a:0\""),
            "17:8: cluster[0].host: \"a:0\" is not a Host; write \"name\" or \"name:port\"",
        ),
        (
            host("\"a:+1\""),
            "17:8: cluster[0].host: \"a:+1\" is not a Host; write \"name\" or \"name:port\"",
        ),
        (
            host("\"::1\""),
            "17:8: cluster[0].host: \"::1\" is not a Host; write \"name\" or \"name:port\"",
        ),
        (
            host("\"\""),
            "17:8: cluster[0].host: \"\" is not a Host; write \"name\" or \"name:port\"",
        ),
        (
            host("1"),
            "17:8: cluster[0].host: must be a string, \"name\" or \"name:port\", not an integer",
        ),
    ];
    for (lines, error) in rows {
        let errors = parse(&with(&lines)).expect_err(&lines);
        assert_eq!(errors, format!("x.toml:{error}"), "{lines}");
    }
}

/// Without its comment signs the whole block is right.
#[test]
fn the_sample_says_how_to_sign_anew() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/conf/countersign.toml");
    let sample = std::fs::read_to_string(path).unwrap();
    let block = sample
        .split("# Only with forward = \"resign\": the signature")
        .nth(1)
        .unwrap();
    let block: String = block
        .lines()
        .map(|line| line.strip_prefix("# ").unwrap_or(""))
        .filter(|line| {
            line.starts_with('[')
                || line
                    .split(" = ")
                    .next()
                    .is_some_and(|key| !key.contains(' ') && line.contains(" = "))
        })
        .map(|line| {
            line.replace("{ env = \"COUNTERSIGN_NODE_SECRET\" }", "\"s\"")
                .replace("{ file = \"alice-node-secret\" }", "\"s\"")
                .replace("alice-1", "AK")
                + "\n"
        })
        .collect();
    assert!(block.contains("[cluster.sign_with]") && block.contains("[[cluster.node_keys]]"));
    parse(&with(&format!("forward = \"resign\"\n{block}")))
        .unwrap_or_else(|errors| panic!("{errors}\n{block}"));
}
