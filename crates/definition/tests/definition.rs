//! What people define: the file's form, what it means, and every flaw with its place and remedy.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use definition::{Definitions, Preset, Run};
use scheduler_core::{Forks, GroupId, RuleSet, Seconds};
use serde_json::json;

fn definitions(toml: &str) -> Result<Definitions, toml::de::Error> {
    toml::from_str(toml)
}

fn flaws(toml: &str) -> Vec<String> {
    definitions(toml).unwrap().check().unwrap_err().0.iter().map(ToString::to_string).collect()
}

const CLUSTER: &str = r#"
[rules]
preset = "awx-2024"
default_groups = ["default"]
control_plane = { group = "default", impact = 1 }
heartbeat_grace = 30

[[instance]]
hostname = "node-a"
capacity = 40

[[group]]
name = "default"
instances = ["node-a"]

[[project]]
name = "shop"
update_on_launch = true
cache_timeout = 60
run = { command = ["git", "pull"], timeout = 30 }

[[inventory]]
name = "production"
hosts = 12

[[inventory-source]]
name = "cloud"
inventory = "production"
run = { handler = "cloud", payload = { region = "north" } }

[[template]]
name = "deploy"
project = "shop"
inventory = "production"
run = { command = ["ansible-playbook", "site.yml"] }

[[workflow]]
name = "release"

[[workflow.node]]
name = "build"
starts = { template = "deploy" }
on_success = ["ask"]

[[workflow.node]]
name = "ask"
starts = { approval = { timeout = 600 } }
"#;

#[test]
fn a_whole_cluster_stands_in_one_file_and_survives_the_way_to_json_and_back() {
    let cluster = definitions(CLUSTER).unwrap();
    cluster.check().unwrap();
    assert_eq!(cluster.names().len(), 7);
    let json = serde_json::to_string(&cluster).unwrap();
    assert_eq!(serde_json::from_str::<Definitions>(&json).unwrap(), cluster);
    let again = toml::to_string(&cluster).unwrap();
    assert_eq!(definitions(&again).unwrap(), cluster);
}

#[test]
fn a_workload_is_read_as_definitions_and_a_store_keeps_what_is_its_own() {
    let workload = "version = 1\nname = \"w\"\nstart = \"2026-01-05T09:00:00Z\"\nchanges = [\"at 3 instance remove a\"]\n";
    let launch = "\n[[launch]]\ntemplate = \"deploy\"\nevery = 2.5\ncount = 3\n";
    let timed = CLUSTER
        .replace("timeout = 600 }", "timeout = 600, run_time = 5, endings = { failed = 1 } }")
        .replace("[[template]]", "[[template]]\nrun_time = { log_normal = { median = 30, spread = 1 } }");
    assert_ne!(timed, CLUSTER);
    let whole = definitions(&format!("{workload}{timed}{launch}")).unwrap();
    let json = serde_json::to_string(&whole).unwrap();
    assert_eq!(serde_json::from_str::<Definitions>(&json).unwrap(), whole);
    assert_eq!(whole.kept().unwrap(), definitions(CLUSTER).unwrap());
    let other = definitions("version = 2").unwrap();
    assert!(other.check().unwrap_err().to_string().contains("reads version 1"));
}

#[test]
fn a_store_refuses_what_has_nothing_to_run() {
    let idle = definitions("[[project]]\nname = \"p\"\nrun_time = 5").unwrap();
    let flaws = idle.check().unwrap_err().to_string();
    assert!(flaws.contains("project \"p\": missing field `run`: say what to run"), "{flaws}");
}

#[test]
fn who_names_whom_is_told_with_what_is_missing() {
    let cluster = definitions(
        "[rules]\ndefault_groups = [\"g\"]\n[[inventory-source]]\nname = \"s\"\ninventory = \"i\"\n[[launch]]\ncommand = \"i\"\n",
    )
    .unwrap();
    let told: Vec<String> = cluster.dangling().iter().map(ToString::to_string).collect();
    let missing = "which is not defined: define it, or name another";
    assert_eq!(
        told,
        [
            format!("inventory-source \"s\" names the inventory \"i\", {missing}"),
            format!("the rules names the group \"g\", {missing}"),
            format!("launch[0] names the inventory \"i\", {missing}"),
        ]
    );
}

