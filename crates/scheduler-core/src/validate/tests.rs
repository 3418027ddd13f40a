//! One snapshot or rule set for each problem that can be found.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::*;
use crate::builder::{
    SnapshotBuilder, execution, graph, instance, job, node, project, project_update, source, workflow_job,
};
use crate::{Claim, Claimant, EdgeKind, Matrix, Mode, Outcome, Resource, Simultaneous};

fn cluster() -> SnapshotBuilder {
    SnapshotBuilder::at(1000).instance(1, "node-a", 10).group(1, "default", [1])
}

/// The tokens of a severity, in the order of the report.
fn tokens(found: &[Problem], severity: Severity) -> Vec<&'static str> {
    found.iter().filter(|problem| problem.severity == severity).map(|problem| problem.token).collect()
}

fn errors(snapshot: &Snapshot) -> Vec<&'static str> {
    tokens(&snapshot.problems(), Severity::Error)
}

fn warnings(snapshot: &Snapshot) -> Vec<&'static str> {
    tokens(&snapshot.problems(), Severity::Warning)
}

#[test]
fn r11_an_ordinary_snapshot_has_no_problem() {
    let snapshot = cluster()
        .with(project(3))
        .with(project_update(4).project(3).finished(Outcome::Successful))
        .with(job(5).project(3).groups([1]).depends_on([4]))
        .with(workflow_job(6).running())
        .with(graph(6).node(1, job(0)).with(node(2, job(0)).job(5)).edge(1, 2, EdgeKind::Always))
        .build();
    assert_eq!(snapshot.problems(), []);
    assert_eq!(snapshot.validate(), Ok(()));
    assert_eq!(Snapshot::default().problems(), []);
}

#[test]
fn r11_a_problem_names_row_and_remedy() {
    let refused = cluster().with(job(5).depends_on([9])).build().validate().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "error: tasks[0] (id 5): it depends on task 9, which the snapshot does not hold; load the finished tasks that \
         pending ones depend on, or remove the dependency"
    );
}

#[test]
fn r11_ids_are_unique_in_every_table() {
    let rows = cluster()
        .instance(1, "node-b", 10)
        .group(1, "other", [1])
        .with([project(1), project(1)])
        .with([source(1, 1), source(1, 1)])
        .with([job(1), job(1), job(1)])
        .build();
    assert_eq!(errors(&rows), ["duplicate_id"; 6]);
    let graphs = SnapshotBuilder::at(99).with(workflow_job(6).running()).with([graph(6), graph(6)]).build();
    assert_eq!(errors(&graphs), ["several_graphs"]);
}

#[test]
fn r5_cycles_are_named() {
    let ring = SnapshotBuilder::at(99)
        .with([
            job(1).depends_on([2]),
            job(2).depends_on([3]),
            job(3).depends_on([2]),
            job(4).depends_on([4]),
        ])
        .build();
    let found = ring.problems();
    assert_eq!(tokens(&found, Severity::Error), ["self_dependency", "dependency_cycle"]);
    assert_eq!(found[1].what, "tasks depend on each other: 2 → 3 → 2");
    let running =
        SnapshotBuilder::at(99).with([job(1).depends_on([2]).running(), job(2).depends_on([1])]).build();
    assert_eq!(errors(&running), [""; 0], "only pending tasks wait for their dependencies");
    let long = (1..=20).map(|id| job(id).depends_on([id % 20 + 1]));
    let found = SnapshotBuilder::at(99).with_all(long).build().problems();
    assert!(found[0].what.ends_with("→ 12 → … (20 in all) → 1"), "{}", found[0].what);
}

