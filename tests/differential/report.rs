//! A difference in words: the rows, and where the plans part.

use std::fmt::{Debug, Write};

use scheduler_core::{Plan, RuleSet, Snapshot, Task};
use testkit::model;

type PartOfPlan = fn(&Plan) -> Vec<String>;

pub(crate) fn report(snapshot: &Snapshot, rules: &RuleSet) -> String {
    let (pass, model) = (scheduler_core::plan(snapshot, rules), model::plan(snapshot, rules));
    let mut text = String::new();
    let mut section = |title: &str, rows: Vec<String>| {
        for row in rows {
            _ = writeln!(text, "{title:>10}  {row}");
        }
    };
    section("task", snapshot.tasks.iter().map(task_line).collect());
    section("project", debugs(&snapshot.projects));
    section("source", debugs(&snapshot.inventory_sources));
    section("instance", debugs(&snapshot.instances));
    section("group", debugs(&snapshot.groups));
    section("graph", debugs(&snapshot.graphs));
    let plain = RuleSet { claims: Vec::new(), matrices: Vec::new(), ..rules.clone() };
    section("rules", debugs(&[plain]));
    let parts: [(&str, PartOfPlan); 6] = [
        ("decision", |plan| debugs(&plan.decisions)),
        ("node", |plan| debugs(&plan.nodes)),
        ("create", |plan| debugs(&plan.creates)),
        ("derived", |plan| debugs(&plan.derived)),
        ("more", |plan| debugs(&[plan.more])),
        ("left over", |plan| debugs(&[plan.unconsidered])),
    ];
    for (title, part) in parts {
        let (pass, model) = (part(&pass), part(&model));
        let lengths = format!("{} in the pass, {} in the model", pass.len(), model.len());
        let differing = (0..pass.len().max(model.len())).filter(|&at| pass.get(at) != model.get(at));
        for at in differing {
            section(title, vec![format!("{at} differs; {lengths}")]);
            section("the pass", vec![pass.get(at).cloned().unwrap_or_default()]);
            section("the model", vec![model.get(at).cloned().unwrap_or_default()]);
        }
    }
    text
}

fn debugs<T: Debug>(rows: &[T]) -> Vec<String> {
    rows.iter().map(|row| format!("{row:?}")).collect()
}

fn task_line(task: &Task) -> String {
    format!(
        "{} {:?} {:?} created {} priority {} impact {} {:?} after {:?}{}{} groups {:?} own {:?}",
        task.id,
        task.work,
        task.state,
        task.created.timestamp(),
        task.priority.get(),
        task.impact.get(),
        task.launch_type,
        task.dependencies,
        if task.dependencies_derived { " derived" } else { "" },
        if task.cancel_requested { " cancel" } else { "" },
        task.groups,
        task.own_keys,
    )
}
