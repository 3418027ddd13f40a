//! Imports of small workloads, and what `plan` says of them.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::{file, run, run_with};

/// Four jobs on eight processors: one that ended, one that runs, one that waits for it, one that comes later.
const LOG: &str = "\
; UnixStartTime: 1000000
; MaxProcs: 8
1  0  0 10 4 -1 -1 4 -1 -1 1 1 1  7 1 -1 -1 -1
2  5  0 90 6 -1 -1 6 -1 -1 1 1 1  7 1 -1 -1 -1
3 20 75 10 4 -1 -1 4 -1 -1 1 2 1 -1 1 -1  2 -1
4 99  1 10 4 -1 -1 4 -1 -1 1 2 1 -1 1 -1 -1 -1
";

const RUN: &str = r#"{
  "name": "three", "schemaVersion": "1.5",
  "workflow": {
    "specification": { "tasks": [
      { "name": "fetch_1", "id": "fetch_1", "children": ["build_2"], "parents": [] },
      { "name": "build_2", "id": "build_2", "children": ["check_3"], "parents": ["fetch_1"] },
      { "name": "check_3", "id": "check_3", "children": [], "parents": ["build_2"] }
    ] },
    "execution": {
      "makespanInSeconds": 30, "executedAt": "2026-01-05T09:00:00+0000",
      "tasks": [
        { "id": "fetch_1", "runtimeInSeconds": 10.0, "avgCPU": 150.0 },
        { "id": "build_2", "runtimeInSeconds": 15.0 },
        { "id": "check_3", "runtimeInSeconds": 5.0 }
      ],
      "machines": [ { "nodeName": "lab", "cpu": { "coreCount": 2 } } ]
    }
  }
}"#;

#[test]
fn a_log_becomes_a_snapshot_at_the_chosen_moment() {
    let log = file("small.swf", LOG);
    let imported = run(&["import", "swf", &log, "--at", "30"]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert!(imported.err.contains("1 jobs running, 1 pending"), "{}", imported.err);
    let plan = run_with(&["plan", "-"], &imported.out);
    assert!(plan.out.contains("held: waiting_for_dependency 1"), "{}", plan.out);
    assert_eq!(plan.code, Some(0), "{plan:?}");
    let later = run(&["import", "swf", &log, "--at", "95"]);
    assert!(later.err.contains("0 jobs running, 1 pending"), "{}", later.err);
    assert_eq!(run_with(&["plan", "-"], &later.out).code, Some(2));
}

#[test]
fn a_log_is_imported_at_its_busiest_moment_from_gzip_too() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(LOG.as_bytes()).expect("memory");
    let log = file("small.swf.gz", packed.finish().expect("memory"));
    let imported = run(&["import", "swf", &log, "--instances", "3"]);
    assert!(imported.err.starts_with("99 s into the log"), "{}", imported.err);
    assert!(imported.err.contains("3 instances and 8 forks in all"), "{}", imported.err);
}

#[test]
fn a_log_that_does_not_fit_names_the_line_and_the_column() {
    let log = file("bad.swf", LOG.replace("75 10", "75 ten"));
    let ran = run(&["import", "swf", &log]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("bad.swf:5:9: field 4 (run time) is `ten`"), "{}", ran.err);
    let none = run_with(&["import", "swf", "-"], "; nothing\n");
    assert_eq!(none.code, Some(1));
    assert!(none.err.contains("there is no job in it"), "{}", none.err);
}

#[test]
fn a_run_becomes_a_running_workflow() {
    let source = file("run.wfcommons.json", RUN);
    let imported = run(&["import", "wfcommons", &source, "--at", "12"]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert!(imported.err.contains("1 of 3 nodes ended, 1 running"), "{}", imported.err);
    assert_eq!(run_with(&["plan", "-"], &imported.out).code, Some(0));
    let due = run(&["import", "wfcommons", &source, "--at", "25"]);
    let plan = run_with(&["plan", "-"], &due.out);
    assert_eq!(plan.code, Some(2), "{plan:?}");
    assert!(plan.out.contains("node 3 of workflow job 1 three"), "{}", plan.out);
    let over = run(&["import", "wfcommons", &source, "--at", "100"]);
    let plan = run_with(&["plan", "-"], &over.out);
    assert!(plan.out.contains("ended: workflow_successful 1"), "{}", plan.out);
}

#[test]
fn a_run_that_does_not_fit_names_the_place() {
    let refuses = |from: &str, to: &str, words: &str| {
        let ran = run_with(&["import", "wfcommons", "-"], &RUN.replace(from, to));
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(words), "`{words}` is missing in: {}", ran.err);
    };
    refuses(
        "15.0",
        "\"long\"",
        "standard input:13:53: workflow.execution.tasks[1].runtimeInSeconds: invalid type",
    );
    refuses(
        r#""parents": ["build_2"]"#,
        r#""parents": ["built"]"#,
        "tasks[2].parents: there is no task `built`",
    );
    refuses(r#""children": [], "#, r#""children": ["fetch_1"], "#, "its own parent");
    refuses(r#""id": "check_3", "run"#, r#""id": "check_4", "run"#, "`check_3` has no entry");
}

#[test]
fn no_date_of_a_run_refuses_its_file() {
    let dated = |date: &str| {
        let ran =
            run_with(&["import", "wfcommons", "-"], &RUN.replace(r#""2026-01-05T09:00:00+0000""#, date));
        assert_eq!(ran.code, Some(0), "{date}: {ran:?}");
        assert_eq!(run_with(&["plan", "-"], &ran.out).code, Some(2), "{date}");
        ran.err
    };
    let said = dated(r#""03-23-21T06:04:36Z""#);
    assert!(said.contains("executedAt: `03-23-21T06:04:36Z` is read as month, day, year"), "{said}");
    assert!(said.contains("2021-03-23 06:05:01 UTC"), "{said}");
    assert!(dated(r#""yesterday""#).contains("`yesterday` is no date and is left out"));
    assert!(dated("12").contains("is no date"));
    let without = run_with(
        &["import", "wfcommons", "-"],
        &RUN.replace(r#", "executedAt": "2026-01-05T09:00:00+0000""#, ""),
    );
    assert_eq!((without.code, without.err.lines().count()), (Some(0), 1), "{without:?}");
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let log = file("written.swf", LOG);
    let target = file("written.json", "old");
    assert_eq!(run(&["import", "swf", &log, "-o", &target]).code, Some(0));
    assert_eq!(run(&["plan", &target]).code, Some(2));
    let nowhere = run(&["import", "swf", &log, "-o", "no-such-directory/x.json"]);
    assert_eq!(nowhere.code, Some(1));
    assert!(nowhere.err.contains("cannot be written"), "{}", nowhere.err);
    let drafts = std::fs::read_dir(env!("CARGO_TARGET_TMPDIR")).expect("readable").flatten();
    assert!(drafts.into_iter().all(|entry| !entry.file_name().to_string_lossy().ends_with(".draft")));
}
