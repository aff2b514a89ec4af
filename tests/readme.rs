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
    assert_eq!(families.len(), 14);
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
