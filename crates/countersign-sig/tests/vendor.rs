//! A new vendor is one file, one variant and one entry of the table: a copy of the crate gets a third one, and all vectors.
//!
//! The copy has a target folder of its own, which a second run finds as the first one left it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The reader of the vectors, and where it looks for them when the copy of the crate compiles it: beside its package.
const READER: &str = "tests/support/src/vectors.rs";
const VECTORS: &str = "crates/vectors";

/// What `dialect/mod.rs` gets: behind each first text, which stands there once, the second one.
const LINES: [(&str, &str); 3] = [
    ("\nmod aws;\n", "mod toy;\n"),
    ("\npub enum DialectName {\n", "    /// The toy.\n    Toy,\n"),
    ("[&Dialect; DialectName::COUNT] = [", "&toy::DIALECT, "),
];

/// The files of the copy, by their path in it.
#[derive(Default)]
struct Copy(BTreeMap<String, String>);

impl Copy {
    fn file(&mut self, from: PathBuf, to: &str) {
        let text = fs::read_to_string(&from);
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        self.0.insert(to.to_owned(), text);
    }

    fn folder(&mut self, from: &Path, to: &str) {
        for file in files(from) {
            let rest = file.strip_prefix(from).expect("below the folder");
            let to = format!("{to}/{}", rest.display());
            self.file(file, &to);
        }
    }

    /// Writes what an earlier run has not written, so that Cargo builds nothing twice, and removes what is no longer there.
    fn write(&self, root: &Path) {
        for (path, text) in &self.0 {
            let path = root.join(path);
            if fs::read_to_string(&path).ok().as_ref() != Some(text) {
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                fs::write(&path, text).expect("a file");
            }
        }
        for path in files(&root.join("crates")) {
            let of_copy = path.strip_prefix(root).expect("below the root").to_str();
            if !of_copy.is_some_and(|path| self.0.contains_key(path)) {
                fs::remove_file(path).expect("a file");
            }
        }
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

#[test]
fn a_vendor_is_a_file_a_variant_and_an_entry() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = package.join("../..");
    let tests = package.join("tests/vendor");
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vendor");
    let (mut copy, home) = (Copy::default(), "crates/countersign-sig");

    // The workspace without the gateway.
    copy.file(workspace.join("Cargo.toml"), "Cargo.toml");
    let manifest = copy.0.get_mut("Cargo.toml").expect("the manifest");
    let shared = manifest.find("\n[workspace.package]");
    let shared = &manifest[shared.expect("the section")..];
    let shared = &shared[..shared.find("\n[package]").expect("the section")];
    *manifest = format!("[workspace]\nresolver = \"3\"\nmembers = [\"{home}\"]\n{shared}");

    // The crate, with what reads the vectors; its own tests stay behind, and what they need.
    copy.folder(&package.join("src"), &format!("{home}/src"));
    let manifest = format!("{home}/Cargo.toml");
    copy.file(package.join("Cargo.toml"), &manifest);
    let manifest = copy.0.get_mut(&manifest).expect("the manifest");
    *manifest = manifest.replace("proptest.workspace = true", "toml = \"1\"");
    copy.file(workspace.join(READER), &format!("{home}/tests/reader.rs"));
    copy.file(tests.join("run.rs"), &format!("{home}/tests/run.rs"));
    copy.folder(&workspace.join("tests/vectors"), VECTORS);

    // The vendor.
    copy.file(tests.join("toy.rs"), &format!("{home}/src/dialect/toy.rs"));
    copy.folder(&tests.join("vectors"), VECTORS);
    let table = format!("{home}/src/dialect/mod.rs");
    let table = copy.0.get_mut(&table).expect("the table");
    for (before, line) in LINES {
        assert_eq!(table.matches(before).count(), 1, "{before}");
        *table = table.replace(before, &format!("{before}{line}"));
    }

    // Cargo itself removes from the lock file what nothing here needs, and changes no version.
    let (lock, whole) = (workspace.join("Cargo.lock"), "Cargo.lock.whole");
    copy.file(lock.clone(), whole);
    if fs::read_to_string(root.join(whole)).ok() != copy.0.get(whole).cloned() {
        copy.file(lock, "Cargo.lock");
    }
    copy.write(&root);

    let ran = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--test", "run", "--", "--nocapture"])
        .current_dir(&root)
        .env("CARGO_TARGET_DIR", root.join("target"))
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .output()
        .expect("cargo");
    let said = [ran.stdout, ran.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(ran.status.success(), "{said}");
    assert!(said.contains("toy: 3 accepted, 1 refused"), "{said}");
}
