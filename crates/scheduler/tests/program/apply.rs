//! A file of definitions is judged before any server is asked, and every error names its place and what to do.

use crate::{run, run_with};

/// Checks this text and expects an error with all these words.
fn refuses(input: &str, words: &[&str]) {
    let ran = run_with(&["apply", "--check", "-"], input);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.out, "", "nothing is printed beside an error");
    for word in words {
        assert!(ran.err.contains(word), "`{word}` is missing in: {}", ran.err);
    }
}

fn workflow(nodes: &str) -> String {
    format!("[[workflow]]\nname = \"release\"\n{nodes}")
}

fn node(name: &str, leads_to: &str) -> String {
    format!(
        "[[workflow.node]]\nname = \"{name}\"\nstarts = {{ template = \"deploy\" }}\nalways = [\"{leads_to}\"]\n"
    )
}

const DEPLOY: &str = "[[template]]\nname = \"deploy\"\nrun = { command = [\"true\"] }\n";

#[test]
fn the_example_has_no_flaw() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/cluster.toml");
    let ran = run(&["apply", "--check", example]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(ran.out.contains("15 definitions, nothing to object to"), "{}", ran.out);
}

#[test]
fn text_that_is_no_toml_is_named_with_its_line() {
    refuses("[[template]]\nname = \"deploy\nrun = 1\n", &["standard input:2:", "this is not valid TOML"]);
    refuses("{ \"template\": [ }", &["standard input:1:", "this is not valid JSON"]);
}

#[test]
fn an_unknown_field_is_named_with_line_column_and_path() {
    refuses(
        "[[template]]\nname = \"deploy\"\nrun = { comand = [\"true\"] }\n",
        &["standard input:3:9: template[0].run.comand: unknown field `comand`, expected one of `command`"],
    );
    refuses("[[templates]]\n", &["standard input:1:3: templates: unknown field", "`examples/cluster.toml`"]);
    refuses(
        "{ \"template\": [ { \"nmae\": \"deploy\" } ] }",
        &["standard input:1:24: template[0].nmae: unknown field `nmae`"],
    );
}

#[test]
fn what_to_run_is_either_a_command_or_a_handler() {
    let run = |run: &str| format!("[[system-job]]\nname = \"x\"\nrun = {run}\n");
    refuses(&run("{}"), &["standard input:3:7: system-job[0].run: say what to run", "handler = \"name\""]);
    refuses(&run("{ command = [] }"), &["`command` is empty"]);
    refuses(&run("{ command = [\"a\"], handler = \"b\" }"), &["keep one of the two"]);
}

#[test]
fn numbers_that_do_not_fit_are_named() {
    refuses(
        "[[instance]]\nhostname = \"node-a\"\ncapacity = -1\n",
        &["standard input:3:12: instance[0].capacity: invalid value: integer `-1`"],
    );
}

#[test]
fn a_name_taken_twice_is_named_where_it_comes_again() {
    refuses(
        &format!("{DEPLOY}\n{DEPLOY}"),
        &["standard input:6:8: template \"deploy\": the name is taken twice", "rename one of the two"],
    );
}

#[test]
fn r7_a_circle_of_nodes_is_named_with_its_workflow() {
    let circle = workflow(&format!("{}{}", node("a", "b"), node("b", "a")));
    refuses(&circle, &["standard input:2:8: workflow \"release\": its nodes form a circle through \"a\""]);
}

#[test]
fn r7_an_edge_to_no_node_is_named() {
    refuses(&workflow(&node("a", "q")), &["node \"a\" leads to \"q\", which is no node of it"]);
}

#[test]
fn every_flaw_is_named_at_once() {
    let two = format!("{DEPLOY}{DEPLOY}{}", workflow(&node("a", "q")));
    refuses(&two, &["taken twice", "no node of it", "nothing was changed"]);
}

#[test]
fn what_can_be_launched_is_said() {
    for (argument, words) in [
        ("deploy", "as in template:deploy"),
        ("job:deploy", "\"job\" cannot be launched; kinds are template, project"),
        ("template:", "the name after the colon is missing"),
    ] {
        let ran = run(&["launch", argument]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(words), "{}", ran.err);
    }
}

#[test]
fn without_a_server_the_way_without_one_is_shown() {
    for arguments in [&["status"][..], &["launch", "template:x"], &["explain", "42"], &["template", "list"]] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("no database is named"), "{}", ran.err);
        assert!(ran.err.contains("DATABASE_URL") && ran.err.contains("--until-idle"), "{}", ran.err);
    }
}
