//! Within a room the files import each other in one direction: no circle, but for a parent module and its own children.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::source::{Named, Source, files};

/// The names on a way are followed through so many `use` lines at most.
const MAX_STEPS: usize = 16;

/// A module: its file, and what its `use` lines bind, as it is written there.
struct Module<'s> {
    file: &'s Source,
    names: BTreeMap<&'s str, Vec<&'s str>>,
}

/// The modules of the crate by their path from its root, without those for tests.
struct Modules<'s>(BTreeMap<Vec<&'s str>, Module<'s>>);

/// Every path of a file that is not for tests alone.
fn paths(file: &Source) -> Vec<Named<'_>> {
    if file.path.ends_with("/tests.rs") {
        return Vec::new();
    }
    let for_tests = file.test_lines();
    let visibility = |path: &Named<'_>| {
        path.before == "(" && path.after == ")" && path.segments.len() == 1 || path.before == "in"
    };
    let mut paths = file.paths();
    paths.retain(|path| {
        !visibility(path) && !for_tests.iter().any(|lines| lines.contains(&path.line))
    });
    paths
}

/// The path without what only stands for the module in front of it.
fn without_end<'p, 's>(path: &'p [&'s str]) -> &'p [&'s str] {
    match path {
        [rest @ .., "self" | "*"] => rest,
        whole => whole,
    }
}

impl<'s> Modules<'s> {
    fn of(files: &'s [Source]) -> Self {
        let mut modules = BTreeMap::new();
        for file in files {
            let add = |module: Vec<&'s str>, modules: &mut BTreeMap<_, _>| {
                let names = BTreeMap::new();
                modules.entry(module).or_insert(Module { file, names });
            };
            add(file.modules(), &mut modules);
            for path in paths(file) {
                add(path.modules.clone(), &mut modules);
                let end = without_end(&path.segments);
                if path.before != "use" || end.is_empty() {
                    continue;
                }
                let whole = match path.in_crate() {
                    Some(from_root) => [&["crate"], without_end(&from_root)].concat(),
                    None => end.to_vec(),
                };
                if let Some(name) = path.renamed.or(end.last().copied()) {
                    let module = modules.get_mut(&path.modules);
                    module.map(|module| module.names.insert(name, whole));
                }
            }
        }
        Self(modules)
    }

    /// The path from the crate's root of what a module names; none where that is of another crate, or its own.
    fn absolute(&self, module: &[&'s str], path: &[&'s str], steps: usize) -> Option<Vec<&'s str>> {
        let (first, rest) = path.split_first()?;
        if *first == "crate" {
            return Some(rest.to_vec());
        }
        let child = [module, &[*first]].concat();
        if self.0.contains_key(&child) {
            return Some([&child, rest].concat());
        }
        let bound = self.0.get(module)?.names.get(first)?;
        let steps = steps.checked_sub(1)?;
        // A name that is bound to itself (`use http;`) is of another crate.
        let bound = (bound[..] != [*first]).then_some(bound)?;
        Some([&self.absolute(module, bound, steps)?, rest].concat())
    }

    /// The same for a path where it stands.
    fn rooted(&self, path: &Named<'s>) -> Option<Vec<&'s str>> {
        match path.in_crate() {
            Some(from_root) => Some(without_end(&from_root).to_vec()),
            None => self.absolute(&path.modules, without_end(&path.segments), MAX_STEPS),
        }
    }

    /// The file that defines what stands at a path from the crate's root, wherever it is re-exported.
    fn defining(&self, path: &[&'s str], steps: usize) -> Option<&'s Source> {
        let mut module = Vec::new();
        for (at, name) in path.iter().enumerate() {
            module.push(*name);
            if self.0.contains_key(&module) {
                continue;
            }
            module.pop();
            let names = &self.0.get(&module)?.names;
            let Some(bound) = names.get(name) else {
                break;
            };
            let steps = steps.checked_sub(1)?;
            let bound = self.absolute(&module, bound, steps)?;
            return self.defining(&[&bound, &path[at + 1..]].concat(), steps);
        }
        Some(self.0.get(&module)?.file)
    }
}

/// An import of another file of the room: where it stands, and what it names.
struct Import<'s> {
    line: usize,
    path: String,
    to: &'s str,
}

/// Whether one file is the module above the other one.
fn is_parent(parent: &Source, child: &Source) -> bool {
    let modules = child.modules();
    let above = modules.split_last().map(|(_, above)| above);
    above.is_some_and(|above| above == parent.modules())
}

/// The imports of each file. Those between a parent module and its own child are left out.
fn imports(files: &[Source]) -> BTreeMap<&str, Vec<Import<'_>>> {
    let modules = Modules::of(files);
    let mut found = BTreeMap::new();
    for file in files.iter().filter(|file| file.room().is_some()) {
        let mut own: Vec<Import<'_>> = Vec::new();
        for path in paths(file) {
            let from_root = modules.rooted(&path);
            let to = from_root.and_then(|path| modules.defining(&path, MAX_STEPS));
            let Some(to) = to.filter(|to| to.path != file.path && to.room() == file.room()) else {
                continue;
            };
            if !is_parent(file, to) && !is_parent(to, file) {
                let (line, path) = (path.line, path.segments.join("::"));
                let to = to.path.as_str();
                own.push(Import { line, path, to });
            }
        }
        found.insert(file.path.as_str(), own);
    }
    found
}

