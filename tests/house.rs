//! The house keeps its own rules: the map in the README is true and short, dependencies point one way, nothing names the machine
//! that it was written on, and files stay readable.

#[path = "house/book.rs"]
mod book;
#[path = "house/circles.rs"]
mod circles;
#[path = "house/dependencies.rs"]
mod dependencies;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text files that belong to the repository; those of a source archive without `.git` cannot be told from others.
fn tracked() -> Vec<PathBuf> {
    let listing = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    let Ok(listing) = listing else { return Vec::new() };
    let paths = String::from_utf8(listing.stdout).expect("git lists paths as text");
    paths.lines().map(PathBuf::from).filter(|path| root().join(path).is_file()).collect()
}

/// The crates under `crates/`, by folder.
fn crates() -> BTreeSet<String> {
    let folders = fs::read_dir(root().join("crates")).expect("there are crates");
    folders.map(|entry| entry.expect("a readable entry").file_name().to_string_lossy().into_owned()).collect()
}

/// What stands between single backticks, code blocks aside.
fn inline_code(markdown: &str) -> Vec<String> {
    let prose: Vec<&str> = markdown.split("```").step_by(2).collect();
    prose.iter().flat_map(|part| part.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The command lines of a page's shell blocks, without comments.
fn commands(markdown: &str) -> Vec<String> {
    let blocks = markdown.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    let lines = blocks.flat_map(str::lines).map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn every_path_that_a_page_names_exists() {
    let is_path = |word: &String| {
        word.contains('/')
            && !word.contains([' ', '<', '|', '(', '…'])
            && !word.contains("://")
            && !word.starts_with(['-', '/', '~', '$'])
    };
    for (page, text) in book::pages() {
        let folder = page.parent().unwrap_or(Path::new(""));
        let exists = |path: &String| root().join(path).exists() || root().join(folder).join(path).exists();
        let missing: Vec<String> =
            inline_code(&text).into_iter().filter(is_path).filter(|path| !exists(path)).collect();
        assert!(missing.is_empty(), "{} names paths that do not exist: {missing:?}", page.display());
    }
}

#[test]
fn the_readme_names_every_crate() {
    let readme = read("README.md");
    let missing: Vec<String> =
        crates().into_iter().filter(|name| !readme.contains(&format!("`crates/{name}/`"))).collect();
    assert!(missing.is_empty(), "README.md's map lacks: {missing:?}");
}

/// Three readers find what they came for without scrolling far; everything else has its page in the book.
#[test]
fn the_readme_stays_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 150, "README.md has {lines} lines: move what not every reader needs into docs/");
}

#[test]
fn every_command_of_a_page_exists() {
    let program: String =
        tracked().iter().filter(|path| path.starts_with("crates/scheduler/src")).map(read).collect();
    for command in book::pages().values().flat_map(|page| commands(page)) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let after = |flag: &str| words.iter().position(|word| *word == flag).and_then(|at| words.get(at + 1));
        if let Some(bench) = after("--bench") {
            assert!(root().join(format!("benches/{bench}.rs")).is_file(), "{command}: no such benchmark");
        }
        if let Some(example) = after("--example") {
            assert!(root().join(format!("examples/{example}.rs")).is_file(), "{command}: no such example");
        }
        let subcommand = match words.as_slice() {
            ["scheduler", subcommand, ..] => Some(subcommand),
            ["cargo", "run", "--release", "--", subcommand, ..] => Some(subcommand),
            [script, ..] if script.contains('/') => {
                assert!(root().join(script).is_file(), "{command}: no such script");
                None
            }
            _ => None,
        };
        if let Some(subcommand) = subcommand {
            let mut variant = (*subcommand).to_owned();
            variant[..1].make_ascii_uppercase();
            assert!(program.contains(&variant), "{command}: the program has no such command");
        }
    }
}

/// Who may depend on whom: a crate only on crates of layers below its own, so that adapters never see each other.
const LAYERS: [&[&str]; 7] = [
    &["scheduler-core"],
    &["definition"],
    &["control-plane"],
    &["adapter-postgres", "adapter-amqp", "conformance", "simulator"],
    &["timeline"],
    &["scheduler"],
    &["testkit"],
];

