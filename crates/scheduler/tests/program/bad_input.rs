//! Every error names its place and what to do, and ends with 1.

use crate::{EMPTY, SMALL, file, run, run_with};

/// Runs `plan` on this text and expects an error with all these words.
fn refuses(input: &str, words: &[&str]) {
    let ran = run_with(&["plan", "-"], input);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.out, "", "nothing is printed beside an error");
    for word in words {
        assert!(ran.err.contains(word), "`{word}` is missing in: {}", ran.err);
    }
}

#[test]
fn empty_input_is_named() {
    refuses("", &["standard input: is empty; expected a snapshot as JSON"]);
    refuses(" \n", &["is empty"]);
}

#[test]
fn truncated_input_is_named_with_its_place_wherever_it_ends() {
    let lines = SMALL.lines().count();
    for end in (1..SMALL.len() - 1).step_by(97) {
        let ran = run_with(&["plan", "-"], &SMALL[..end]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("ends too early") && ran.err.contains("truncated"), "{}", ran.err);
    }
    let cut = SMALL.trim_end_matches('}');
    refuses(
        cut,
        &[
            &format!("standard input:{}:", lines - 1),
            "ends too early",
            "expected a snapshot",
            "write or fetch it again",
        ],
    );
}

#[test]
fn a_wrong_version_is_named_before_anything_else() {
    let other = SMALL.replace("\"version\": 1", "\"version\": 2").replace("\"tasks\"", "\"jobs\"");
    refuses(
        &other,
        &["this is a snapshot of version 2; this program reads version 1", "scheduler schema snapshot"],
    );
    refuses(&SMALL.replace("\"version\": 1", "\"version\": \"1\""), &["of version \"1\""]);
    refuses(r#"{ "now": "2026-01-05T09:00:00Z" }"#, &["version: missing", "add `\"version\": 1`"]);
}

#[test]
fn an_unknown_field_is_named_with_line_column_and_path() {
    let bad = SMALL.replace(r#""job": { "inventory""#, r#""job": { "projct": 1, "inventory""#);
    refuses(
        &bad,
        &[
            "standard input:28:33: tasks[3].work.job.projct: unknown field `projct`, expected one of `project`",
        ],
    );
    refuses(&EMPTY.replace("now", "nwo"), &["nwo: unknown field `nwo`"]);
}

#[test]
fn numbers_that_do_not_fit_are_named() {
    refuses(
        &SMALL.replace("\"impact\": 5", "\"impact\": -5"),
        &["tasks[3].impact: invalid value: integer `-5`"],
    );
    refuses(
        &SMALL.replace("\"capacity\": 8", "\"capacity\": 99999999999999999999"),
        &["instances[1].capacity: invalid type: floating point"],
    );
    refuses(
        &SMALL.replace("\"id\": 13", "\"id\": 1.5"),
        &["tasks[3].id: invalid type: floating point `1.5`"],
    );
}

#[test]
fn text_that_is_no_json_is_named() {
    refuses("[1, 2]", &["does not begin with `{`", "expected a snapshot as a JSON object"]);
    refuses("now: yesterday", &["does not begin with `{`"]);
    refuses(&EMPTY.replace(':', "="), &["standard input:1:", "this is not valid JSON"]);
    refuses(&format!("{EMPTY} {EMPTY}"), &["trailing characters"]);
    refuses(&EMPTY.replace("2026", "later"), &["now: "]);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let missing = run(&["plan", "there-is-no-such-file.json"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.err.contains("there-is-no-such-file.json: cannot be read"), "{}", missing.err);
    let directory = run(&["plan", "."]);
    assert_eq!(directory.code, Some(1));
    assert!(
        directory.err.contains("cannot be read") && directory.err.contains("name a file"),
        "{}",
        directory.err
    );
    let broken = file("broken.gz", [0x1f, 0x8b, 8, 0, 0, 0]);
    let ran = run(&["plan", &broken]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("the gzip stream is broken"), "{}", ran.err);
}

#[test]
fn a_plan_in_the_place_of_a_snapshot_is_named() {
    let plan = run_with(&["plan", "-", "--json"], SMALL).out;
    refuses(&plan, &["this is a plan, not a snapshot"]);
    let snapshot = file("a_snapshot.json", SMALL);
    let swapped = run(&["audit", &snapshot, &snapshot]);
    assert_eq!(swapped.code, Some(1));
    assert!(swapped.err.contains("this is a snapshot, not a plan"), "{}", swapped.err);
    let twice = run_with(&["audit", "-", "-"], SMALL);
    assert_eq!(twice.code, Some(1));
    assert!(twice.err.contains("only one of them can be read from standard input"), "{}", twice.err);
}

#[test]
fn usage_errors_end_with_1_since_2_means_decisions() {
    for arguments in [&["plan"][..], &["paln"], &["explain", "x.json"], &["plan", "x.json", "--limit", "-1"]]
    {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("Usage") || ran.err.contains("--help"), "{}", ran.err);
    }
    assert_eq!(run(&["--help"]).code, Some(0));
    assert_eq!(run(&["--version"]).code, Some(0));
}

#[test]
fn an_unknown_rule_set_says_which_there_are() {
    let ran = run_with(&["plan", "-", "--rules", "tower-2019"], EMPTY);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("tower-2019") && ran.err.contains("`awx-2024`"), "{}", ran.err);
}

#[test]
fn r11_malformed_rows_are_warned_of_and_contained() {
    let twice = SMALL.replace("\"id\": 13", "\"id\": 11");
    let ran = run_with(&["plan", "-"], &twice);
    assert_eq!(ran.code, Some(2), "job 12 starts all the same: {ran:?}");
    assert!(ran.out.contains("malformed_duplicate_id 2"), "{}", ran.out);
    assert!(ran.err.contains("11"), "validation names the row: {}", ran.err);
}
