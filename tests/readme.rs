//! The README says what is so.

use std::path::Path;

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// The fenced blocks of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or(rest).to_owned())
        .collect()
}

#[test]
fn the_first_two_commands_are_the_demo_and_the_tests() {
    let commands = blocks(&readme(), "sh");
    assert_eq!(commands[0], "cargo run --release -- demo\n");
    assert_eq!(commands[2], "tests/run\n");
    assert!(commands[1].starts_with("target/release/countersign sign "));
}

/// The reference call of the WOS documentation is signed with HMAC-SHA1, whatever the default for other clients is.
#[test]
fn the_reference_call_is_signed_in_the_words_of_wos() {
    let command = blocks(&readme(), "sh")[1].replace(
        "target/release/countersign",
        env!("CARGO_BIN_EXE_countersign"),
    );
    let (sign, shell) = command.trim_end().rsplit_once(" | ").unwrap();
    assert_eq!(shell, "sh");
    let output = std::process::Command::new("sh")
        .args(["-euc", sign])
        .env("AWS_ACCESS_KEY_ID", "AK")
        .env("AWS_SECRET_ACCESS_KEY", "a secret")
        .env_remove("AWS_SESSION_TOKEN")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (printed, told) = (text(output.stdout), text(output.stderr));
    assert_eq!(told, "");
    assert!(
        printed.starts_with("curl -gsS -i -X POST ")
            && printed.contains("'authorization: WOS AK:")
            && printed.ends_with(" 'http://127.0.0.1:8080/bucket01/objectkey?uploads'\n"),
        "{printed}"
    );
}

/// What the README says takes a restart is what the sample says, and what a reload warns of.
#[test]
fn what_takes_a_restart_is_said_alike() {
    let sample = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/conf/countersign.toml"
    ));
    let help = include_str!("golden/help.txt");
    for (text, of) in [
        (readme(), "README"),
        (sample.unwrap(), "sample"),
        (help.into(), "help"),
    ] {
        let words = text.replace(['`', '#', '\n'], " ");
        let words: Vec<&str> = words.split_whitespace().collect();
        let mut phrases = words.windows(3);
        let at = phrases.position(|three| {
            three[..2] == ["take", "a"] && three[2].trim_matches([',', ':', '.']) == "restart"
        });
        let before = words[..at.expect(of)].iter().rev().take(20);
        let before: Vec<&str> = before.map(|word| word.trim_matches(',')).collect();
        for setting in ["[server]", "[log]", "[admin]", "upstream_keepalive"] {
            assert!(before.contains(&setting), "{setting} in {of}: {before:?}");
        }
    }
}

#[test]
fn the_schema_is_printed_as_the_readme_says() {
    let row = readme();
    let row = row.lines().find(|row| row.contains("JSON schema")).unwrap();
    let command = row.split('`').nth(1).unwrap();
    let arguments: Vec<&str> = command.split(' ').skip(1).collect();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}");
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(schema["properties"]["listener"].is_object(), "{command}");
}

#[test]
fn the_configuration_by_example_is_right() {
    let examples = blocks(&readme(), "toml");
    assert_eq!(examples.len(), 1);
    let example = examples[0].replace("{ env = \"COUNTERSIGN_ALICE_SECRET\" }", "\"a secret\"");
    let settings = countersign::config::Settings::parse(&example, Path::new("README.md")).unwrap();
    assert_eq!(settings.cluster.nodes.len(), 2);
}

#[test]
fn the_table_of_metrics_is_the_one_of_the_code() {
    let golden = include_str!("golden/metrics.txt");
    let mut families: Vec<&str> = golden
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let text = readme();
    let mut documented: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("countersign_"))
        .collect();
    families.sort_unstable();
    documented.sort_unstable();
    assert_eq!(families.len(), 16);
    assert_eq!(documented, families);
}

#[test]
fn every_link_leads_to_a_file() {
    let text = readme();
    let links: Vec<&str> = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.starts_with("http"))
        .collect();
    assert!(links.len() >= 4);
    for link in links {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(link);
        assert!(file.exists(), "{link}");
    }
}
