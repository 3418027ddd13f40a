//! What happened: tasks of a span of time, page by page, with what each waited for.

use chrono::TimeDelta;
use control_plane::ports::{HistoryFilter, PastTask, PastWait, Reported, TaskStatus, Verdict};
use scheduler_core::{Kind, LaunchType, Outcome, Placement, Reason, TaskId, Timestamp, Work};
use serde_json::{Value, json};
use std::collections::BTreeSet;

use super::{Subject, World};
use crate::cluster::{definitions, template, workflow};
use crate::world::{a_moment, forks};

/// The whole past, on one page.
async fn everything(world: &World) -> Vec<PastTask> {
    world.port.history(&HistoryFilter::default()).await.unwrap()
}

async fn past(world: &World, id: TaskId) -> PastTask {
    everything(world).await.into_iter().find(|past| past.task.id == id).unwrap()
}

async fn ids(world: &World, filter: HistoryFilter) -> Vec<TaskId> {
    let page = world.port.history(&filter).await.unwrap();
    page.iter().map(|past| past.task.id).collect()
}

fn since(since: Timestamp) -> HistoryFilter {
    HistoryFilter { since: Some(since), ..HistoryFilter::default() }
}

fn until(until: Timestamp) -> HistoryFilter {
    HistoryFilter { until: Some(until), ..HistoryFilter::default() }
}

/// Launches, starts and ends a task.
async fn done(world: &World) -> TaskId {
    let task = world.launch(template("deploy")).await;
    world.pass().await;
    world.finish(task, Outcome::Successful).await;
    task
}

async fn enable(world: &World, enabled: bool) {
    let instance = |hostname: &str, capacity: u32| -> Value {
        json!({ "hostname": hostname, "capacity": capacity, "enabled": enabled })
    };
    let both = json!({ "instance": [instance("node-a", 20), instance("node-b", 10)] });
    world.port.define(&definitions(both)).await.unwrap();
}

fn tokens(waits: &[PastWait]) -> Vec<&'static str> {
    waits.iter().map(|wait| wait.reason.token()).collect()
}

pub(super) async fn nothing_has_happened_in_an_empty_store(subject: Subject) {
    let world = World::new(subject).await;
    assert_eq!(everything(&world).await, []);
}

pub(super) async fn a_past_task_shows_what_is_known_of_it(subject: Subject) {
    let world = World::new(subject).await;
    let id = world.launch(template("alone")).await;
    let before = past(&world, id).await;
    assert_eq!((before.status(), before.dispatched, before.started), (TaskStatus::Pending, None, None));
    assert_eq!(before.placement, Placement::default());
    world.pass().await;
    let sent = past(&world, id).await;
    assert_eq!((sent.status(), sent.dispatched.is_some(), sent.started), (TaskStatus::Waiting, true, None));
    world.finish(id, Outcome::Failed).await;

    let after = past(&world, id).await;
    let view = world.view(id).await;
    assert_eq!((after.task.name.as_ref(), after.task.kind()), ("alone", Kind::Job));
    assert_eq!((after.task.priority, after.task.impact), (view.priority, forks(2)));
    assert_eq!((after.task.launch_type, after.task.created), (LaunchType::Manual, view.created));
    assert!(matches!(after.task.work, Work::Job { template: Some(_), project: Some(_), .. }));
    assert_eq!((after.outcome(), after.started), (Some(Outcome::Failed), view.started));
    assert_eq!(after.finished(), view.finished);
    assert_eq!(after.dispatched, sent.dispatched);
    assert!(after.task.created <= after.dispatched.unwrap() && after.dispatched <= after.started);
    assert!(after.started <= after.finished());
    assert_eq!((after.placement.node, after.placement.group), (view.node, view.group));
    assert_eq!(after.placement.node, Some(world.a.instance));
    assert_eq!((after.explanation, after.workflow, after.waits), (view.explanation, None, Vec::new()));
}

pub(super) async fn what_passes_created_is_part_of_the_past(subject: Subject) {
    let world = World::new(subject).await;
    let release = world.launch(workflow("release")).await;
    let build = world.launch(template("build")).await;
    world.passes().await;
    let all = everything(&world).await;
    let of_workflow = all.iter().find(|past| past.workflow == Some(release)).unwrap();
    assert_eq!(of_workflow.task.launch_type, LaunchType::Workflow);
    let update = all.iter().find(|past| past.task.launch_type == LaunchType::Dependency).unwrap();
    assert_eq!(update.task.kind(), Kind::ProjectUpdate);
    assert_eq!(past(&world, build).await.task.dependencies.as_slice(), [update.task.id]);
}

