use alloc::boxed::Box;
use alloc::string::ToString;

use super::*;
use crate::{Forks, GroupId, Kind, ProjectId, TaskId};

fn blocked(project: i64, wanted: Mode, holder: i64) -> Reason {
    Reason::Blocked {
        resource: ResourceKey::Project(ProjectId::new(project)),
        wanted,
        held: Mode::Use,
        holder: TaskId::new(holder),
        holder_kind: Kind::Job,
    }
}

fn behind(project: i64, wanted: Mode, older: i64) -> Reason {
    Reason::Behind {
        resource: ResourceKey::Project(ProjectId::new(project)),
        wanted,
        older_wants: Mode::Update,
        older: TaskId::new(older),
        older_kind: Kind::ProjectUpdate,
    }
}

fn lacks(group: i64, lack: Lack) -> Reason {
    Reason::NoCapacity([Shortfall { group: GroupId::new(group), name: "g".into(), lack }].into())
}

fn full(group: i64, free: u32) -> Reason {
    lacks(group, Lack::Full { needed: Forks::new(9), free: Forks::new(free), total: Forks::new(20) })
}

fn reserved(task: i64) -> Reason {
    lacks(1, Lack::Reserved { task: TaskId::new(task), kind: Kind::Job })
}

fn on(id: i64) -> Reason {
    Reason::Dependency { on: TaskRef::Task { id: TaskId::new(id), kind: Kind::Job } }
}

fn circle(waits: Reason) -> Reason {
    let circle = [1, 2].map(|id| TaskRef::Task { id: TaskId::new(id), kind: Kind::Job });
    Reason::Circle { waits: Box::new(waits), circle: circle.into() }
}

#[track_caller]
fn assert_one(one: &Reason, other: &Reason) {
    assert_eq!(one.wait_key(), other.wait_key(), "{one} and {other}");
}

#[track_caller]
fn assert_two(one: &Reason, other: &Reason) {
    assert_ne!(one.wait_key(), other.wait_key(), "{one} and {other}");
}

#[test]
fn r10_a_resource_that_passes_from_holder_to_holder_is_one_wait() {
    let first = blocked(3, Mode::Use, 17);
    assert_one(&first, &blocked(3, Mode::Use, 18));
    assert_one(&first, &behind(3, Mode::Use, 40));
    assert_two(&first, &blocked(4, Mode::Use, 17));
    assert_two(&first, &blocked(3, Mode::Update, 17));
}

#[test]
fn r10_what_wavers_is_no_new_wait() {
    assert_one(&full(1, 3), &full(1, 4));
    assert_one(&reserved(1), &reserved(2));
    assert_two(&full(1, 3), &full(2, 3));
    assert_two(&full(1, 3), &reserved(1));
}

#[test]
fn r10_another_dependency_and_another_circle_are_other_waits() {
    assert_two(&on(1), &on(2));
    assert_two(&circle(on(1)), &circle(on(2)));
    assert_two(&circle(on(1)), &on(1));
    assert_one(&circle(blocked(3, Mode::Use, 1)), &circle(blocked(3, Mode::Use, 2)));
}

#[test]
fn r10_the_key_is_the_same_on_every_machine() {
    let keys = [on(1), blocked(3, Mode::Use, 17), full(1, 3)].map(|reason| reason.wait_key().get());
    assert_eq!(keys, [989_549_969_965_382_016, 16_187_986_841_841_664_713, 237_969_133_579_484_476]);
}

#[test]
fn r10_a_sentence_about_the_beginning_of_a_wait_says_that_it_is() {
    assert_eq!(
        blocked(3, Mode::Update, 17).at_first().to_string(),
        "waits for project 3 (wanted for update), which job 17 held for use at first"
    );
    assert_eq!(
        behind(3, Mode::Use, 40).at_first().to_string(),
        "waits for project 3 (wanted for use), which the older project update 40 wanted for update at first"
    );
    assert_eq!(
        full(1, 3).at_first().to_string(),
        "waits for capacity, at first: group 1 \"g\" has at most 3 forks free on one instance (20 forks in all), \
         and it needs 9 forks"
    );
    assert_eq!(on(1).at_first().to_string(), on(1).to_string());
}
