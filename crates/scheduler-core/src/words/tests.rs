//! Every sentence, word for word.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;

use super::*;
use crate::builder::moment;
use crate::{
    Action, CreateId, End, Forks, Kind, Lack, Loss, Malformed, MissingResource, Mode, NodeDecision,
    NodeFailure, NodeStep, OwnResource, Place, Reason, Role, Shortfall, SkipReason, TakeBack, TaskCount,
    Then,
};

fn job(id: i64) -> TaskRef {
    TaskRef::Task { id: id.into(), kind: Kind::Job }
}

fn short(lack: Lack) -> Arc<[Shortfall]> {
    Arc::from([Shortfall { group: 1.into(), name: Arc::from("default"), lack }])
}

fn forks(forks: u32) -> Forks {
    Forks::new(forks)
}

#[test]
fn r10_holds_name_what_they_wait_for() {
    let project = ResourceKey::Project(3.into());
    let blocked = Reason::Blocked {
        resource: project.clone(),
        wanted: Mode::Update,
        held: Mode::Use,
        holder: 17.into(),
        holder_kind: Kind::Job,
    };
    let behind = Reason::Behind {
        resource: project,
        wanted: Mode::Use,
        older_wants: Mode::Update,
        older: 40.into(),
        older_kind: Kind::ProjectUpdate,
    };
    let said = |reason: &Reason| reason.to_string();
    assert_eq!(said(&Reason::Dependency { on: job(5) }), "waits for job 5, on which it depends");
    assert_eq!(said(&blocked), "waits for job 17 to release project 3 (held for use, wanted for update)");
    assert_eq!(
        said(&behind),
        "may not overtake the older project update 40, which wants project 3 too (for update, this one for \
         use)"
    );
    let circle = Reason::Circle { waits: Box::new(blocked), circle: Arc::from([job(1), job(17)]) };
    assert_eq!(
        said(&circle),
        "can never run as things stand: it waits for itself, in the circle job 1 → job 17 → job 1; it waits for job \
         17 to release project 3 (held for use, wanted for update)"
    );
}

#[test]
fn r10_of_a_long_circle_and_of_many_groups_a_few_are_named_and_the_rest_counted() {
    let circle: Arc<[TaskRef]> = (1..=5_000).map(job).collect();
    let long = Reason::Circle { waits: Box::new(Reason::Dependency { on: job(2) }), circle };
    assert_eq!(
        long.to_string(),
        "can never run as things stand: it waits for itself, in the circle job 1 → job 2 → job 3 → job 4 → job 5 → job 6 → \
         job 7 → job 8 → job 9 → job 10 → job 11 → job 12 → … (5000 in all) → job 1; it waits for job 2, on which it depends"
    );
    let unknown = |id: i64| Shortfall { group: id.into(), name: Arc::from(""), lack: Lack::UnknownGroup };
    let groups = |count: i64| Reason::NeverFits((1..=count).map(unknown).collect()).to_string();
    assert!(groups(12).ends_with("group 12 is unknown to the snapshot"));
    assert!(groups(13).ends_with("group 12 is unknown to the snapshot; and 1 group more"));
    assert!(groups(5_000).ends_with("group 12 is unknown to the snapshot; and 4988 groups more"));
}

#[test]
fn r10_what_is_needed_free_and_in_all_has_units() {
    let full = Lack::Full { needed: forks(5), free: forks(1), total: forks(100) };
    assert_eq!(
        Reason::NoCapacity(short(full)).to_string(),
        "waits for capacity: group 1 \"default\" has at most 1 fork free on one instance (100 forks in all), and it \
         needs 5 forks"
    );
    let said = |lack: Lack| lack.to_string();
    assert_eq!(
        said(Lack::ForkLimit { needed: forks(5), used: forks(7), limit: forks(10) }),
        "has 3 forks free within its limit (7 forks used, 10 forks in all), and it needs 5 forks"
    );
    assert_eq!(
        said(Lack::Reserved { task: 7.into(), kind: Kind::Job }),
        "keeps what becomes free within its limits for the older job 7"
    );
    let tasks = Lack::TaskLimit { used: TaskCount::new(1), limit: TaskCount::new(1) };
    assert_eq!(said(tasks), "holds 1 task and may hold 1 task");
    assert_eq!(
        said(Lack::NoController { needed: forks(2), free: forks(1) }),
        "could take it, but the control plane has at most 1 fork free on one instance, and controlling it needs 2 forks"
    );
}

