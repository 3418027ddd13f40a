//! Names that a terminal would obey, through every command that prints: what comes out is to be seen and nothing else.

use std::process::Stdio;

use scheduler_core::words::is_hidden;

use crate::live::Live;
use crate::terminal::Terminal;
use crate::{Ran, SMALL, command, file, run, run_with};

/// Clears the screen, fills the clipboard, hides, breaks the line, and turns the direction.
const HOSTILE: &str =
    "x\u{1b}[2J\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}[8m\u{9b}31m\nfake line\r\u{202e}txt\u{200b}\u{2066}";

fn hostile() -> String {
    serde_json::to_string(HOSTILE).expect("a string").trim_matches('"').to_owned()
}

/// Nothing of it acts. Neither standard output nor standard error is a terminal, so that there is no colour either.
fn harmless(ran: &Ran) {
    for text in [&ran.out, &ran.err] {
        let acts = text.chars().find(|&letter| is_hidden(letter) && letter != '\n');
        assert_eq!(acts, None, "{ran:?}");
        assert!(!text.lines().any(|line| line.starts_with("fake line")), "{ran:?}");
    }
}

fn harmless_with(arguments: &[&str], words: &str) {
    let ran = run(arguments);
    harmless(&ran);
    let said = format!("{}{}", ran.out, ran.err);
    assert!(said.contains(words), "`{words}` is missing after {arguments:?}: {ran:?}");
}

#[test]
fn no_command_at_a_desk_prints_what_a_terminal_obeys() {
    let name = hostile();
    let text = ["deploy-web", "node-a", "datacentre", "small"]
        .iter()
        .fold(SMALL.to_owned(), |text, old| text.replace(&format!("\"{old}\""), &format!("\"{name}\"")));
    let snapshot = file("hostile.json", &text);
    let shown = "x\\u001b[2J\\u001b]52";
    for task in ["10", "11", "12", "13"] {
        harmless(&run(&["explain", &snapshot, task]));
    }
    harmless_with(&["plan", &snapshot], shown);
    harmless_with(&["plan", &snapshot, "--json"], "decisions");
    harmless_with(&["forecast", &snapshot], shown);
    harmless(&run(&["simulate", &snapshot]));
    harmless(&run(&["simulate", &snapshot, "--json"]));
    let plan = file("hostile_plan.json", run(&["plan", &snapshot, "--json"]).out);
    harmless(&run(&["audit", &snapshot, &plan]));
    let rules = run(&["rules", "--json"]).out.replace("tower-2018", &name);
    let rules = file("hostile_rules.json", rules);
    harmless_with(&["rules", "--rules", &rules], "Rule set x\\u001b");
    harmless(&run(&["audit", &snapshot, &plan, "--rules", &rules]));
    let wrong = file("hostile_field.json", text.replace("\"impact\": 5", &format!("\"{name}\": 5")));
    harmless_with(&["plan", &wrong], "unknown field");
    harmless(&run_with(&["plan", "-"], &format!("{{\"{HOSTILE}")));
    harmless(&run(&["plan", HOSTILE]));
    harmless_with(&["explain", &snapshot, HOSTILE], shown);
    harmless_with(&["launch", HOSTILE], shown);
    harmless(&run(&[HOSTILE]));
    harmless(&run(&[&format!("--{HOSTILE}")]));
    harmless(&run(&["import", "swf", HOSTILE]));
}

#[test]
fn a_name_that_hides_something_is_refused_with_its_place_and_the_remedy() {
    let text = format!(
        "[[instance]]\nhostname = \"node-a\"\ncapacity = 1\n[[inventory]]\nname = \"{}\"\n",
        "site\\u202Egnp"
    );
    let ran = run(&["apply", "--check", &file("hostile.toml", text)]);
    harmless(&ran);
    assert_eq!(ran.code, Some(1));
    for words in ["hostile.toml:5:", "U+202E", "character 5", "remove it"] {
        assert!(ran.err.contains(words), "`{words}` is missing in: {}", ran.err);
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn no_command_of_a_live_control_plane_prints_what_a_terminal_obeys() {
    let live = Live::new();
    for _ in 0..2 {
        assert_eq!(live.run(&["launch", "template:deploy-web"]).code, Some(0));
    }
    assert_eq!(live.run(&["cancel", "2"]).code, Some(0));
    live.pass();
    let sql = format!(
        "UPDATE {s}.task SET name = $h${HOSTILE}$h$ || id, explanation = $h${HOSTILE}$h$; \
         UPDATE {s}.instance SET hostname = $h${HOSTILE}$h$ || id; \
         UPDATE {s}.instance_group SET name = $h${HOSTILE}$h$ || id; \
         UPDATE {s}.launchable SET name = $h${HOSTILE}$h$ || id",
        s = live.schema
    );
    live.sql(&sql);
    for arguments in [
        &["status"][..],
        &["status", "--stored"],
        &["status", "--json"],
        &["history"],
        &["history", "--json"],
        &["history", "--task", "2"],
        &["explain", "1"],
        &["explain", "2"],
        &["forecast"],
        &["output", "1"],
        &["approve", "1"],
        &["instance", "list"],
        &["group", "list"],
        &["template", "list"],
        &["template", "list", "--json"],
        &["template", "remove", HOSTILE],
        &["launch", &format!("template:{HOSTILE}")],
        &["snapshot"],
    ] {
        harmless(&live.run(arguments));
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
fn what_a_task_printed_is_obeyed_by_a_terminal_only_when_it_is_wanted_raw() {
    let live = Live::new();
    assert_eq!(live.run(&["launch", "template:deploy-web"]).code, Some(0));
    live.pass();
    live.sql(&format!(
        "INSERT INTO {s}.task_output (task_id, text, truncated) VALUES (1, E'first\\x1b[2Jlast', false)",
        s = live.schema
    ));
    let mut output = command(&["output", "1"]);
    output.env("DATABASE_URL", &live.url).env("DATABASE_SCHEMA", &live.schema);
    let piped = output.stdin(Stdio::null()).output().map(Ran::from).expect("the program starts");
    assert_eq!(piped.out, "first\u{1b}[2Jlast\n", "a program gets what there is");
    let seen = Terminal::run(&output, (80, 20)).ends_well_with(0);
    assert!(seen.contains("first\\u001b[2Jlast"), "{seen}");
    output.arg("--raw");
    let raw = Terminal::run(&output, (80, 20)).ends_well_with(0);
    assert!(raw.contains("last") && !raw.contains("first"), "{raw}");
}