#[test]
fn r6_places_that_cannot_be_used_are_named() {
    let idle = SnapshotBuilder::at(1000)
        .with(instance(1, "alone", 0))
        .hop(2, "hop")
        .group(1, "empty", [0; 0])
        .group(2, "dangling", [9])
        .build();
    assert_eq!(errors(&idle), ["unknown_member"]);
    assert_eq!(warnings(&idle), ["no_capacity", "in_no_group", "empty_group"]);
    let tasks = cluster()
        .with(job(1).groups([8, 1]))
        .with(job(2).groups([8]))
        .with(job(3).impact(11))
        .with(workflow_job(4).groups([1]))
        .with(job(5).running_on(8, 9))
        .build();
    assert_eq!(errors(&tasks), ["no_known_group"]);
    assert_eq!(
        warnings(&tasks),
        [
            "unknown_group",
            "unknown_group",
            "larger_than_everything",
            "groups_without_use",
            "placed_on_unknown_instance",
            "placed_by_unknown_group",
        ]
    );
}

#[test]
fn r7_graphs_that_cannot_be_followed_are_named() {
    let lost = SnapshotBuilder::at(99)
        .with(workflow_job(1).running())
        .with(graph(2))
        .with(job(3))
        .with(graph(3))
        .with(workflow_job(4))
        .with(graph(4))
        .build();
    assert_eq!(errors(&lost), ["graph_of_unknown_task", "graph_of_other_kind", "no_graph"]);
    assert_eq!(warnings(&lost), ["graph_without_use"]);
    let bad = graph(1)
        .node(1, job(0))
        .with(node(2, job(0)).job(1))
        .with(node(3, job(0)).job(7))
        .with(node(4, job(0)).job(8))
        .with(node(5, job(0)).job(8))
        .node(1, job(0))
        .edge(1, 6, EdgeKind::Always)
        .edge(2, 3, EdgeKind::Always)
        .edge(3, 2, EdgeKind::Success);
    let bad = SnapshotBuilder::at(99).with(workflow_job(1).running()).with(job(8)).with(bad).build();
    assert_eq!(
        errors(&bad),
        [
            "node_of_itself",
            "missing_node_job",
            "job_of_several_nodes",
            "duplicate_node",
            "edge_to_no_node",
            "graph_cycle",
        ]
    );
    let above = SnapshotBuilder::at(99)
        .with([workflow_job(1).running(), workflow_job(2).running()])
        .with(graph(1).with(node(1, workflow_job(0)).job(2)))
        .with(graph(2).with(node(1, workflow_job(0)).job(1)))
        .build();
    assert_eq!(errors(&above), ["workflow_cycle"]);
}

#[test]
fn moments_in_the_future_and_unnamed_keys_are_named() {
    let clocks = SnapshotBuilder::at(10)
        .with(execution(1, "a", 1).heartbeat(11))
        .group(1, "default", [1])
        .with(project(1).last_update(5, Outcome::Failed, 11))
        .with(job(1).created(11))
        .with(job(2).waiting_on(1, 1).dispatched(1, 11))
        .with(job(3).own_key("", 7).own_key("", 8).finished_at(Outcome::Failed, 11))
        .build();
    assert_eq!(warnings(&clocks), ["in_the_future"; 5]);
    assert_eq!(errors(&clocks), ["unnamed_own_key"; 2]);
}

#[test]
fn r2_a_key_that_stands_there_twice_is_named_and_several_of_one_resource_are_in_order() {
    let keys = cluster()
        .with(job(1).own_key("licence", 7).own_key("licence", 8).own_key("licence", 7))
        .with(job(2).own_key("licence", 7).own_key_in(Mode::Shared, "licence", 7))
        .build();
    assert_eq!(warnings(&keys), ["own_key_twice"]);
    assert_eq!(errors(&keys), [""; 0]);
}

#[test]
fn r2_both_rule_sets_are_in_order() {
    assert_eq!(RuleSet::tower_2018().problems(), []);
    assert_eq!(RuleSet::awx_2024().problems(), []);
}