#[test]
fn r10_never_says_never() {
    let permanent = [
        (Lack::UnknownGroup, "is unknown to the snapshot"),
        (Lack::NoUsableInstance, "has no instance that may run this kind of task"),
        (
            Lack::LargerThanLimit { needed: forks(9), limit: forks(5) },
            "never takes more than 5 forks, and it needs 9 forks",
        ),
        (
            Lack::NoUsableController { needed: forks(1) },
            "could take it, but no instance of the control plane has the 1 fork that controlling it needs",
        ),
    ];
    for (lack, words) in permanent {
        assert!(lack.is_permanent());
        let expected = alloc::format!("can never run as things stand: group 1 \"default\" {words}");
        assert_eq!(Reason::NeverFits(short(lack)).to_string(), expected);
    }
}

#[test]
fn r11_malformed_rows_say_what_is_wrong() {
    let said = |malformed: Malformed| malformed.to_string();
    assert_eq!(
        Reason::Malformed(Malformed::DuplicateId).to_string(),
        "can never run as things stand: several rows have its id"
    );
    assert_eq!(
        said(Malformed::MissingDependency { on: 9.into() }),
        "it depends on task 9, which the snapshot does not hold"
    );
    assert_eq!(
        said(Malformed::DependencyCycle { by: 9.into() }),
        "it depends on itself, by way of its dependency 9"
    );
    assert_eq!(
        said(Malformed::NoKnownGroup),
        "none of its instance groups is known, nor is a default group of the rule set"
    );
    assert_eq!(
        said(Malformed::NoGraph),
        "the snapshot does not hold exactly one graph of this running workflow"
    );
    assert_eq!(said(Malformed::GraphCycle { node: 1.into() }), "its graph has a cycle through node 1");
    assert_eq!(
        said(Malformed::GraphEdge { node: 1.into() }),
        "an edge of its graph names node 1, which the graph does not have"
    );
    assert_eq!(
        said(Malformed::GraphNode { node: 1.into() }),
        "node 1 of its graph is there several times, or its job is missing, is the job of another node, or is the \
         workflow itself"
    );
}

#[test]
fn r5_the_text_is_that_of_awx_and_valid_json() {
    let awkward = "say \"hi\\there\"\n\tin Zürich";
    let end = End::DependencyFailed { on: 40.into(), kind: Kind::ProjectUpdate, name: Arc::from(awkward) };
    let text = end.to_string();
    let json: serde_json::Value =
        serde_json::from_str(text.strip_prefix("Previous Task Failed: ").unwrap()).unwrap();
    assert_eq!(json, serde_json::json!({"job_type": "project_update", "job_name": awkward, "job_id": "40"}));
    let end = End::DependencyCanceled { on: 40.into(), kind: Kind::Job, name: Arc::from("demo") };
    assert_eq!(
        end.to_string(),
        "Previous Task Canceled: {\"job_type\": \"job\", \"job_name\": \"demo\", \"job_id\": \"40\"}"
    );
}

