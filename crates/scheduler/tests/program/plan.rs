//! `plan`, `explain` and `audit` on small snapshots.

use std::io::Read;
use std::process::Stdio;

use crate::{EMPTY, SMALL, command, file, run, run_with};

/// The line of the table that begins with this.
fn line<'a>(out: &'a str, task: &str) -> &'a str {
    out.lines().find(|line| line.trim_start().starts_with(task)).unwrap_or("no such line")
}

#[test]
fn a_plan_says_what_becomes_of_each_task_and_where_or_why() {
    let ran = run_with(&["plan", "-"], SMALL);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(line(&ran.out, "12 report").contains("start"), "{}", ran.out);
    assert!(line(&ran.out, "12 report").contains("on node-b (datacentre)"), "{}", ran.out);
    assert!(line(&ran.out, "11 deploy-web").contains("job template 1"), "{}", ran.out);
    assert!(line(&ran.out, "13 patch-fleet").contains("never runs"), "{}", ran.out);
    assert!(ran.out.contains("4 tasks, 1 to start, 2 held, 0 to end"), "{}", ran.out);
    assert!(ran.out.contains("held: never_fits 1, resource_held 1"), "{}", ran.out);
    assert_eq!(ran.err, "");
}

#[test]
fn an_empty_snapshot_leaves_nothing_to_do() {
    let ran = run_with(&["plan", "-"], EMPTY);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(ran.out.starts_with("0 tasks, 0 to start"), "{}", ran.out);
}

#[test]
fn a_plan_can_be_limited() {
    let holds = run_with(&["plan", "-", "--only", "holds"], SMALL);
    assert!(!holds.out.contains("12 report") && holds.out.contains("11 deploy-web"), "{}", holds.out);
    let one = run_with(&["plan", "-", "--limit", "1"], SMALL);
    assert!(one.out.contains("… and 2 more"), "{}", one.out);
    assert_eq!(one.code, Some(2));
}

#[test]
fn a_plan_as_json_is_what_audit_takes() {
    let snapshot = file("audited.json", SMALL);
    let plan = run(&["plan", &snapshot, "--json"]);
    assert_eq!(plan.code, Some(2));
    let clean = run_with(&["audit", &snapshot, "-"], &plan.out);
    assert_eq!(clean.code, Some(0), "{clean:?}");
    let moved = plan.out.replace("\"node\": 2", "\"node\": 1");
    assert_ne!(moved, plan.out);
    let violated = run_with(&["audit", &snapshot, "-"], &moved);
    assert_eq!(violated.code, Some(2), "{violated:?}");
    assert!(violated.out.contains("12"), "{}", violated.out);
}

#[test]
fn an_explanation_follows_what_a_task_waits_for() {
    let held = run_with(&["explain", "-", "11"], SMALL);
    assert_eq!(held.code, Some(0), "{held:?}");
    assert!(held.out.contains("job template 1") && held.out.contains("10"), "{}", held.out);
    let starts = run_with(&["explain", "-", "12"], SMALL);
    assert_eq!(starts.code, Some(2));
    assert!(starts.out.contains("on node-b (datacentre)"), "{}", starts.out);
    let running = run_with(&["explain", "-", "10"], SMALL);
    assert_eq!(running.code, Some(0));
    assert!(running.out.contains("running on node-a (datacentre)"), "{}", running.out);
    let unknown = run_with(&["explain", "-", "99"], SMALL);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.contains("there is no task 99 in it"), "{}", unknown.err);
}

#[test]
fn an_explanation_names_a_task_that_was_not_considered() {
    let rules = run(&["rules", "--json"]).out.replace("\"start_limit\": 0", "\"start_limit\": 1");
    let rules = file("one_start.json", rules);
    let ran = run_with(&["explain", "-", "13", "--rules", &rules], SMALL);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("not considered") && ran.out.contains("limit of 1"), "{}", ran.out);
    let plan = run_with(&["plan", "-", "--rules", &rules], SMALL);
    assert!(plan.out.contains("not considered, since the start limit was reached: 1 task"), "{}", plan.out);
}

#[test]
fn the_output_survives_a_closed_pipe() {
    let tasks: Vec<String> = (1..20_000)
        .map(|id| {
            format!(
                r#"{{ "id": {id}, "created": "2026-01-05T08:59:00Z", "work": {{ "ad_hoc_command": {{}} }} }}"#
            )
        })
        .collect();
    let many = EMPTY.replace(" }", &format!(r#", "tasks": [{}] }}"#, tasks.join(",")));
    let many = file("many.json", many);
    let mut child = command(&["plan", &many, "--limit", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("text");
    let code = child.wait().expect("the program ends").code();
    assert!(!err.contains("panicked") && !err.contains("cannot be written"), "{err}");
    assert!(matches!(code, Some(0 | 2)), "{code:?}");
}

#[test]
fn colour_goes_to_terminals_only() {
    assert!(!run_with(&["plan", "-"], SMALL).out.contains('\u{1b}'));
    assert!(!run(&["demo"]).out.contains('\u{1b}'));
    let forced =
        command(&["demo"]).env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR").output().expect("starts");
    assert!(forced.stdout.contains(&0x1b));
}
