//! Where secrets come from, and where they never go.

use std::path::PathBuf;

use countersign::cli::check;
use countersign::config::Settings;

use super::{BASE, FILE, base_with, parse, reference, shipped, written};

/// Threat K7: whoever starts the sample as it is does not serve with a key that everybody knows.
#[test]
fn no_shipped_file_starts_as_it_is() {
    let files = shipped();
    assert_eq!(files.len(), 2);
    for (path, text) in files {
        let variable = reference(&text).1;
        let errors = Settings::load(&path).unwrap_err();
        assert_eq!(errors.faults().len(), 1, "{errors}");
        let fault = &errors.faults()[0];
        assert_eq!(fault.path, "credentials.key[0].secret_access_key.env");
        assert_eq!(
            fault.message,
            format!("the environment variable {variable} is not set; set it before starting")
        );
    }
}

#[test]
fn secrets_come_from_the_text_the_environment_or_a_file_beside_it() {
    for (content, secret) in [
        ("s", "s"),
        ("s\n", "s"),
        ("s\r\n", "s"),
        (" s ", " s "),
        ("\u{e4}", "\u{e4}"),
    ] {
        let line = "secret_access_key = { file = \"secret\" }";
        let text = base_with("[[credentials.key]]", line);
        written("from-a-file/secret", content.as_bytes());
        let file = written("from-a-file/x.toml", text.as_bytes());
        let settings = Settings::load(&file).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(settings.keys[0].secret_access_key.expose(), secret);
    }
    for (content, message) in [
        ("", "the secret is empty; write one"),
        ("\n", "the secret is empty; write one"),
        (
            "s\n\n",
            "the secret has a control character, such as a line break; remove it",
        ),
    ] {
        let line = "secret_access_key.file = \"secret\"";
        written("bad-file/secret", content.as_bytes());
        let file = written(
            "bad-file/x.toml",
            base_with("[[credentials.key]]", line).as_bytes(),
        );
        let errors = Settings::load(&file).unwrap_err();
        assert_eq!(errors.faults()[0].message, message, "{content:?}");
    }
    // The one variable that every process of a test run has.
    let line = "secret_access_key = { env = \"PATH\" }";
    let settings = parse(&base_with("[[credentials.key]]", line)).unwrap();
    let path = std::env::var("PATH").unwrap();
    assert_eq!(*settings.keys[0].secret_access_key.expose(), path);
}

#[test]
fn what_is_printed_is_what_was_read() {
    let mut files = shipped();
    files.push((PathBuf::from(FILE), BASE.to_owned()));
    let domains = base_with("[[credentials.key]]", "domains = [\"a.example\"]")
        .replace("[[listener]]", "[[listener]]\ndomains = [\"a.example\"]");
    files.push((PathBuf::from(FILE), domains));
    assert_eq!(files.len(), 4);
    for (path, text) in files {
        let text = match text.contains("{ env") {
            true => text.replace(reference(&text).0, "\"SECRET\""),
            false => text,
        };
        let settings = Settings::parse(&text, &path).unwrap();
        let printed = settings.to_toml();
        // Nobody starts with a printed secret by accident.
        let refused = parse(&printed).unwrap_err();
        assert!(
            refused.contains("*** is what check prints in place of a secret"),
            "{refused}"
        );
        let again = parse(&printed.replace("***", "SECRET")).unwrap();
        assert_eq!(again.to_toml(), printed);
        assert_eq!(format!("{again:?}"), format!("{settings:?}"));
    }
}

/// Threat K3: wherever a secret stands, rightly or by mistake, nothing that is printed holds it.
#[test]
fn no_output_holds_a_secret() {
    const MARKER: &str = "wJalrXUtnFEMI/marker";
    let accepted = base_with(
        "[[credentials.key]]",
        &format!("secret_access_key = \"{MARKER}\""),
    );
    let settings = parse(&accepted).unwrap();
    assert_eq!(settings.keys[0].secret_access_key.expose(), MARKER);
    let shown = format!("{settings:?}\n{settings:#?}\n{}", settings.to_toml());
    assert!(!shown.contains("marker"), "{shown}");

    written("planted/secret", format!("{MARKER}\n\n").as_bytes());
    let lines = [
        format!("secret_access_key = \"{MARKER}"),
        format!("secret_access_key = \"{MARKER}\\q\""),
        format!("secret_access_key = '{MARKER}\""),
        format!("secret_access_key = {MARKER}"),
        format!("secret_access_key = \"{MARKER}\" {MARKER}"),
        format!("secret_access_key = \"{MARKER}\\n\""),
        format!("secret_access_key = [\"{MARKER}\"]"),
        format!("secret_access_key = {{ value = \"{MARKER}\" }}"),
        format!("secret_access_key = {{ env = \"{MARKER}\" }}"),
        format!("secret_access_key = {{ file = \"{MARKER}\" }}"),
        format!("secret_access_key = {{ env = \"{MARKER}\", file = \"{MARKER}\" }}"),
        "secret_access_key = { file = \"secret\" }".to_owned(),
        format!("secret_acess_key = \"{MARKER}\""),
        format!("secret_access_key.evn = \"{MARKER}\""),
        format!("access_key_id = \"{MARKER} \""),
        format!("principal = \"{MARKER} \""),
    ];
    assert_eq!(lines.len(), 16);
    for line in lines {
        let text = base_with("[[credentials.key]]", &line);
        let file = written("planted/x.toml", text.as_bytes());
        let errors = Settings::load(&file).expect_err(&line);
        let failure = check::run(&file).expect_err(&line);
        let shown = format!("{errors}\n{errors:?}\n{failure}\n{failure:?}");
        assert!(!shown.contains("marker"), "{line}: {shown}");
    }
}