#[test]
fn r2_tables_that_cannot_be_followed_are_named() {
    let claim = |by, resource: &Resource, mode| Claim {
        by,
        resource: resource.clone(),
        mode,
        simultaneous: Simultaneous::Same,
    };
    let licence = Resource::Own("licence".into());
    let mut rules = RuleSet::default();
    rules.claims.push(claim(Claimant::Job, &licence, Mode::Use));
    rules.claims.push(claim(Claimant::Job, &licence, Mode::Use));
    rules.claims.push(claim(Claimant::SystemJob, &Resource::Project, Mode::Slices));
    rules.matrices.push(rules.matrices[0].clone());
    rules
        .matrices
        .push(Matrix { resource: Resource::Own("".into()), forbidden: [(Mode::Use, Mode::Use); 2].into() });
    let found = rules.problems();
    assert_eq!(
        tokens(&found, Severity::Error),
        [
            "claim_without_matrix",
            "duplicate_claim",
            "claim_without_matrix",
            "duplicate_matrix",
            "unnamed_resource",
        ]
    );
    assert_eq!(
        tokens(&found, Severity::Warning),
        ["claim_without_key", "mode_without_cell", "matrix_without_claim", "duplicate_cell"]
    );
    assert!(rules.validate().unwrap_err().to_string().starts_with("error: claims[10]: job claims licence"));
}

#[test]
fn r6_rules_name_groups_that_the_snapshot_holds() {
    let control_plane = Some(crate::ControlPlane { group: 9.into(), impact: 1.into() });
    let rules = RuleSet { default_groups: [1.into(), 8.into()].into(), control_plane, ..RuleSet::default() };
    let found: Vec<_> =
        rules.problems_with(&cluster().build()).into_iter().map(|problem| problem.token).collect();
    assert_eq!(found, ["unknown_default_group", "unknown_control_plane"]);
}

#[test]
fn r2_rows_that_cannot_both_be_meant_are_named() {
    let licence = Resource::Own("licence".into());
    let claim =
        |mode, simultaneous| Claim { by: Claimant::Job, resource: licence.clone(), mode, simultaneous };
    let problems = |claims: &[Claim], forbidden: &[(Mode, Mode)]| {
        let mut rules = RuleSet::default();
        rules.claims.extend_from_slice(claims);
        rules.matrices.push(Matrix { resource: licence.clone(), forbidden: forbidden.into() });
        tokens(&rules.problems(), Severity::Error)
    };
    let lock = [
        (Mode::Exclusive, Mode::Exclusive),
        (Mode::Exclusive, Mode::Shared),
        (Mode::Shared, Mode::Exclusive),
    ];
    let (same, shared) = (Simultaneous::Same, Simultaneous::As(Mode::Shared));
    // The first row is in the way of what the second one allows.
    let exception = [claim(Mode::Exclusive, same), claim(Mode::Exclusive, shared)];
    assert_eq!(problems(&exception, &lock), ["contradicting_claims"]);
    // Whoever claims for both has it alone: nobody reads.
    let both = [claim(Mode::Shared, same), claim(Mode::Exclusive, same)];
    assert_eq!(problems(&both, &lock), ["covered_claim"]);
    // Two modes of which each forbids something of its own.
    let cells = [(Mode::Update, Mode::Update), (Mode::Use, Mode::Command)];
    assert_eq!(problems(&[claim(Mode::Update, same), claim(Mode::Use, same)], &cells), [""; 0]);
}

#[test]
fn r2_own_keys_by_which_nobody_is_blocked_are_named() {
    let mut rules = RuleSet::default();
    let licence = Resource::Own("licence".into());
    let simultaneous = Simultaneous::Same;
    rules.claims.push(Claim {
        by: Claimant::Job,
        resource: licence.clone(),
        mode: Mode::Exclusive,
        simultaneous,
    });
    rules.matrices.push(Matrix { resource: licence, forbidden: [(Mode::Exclusive, Mode::Exclusive)].into() });
    let keys = job(1).own_key("licence", 7).own_key_in(Mode::Shared, "licence", 8).own_key("license", 7);
    let found: Vec<_> = rules.problems_with(&cluster().with(keys).build());
    assert_eq!(tokens(&found, Severity::Warning), ["own_key_mode_without_cell", "own_key_without_claim"]);
}
