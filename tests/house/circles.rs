//! No two modules of a crate use each other, directly or by way of others: whoever reads one can stop at what it uses.
//!
//! Of two files, each stands for the highest folder in which the other is not: `past/report.rs` that uses `simulate/args.rs` makes
//! `past` use `simulate`. What a folder's own file and the files in the folder use of each other counts as within one module,
//! and so do tests and what the root of a crate re-exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{crates, read, root, tracked};

/// The place of a module: the names from the crate's root on.
type Module = Vec<String>;
/// Who uses whom, with a pair of files as an example.
type Uses = BTreeMap<Module, BTreeMap<Module, (Module, Module)>>;

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let circles: Vec<String> = crates().iter().flat_map(|name| circles(name)).collect();
    assert!(circles.is_empty(), "move what both need into a module below both:\n{}", circles.join("\n"));
}

#[test]
fn paths_are_found_in_trees_of_uses_and_in_code() {
    let code = "use crate::{a::{B, c}, d as e};\nuse super::f::*;\nfn g() -> crate::h::I { j() } // crate::k\n\
                #[cfg(test)]\nmod tests { use crate::l; }";
    let found: Vec<String> = paths(code).iter().map(|path| path.join("::")).collect();
    for path in ["crate::a::B", "crate::a::c", "crate::d", "super::f::*", "crate::h::I"] {
        assert!(found.iter().any(|found| found == path), "{path} in {found:?}");
    }
    assert!(!found.iter().any(|path| path.contains('k') || path.contains('l')), "{found:?}");
}

fn circles(name: &str) -> Vec<String> {
    let modules = modules(&root().join("crates").join(name).join("src"));
    let known: BTreeSet<&Module> = modules.keys().collect();
    let mut uses = Uses::new();
    for (module, code) in &modules {
        for used in paths(code).iter().filter_map(|path| resolve(&known, module, path)) {
            let common = module.iter().zip(&used).take_while(|(one, other)| one == other).count();
            if let (Some(one), Some(other)) = (module.get(..=common), used.get(..=common)) {
                let example = (module.clone(), used.clone());
                uses.entry(one.to_vec()).or_default().entry(other.to_vec()).or_insert(example);
            }
        }
    }
    let words = |module: &Module| module.join("/");
    let circle = |start: &Module| {
        let circle = way_back(&uses, start)?;
        // Each circle is told once, from its first module.
        (circle.iter().min() == Some(start)).then(|| {
            let steps = circle.iter().zip(circle.iter().cycle().skip(1)).filter_map(|(from, to)| {
                let (one, other) = uses.get(from)?.get(to)?;
                Some(format!("{} uses {}", words(one), words(other)))
            });
            format!("{name}: {}", steps.collect::<Vec<_>>().join(", "))
        })
    };
    uses.keys().filter_map(circle).collect()
}

/// The shortest way from a module to itself.
fn way_back(uses: &Uses, start: &Module) -> Option<Vec<Module>> {
    let mut ways = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    let mut at = 0;
    while let Some(way) = ways.get(at).cloned() {
        for next in way.last().and_then(|last| uses.get(last)).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                return Some(way);
            }
            if seen.insert(next.clone()) {
                ways.push(way.iter().chain([next]).cloned().collect());
            }
        }
        at += 1;
    }
    None
}

/// The modules of a crate with their code, tests aside.
fn modules(source: &Path) -> BTreeMap<Module, String> {
    let mut modules = BTreeMap::new();
    for path in tracked() {
        let path = root().join(path);
        let Ok(inner) = path.strip_prefix(source) else { continue };
        let mut module: Module =
            inner.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if inner.extension().is_none_or(|extension| extension != "rs")
            || module.iter().any(|part| part == "tests")
        {
            continue;
        }
        if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
            module.pop();
        }
        modules.insert(module, read(&path));
    }
    modules
}

/// The module that a path leads to, if it is one of the same crate.
fn resolve(known: &BTreeSet<&Module>, from: &Module, path: &[String]) -> Option<Module> {
    let mut rest = path.iter().map(String::as_str).peekable();
    let mut module = match rest.next()? {
        "crate" => Module::new(),
        "self" => from.clone(),
        "super" => from.get(..from.len().checked_sub(1)?)?.to_vec(),
        _ => return None,
    };
    while rest.next_if_eq(&"super").is_some() {
        module.pop();
    }
    for part in rest {
        module.push(part.to_owned());
        if !known.contains(&module) {
            module.pop();
            break;
        }
    }
    Some(module)
}

/// Every path of the code that begins within its crate.
fn paths(code: &str) -> Vec<Vec<String>> {
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
    let lines: Vec<&str> = lines.collect();
    let tests = lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod "));
    let code = lines[..tests.unwrap_or(lines.len())].join(" ");
    let mut found = Vec::new();
    for (at, word) in ["crate::", "super::", "self::"].iter().flat_map(|word| code.match_indices(word)) {
        let is_word = |before: char| before.is_alphanumeric() || "_:$".contains(before);
        if !code[..at].ends_with(is_word) {
            tree(&[], &code[at..at + word.len() + end_of(&code[at + word.len()..])], &mut found);
        }
    }
    found
}

/// Where a path ends, with the braces that it may end in.
fn end_of(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, next) in code.char_indices() {
        match next {
            '{' if depth > 0 || code[..at].ends_with("::") || at == 0 => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' if depth > 1 => depth -= 1,
            _ if depth > 0 || next.is_alphanumeric() || "_:*".contains(next) => {}
            _ => return at,
        }
    }
    code.len()
}

/// The paths of a tree such as `a::{b, c::{d, e}}`.
fn tree(before: &[String], text: &str, found: &mut Vec<Vec<String>>) {
    let (path, inner) = match text.split_once('{') {
        Some((path, inner)) => (path, inner.strip_suffix('}')),
        None => (text, None),
    };
    let path = path.split(" as ").next().unwrap_or_default();
    let parts = path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned);
    let path: Vec<String> = before.iter().cloned().chain(parts).collect();
    let Some(inner) = inner else { return found.push(path) };
    let (mut depth, mut begin) = (0_usize, 0);
    for (at, next) in inner.char_indices().chain([(inner.len(), ',')]) {
        match next {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let branch = inner[begin..at].trim();
                if !branch.is_empty() {
                    tree(&path, branch, found);
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
}
