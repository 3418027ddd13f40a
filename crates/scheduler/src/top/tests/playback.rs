//! A simulation as a source: the clock, the views, and a cancel that leaves the past as it was.

use std::time::{Duration, Instant};

use scheduler_core::{RuleSet, TaskId};
use simulator::generate::Mix;
use simulator::{Moment, Options, Seed, Simulation, Span};

use crate::top::playback::{Clock, Playback};
use crate::top::recording::Recording;
use crate::top::source::{Request, Source, Update};
use crate::top::view::View;

const MANY: usize = 10_000;

fn recording() -> Recording {
    let mix: Mix = "tasks=300,load=1.5,instances=3,exclusive=0.5,templates=20".parse().unwrap();
    let workload = mix.generate(Seed::new(3));
    let rules = RuleSet::tower_2018();
    let outcome = Simulation::new(&workload, &rules).run().unwrap();
    Recording::new(workload, rules, outcome)
}

fn playback() -> Playback {
    Playback::of(recording(), Options::default(), MANY, Some(1.0))
}

/// The last view of what is new, once there is one.
fn seen(playback: &mut Playback, now: Instant) -> View {
    loop {
        let updates = playback.updates(now).unwrap();
        let last = updates.into_iter().rev().find_map(|update| match update {
            Update::View(view) => Some(*view),
            Update::Said(_) => None,
        });
        if let Some(view) = last.filter(|view| view.played.as_ref().is_some_and(|played| !played.rerunning)) {
            return view;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_clock_goes_at_its_speed_stands_still_and_never_leaves_the_simulation() {
    let mut clock = Clock::new(Span::from_seconds(1000.0), Some(60.0));
    clock.advance(Duration::from_secs(2));
    assert_eq!(clock.moment(), Moment::from_seconds(120));
    clock.obey(Request::Faster);
    clock.advance(Duration::from_secs(1));
    assert_eq!(clock.moment(), Moment::from_seconds(240));
    clock.obey(Request::Pause(true));
    clock.advance(Duration::from_secs(1));
    assert_eq!(clock.moment(), Moment::from_seconds(240));
    clock.obey(Request::Back);
    assert_eq!(clock.moment(), Moment::from_seconds(220), "a fiftieth of it, also while it stands still");
    clock.obey(Request::Pause(false));
    clock.advance(Duration::from_secs(1_000_000));
    assert_eq!(clock.moment(), Moment::from_seconds(1000));
    (0..60).for_each(|_| clock.obey(Request::Back));
    assert_eq!(clock.moment(), Moment::START);
    (0..500).for_each(|_| clock.obey(Request::Slower));
    clock.advance(Duration::from_secs(16));
    assert_eq!(clock.moment(), Moment::from_seconds(1), "there is a slowest speed");
}

#[test]
fn every_task_is_pending_running_or_ended_from_its_launch_on() {
    let recording = recording();
    let end = recording.outcome.end.millis();
    for part in 0..=20 {
        let at = Moment::from_millis(end * part / 20);
        let view = recording.view(at, MANY);
        let launched = recording.outcome.timeline.bars.iter().filter(|bar| bar.launched <= at).count();
        assert_eq!(
            view.overview.pending.tasks.len()
                + view.overview.holding.tasks.len()
                + view.overview.finished.len(),
            launched,
            "{at:?}"
        );
        assert_eq!(view.overview.counts.pending, view.overview.pending.tasks.len() as u64);
        for node in &view.overview.nodes {
            assert!(node.used <= node.capacity, "nothing here is larger than a node: {node:?}");
        }
        let forks: u32 = view.overview.holding.tasks.iter().map(|row| row.impact.get()).sum();
        assert_eq!(forks, view.overview.groups.iter().map(|group| group.used.get()).sum::<u32>());
        assert!(view.overview.holding.tasks.is_sorted_by_key(|row| row.started));
        assert!(view.overview.finished.is_sorted_by_key(|row| std::cmp::Reverse(row.finished)));
    }
    let few = recording.view(Moment::from_millis(end), 7);
    assert_eq!((few.overview.finished.len(), few.overview.counts.ended), (7, Some(300)), "counts are of all");
    let all = recording.view(Moment::from_millis(end), MANY);
    assert_eq!(few.overview.finished[..], all.overview.finished[..7], "the latest are kept");
}

#[test]
fn r10_a_chain_of_a_moment_is_told_in_the_words_of_explain() {
    let recording = recording();
    let held = recording.outcome.timeline.bars.iter().find_map(|bar| {
        let wait = bar.waits.first().filter(|wait| wait.to > wait.from)?;
        let reason = recording.outcome.timeline.reason(wait)?;
        (reason.reason().token() == "resource_held").then_some((bar, wait, reason))
    });
    let (bar, wait, reason) = held.expect("a template of which one job may run at once, and two jobs");
    let lines = recording.chain(bar.task, wait.from);
    assert!(
        lines[0].starts_with(&format!("job {}", bar.task)) && lines[0].contains("pending since"),
        "{lines:#?}"
    );
    assert_eq!(lines[1], format!("hold: {}", reason));
    let holder = reason.reason().waits_for().and_then(|task| task.task()).unwrap();
    assert!(lines[2].contains(&format!("job {holder}")), "{lines:#?}");
    assert!(lines.last().unwrap().contains("running on"), "{lines:#?}");
    let unknown = recording.chain(TaskId::new(99_999), wait.from);
    assert!(unknown[0].contains("has not been launched"), "{unknown:?}");
}

#[test]
fn r8_3_a_cancel_changes_what_comes_and_nothing_that_was() {
    let mut playback = playback();
    let now = Instant::now();
    playback.ask(Request::Pause(true));
    (0..15).for_each(|_| playback.ask(Request::Ahead));
    let before = seen(&mut playback, now);
    let task = before.overview.pending.tasks.last().expect("somebody waits").id;
    playback.ask(Request::Cancel(task));
    // Until the second run is there.
    let after = loop {
        let view = seen(&mut playback, now + Duration::from_secs(1));
        if playback.updates(now + Duration::from_secs(2)).unwrap().is_empty() {
            break view;
        }
    };
    assert_eq!(
        after.overview.pending.tasks, before.overview.pending.tasks,
        "at the moment itself everything is as it was"
    );
    assert_eq!(
        (&after.overview.holding.tasks, &after.overview.finished),
        (&before.overview.holding.tasks, &before.overview.finished)
    );
    playback.ask(Request::Ahead);
    let later = seen(&mut playback, now + Duration::from_secs(3));
    let row = later.overview.finished.iter().find(|row| row.id == task).expect("it has ended");
    assert_eq!(row.status, control_plane::ports::TaskStatus::Canceled);
}