pub(super) async fn r10_waits_are_kept_in_their_order(subject: Subject) {
    let world = World::new(subject).await;
    let blocker = world.launch(template("alone")).await;
    let task = world.launch(template("alone")).await;
    world.pass().await;
    world.finish(blocker, Outcome::Successful).await;
    enable(&world, false).await;
    a_moment().await;
    world.pass().await;
    enable(&world, true).await;
    a_moment().await;
    world.pass().await;
    world.finish(task, Outcome::Successful).await;

    let PastTask { waits, task: row, dispatched, .. } = past(&world, task).await;
    let [first, second] = waits.as_slice() else { panic!("two waits, and not {waits:?}") };
    assert!(matches!(first.reason, Reason::Blocked { holder, .. } if holder == blocker), "{first:?}");
    assert!(matches!(second.reason, Reason::NoCapacity(_)), "{second:?}");
    assert!(row.created <= first.since && Some(first.since) < first.until);
    assert_eq!(first.until, Some(second.since), "one ends when the next begins");
    assert!(Some(second.since) < second.until && second.until <= dispatched.map(|at| at + a_second()));
    assert_eq!(past(&world, blocker).await.waits, [], "the other waited for nothing");
}

fn a_second() -> TimeDelta {
    TimeDelta::seconds(1)
}

pub(super) async fn r10_a_wait_that_goes_on_has_no_end_yet(subject: Subject) {
    let world = World::new(subject).await;
    world.launch(template("alone")).await;
    let task = world.launch(template("alone")).await;
    world.pass().await;
    world.pass().await;
    let hold = world.view(task).await.hold.unwrap();
    let open = PastWait { reason: hold.reason, since: hold.since, until: None };
    assert_eq!(past(&world, task).await.waits, [open]);
}

pub(super) async fn r10_numbers_that_change_begin_no_new_wait(subject: Subject) {
    let big = json!({ "template": [
        { "name": "big", "inventory": "web", "groups": ["only-b"], "impact": 9, "allow_simultaneous": true,
          "run": { "handler": "work" } },
    ]});
    let world = World::with(subject, &[big]).await;
    world.launch(template("on-b")).await;
    world.pass().await;
    let big = world.launch(template("big")).await;
    for _ in 0..3 {
        world.launch(template("on-b")).await;
        world.pass().await;
    }
    assert_eq!(tokens(&past(&world, big).await.waits), ["no_capacity"]);
}

/// A queue on one exclusive template writes a wait for each of its tasks, and not one with each of its holders.
pub(super) async fn r10_a_resource_that_passes_from_holder_to_holder_is_one_wait(subject: Subject) {
    const STORM: usize = 12;
    let world = World::new(subject).await;
    let tasks = world.port.launch(&vec![template("alone"); STORM]).await.unwrap();
    for task in &tasks {
        world.pass().await;
        world.finish(*task, Outcome::Successful).await;
    }
    let waits: Vec<PastWait> = everything(&world).await.into_iter().flat_map(|past| past.waits).collect();
    assert_eq!(tokens(&waits), vec!["resource_held"; STORM - 1], "one for each but the first");
    let first = |wait: &PastWait| matches!(wait.reason, Reason::Blocked { holder, .. } if holder == tasks[0]);
    assert!(waits.iter().all(first), "the holder when it began: {waits:?}");
}

pub(super) async fn r10_a_canceled_task_keeps_its_waits(subject: Subject) {
    let world = World::new(subject).await;
    world.launch(template("alone")).await;
    let task = world.launch(template("alone")).await;
    world.pass().await;
    a_moment().await;
    world.port.cancel(&[task]).await.unwrap();
    world.pass().await;
    let past = past(&world, task).await;
    assert_eq!((past.outcome(), past.started), (Some(Outcome::Canceled), None));
    assert_eq!(tokens(&past.waits), ["resource_held"]);
    let wait = past.waits.first().unwrap();
    assert!(Some(wait.since) < wait.until, "{wait:?}");
}

pub(super) async fn r10_a_task_that_comes_back_adds_to_its_waits(subject: Subject) {
    let world = World::new(subject).await;
    let blocker = world.launch(template("alone")).await;
    let task = world.launch(template("alone")).await;
    world.pass().await;
    world.finish(blocker, Outcome::Successful).await;
    world.pass().await;
    let assignment = world.take_up(task).await;
    assert_eq!(world.report(task, assignment.dispatch, Verdict::HandedBack).await, Reported::Written);
    enable(&world, false).await;
    a_moment().await;
    world.pass().await;
    let past = past(&world, task).await;
    assert_eq!((past.status(), past.dispatched, past.started), (TaskStatus::Pending, None, None));
    assert_eq!(tokens(&past.waits), ["resource_held", "no_capacity"]);
    let ends: Vec<bool> = past.waits.iter().map(|wait| wait.until.is_some()).collect();
    assert_eq!(ends, [true, false]);
    assert!(past.waits.first().unwrap().until < past.waits.last().map(|wait| wait.since));
}

