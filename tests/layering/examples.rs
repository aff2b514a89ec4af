//! The examples in doc comments: what must not compile fails, and for the stated reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::holds;
use super::source::{Source, files};

/// A code block of a doc comment.
struct Example {
    line: usize,
    fence: String,
    code: String,
    /// The number of the doc comment within the file.
    comment: usize,
}

fn examples(file: &Source) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    let (mut open, mut comment) = (false, 0);
    for (at, line) in file.text.lines().enumerate() {
        let line = line.trim_start();
        let Some(text) = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"))
        else {
            (open, comment) = (false, comment + 1);
            continue;
        };
        match text.trim_start().strip_prefix("```") {
            Some(fence) if !open => {
                open = true;
                found.push(Example {
                    line: at + 1,
                    fence: fence.trim().into(),
                    code: String::new(),
                    comment,
                });
            }
            Some(_) => open = false,
            None if open => {
                if let Some(example) = found.last_mut() {
                    example.code += text;
                    example.code.push('\n');
                }
            }
            None => {}
        }
    }
    found
}

/// The error that a `compile_fail` example is to fail with.
fn stated(example: &Example) -> Option<&str> {
    let digits =
        |word: &&str| word.len() == 5 && word[1..].bytes().all(|byte| byte.is_ascii_digit());
    example
        .fence
        .split(',')
        .filter(|word| word.starts_with('E'))
        .find(digits)
}

#[test]
fn every_forgery_names_its_error_and_has_a_twin_that_compiles() {
    let rule = |file: &Source| {
        let examples = examples(file);
        let mut faults = Vec::new();
        for example in &examples {
            let fails = example.fence.contains("compile_fail");
            let twin = examples
                .iter()
                .any(|other| other.comment == example.comment && other.fence.is_empty());
            let fault = if fails && stated(example).is_none() {
                "name the error: compile_fail,E0000"
            } else if fails && !twin {
                "show the twin that compiles"
            } else if !fails && !["", "text", "toml"].contains(&example.fence.as_str()) {
                "an example that is not run proves nothing"
            } else {
                continue;
            };
            faults.push((example.line, fault.to_owned()));
        }
        faults
    };
    let refused = [
        (
            "src/a.rs",
            "/// ```compile_fail\n/// f()\n/// ```\n///\n/// ```\n/// g()\n/// ```",
        ),
        (
            "src/a.rs",
            "/// ```compile_fail,E0451\n/// f()\n/// ```\nfn f() {}\n/// ```\n/// g()\n/// ```",
        ),
        ("src/a.rs", "//! ```ignore\n//! f()\n//! ```"),
    ];
    let accepted = [(
        "src/a.rs",
        "/// ```compile_fail,E0451\n/// f()\n/// ```\n///\n/// ```\n/// g()\n/// ```",
    )];
    holds(&files(&["src"]), rule, &refused, &accepted);
}

/// The library of this crate that this test was built with.
fn library(name: &str) -> PathBuf {
    let folder = std::env::current_exe()
        .expect("this test")
        .with_file_name("");
    let built = fs::read_dir(folder)
        .expect("the folder of this test")
        .flatten();
    built
        .map(|entry| entry.path())
        .filter(|path| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            file.starts_with(&format!("lib{name}-")) && file.ends_with(".rlib")
        })
        .max_by_key(|path| path.metadata().and_then(|file| file.modified()).ok())
        .expect("cargo builds the library before its tests")
}

/// The codes of the errors in a piece of code that uses the libraries; an error without a code is `error`.
fn errors(code: &str, folder: &Path) -> BTreeSet<String> {
    let [library, pure] = ["countersign", "countersign_sig"].map(library);
    let file = folder.join("example.rs");
    fs::write(&file, code).expect("a writable folder");
    let compiled = Command::new("rustc")
        .args([
            "--edition=2024",
            "--crate-type=lib",
            "--emit=metadata",
            "-Awarnings",
        ])
        .arg("--extern")
        .arg(format!("countersign={}", library.display()))
        .arg("--extern")
        .arg(format!("countersign_sig={}", pure.display()))
        .arg("-L")
        .arg(format!(
            "dependency={}",
            library.with_file_name("").display()
        ))
        .arg("--out-dir")
        .arg(folder)
        .arg(&file)
        .output()
        .expect("rustc");
    let text = String::from_utf8_lossy(&compiled.stderr);
    let errors = text
        .lines()
        .filter(|line| line.starts_with("error") && !line.contains("aborting due to"));
    let codes: BTreeSet<String> = errors
        .map(|line| {
            match line
                .strip_prefix("error[")
                .and_then(|rest| rest.split_once(']'))
            {
                Some((code, _)) => code.to_owned(),
                None => "error".to_owned(),
            }
        })
        .collect();
    assert_eq!(codes.is_empty(), compiled.status.success(), "{text}");
    codes
}

/// The stable rustdoc takes any error for the stated one, so the codes are compared here.
#[test]
fn every_forgery_fails_for_the_stated_reason_alone() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let sources = files(&["src"]);
    // The example that opens the pure crate is a program, which rustdoc runs.
    let rooms = sources.iter().filter(|file| file.path.starts_with("src/"));
    let all: Vec<Example> = rooms.flat_map(examples).collect();
    let mut forgeries = 0;
    for example in all
        .iter()
        .filter(|example| ["text", "toml"].iter().all(|text| example.fence != *text))
    {
        let expected = stated(example).map(ToOwned::to_owned);
        forgeries += usize::from(expected.is_some());
        assert_eq!(
            errors(&example.code, folder.path()),
            BTreeSet::from_iter(expected),
            "{}",
            example.code
        );
    }
    assert_eq!(
        forgeries, 4,
        "Verified, Permit, the way to a node and the way back"
    );
    let wrong = errors(
        "use countersign::nowhere; fn f() { let a: u8 = \"\"; }",
        folder.path(),
    );
    assert_eq!(wrong, ["E0308".to_owned(), "E0432".to_owned()].into());
}