fn layer(name: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&name))
        .unwrap_or_else(|| panic!("{name} has no layer yet: say in tests/house.rs who may depend on it"))
}

/// The names under `[dependencies]` of a manifest, and under its target-specific kin.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut section = "";
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]") && !section.contains("dev-dependencies") {
            names.extend(line.split(['=', '.']).next().map(|name| name.trim().to_owned()));
        }
    }
    names
}

#[test]
fn dependencies_point_one_way() {
    let ours = crates();
    for name in &ours {
        for dependency in dependencies(&read(format!("crates/{name}/Cargo.toml"))) {
            if ours.contains(&dependency) {
                assert!(layer(&dependency) < layer(name), "{name} must not depend on {dependency}");
            }
        }
    }
}

#[test]
fn the_core_has_no_clock_no_socket_and_no_unsafe_code() {
    let core = read("crates/scheduler-core/src/lib.rs");
    assert!(core.contains("#![no_std]") && core.contains("#![forbid(unsafe_code)]"));
    let allowed = [
        "serde",
        "thiserror",
        "chrono",
        "indexmap",
        "hashbrown",
        "rustc-hash",
        "smallvec",
        "thin-vec",
        "schemars",
        "proptest",
    ];
    for dependency in dependencies(&read("crates/scheduler-core/Cargo.toml")) {
        assert!(
            dependency.is_empty() || dependency.starts_with('#') || allowed.contains(&dependency.as_str()),
            "scheduler-core depends on {dependency}, which is not on its list"
        );
    }
    let workspace = read("Cargo.toml");
    let chrono =
        workspace.lines().find(|line| line.starts_with("chrono = ")).expect("the workspace names chrono");
    assert!(chrono.contains("default-features = false") && !chrono.contains("\"clock\""), "{chrono}");
}

/// So that a node builds where there are no such processes, without the feature `commands`.
#[test]
fn only_the_runner_of_commands_knows_processes_of_unix() {
    let command = Path::new("crates/control-plane/src/runner/command");
    for path in tracked().iter().filter(|path| path.starts_with("crates/control-plane/src")) {
        if path.starts_with(command) || path.with_extension("") == command {
            continue;
        }
        for name in ["rustix::", "std::os::", "tokio::process", "std::process"] {
            assert!(
                !read(path).contains(name),
                "{} knows {name}: it belongs to the feature commands",
                path.display()
            );
        }
    }
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    let places = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("../sha", "red"),
        concat!("local", "host:"),
    ];
    for path in tracked() {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for place in places {
            assert!(!text.contains(place), "{} names {place}", path.display());
        }
    }
}

#[test]
fn every_dependency_comes_from_the_public_registry() {
    assert!(
        !root().join(".cargo/config.toml").exists(),
        "where crates come from is each machine's own business"
    );
    for lock in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let path = root().join(lock);
        let Ok(text) = fs::read_to_string(path) else { continue };
        for source in text.lines().filter_map(|line| line.strip_prefix("source = ")) {
            assert_eq!(source, "\"registry+https://github.com/rust-lang/crates.io-index\"", "{lock}");
        }
    }
}

#[test]
fn continuous_integration_runs_what_people_run() {
    assert!(read(".ci/run").contains("scripts/test"));
    #[cfg(unix)]
    for script in [
        ".ci/run",
        "scripts/test",
        "scripts/servers",
        "scripts/browser",
        "scripts/no-std",
        "scripts/soak",
        "scripts/book",
    ] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(root().join(script)).expect("the script exists").permissions().mode();
        assert_ne!(mode & 0o111, 0, "{script} must be executable");
    }
}

#[test]
fn files_stay_readable() {
    let too_long: Vec<String> = tracked()
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| (path, read(path).lines().count()))
        .filter(|&(path, lines)| lines > if path.starts_with("crates") { 500 } else { 600 })
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(too_long.is_empty(), "one concept a file, at most 500 lines, 600 of tests: {too_long:?}");
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<String> = tracked()
        .iter()
        .filter(|path| {
            path.starts_with("crates") && path.extension().is_some_and(|extension| extension == "rs")
        })
        .filter(|path| {
            !path.ends_with("tests.rs") && !read(path).lines().take(8).any(|line| line.starts_with("//!"))
        })
        .map(|path| path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no module documentation in {silent:?}");
}