pub(super) async fn the_past_comes_in_the_order_of_launches(subject: Subject) {
    let world = World::new(subject).await;
    let tasks = world.port.launch(&vec![template("deploy"); 3]).await.unwrap();
    world.pass().await;
    for task in tasks.iter().rev() {
        world.finish(*task, Outcome::Successful).await;
    }
    let open = world.launch(template("deploy")).await;
    let last = done(&world).await;
    let expected: Vec<TaskId> = tasks.into_iter().chain([open, last]).collect();
    assert_eq!(ids(&world, HistoryFilter::default()).await, expected);
}

pub(super) async fn the_past_comes_page_by_page(subject: Subject) {
    let world = World::new(subject).await;
    let tasks = world.port.launch(&vec![template("alone"); 6]).await.unwrap();
    world.pass().await;
    world.finish(tasks[0], Outcome::Successful).await;
    world.pass().await;
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    let mut filter = Some(HistoryFilter { limit: 4, ..HistoryFilter::default() });
    while let Some(page) = filter {
        let tasks = world.port.history(&page).await.unwrap();
        sizes.push(tasks.len());
        filter = page.next(&tasks);
        seen.extend(tasks);
    }
    assert_eq!(sizes, [4, 2], "a page that is not full is the last");
    assert_eq!(seen, everything(&world).await, "nothing is lost or told twice, waits included");
    assert_eq!(seen.iter().map(|past| past.task.id).collect::<BTreeSet<_>>().len(), 6);
    assert_eq!(tokens(&seen[1].waits), ["resource_held"], "of the first page");
    assert_eq!(tokens(&seen[5].waits), ["resource_held"], "of the last: the first held it, then the second");

    let full = HistoryFilter { limit: 6, ..HistoryFilter::default() };
    let page = world.port.history(&full).await.unwrap();
    let after = full.next(&page).unwrap();
    assert_eq!(ids(&world, after).await, [], "a full page may have been the last");
    assert_eq!(ids(&world, HistoryFilter { limit: 0, ..HistoryFilter::default() }).await, []);
}

pub(super) async fn what_is_launched_between_two_pages_comes_last(subject: Subject) {
    let world = World::new(subject).await;
    let first = world.port.launch(&vec![template("deploy"); 3]).await.unwrap();
    let filter = HistoryFilter { limit: 2, ..HistoryFilter::default() };
    let page = world.port.history(&filter).await.unwrap();
    world.pass().await;
    world.finish(first[0], Outcome::Successful).await;
    let later = world.launch(template("deploy")).await;
    assert_eq!(ids(&world, filter.next(&page).unwrap()).await, [first[2], later]);
}

pub(super) async fn a_span_begins_with_its_first_moment(subject: Subject) {
    let world = World::new(subject).await;
    let early = done(&world).await;
    a_moment().await;
    let late = done(&world).await;
    let end = world.view(early).await.finished.unwrap();
    assert_eq!(ids(&world, since(end)).await, [early, late], "what ended at that moment was there still");
    let after = end + TimeDelta::microseconds(1);
    assert_eq!(ids(&world, since(after)).await, [late]);
}

pub(super) async fn a_span_ends_before_its_last_moment(subject: Subject) {
    let world = World::new(subject).await;
    let early = done(&world).await;
    a_moment().await;
    let late = world.launch(template("deploy")).await;
    let launched = world.view(late).await.created;
    assert_eq!(
        ids(&world, until(launched)).await,
        [early],
        "what is launched at that moment is of the next span"
    );
    assert_eq!(ids(&world, until(launched + TimeDelta::microseconds(1))).await, [early, late]);
    let both = HistoryFilter { until: Some(launched), ..since(world.view(early).await.finished.unwrap()) };
    assert_eq!(ids(&world, both).await, [early]);
}

pub(super) async fn what_was_there_all_the_span_is_part_of_it(subject: Subject) {
    let world = World::new(subject).await;
    let ended = world.launch(template("deploy")).await;
    let open = world.launch(template("deploy")).await;
    world.pass().await;
    a_moment().await;
    let short = done(&world).await;
    let view = world.view(short).await;
    a_moment().await;
    world.finish(ended, Outcome::Successful).await;
    let span = HistoryFilter { until: view.finished, ..since(view.created) };
    assert_eq!(ids(&world, span).await, [ended, open, short], "launched before, and ended after or never");
}
