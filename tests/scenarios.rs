//! Runs the scenario files in `tests/scenarios`, and checks that they cover every rule and every cell of R2's matrices.
//!
//! `UPDATE_EXPECT=1 cargo test --test scenarios` writes what the pass decides into the files: read the difference against the
//! rules before you keep it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use scheduler_core::{
    Action, Claimant, Mode, ProjectUpdateType, Reason, Resource, ResourceKey, RuleSet, Simultaneous, Task,
    Work, WorkflowOf, audit, plan,
};
use testkit::model;
use testkit::scenario::{Scenario, ScenarioFile};

const RULES: [&str; 30] = [
    "R1", "R2", "R3", "R4.1", "R4.2", "R4.3", "R4.4", "R4.5", "R5", "R6.1", "R6.2", "R6.3", "R6.4", "R6.5",
    "R6.6", "R6.7", "R7.1", "R7.2", "R7.3", "R7.4", "R7.5", "R7.6", "R7.7", "R8.1", "R8.2", "R8.3", "R8.4",
    "R9", "R10", "R11",
];

/// Every file below the folder, sorted, with its path for people, its text and its scenarios.
fn files() -> Vec<(PathBuf, String, ScenarioFile)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut folders = vec![root.clone()];
    let mut paths = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "txt") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("the file can be read");
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        let file =
            ScenarioFile::parse(&name, &text).unwrap_or_else(|error| panic!("tests/scenarios/{error}"));
        (path, text, file)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn r1_to_r11_every_plan_is_the_expected_one() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut failures = String::new();
    for (path, text, file) in files() {
        let run = |scenario: &Scenario| scenario.render(&plan(&scenario.snapshot, &scenario.rules));
        let plans: Vec<String> = file.scenarios.iter().map(run).collect();
        if update {
            let new = file.with_expectations(&plans);
            if new != text {
                fs::write(&path, new).expect("the file can be written");
            }
            continue;
        }
        for (scenario, actual) in file.scenarios.iter().zip(&plans) {
            if *actual != scenario.expected {
                let difference = difference(&scenario.expected, actual);
                failures += &format!("\n{}:{}\n{difference}", path.display(), scenario.line);
            }
        }
    }
    assert!(failures.is_empty(), "- expected, + decided{failures}");
}

#[test]
fn r1_to_r11_the_order_of_rows_never_matters() {
    for (path, _, file) in files() {
        for mut scenario in file.scenarios {
            let before = plan(&scenario.snapshot, &scenario.rules);
            scenario.snapshot.tasks.reverse();
            scenario.snapshot.projects.reverse();
            scenario.snapshot.inventory_sources.reverse();
            scenario.snapshot.instances.reverse();
            scenario.snapshot.groups.reverse();
            scenario.snapshot.graphs.reverse();
            for graph in &mut scenario.snapshot.graphs {
                graph.nodes.reverse();
                graph.edges.reverse();
            }
            let after = plan(&scenario.snapshot, &scenario.rules);
            assert_eq!(before, after, "{}:{}", path.display(), scenario.line);
        }
    }
}

#[test]
fn r1_to_r11_the_slow_model_and_the_audit_agree_with_every_plan() {
    let mut failures = String::new();
    for (path, _, file) in files() {
        for scenario in &file.scenarios {
            let decided = plan(&scenario.snapshot, &scenario.rules);
            let slow = model::plan(&scenario.snapshot, &scenario.rules);
            if slow != decided {
                let difference = difference(&scenario.render(&decided), &scenario.render(&slow));
                failures += &format!("\n{}:{}\n{difference}", path.display(), scenario.line);
            }
            for violation in audit(&scenario.snapshot, &scenario.rules, &decided) {
                failures += &format!("\n{}:{}\n{violation:?}", path.display(), scenario.line);
            }
        }
    }
    assert!(failures.is_empty(), "- the pass, + the slow model; or what the audit finds{failures}");
}