/// The shortest way from a file over its imports back to itself, one line for each import.
fn circle<'s>(imports: &BTreeMap<&'s str, Vec<Import<'s>>>, start: &'s str) -> Option<Vec<String>> {
    let mut waiting = VecDeque::from([(start, Vec::new())]);
    let mut seen = BTreeSet::new();
    while let Some((file, way)) = waiting.pop_front() {
        for import in imports.get(file).into_iter().flatten() {
            let Import { line, path, to } = import;
            let step = format!("{file}:{line}: {path} is of {to}");
            let way = [way.clone(), vec![step]].concat();
            if *to == start {
                return Some(way);
            }
            if seen.insert(*to) {
                waiting.push_back((to, way));
            }
        }
    }
    None
}

/// Every file that is in a circle, by its room, with the shortest one.
fn circles(files: &[Source]) -> BTreeMap<&str, Vec<String>> {
    let imports = imports(files);
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in files {
        let (Some(room), Some(way)) = (file.room(), circle(&imports, &file.path)) else {
            continue;
        };
        found.entry(room).or_default().push(way.join("\n    "));
    }
    found
}

#[test]
fn the_files_of_a_room_import_each_other_in_no_circle() {
    let sources = files(&["src"]);
    let found = circles(&sources);
    let shown: Vec<String> = found.into_values().flatten().collect();
    assert!(
        shown.is_empty(),
        "circles of imports:\n{}",
        shown.join("\n")
    );
}

/// The files of a sample, as pairs of path and text.
type Sample<'s> = &'s [(&'s str, &'s str)];

/// What a sample is made of. What it has no text for is empty.
fn sources(sample: Sample<'_>) -> Vec<Source> {
    let given = |path: &str| sample.iter().any(|(own, _)| *own == path);
    let parents = ["src/lib.rs", "src/sig/mod.rs", "src/body/mod.rs"];
    let parents = parents.into_iter().filter(|path| !given(path));
    let all = sample.iter().copied().chain(parents.map(|path| (path, "")));
    all.map(|(path, text)| Source::new(path, text)).collect()
}

/// The rooms in which a sample has a circle.
fn rooms(sample: Sample<'_>) -> Vec<String> {
    let sources = sources(sample);
    circles(&sources).into_keys().map(str::to_owned).collect()
}

#[test]
fn every_way_of_naming_a_file_closes_a_circle() {
    let samples: [Sample<'_>; 9] = [
        &[
            ("src/sig/a.rs", "use super::b::B;"),
            ("src/sig/b.rs", "use super::a::A;"),
        ],
        &[
            ("src/sig/a.rs", "use crate::{secret::Secret, sig::{b, c}};"),
            ("src/sig/b.rs", "use super::a::{self, A};"),
            ("src/secret.rs", ""),
        ],
        &[
            ("src/sig/a.rs", "fn f() { super::b::g() }"),
            ("src/sig/b.rs", "fn g() -> super::a::A { todo!() }"),
        ],
        &[
            ("src/sig/v4/a.rs", "use super::super::b::B;"),
            ("src/sig/b.rs", "use super::v4::a::A;"),
            ("src/sig/v4/mod.rs", "pub mod a;"),
        ],
        &[
            ("src/sig/a.rs", "use super::b::B;"),
            ("src/sig/b.rs", "use super::c::*;"),
            ("src/sig/c.rs", "use super::a::A as B;"),
        ],
        // Through what the parent re-exports.
        &[
            (
                "src/sig/mod.rs",
                "mod a;\nmod b;\npub use b::{B as C, D};\nuse a::A;",
            ),
            ("src/sig/a.rs", "use super::C;"),
            ("src/sig/b.rs", "use crate::sig::A;"),
        ],
        &[
            ("src/sig/a.rs", "use super::v4;\nfn f(word: v4::Word) {}"),
            ("src/sig/v4/mod.rs", "mod word;\npub use word::Word;"),
            ("src/sig/v4/word.rs", "use crate::sig::a::A;"),
        ],
        // A parent and what is below another room's part of it.
        &[
            ("src/sig/mod.rs", "pub use v4::Word;"),
            ("src/sig/v4.rs", "mod word;\npub use word::Word;"),
            ("src/sig/v4/word.rs", "use crate::sig::Version;"),
        ],
        &[
            ("src/sig/a.rs", "#[cfg(test)]\nmod tests {}\nuse super::b;"),
            (
                "src/sig/b.rs",
                "#[cfg(test)]\nuse super::c;\nuse super::a::A;",
            ),
        ],
    ];
    for sample in samples {
        assert_eq!(rooms(sample), ["sig"], "{sample:?}");
    }
}

