//! `scheduler simulate --html`: a page beside the report, whole or not at all.

use std::fs;
use std::path::Path;

use crate::run;

const TASKS: &str = "tasks=20,instances=2";

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _absent = fs::remove_file(&path);
    path.display().to_string()
}

#[test]
fn the_page_comes_beside_the_report() {
    let path = page("timeline.html");
    let plain = run(&["simulate", "--generate", TASKS]);
    let drawn = run(&["simulate", "--generate", TASKS, "--html", &path]);
    assert_eq!((drawn.code, &drawn.out), (Some(0), &plain.out), "{}", drawn.err);
    let text = fs::read_to_string(&path).expect("the page was written");
    assert!(text.starts_with("<!doctype html>") && text.ends_with("</html>\n"));
    assert!(text.contains("simulated by tower-2018, seed 0"), "it says by which rules");

    let json = run(&["simulate", "--generate", TASKS, "--json", "--html", &path]);
    assert!(json.out.starts_with('{'), "{}", json.out);
    assert_eq!(fs::read_to_string(&path).expect("written again"), text, "the same seed is the same page");
}

#[test]
fn of_a_comparison_the_page_shows_the_change() {
    let path = page("changed.html");
    let change = ["--change", "instance add extra 50 default"];
    let ran = run(&["simulate", "--generate", TASKS, change[0], change[1], "--html", &path]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let text = fs::read_to_string(&path).expect("the page was written");
    assert!(text.contains("seed 0, with instance add extra 50 default") && text.contains("\"extra\""));
}

#[test]
fn a_page_that_cannot_be_written_is_named_and_leaves_nothing() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-such-folder");
    let path = folder.join("timeline.html").display().to_string();
    let ran = run(&["simulate", "--generate", TASKS, "--html", &path]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains(&path) && ran.err.contains("help:"), "{}", ran.err);
    assert!(!folder.exists());

    let ran = run(&["simulate", "--generate", TASKS, "--html", "-"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("--html") && ran.err.contains("name a file"), "{}", ran.err);
}
