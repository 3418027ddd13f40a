//! What the README and the book show is what the program prints, and what they define is accepted. `UPDATE_EXPECT=1` writes
//! anew what is printed.

use std::path::{Path, PathBuf};

use crate::terminal::Terminal;
use crate::{command, run, run_with};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares the block of the README that begins with `first` with what the program prints for `arguments` and the example.
fn shows(arguments: &[&str], first: &str) {
    let example = root().join("examples/cluster.json").display().to_string();
    let mut arguments: Vec<&str> = arguments.to_vec();
    arguments.insert(1, &example);
    let printed = run(&arguments).out;
    keeps("README.md", &arguments, &printed, first);
}

/// Compares the block of a page that begins with `first` with this.
fn keeps(page: &str, arguments: &[&str], printed: &str, first: &str) {
    let path = root().join(page);
    let text = std::fs::read_to_string(&path).expect("there is such a page");
    let shown = text.split("```").find_map(|block| {
        let body = block.strip_prefix("text\n")?;
        body.trim_start().starts_with(first).then_some(body)
    });
    let shown = shown.expect("the page has a text block that begins so");
    // Trailing blanks of table rows do not show, and editors take them away.
    let lines = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let current = lines(printed);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let anew = text.replace(shown, &format!("{}\n", current.trim_end()));
        std::fs::write(&path, anew).expect("the page is writable");
        return;
    }
    assert!(
        lines(shown).trim_end() == current.trim_end(),
        "{page} does not show what `scheduler {}` prints: run the tests with UPDATE_EXPECT=1",
        arguments.join(" ")
    );
}

#[test]
fn the_readme_shows_the_current_plan() {
    shows(&["plan"], "task");
}

#[test]
fn the_readme_shows_the_current_explanation() {
    shows(&["explain", "42"], "job 42");
}

#[test]
fn the_book_shows_the_current_screen() {
    let example = root().join("examples/cluster.json").display().to_string();
    let arguments = ["top", "--simulate", &example, "--at", "0"];
    let terminal = Terminal::run(&command(&arguments), (100, 18));
    terminal.shows("Migrate shop");
    terminal.press("j\r");
    terminal.shows("what task 42 waits for");
    let text = terminal.shows("→ job 17");
    keeps("docs/watching.md", &arguments, &text, "scheduler top");
    terminal.press("\u{3}");
    terminal.ends_well_with(0);
}

#[test]
fn what_the_book_defines_is_accepted() {
    let mut seen = 0;
    for page in std::fs::read_dir(root().join("docs")).expect("there is a book") {
        let page = page.expect("a readable entry").path();
        let text = std::fs::read_to_string(&page).unwrap_or_default();
        let blocks = text.split("```").skip(1).step_by(2);
        for definitions in blocks.filter_map(|block| block.strip_prefix("toml\n")) {
            let ran = run_with(&["apply", "--check", "-"], definitions);
            assert_eq!(ran.code, Some(0), "{}: {ran:?}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 0, "the book defines something");
}
