//! What the README shows is what the program prints. `UPDATE_EXPECT=1` writes it anew.

use std::path::{Path, PathBuf};

use crate::run;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares the block of the README that begins with `first` with what the program prints for `arguments` and the example.
fn shows(arguments: &[&str], first: &str) {
    let example = root().join("examples/cluster.json").display().to_string();
    let mut arguments: Vec<&str> = arguments.to_vec();
    arguments.insert(1, &example);
    let printed = run(&arguments).out;
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).expect("there is a README");
    let shown = readme.split("```").find_map(|block| {
        let body = block.strip_prefix("text\n")?;
        body.trim_start().starts_with(first).then_some(body)
    });
    let shown = shown.unwrap_or_else(|| panic!("README.md has no block that begins with {first:?}"));
    // Trailing blanks of table rows do not show, and editors take them away.
    let lines = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    if lines(shown).trim_end() == lines(&printed).trim_end() {
        return;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let current = format!("{}\n", lines(&printed).trim_end());
        std::fs::write(&path, readme.replace(shown, &current)).expect("the README is writable");
    } else {
        panic!(
            "README.md does not show what `scheduler {}` prints: run the tests with UPDATE_EXPECT=1",
            arguments.join(" ")
        );
    }
}

#[test]
fn the_readme_shows_the_current_plan() {
    shows(&["plan"], "task");
}

#[test]
fn the_readme_shows_the_current_explanation() {
    shows(&["explain", "42"], "job 42");
}