#[test]
fn the_rules_name_their_groups() {
    let rules = definitions(CLUSTER).unwrap().rules.unwrap();
    assert_eq!(rules.preset, Preset::Awx2024);
    let resolved = rules.resolve(|name| (name == "default").then_some(GroupId::new(7))).unwrap();
    assert_eq!(resolved.default_groups, [GroupId::new(7)]);
    assert_eq!(resolved.control_plane.unwrap().impact, Forks::new(1));
    assert_eq!(resolved.heartbeat_grace, Seconds::new(30));
    assert_eq!(resolved.claims, RuleSet::awx_2024().claims);
    let unknown = rules.resolve(|_| None).unwrap_err();
    assert!(unknown.to_string().contains("\"default\""), "{unknown}");
}

#[test]
fn what_to_run_is_a_command_or_a_handler_and_not_both() {
    let run = |text: &str| {
        definitions(&format!("[[project]]\nname = \"p\"\nrun = {text}")).map_err(|error| error.to_string())
    };
    let command = run(r#"{ command = ["true"], environment = { A = "1" } }"#).unwrap();
    assert_eq!(
        command.projects.first().unwrap().run.as_ref().unwrap().payload,
        json!({"argv": ["true"], "environment": {"A": "1"}})
    );
    for (text, said) in [
        ("{}", "say what to run"),
        ("{ command = [] }", "`command` is empty"),
        ("{ command = [\"a\"], handler = \"b\" }", "keep one of the two"),
        ("{ handler = \"b\", timeout = 3 }", "keep one of the two"),
        ("{ handler = \"no spaces\" }", "a handler's name"),
        ("{ command = [\"a\"], timeuot = 3 }", "timeuot"),
    ] {
        let error = run(text).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn a_launch_lays_values_over_the_payload() {
    let run: Run = serde_json::from_value(json!({"handler": "h", "payload": {"a": 1, "b": 2}})).unwrap();
    let over = json!({"b": 3, "c": 4});
    assert_eq!(run.clone().with(Some(&over)).payload, json!({"a": 1, "b": 3, "c": 4}));
    assert_eq!(run.clone().with(None), run);
    assert_eq!(run.with(Some(&json!([1]))).payload, json!([1]));
}

#[test]
fn payloads_stay_out_of_debug_output() {
    let cluster = definitions(CLUSTER).unwrap();
    let debugged = format!("{:?}", cluster.inventory_sources);
    assert!(!debugged.contains("north"), "{debugged}");
}

#[test]
fn every_flaw_is_named_at_once_with_its_place() {
    let found = flaws(
        r#"
[[instance]]
hostname = ""
capacity = 1
[[group]]
name = "pods"
container = true
instances = ["x"]
[[inventory]]
name = "i"
[[inventory]]
name = "i"
[[template]]
name = "t"
slices = 0
run = { command = ["true"] }
[[workflow]]
name = "w"
node = [
  { name = "a", starts = { template = "t" }, on_success = ["b"] },
  { name = "b", starts = { template = "t" }, always = ["a"] },
  { name = "b", starts = { template = "t" } },
]
[[workflow]]
name = "v"
node = [{ name = "a", starts = { template = "t" }, on_failure = ["nowhere"] }]
"#,
    );
    let expected = [
        "instance \"\": the name is empty",
        "inventory \"i\": the name is taken twice",
        "group \"pods\": a container group has no instances",
        "template \"t\": 0 slices",
        "workflow \"w\": two nodes have the name \"b\"",
        "workflow \"w\": its nodes form a circle",
        "workflow \"v\": node \"a\" leads to \"nowhere\"",
    ];
    for said in expected {
        assert!(found.iter().any(|flaw| flaw.starts_with(said)), "{said} not in {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn unknown_fields_are_refused_by_name() {
    let error = definitions("[[template]]\nname = \"t\"\nporject = \"p\"\nrun = { command = [\"true\"] }")
        .unwrap_err();
    assert!(error.to_string().contains("porject"), "{error}");
}

#[test]
fn a_heartbeat_grace_that_no_node_could_keep_is_refused_with_its_place_and_remedy() {
    for short in [0, 1, 2] {
        let flaws = flaws(&format!("[rules]\nheartbeat_grace = {short}\n"));
        let [flaw] = flaws.as_slice() else { panic!("{flaws:?}") };
        assert!(flaw.starts_with("rules: `heartbeat_grace` is ") && flaw.contains("at least 3 s"), "{flaw}");
    }
    definitions("[rules]\nheartbeat_grace = 3\n").unwrap().check().unwrap();
}