#[test]
fn r1_to_r11_every_rule_has_a_file_that_cites_it() {
    let files = files();
    assert!(files.len() >= 80, "{} scenario files", files.len());
    let mut cited = BTreeSet::new();
    for (path, text, _) in &files {
        let rules = text.strip_prefix("# ").and_then(|text| text.split_once(": "));
        let rules = rules.unwrap_or_else(|| panic!("{}: the first line cites no rule", path.display())).0;
        for rule in rules.split(", ") {
            assert!(RULES.contains(&rule), "{}: `{rule}` is no rule", path.display());
            cited.insert(rule.to_owned());
        }
    }
    let missing: Vec<_> = RULES.into_iter().filter(|&rule| !cited.contains(rule)).collect();
    assert!(missing.is_empty(), "no file cites {missing:?}");
}

#[test]
fn r10_every_reason_has_a_scenario() {
    let files = files();
    let expected: Vec<&str> =
        files.iter().flat_map(|(_, _, file)| &file.scenarios).map(|scenario| &*scenario.expected).collect();
    for token in Reason::TOKENS {
        assert!(expected.iter().any(|plan| plan.contains(token)), "no scenario expects {token}");
    }
}

#[test]
fn r2_every_cell_of_both_rule_sets_has_a_scenario() {
    let files = files();
    let scenarios: Vec<&Scenario> = files.iter().flat_map(|(_, _, file)| &file.scenarios).collect();
    for rules in [RuleSet::tower_2018(), RuleSet::awx_2024()] {
        let with_set: Vec<_> = scenarios.iter().filter(|scenario| scenario.rules == rules).collect();
        for (resource, pending, held) in cells(&rules) {
            let forbidden = rules.matrix(&resource).is_some_and(|matrix| matrix.forbids(pending, held));
            let shown = with_set.iter().any(|scenario| shows(scenario, &resource, pending, held, forbidden));
            assert!(shown, "{}: nothing shows {pending} while {held} of the {resource}", rules.name);
        }
    }
}

/// The cells that the table's rows can reach.
fn cells(rules: &RuleSet) -> BTreeSet<(Resource, Mode, Mode)> {
    let modes: BTreeSet<(Resource, Mode)> = rules
        .claims
        .iter()
        .flat_map(|row| {
            let other = match row.simultaneous {
                Simultaneous::As(mode) => Some(mode),
                Simultaneous::Same | Simultaneous::Nothing => None,
            };
            [Some(row.mode), other].into_iter().flatten().map(|mode| (row.resource.clone(), mode))
        })
        .collect();
    let pairs = modes.iter().flat_map(|pending| modes.iter().map(move |held| (pending, held)));
    pairs
        .filter(|(pending, held)| pending.0 == held.0)
        .map(|(pending, held)| (pending.0.clone(), pending.1, held.1))
        .collect()
}

/// Whether the scenario has one pending task that wants the mode of what one holding task holds, and decides it by that.
fn shows(scenario: &Scenario, resource: &Resource, pending: Mode, held: Mode, forbidden: bool) -> bool {
    let claiming = |task: &&Task| !claims(task, &scenario.rules).is_empty();
    let tasks: Vec<&Task> = scenario.snapshot.tasks.iter().filter(claiming).collect();
    let &[a, b] = tasks.as_slice() else { return false };
    let (waiter, holder) = if a.state.is_holding() { (b, a) } else { (a, b) };
    if waiter.state.is_holding() || !holder.state.is_holding() {
        return false;
    }
    let keys = |task: &Task, mode| {
        let claims = claims(task, &scenario.rules);
        claims.into_iter().filter(move |claim| claim.0 == *resource && claim.1 == mode).map(|claim| claim.2)
    };
    let holder_keys: Vec<_> = keys(holder, held).collect();
    let Some(key) = keys(waiter, pending).find(|key| holder_keys.contains(key)) else { return false };
    let decided = plan(&scenario.snapshot, &scenario.rules);
    match decided.decision(waiter.id).map(|decision| &decision.action) {
        Some(Action::Start(_)) => !forbidden,
        Some(Action::Hold(Reason::Blocked { resource, wanted, held: named, .. })) => {
            forbidden && *wanted == pending && *named == held && key == *resource
        }
        _ => false,
    }
}

