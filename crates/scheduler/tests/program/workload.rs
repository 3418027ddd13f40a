//! Workloads as people bring them: the format's own examples, and everything that can be wrong with a file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::{Ran, file, run, run_with};

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Simulates this text and expects an error with all these words.
fn refuses(input: &str, words: &[&str]) {
    let ran = run_with(&["simulate", "-"], input);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.out, "", "nothing is printed beside an error");
    assert!(ran.err.contains("help:"), "every error says what to do: {}", ran.err);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    for word in words {
        assert!(ran.err.contains(word), "`{word}` is missing in: {}", ran.err);
    }
}

/// A cluster of one instance with 10 forks and a template, from line 1 to 16.
const CLUSTER: &str = r#"version = 1

[[instance]]
hostname = "node-a"
capacity = 10

[[group]]
name = "default"
instances = ["node-a"]

[[template]]
name = "job"
impact = 5
run_time = 20

[[launch]]
template = "job"
"#;

const LOG: &str = "; MaxProcs: 4
1 0 -1 60 4 -1 -1 -1 -1 -1 -1 1 1 1 -1 -1 -1 -1
2 5 -1 30 2 -1 -1 -1 -1 -1 -1 1 1 2 -1 -1 -1 -1
";

const RUN: &str = r#"{ "schemaVersion": "1.5", "name": "r", "workflow": {
  "specification": { "tasks": [{ "name": "a", "id": "a-1" }] },
  "execution": { "executedAt": "2026-01-05T09:00:00Z",
    "tasks": [{ "id": "a-1", "runtimeInSeconds": 5, "coreCount": 1 }],
    "machines": [{ "nodeName": "m", "cpu": { "coreCount": 1 } }] } } }"#;

#[test]
fn every_example_of_the_format_runs() {
    let page = std::fs::read_to_string(root().join("crates/simulator/FORMAT.md")).expect("the page is there");
    let mut seen = 0;
    for block in page.split("```").skip(1).step_by(2) {
        let (language, text) = block.split_once('\n').expect("a block has lines");
        let arguments = match language {
            "toml" | "json" | "swf" => ["simulate", "-", "--audit", "all"],
            other => panic!("an example in {other:?} is not tested"),
        };
        let ran = run_with(&arguments, text);
        assert_eq!(ran.code, Some(0), "{text}\n{ran:?}");
        assert!(ran.out.contains("every plan audited and clean"), "{ran:?}");
        seen += 1;
    }
    assert!(seen >= 7, "{seen} examples");
    let example = root().join("examples/workload.toml").display().to_string();
    assert_eq!(run(&["simulate", &example]).code, Some(0));
}

#[test]
fn empty_files_are_named() {
    refuses("", &["standard input: is empty; expected a workload", "crates/simulator/FORMAT.md"]);
    refuses(" \n\t\n", &["is empty"]);
    refuses("; only a comment\n", &["there is no job in it"]);
    refuses("{}", &["version: missing", "add `version = 1`"]);
    refuses("version = 1\n", &["there is no instance", "there is no group", "there is no launch in it"]);
}

