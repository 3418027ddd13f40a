use alloc::string::ToString;

use super::*;
use crate::ResourceKey;

fn job(id: i64) -> TaskRef {
    TaskRef::Task { id: id.into(), kind: Kind::Job }
}

fn held(task: i64, kind: Kind, reason: Reason) -> Decision {
    Decision { task: task.into(), kind, action: Action::Hold(reason) }
}

fn blocked_by_17() -> Reason {
    Reason::Blocked {
        resource: ResourceKey::Project(3.into()),
        wanted: crate::Mode::Update,
        held: crate::Mode::Use,
        holder: 17.into(),
        holder_kind: Kind::Job,
    }
}

fn dependency(on: i64, kind: Kind) -> Reason {
    Reason::Dependency { on: TaskRef::Task { id: on.into(), kind } }
}

fn plan(decisions: impl Into<Vec<Decision>>) -> Plan {
    Plan { decisions: decisions.into(), ..Plan::default() }
}

#[test]
fn r10_a_chain_goes_to_the_task_that_runs() {
    let plan = plan([
        held(40, Kind::ProjectUpdate, blocked_by_17()),
        held(42, Kind::Job, dependency(40, Kind::ProjectUpdate)),
    ]);
    let chain = plan.explain(42.into()).unwrap();
    assert_eq!(
        chain.to_string(),
        "job 42 waits for project update 40, which waits for job 17 to release project 3"
    );
    assert_eq!(chain.steps.len(), 2);
    assert_eq!(chain.ending, Ending::Undecided(job(17)));
}

#[test]
fn r10_a_task_without_a_decision_has_no_chain() {
    assert_eq!(plan([]).explain(1.into()), None);
}

#[test]
fn r10_a_chain_says_what_becomes_of_its_last_task() {
    let start = Decision { task: 17.into(), kind: Kind::Job, action: Action::Start(crate::Place::Nowhere) };
    let plan = plan([start, held(40, Kind::ProjectUpdate, blocked_by_17())]);
    assert_eq!(
        plan.explain(40.into()).unwrap().to_string(),
        "project update 40 waits for job 17 to release project 3; \
         job 17 starts at once, without a place"
    );
    assert_eq!(plan.explain(17.into()).unwrap().to_string(), "job 17 starts at once, without a place");
}

#[test]
fn r10_a_chain_ends_at_what_can_never_run() {
    let malformed = Reason::Malformed(crate::Malformed::DuplicateId);
    let plan = plan([held(1, Kind::Job, malformed), held(2, Kind::Job, dependency(1, Kind::Job))]);
    let chain = plan.explain(2.into()).unwrap();
    assert_eq!(chain.ending, Ending::Never);
    assert_eq!(
        chain.to_string(),
        "job 2 waits for job 1, which can never run as things stand: several rows have its id"
    );
}

#[test]
fn r10_a_loop_in_a_plan_of_another_maker_ends() {
    let plan =
        plan([held(1, Kind::Job, dependency(2, Kind::Job)), held(2, Kind::Job, dependency(1, Kind::Job))]);
    let chain = plan.explain(1.into()).unwrap();
    assert_eq!(chain.ending, Ending::Loop(job(1)));
    assert_eq!(
        chain.to_string(),
        "job 1 waits for job 2, which waits for job 1, which is in this chain already"
    );
}

#[test]
fn r10_a_long_chain_is_told_in_part_with_its_end_and_the_number_of_steps_left_out() {
    let length = i64::from(Explanation::STEPS.get()) + 30;
    let plan =
        plan((1..=length).map(|id| held(id, Kind::Job, dependency(id + 1, Kind::Job))).collect::<Vec<_>>());
    let chain = plan.explain(1.into()).unwrap();
    assert_eq!(chain.steps.len(), Explanation::STEPS.get() as usize);
    assert_eq!(chain.left_out, TaskCount::new(30));
    assert_eq!(chain.ending, Ending::Undecided(job(length + 1)), "where the whole chain ends");
    let last = plan.explain(31.into()).unwrap();
    assert_eq!((last.steps.len(), last.left_out), (Explanation::STEPS.get() as usize, TaskCount::new(0)));
    let whole = plan.explainer().with_steps(TaskCount::new(0)).explain(1.into()).unwrap();
    assert_eq!((whole.steps.len() as i64, whole.left_out), (length, TaskCount::new(0)));
    let short = plan.explainer().with_steps(TaskCount::new(2)).explain(1.into()).unwrap();
    assert_eq!(
        short.to_string(),
        "job 1 waits for job 2, which waits for job 3; and so on, by way of 78 more, to job 81"
    );
}

#[test]
fn r10_a_chain_ends_at_a_new_task() {
    let new = TaskRef::New { id: crate::CreateId::new(0), kind: Kind::ProjectUpdate };
    let plan = plan([held(1, Kind::Job, Reason::Dependency { on: new })]);
    assert_eq!(
        plan.explain(1.into()).unwrap().to_string(),
        "job 1 waits for project update new-0, which is created by this pass"
    );
}