#[test]
fn r10_ends_say_why() {
    let lost = |role, loss| End::InstanceLost { instance: 1.into(), role, loss };
    let silent = Loss::Silent { last_heartbeat: Some(moment(0)) };
    let never = Loss::Silent { last_heartbeat: None };
    let said = [
        (lost(Role::Node, Loss::Gone), "instance 1, which runs it, is gone"),
        (
            lost(Role::Controller, silent),
            "instance 1, which controls it, was last heard of at 2020-01-01 00:00:00 UTC",
        ),
        (lost(Role::Node, never), "instance 1, which runs it, was never heard of"),
        (End::CancelRequested, "it was asked to cancel"),
        (End::CanceledWithWorkflow { workflow: 50.into() }, "its workflow job 50 was asked to cancel"),
        (
            End::ApprovalExpired { expires: moment(0) },
            "nobody approved it before it expired at 2020-01-01 00:00:00 UTC",
        ),
        (End::WorkflowSuccessful, "all its nodes are done and no failure was left unhandled"),
        (
            End::WorkflowFailed { node: 2.into() },
            "its node 2 failed and has neither a failure nor an always child",
        ),
        (End::WorkflowCanceled, "it was asked to cancel, and none of its jobs is unfinished"),
    ];
    for (end, words) in said {
        assert_eq!(end.to_string(), words);
    }
}

#[test]
fn r7_nodes_say_why_they_fail_or_are_skipped() {
    let recursion = NodeFailure::Recursion { template: 8.into(), ancestor: 50.into() };
    assert_eq!(
        recursion.to_string(),
        "it would start workflow template 8 again, which workflow job 50 above it runs already"
    );
    let missing = NodeFailure::MissingResource { resource: MissingResource::Inventory };
    assert_eq!(missing.to_string(), "it lacks its inventory");
    let node = |step| NodeDecision { workflow: 50.into(), node: 2.into(), step }.to_string();
    assert_eq!(node(NodeStep::Run(CreateId::new(0))), "node 2 of workflow job 50 runs as new-0");
    assert_eq!(node(NodeStep::TemplateMissing), "node 2 of workflow job 50 fails: its template is missing");
    let skips = [
        (SkipReason::NoPathIn, "no parent satisfies its edge, and all are settled"),
        (
            SkipReason::ParentUnsatisfied { parent: 1.into() },
            "it needs every parent, and node 1 does not satisfy its edge",
        ),
        (SkipReason::WorkflowCanceled, "its workflow was asked to cancel"),
    ];
    for (skip, words) in skips {
        assert_eq!(
            node(NodeStep::Skip(skip)),
            alloc::format!("node 2 of workflow job 50 is skipped: {words}")
        );
    }
}

#[test]
fn r10_decisions_have_their_task_as_subject() {
    let said = |action| Decision { task: 42.into(), kind: Kind::Job, action }.to_string();
    let place = Place::Instance { group: 1.into(), node: 2.into(), controller: Some(3.into()) };
    assert_eq!(
        said(Action::Start(place)),
        "job 42 starts on instance 2 of group 1, controlled by instance 3"
    );
    let container = Place::Container { group: 1.into(), controller: None };
    assert_eq!(said(Action::Start(container)), "job 42 starts in container group 1");
    assert_eq!(said(Action::End(End::CancelRequested)), "job 42 ends canceled: it was asked to cancel");
    let back = TakeBack { replaces: 7.into(), then: Then::Start(container) };
    assert_eq!(
        said(Action::TakeBack(Box::new(back))),
        "job 42 is taken back (dispatch 7 is void) and starts in container group 1"
    );
    assert_eq!(
        said(Action::Redispatch(7.into())),
        "job 42 is dispatched again where it is: nobody took dispatch 7 up in time"
    );
    assert_eq!(
        said(Action::RequestCancel { workflow: 50.into() }),
        "job 42 is told to cancel: its workflow job 50 was asked to"
    );
    assert_eq!(
        said(Action::Leave(Malformed::GraphCycle { node: 1.into() })),
        "job 42 is left as it is: its graph has a cycle through node 1"
    );
}

#[test]
fn resources_have_names() {
    let own = OwnResource { resource: Arc::from("licence"), key: 7.into() };
    assert_eq!(ResourceKey::Own(Arc::new(own)).to_string(), "licence 7");
    assert_eq!(ResourceKey::SystemJobSlot.to_string(), "the system-job slot");
    assert_eq!(ResourceKey::InventorySource(2.into()).to_string(), "inventory source 2");
}
