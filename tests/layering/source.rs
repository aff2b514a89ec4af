//! Rust sources as tokens and paths: enough of the grammar to see what a file names.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

/// A source file of the project.
pub struct Source {
    /// From the root of the project, with `/`.
    pub path: String,
    pub text: String,
}

/// A word, a literal or a sign. Comments are gone, and a string or character is `""`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'s> {
    pub text: &'s str,
    pub line: usize,
}

impl Token<'_> {
    pub fn is_word(&self) -> bool {
        let first = self.text.chars().next();
        first.is_some_and(|first| first == '_' || first.is_alphabetic())
    }
}

/// A path such as `std::fs::File`. Of `use a::{b, c::d}` there are two.
#[derive(Debug)]
pub struct Named<'s> {
    pub segments: Vec<&'s str>,
    pub line: usize,
    /// The name behind `as`.
    pub renamed: Option<&'s str>,
    /// The modules around it, from the crate's root.
    pub modules: Vec<&'s str>,
    pub before: &'s str,
    pub after: &'s str,
}

impl<'s> Named<'s> {
    /// Whether these segments follow each other in the path.
    pub fn has(&self, part: &[&str]) -> bool {
        self.segments
            .windows(part.len())
            .any(|window| window == part)
    }

    /// The path from the root of the crate, where it is written from there, from `self` or from `super`.
    pub fn in_crate(&self) -> Option<Vec<&'s str>> {
        let supers = self
            .segments
            .iter()
            .take_while(|segment| **segment == "super")
            .count();
        let (base, skip) = match self.segments[0] {
            "crate" => (0, 1),
            "self" => (self.modules.len(), 1),
            "super" => (self.modules.len().saturating_sub(supers), supers),
            _ => return None,
        };
        Some([&self.modules[..base], &self.segments[skip..]].concat())
    }
}

/// The crate of the pure rooms, whose rooms are rooms of the project.
const PURE: &str = "crates/countersign-sig/src/";

/// The path of a file from the root of the project. The pure rooms stand in `src/` as all others do.
fn shown(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).expect("below the root");
    let path = path.to_string_lossy().replace('\\', "/");
    match path.strip_prefix(PURE) {
        Some(rest) if rest != "lib.rs" => format!("src/{rest}"),
        _ => path,
    }
}

/// Every Rust file below these folders; with `src` also those of the pure rooms.
pub fn files(folders: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting: Vec<_> = folders.iter().map(|folder| root.join(folder)).collect();
    if folders.contains(&"src") {
        waiting.push(root.join(PURE));
    }
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the project") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source {
                    text: fs::read_to_string(&path).expect("a readable file"),
                    path: shown(root, &path),
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
        }
    }

    /// The room of a file of the library.
    pub fn room(&self) -> Option<&str> {
        self.modules().first().copied()
    }

    /// The module that the file is, from the crate's root.
    pub fn modules(&self) -> Vec<&str> {
        let path = self.path.strip_prefix("src/").unwrap_or("");
        let path = path.strip_suffix(".rs").unwrap_or(path);
        let path = path.strip_suffix("/mod").unwrap_or(path);
        path.split('/')
            .filter(|name| !["", "lib", "main"].contains(name))
            .collect()
    }

    pub fn tokens(&self) -> Vec<Token<'_>> {
        let mut tokens = Vec::new();
        let (mut rest, mut line) = (self.text.as_str(), 1);
        while let Some(first) = rest.chars().next() {
            let (length, text) = if first.is_whitespace() {
                (first.len_utf8(), None)
            } else if rest.starts_with("//") {
                (rest.find('\n').unwrap_or(rest.len()), None)
            } else if rest.starts_with("/*") {
                (block_comment(rest), None)
            } else if let Some(length) = literal(rest) {
                (length, Some("\"\""))
            } else {
                let word = |c: char| c == '_' || c.is_alphanumeric();
                let length = match rest.find(|c: char| !word(c)).unwrap_or(rest.len()) {
                    0 if ["::", "==", "!=", "&&", "=>"]
                        .iter()
                        .any(|sign| rest.starts_with(sign)) =>
                    {
                        2
                    }
                    0 => first.len_utf8(),
                    length => length,
                };
                (length, Some(&rest[..length]))
            };
            tokens.extend(text.map(|text| Token { text, line }));
            line += rest[..length].matches('\n').count();
            rest = &rest[length..];
        }
        tokens
    }

    /// The lines of what is compiled for tests alone: `#[cfg(test)]` and the item behind it.
    pub fn test_lines(&self) -> Vec<RangeInclusive<usize>> {
        let tokens = self.tokens();
        let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
        let starts = tokens.windows(attribute.len()).enumerate();
        let starts = starts.filter(|(_, window)| window.iter().map(|own| own.text).eq(attribute));
        let item = |(at, window): (usize, &[Token<'_>])| {
            let mut depth = 0;
            let end = tokens[at + window.len()..].iter().find(|token| {
                match token.text {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    _ => {}
                }
                depth == 0 && ["}", ";"].contains(&token.text)
            });
            window[0].line..=end.map_or(usize::MAX, |end| end.line)
        };
        starts.map(item).collect()
    }

    /// Every path that the file names, single words among them; fields and methods behind a dot are none.
    pub fn paths(&self) -> Vec<Named<'_>> {
        let tokens = self.tokens();
        let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
        let mut found = Vec::new();
        let mut modules = self.modules();
        // The braces around a module that stands in the file; 0 for those that the file's own path gives.
        let mut depth = 0;
        let mut opened = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let before = if at == 0 { "" } else { text(at - 1) };
            match text(at) {
                "mod" if text(at + 2) == "{" => {
                    modules.push(text(at + 1));
                    opened.push(depth);
                }
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    if opened.last() == Some(&depth) {
                        opened.pop();
                        modules.pop();
                    }
                }
                _ if tokens[at].is_word() && before != "." => {
                    let mut all = Vec::new();
                    let end = path(&tokens, at, &[], &mut all);
                    found.extend(all.into_iter().map(|(segments, line, renamed)| Named {
                        segments,
                        line,
                        renamed,
                        modules: modules.clone(),
                        before,
                        after: text(end),
                    }));
                    at = end;
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        found
    }
}