#[test]
fn what_is_no_length_of_time_is_named_with_its_line() {
    for (field, value) in [
        ("at", "-1"),
        ("every", "-0.5"),
        ("until", "-3"),
        ("cancel_after", "-10"),
        ("run_time", "-60"),
        ("at", "nan"),
        ("at", "1e300"),
    ] {
        let bad = format!("{CLUSTER}{field} = {value}\n");
        refuses(&bad, &["standard input:18:", "launch[0]", field, "no length of time"]);
    }
    refuses(
        &format!("{CLUSTER}per_hour = -4\ncount = 2\n"),
        &["standard input:16:1: launch[0]: per_hour: -4 is no rate"],
    );
    refuses(
        &CLUSTER.replace("run_time = 20", "run_time = { uniform = [9, 3] }"),
        &["standard input:14:", "names the shortest first"],
    );
    refuses(
        &CLUSTER.replace("run_time = 20", "endings = { failed = 0.9, error = 0.2 }"),
        &["standard input:14:", "together at most 1"],
    );
    refuses(&LOG.replace(" 5 -1 30", " -5 -1 30"), &["standard input:3:3: field 2 (submit time) is `-5`"]);
    refuses(&LOG.replace(" 30 ", " -30 "), &["standard input:3:8: field 4 (run time) is `-30`"]);
    refuses(
        &RUN.replace(r#"Seconds": 5"#, r#"Seconds": -5"#),
        &["`a-1`: runtimeInSeconds is -5", "write seconds from 0"],
    );
}

#[test]
fn columns_and_fields_that_are_missing_are_named_with_their_line() {
    refuses(
        &CLUSTER.replace("capacity = 10\n", ""),
        &["standard input:3:", "instance[0]", "missing field `capacity`"],
    );
    refuses(&CLUSTER.replace("name = \"job\"\n", ""), &["missing field `name`"]);
    refuses(
        &CLUSTER.replace("template = \"job\"\n", "at = 3\n"),
        &["standard input:16:1: launch[0]: a launch names one of"],
    );
    refuses(&CLUSTER.replace("impact", "imapct"), &["standard input:13:", "unknown field `imapct`"]);
    refuses(
        &LOG.replace("2 5 -1 30 2 -1", "2 5 -1 30 2"),
        &["standard input:3:1: a job has 18 fields, this line has 17"],
    );
    refuses(&LOG.replace("2 5 -1 30", "2 5 -1 soon"), &["standard input:3:8: field 4 (run time) is `soon`"]);
    refuses(
        &RUN.replace(r#", "runtimeInSeconds": 5"#, ""),
        &["standard input:4:", "missing field `runtimeInSeconds`"],
    );
    refuses(&RUN.replace(r#""a-1", "runtime"#, r#""a-2", "runtime"#), &["`a-1` has no entry"]);
}

#[test]
fn names_that_nobody_has_are_named_with_those_that_there_are() {
    let words = ["standard input:16:1: launch[0]: there is no group \"gpu\"", "there are default"];
    refuses(&format!("{CLUSTER}groups = [\"gpu\"]\n"), &words);
    refuses(
        &CLUSTER.replace("[\"node-a\"]", "[\"node-b\"]"),
        &["standard input:8:8: group \"default\": there is no instance \"node-b\"", "there are node-a"],
    );
    refuses(
        &CLUSTER.replace("template = \"job\"", "template = \"jbo\""),
        &["there is no template \"jbo\"", "there are job"],
    );
    refuses(
        &format!("{CLUSTER}depends_on = [\"x\"]\n"),
        &["standard input:16:1: launch[0]: there is no launch named \"x\""],
    );
    let json = r#"{ "version": 1,
  "instance": [{ "hostname": "a", "capacity": 1 }],
  "group": [{ "name": "g", "instances": ["a"] }],
  "template": [{ "name": "t" }],
  "launch": [
    { "template": "t" },
    { "template": "t", "groups": ["gpu"] }
  ] }"#;
    refuses(json, &["standard input:7:5: launch[1]: there is no group \"gpu\""]);
}

/// A job template that is cut into three.
const SLICED: &str = r#"
[[project]]
name = "site"

[[inventory]]
name = "production"

[[template]]
name = "wide"
project = "site"
inventory = "production"
impact = 2
slices = 3

[[launch]]
template = "wide"
"#;

#[test]
fn a_node_names_what_it_starts_in_the_words_of_a_cluster_file() {
    let sources = "
[[inventory]]
name = \"production\"

[[inventory-source]]
name = \"cloud\"
inventory = \"production\"

[[system-job]]
name = \"cleanup\"

[[workflow]]
name = \"nightly\"

[[workflow.node]]
name = \"sync\"
starts = { inventory-source = \"cloud\" }
on_success = [\"clean\"]

[[workflow.node]]
name = \"clean\"
starts = { system-job = \"cleanup\" }

[[launch]]
workflow = \"nightly\"
";
    for text in [sources.to_owned(), sources.replace("inventory-source =", "inventory_source =")] {
        let ran = run_with(&["simulate", "-", "--json"], &format!("{CLUSTER}{text}"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        for name in ["cloud", "cleanup"] {
            assert!(ran.out.contains(&format!("\"{name}\"")), "{name}: {ran:?}");
        }
    }
}

#[test]
fn r2_a_launch_that_is_cut_into_slices_runs_as_so_many_jobs_beside_each_other() {
    let ran = run_with(&["simulate", "-", "--json", "--audit", "all"], &format!("{CLUSTER}{SLICED}"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let outcome: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let bars = outcome["outcome"]["timeline"]["bars"].as_array().expect("a list");
    let jobs: Vec<_> = bars.iter().filter(|bar| bar["name"] == "wide" && bar["kind"] == "job").collect();
    assert_eq!(jobs.len(), 3, "{bars:?}");
    // The job beside them leaves room for two of the three.
    let started = jobs.iter().map(|job| job["started"].as_u64().expect("it started"));
    assert_eq!(started.collect::<Vec<_>>(), [0, 0, 20_000]);
    assert!(bars.iter().all(|bar| bar["outcome"] == "successful"), "{bars:?}");
    for own in ["run_time = 5", "impact = 3", "groups = [\"default\"]", "endings = { failed = 1 }"] {
        refuses(
            &format!("{CLUSTER}{SLICED}{own}\n"),
            &["launch[1]: ", "is cut into slices", "at the template"],
        );
    }
    let wide = format!("{CLUSTER}{SLICED}").replace("slices = 3", "slices = 4000000000");
    refuses(&wide, &["standard input:26:8: template \"wide\": 4000000000 slices", "1 to 1000"]);
}

#[test]
fn a_simulation_goes_by_the_rules_of_its_file_as_a_node_would_unless_others_are_named() {
    let rules = "
[rules]
preset = \"awx-2024\"
default_groups = [\"large\"]

[[instance]]
hostname = \"node-b\"
capacity = 30

[[group]]
name = \"large\"
instances = [\"node-b\"]
";
    let text = format!("{CLUSTER}{rules}{SLICED}");
    let simulated = |more: &[&str]| {
        let ran = run_with(&[&["simulate", "-", "--json", "--audit", "all"], more].concat(), &text);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        serde_json::from_str::<serde_json::Value>(&ran.out).expect("JSON")["outcome"].clone()
    };
    let outcome = simulated(&[]);
    assert_eq!(outcome["rules"], "awx-2024");
    let bars = outcome["timeline"]["bars"].as_array().expect("a list");
    let slices: Vec<_> = bars.iter().filter(|bar| bar["name"] == "wide" && bar["kind"] == "job").collect();
    assert_eq!(slices.len(), 3, "{bars:?}");
    assert!(slices.iter().all(|bar| bar["placement"]["group"] == 2 && bar["started"] == 0), "{slices:?}");
    assert_eq!(simulated(&["--rules", "tower-2018"])["rules"], "tower-2018");
    refuses(
        &text.replace("[\"large\"]", "[\"lrage\"]"),
        &["rules: there is no group \"lrage\"", "there are default, large"],
    );
}

#[test]
fn what_a_store_refuses_in_a_definition_a_simulation_refuses_too() {
    let hidden = CLUSTER.replace("\"job\"", "\"j\\u200bob\"");
    refuses(&hidden, &["standard input:12:8: template ", "U+200B"]);
    refuses(
        &CLUSTER.replace("name = \"default\"", "name = \"\""),
        &["standard input:8:8: group \"\": ", "is empty"],
    );
    refuses(&format!("{CLUSTER}\n[rules]\npreset = \"tower-1999\"\n"), &["tower-1999"]);
    let twice = format!("{CLUSTER}\n[[template]]\nname = \"job\"\n");
    refuses(&twice, &["standard input:20:8: template \"job\": the name is taken twice"]);
}

#[test]
fn many_flaws_are_told_and_very_many_counted() {
    let launches = "\n[[launch]]\ntemplate = \"nothing\"\n".repeat(50);
    refuses(&format!("{CLUSTER}{launches}"), &["standard input:19:1: launch[1]:", "and 30 more"]);
}

#[test]
fn an_entry_that_never_stops_is_named() {
    refuses(
        &format!("{CLUSTER}every = 5\n"),
        &["standard input:16:1: launch[0]: it never stops", "add `count` or `until`"],
    );
    refuses(&format!("{CLUSTER}count = 4000000000\n"), &["4000000000 launches are too many"]);
    refuses(&format!("{CLUSTER}every = 0\nuntil = 5\n"), &["without end at one moment"]);
}

#[test]
fn what_ends_too_early_is_named() {
    for (name, text) in [("cut.toml.gz", CLUSTER), ("cut.swf.gz", LOG), ("cut.json.gz", RUN)] {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).expect("into memory");
        let packed = packed.finish().expect("into memory");
        let whole = file(name, &packed);
        assert_eq!(run(&["simulate", &whole]).code, Some(0));
        for end in [3, 12, packed.len() / 2, packed.len() - 1] {
            let cut = file(name, &packed[..end]);
            let ran = run(&["simulate", &cut]);
            assert_eq!(ran.code, Some(1), "{ran:?}");
            assert!(
                ran.err.contains(&format!("{name}: the gzip stream is broken or ends too early")),
                "{ran:?}"
            );
        }
    }
    for end in (1..RUN.len() - 1).step_by(41) {
        refuses(&RUN[..end], &["standard input:"]);
    }
    let cut = CLUSTER.replace("\"job\"\n", "\"job");
    refuses(&cut, &["standard input:", "this is not valid TOML"]);
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let binary: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    for name in ["binary.swf", "binary.toml"] {
        let ran = run(&["simulate", &file(name, &binary)]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(&format!("{name}:2:118: ")) && ran.err.contains("UTF-8"), "{ran:?}");
    }
}

#[test]
fn r6_2_a_job_larger_than_the_cluster_runs_alone_and_is_told() {
    let words = "larger than every instance: each runs only where nothing else does";
    let large = CLUSTER.replace("impact = 5", "impact = 500");
    let log = LOG.replace("60 4 ", "60 400 ");
    let steps = RUN.replace(r#""coreCount": 1 }]"#, r#""coreCount": 64 }]"#);
    for input in [large, log, steps] {
        let ran = run_with(&["simulate", "-"], &input);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.out.contains(words) || input.contains("schemaVersion"), "{ran:?}");
    }
}

#[test]
fn a_simulation_that_can_never_finish_says_what_never_starts_and_why_and_ends() {
    let limited = CLUSTER.replace("instances = [\"node-a\"]", "instances = [\"node-a\"]\nmax_forks = 3");
    let more = "\n[[launch]]\ntemplate = \"job\"\nname = \"first\"\n\n[[launch]]\ntemplate = \"job\"\nimpact = 2\ndepends_on = [\"first\"]\n";
    let ran = run_with(&["simulate", "-"], &format!("{limited}{more}"));
    assert_eq!(ran.code, Some(2), "some tasks never end: {ran:?}");
    assert!(ran.out.contains("3 tasks never ended:"), "{ran:?}");
    for line in [
        "task 1 can never run as things stand: group 1 \"default\"",
        "task 2 can never run",
        "task 3 waits for job 2",
    ] {
        assert!(ran.out.contains(line), "{line}: {}", ran.out);
    }
    let gone = CLUSTER.replace("version = 1", "version = 1\nchanges = [\"at 5 instance remove node-a\"]");
    let ran = run_with(&["simulate", "-"], &format!("{gone}at = 10\n"));
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.out.contains("has no instance that may run this kind of task"), "{ran:?}");
}

/// Runs within so much memory, whatever this machine has.
fn within(kilobytes: u64, arguments: &[&str]) -> Ran {
    let mut words = format!("ulimit -v {kilobytes}; exec \"$0\"");
    for number in 1..=arguments.len() {
        let _ = write!(words, " \"${{{number}}}\"");
    }
    let program = env!("CARGO_BIN_EXE_scheduler");
    let ran = Command::new("sh").arg("-c").arg(words).arg(program).args(arguments).output();
    ran.map(Ran::from).expect("a shell")
}

const LARGE: usize = 100 << 20;

/// Simulates a large file within so many times its size of memory, and expects an error with these words.
fn refuses_large(name: &str, text: &str, times: u64, words: &str) {
    let path = file(name, text);
    let ran = within(times * (LARGE as u64 >> 10), &["simulate", &path]);
    std::fs::remove_file(&path).expect("it can be removed");
    assert_eq!(ran.code, Some(1), "{name}: {}", ran.err);
    assert!(ran.err.contains(words) && ran.err.contains("help:"), "{name}: {}", ran.err);
}

#[test]
fn a_log_of_100_mb_takes_a_few_times_its_size_and_its_flaw_is_found() {
    let job = "1 0 -1 60 4 -1 -1 -1 -1 -1 -1 1 1 1 -1 -1 -1 -1\n";
    let jobs = LARGE / job.len();
    let log = format!("{}1 2 3\n", job.repeat(jobs));
    refuses_large("large.swf", &log, 8, &format!("large.swf:{}:1: a job has 18 fields", jobs + 1));
}

#[test]
fn json_of_100_mb_takes_a_bounded_multiple_of_its_size_and_its_flaw_is_found() {
    let launch =
        "{\"template\": \"job\", \"at\": 1.5, \"name\": \"a launch with a long name, to fill the file\"},\n";
    let launches = LARGE / launch.len();
    let json =
        format!("{{ \"version\": 1, \"launch\": [\n{}{{\"template\": -1}}] }}", launch.repeat(launches));
    refuses_large(
        "large.json",
        &json,
        20,
        &format!("large.json:{}:15: launch[{launches}].template", launches + 2),
    );
    refuses_large("one-name.json", &format!("{{ \"name\": \"{}", "x".repeat(LARGE)), 8, "one-name.json:1:");
}

#[test]
fn toml_of_100_mb_is_refused_since_its_reader_takes_many_times_its_size() {
    let comment = "# somebody explains a lot, line after line after line after line\n";
    let text = comment.repeat(LARGE / comment.len());
    refuses_large("large.toml", &text, 8, "large.toml: 99 MiB are too much for TOML");
}

#[test]
fn a_small_file_that_unpacks_to_100_mb_takes_no_more_than_one_of_that_size() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let line = "; a comment that is there again and again and again and again\n";
    packed.write_all(line.repeat(LARGE / line.len()).as_bytes()).expect("into memory");
    let path = file("large.swf.gz", packed.finish().expect("into memory"));
    let ran = within(8 * (LARGE as u64 >> 10), &["simulate", &path]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("large.swf.gz: there is no job in it"), "{}", ran.err);
}
