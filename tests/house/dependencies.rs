//! What the published crates bring along: licences that `deny.toml` allows, from the one registry.

use std::collections::BTreeSet;
use std::process::Command;

use spdx::{Expression, LicenseId, ParseMode};

use super::{read, root};

/// Each dependency of a published crate as cargo's tree shows it, with its licence; tests and benchmarks are passed over.
fn dependencies() -> Vec<(String, String)> {
    let unpublished = ["--exclude", "testkit", "--exclude", "scheduler-workspace"];
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--workspace", "--all-features", "--target", "all"])
        .args(["--edges", "normal,build", "--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"])
        .args(unpublished)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let lines = String::from_utf8(tree.stdout).expect("cargo writes text");
    let lines: BTreeSet<&str> = lines.lines().filter(|line| !line.is_empty()).collect();
    lines.into_iter().filter_map(|line| line.split_once('|')).map(|(a, b)| (a.into(), b.into())).collect()
}

/// Whether an expression can be met with these licences alone; what cannot be read cannot be met.
fn is_met(expression: &str, allowed: &[LicenseId]) -> bool {
    Expression::parse_mode(expression, ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|requirement| requirement.license.id().is_some_and(|id| allowed.contains(&id)))
    })
}

fn allowed() -> Vec<LicenseId> {
    let deny: toml::Table = toml::from_str(&read("deny.toml")).expect("deny.toml is TOML");
    let names = deny["licenses"]["allow"].as_array().expect("a list of licences");
    let known = |name: &toml::Value| {
        let name = name.as_str().expect("a licence's name");
        spdx::license_id(name).unwrap_or_else(|| panic!("deny.toml: no licence is called {name}"))
    };
    names.iter().map(known).collect()
}

#[test]
fn every_dependency_of_a_published_crate_has_a_licence_that_is_allowed() {
    let (allowed, dependencies) = (allowed(), dependencies());
    assert!(dependencies.len() > 100, "cargo's tree was not read: {dependencies:?}");
    let refused: Vec<String> = dependencies
        .iter()
        .filter(|(_, licence)| !is_met(licence, &allowed))
        .map(|(package, licence)| format!("{package}: {licence}"))
        .collect();
    assert!(refused.is_empty(), "not allowed by deny.toml:\n{}", refused.join("\n"));
}

#[test]
fn a_licence_is_met_by_one_alternative_and_by_all_parts() {
    let allowed = [spdx::license_id("MIT").unwrap(), spdx::license_id("ISC").unwrap()];
    for met in ["MIT", "MIT/Apache-2.0", "GPL-3.0-only OR MIT", "(Apache-2.0 OR MIT) AND ISC"] {
        assert!(is_met(met, &allowed), "{met}");
    }
    for unmet in ["", "Apache-2.0", "MIT AND Apache-2.0", "of my own"] {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}

#[test]
fn what_is_not_of_this_repository_comes_from_the_one_registry() {
    let lock = read("Cargo.lock");
    let mut sources = lock.lines().filter_map(|line| line.strip_prefix("source = \""));
    let first = sources.next().expect("there are dependencies");
    assert!(first.starts_with("registry+"), "{first}");
    assert!(sources.all(|source| source == first), "Cargo.lock names a second source");
}
