//! Every promise that is written down is tested: a function that no list names would be kept by nobody.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The promises in the files of one suite, and those that its list names, as `file::function`.
fn suite(name: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance");
    let mut written = BTreeSet::new();
    for entry in fs::read_dir(folder.join(name)).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let functions = text.lines().filter_map(|line| line.strip_prefix("pub async fn "));
        let names = functions.map(|rest| rest.split(['(', '<']).next().unwrap_or_default());
        written.extend(names.map(|function| format!("{file}::{function}")));
    }
    let list = fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap();
    let named = list.lines().map(str::trim).filter(|line| {
        line.split_once("::").is_some_and(|(file, function)| {
            [file, function].iter().all(|part| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        })
    });
    (written, named.map(str::to_owned).collect())
}

#[test]
fn every_promise_of_a_store_is_tested() {
    let (written, named) = suite("store");
    assert!(written.len() > 100, "{written:?}");
    assert_eq!(written, named);
}

#[test]
fn every_promise_of_a_broker_is_tested() {
    let (written, named) = suite("broker");
    assert!(written.len() > 20, "{written:?}");
    assert_eq!(written, named);
}