#[test]
fn what_is_no_circle_passes() {
    let samples: [Sample<'_>; 6] = [
        // A parent and its children.
        &[
            (
                "src/sig/mod.rs",
                "mod a;\npub use a::A;\nstruct B;\nfn f() { a::g() }",
            ),
            (
                "src/sig/a.rs",
                "use super::B;\npub(in crate::sig) fn g() {}",
            ),
        ],
        &[
            ("src/sig/v4.rs", "mod a;\nuse a::A;\nstruct B;"),
            ("src/sig/v4/a.rs", "pub(super) fn f(b: super::B) {}"),
        ],
        // One way only, though both are known to the parent.
        &[
            (
                "src/sig/mod.rs",
                "mod a;\nmod b;\npub use a::A;\npub use b::B;",
            ),
            ("src/sig/a.rs", "use super::B;"),
            ("src/sig/b.rs", "use http::HeaderMap;\nfn a() {}"),
        ],
        // Tests import what they like.
        &[
            ("src/sig/a.rs", "use super::b::B;"),
            (
                "src/sig/b.rs",
                "#[cfg(test)]\nmod tests {\nuse super::super::a::A;\n}\nfn f() {}",
            ),
        ],
        &[
            ("src/sig/a.rs", "use super::b::B;"),
            ("src/sig/b/tests.rs", "use crate::sig::a::A;"),
            ("src/sig/b.rs", "#[cfg(test)]\nmod tests;"),
        ],
        // Of two rooms the levels tell.
        &[
            ("src/sig/a.rs", "use crate::body::b::B;"),
            ("src/body/b.rs", "use crate::sig::a::A;"),
        ],
    ];
    for sample in samples {
        assert_eq!(rooms(sample), [""; 0], "{sample:?}");
    }
}

/// Where everything of a module of this crate is imported: what is taken of it would not be seen.
fn globs(files: &[Source]) -> Vec<String> {
    let modules = Modules::of(files);
    let mut found = Vec::new();
    for file in files {
        let all = |path: &Named<'_>| path.before == "use" && path.segments.last() == Some(&"*");
        let mut globs = paths(file);
        globs.retain(|path| all(path) && modules.rooted(path).is_some());
        let shown = globs
            .iter()
            .map(|path| format!("{}:{}", file.path, path.line));
        found.extend(shown);
    }
    found
}

#[test]
fn everything_is_imported_by_its_name() {
    assert_eq!(globs(&files(&["src"])), [""; 0], "name what is imported");
    let refused: [Sample<'_>; 3] = [
        &[("src/sig/a.rs", "use super::*;")],
        &[("src/sig/a.rs", "use crate::{secret, sig::*};")],
        &[
            ("src/sig/mod.rs", "mod b;\npub use b::*;"),
            ("src/sig/b.rs", ""),
        ],
    ];
    for sample in refused {
        assert_eq!(globs(&sources(sample)).len(), 1, "{sample:?}");
    }
    let accepted: [Sample<'_>; 2] = [
        &[("src/sig/a.rs", "use s3s::dto::*;")],
        &[(
            "src/sig/a.rs",
            "#[cfg(test)]\nmod tests {\nuse super::*;\n}",
        )],
    ];
    for sample in accepted {
        assert_eq!(globs(&sources(sample)), [""; 0], "{sample:?}");
    }
}