/// Reads the path that starts at `at`, behind `prefix`; gives where it ends.
fn path<'s>(
    tokens: &[Token<'s>],
    mut at: usize,
    prefix: &[&'s str],
    found: &mut Vec<(Vec<&'s str>, usize, Option<&'s str>)>,
) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let line = tokens[at].line;
    let mut segments = prefix.to_vec();
    loop {
        segments.push(text(at));
        at += 1;
        if text(at) != "::" {
            break;
        }
        if text(at + 1) == "{" {
            at += 2;
            while !["}", ""].contains(&text(at)) {
                if tokens[at].is_word() || text(at) == "*" {
                    at = path(tokens, at, &segments, found);
                }
                // `as name` renames; the path is the same.
                while ![",", "}", ""].contains(&text(at)) {
                    at += 1;
                }
                at += usize::from(text(at) == ",");
            }
            return at + 1;
        }
        let goes_on = text(at + 1) == "*" || tokens.get(at + 1).is_some_and(Token::is_word);
        if !goes_on {
            break;
        }
        at += 1;
    }
    let renamed = (text(at) == "as").then(|| text(at + 1));
    found.push((segments, line, renamed));
    at
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of the string or character that the text starts with. A lifetime is none.
fn literal(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""]
        .into_iter()
        .find(|prefix| text.starts_with(prefix))
        .unwrap_or("");
    let body = &text[prefix.len()..];
    let hashes = body.len() - body.trim_start_matches('#').len();
    if prefix.ends_with('r') && body[hashes..].starts_with('"') {
        let end = format!("\"{}", "#".repeat(hashes));
        let start = prefix.len() + hashes + 1;
        return Some(
            text[start..]
                .find(&end)
                .map_or(text.len(), |at| start + at + end.len()),
        );
    }
    let quote = body.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut letters = body.char_indices().skip(1);
    if quote == '\'' {
        // `'a'` and `'\n'` are characters, `'a` is a lifetime.
        let second = letters.clone().nth(1)?.1;
        if second != '\'' && !body[1..].starts_with('\\') {
            return None;
        }
    }
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == quote {
            return Some(prefix.len() + at + 1);
        }
    }
    Some(text.len())
}

#[test]
fn comments_and_strings_name_nothing() {
    let source = Source::new(
        "src/sig/v2.rs",
        "// tokio::a\n/* tokio /* b */ c */ \"tokio \\\" d\" r#\"tokio \" e\"# b'\\'' 'x' '\\n' &'tokio str",
    );
    let words: Vec<&str> = source.paths().iter().map(|path| path.segments[0]).collect();
    assert_eq!(words, ["tokio", "str"], "the lifetime, and the type");
}

#[test]
fn paths_are_read_through_groups_and_modules() {
    let source = Source::new(
        "src/sig/v2.rs",
        "use std::{fs::{self, File}, net::*};\nmod tests { use super::super::a as b; mod c { super::d() } }\nself::e::<T>()",
    );
    let paths = source.paths();
    let outer: Vec<String> = paths.iter().map(|path| path.segments.join("::")).collect();
    for expected in [
        "std::fs::self",
        "std::fs::File",
        "std::net::*",
        "super::super::a",
    ] {
        assert!(
            outer.contains(&expected.to_owned()),
            "{expected}: {outer:?}"
        );
    }
    let inner: Vec<String> = paths
        .iter()
        .filter_map(|path| Some(path.in_crate()?.join("::")))
        .collect();
    assert_eq!(inner, ["sig::a", "sig::v2::tests::d", "sig::v2::e"]);
}