/// What a task claims, read from the rows of the table.
fn claims(task: &Task, rules: &RuleSet) -> Vec<(Resource, Mode, ResourceKey)> {
    let rows = rules.claims.iter().filter(|row| Claimant::of(&task.work) == Some(row.by));
    rows.filter_map(|row| {
        let mode = match row.simultaneous {
            Simultaneous::As(mode) if simultaneous(&task.work) => mode,
            Simultaneous::Nothing if simultaneous(&task.work) => return None,
            _ => row.mode,
        };
        Some((row.resource.clone(), mode, key(&task.work, &row.resource)?))
    })
    .collect()
}

fn simultaneous(work: &Work) -> bool {
    matches!(
        work,
        Work::Job { allow_simultaneous: true, .. } | Work::WorkflowJob { allow_simultaneous: true, .. }
    )
}

fn key(work: &Work, resource: &Resource) -> Option<ResourceKey> {
    match (work, resource) {
        (Work::ProjectUpdate { job_type: ProjectUpdateType::Run, .. }, _) => None,
        (Work::Job { project, .. } | Work::ProjectUpdate { project, .. }, Resource::Project) => {
            project.map(ResourceKey::Project)
        }
        (
            Work::Job { inventory, .. }
            | Work::InventoryUpdate { inventory, .. }
            | Work::AdHocCommand { inventory },
            Resource::Inventory,
        ) => inventory.map(ResourceKey::Inventory),
        (Work::InventoryUpdate { source, .. }, Resource::InventorySource) => {
            source.map(ResourceKey::InventorySource)
        }
        (
            Work::Job { template, .. } | Work::WorkflowJob { of: WorkflowOf::Slices(template), .. },
            Resource::JobTemplate,
        ) => template.map(ResourceKey::JobTemplate),
        (Work::WorkflowJob { of: WorkflowOf::Template(template), .. }, Resource::WorkflowTemplate) => {
            template.map(ResourceKey::WorkflowTemplate)
        }
        (Work::SystemJob {}, Resource::SystemJobSlot) => Some(ResourceKey::SystemJobSlot),
        _ => None,
    }
}

/// The lines of both texts, those of one alone marked with `-` or `+`.
fn difference(expected: &str, actual: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let mut text = String::new();
    let mut next = 0;
    for line in old {
        match new.get(next..).and_then(|rest| rest.iter().position(|other| *other == line)) {
            Some(ahead) => {
                new.iter().skip(next).take(ahead).for_each(|added| text += &format!("+ {added}\n"));
                text += &format!("  {line}\n");
                next += ahead + 1;
            }
            None => text += &format!("- {line}\n"),
        }
    }
    new.iter().skip(next).for_each(|added| text += &format!("+ {added}\n"));
    text
}

#[test]
fn a_line_that_means_nothing_is_named_with_its_place() {
    let error = |text| ScenarioFile::parse("a.txt", text).expect_err("means nothing").to_string();
    assert_eq!(error("# R2\ngiven\n  job 1 source 3\n"), "a.txt:3: a job has no `source`");
    assert_eq!(error("given\n  job one\n"), "a.txt:2: `one` stands where the task's id belongs");
    assert_eq!(
        error("given\n  job 1 in big\n"),
        "a.txt:2: no group `big` above; write `?big` for one that is not there"
    );
    assert_eq!(error("given\n  node 1\n"), "a.txt:2: a graph's lines stand below their workflow");
    assert_eq!(error("given\nplan tower-2019\n"), "a.txt:2: `tower-2019` is no rule set");
    assert_eq!(error("given\n  job 1\n"), "a.txt:2: the file ends before its first `----`");
}
