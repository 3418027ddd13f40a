//! What holds for every simulation: the same seed gives the same outcome, no capacity is overrun, nobody is overtaken who could
//! have started, and passes that see only a part start what passes over everything start.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use scheduler_core::{Forks, InstanceId, RuleSet, Seconds, TaskId};
use simulator::generate::Mix;
use simulator::{Auditing, Cancel, Ends, Moment, Options, Outcome, Place, Seed, Simulation, Span, Workload};

fn run(workload: &Workload, rules: &RuleSet, options: Options) -> Outcome {
    Simulation::new(workload, rules).with(options).run().unwrap_or_else(|error| panic!("{error}"))
}

/// Mixes small enough to run many of them, at loads from idle to hopeless.
fn mixes() -> impl Strategy<Value = (Mix, u64)> {
    let shape = (1_u32..60, 0.2_f64..4.0, 1_u32..6, 0.0_f64..1.0, 0_u32..4);
    let cluster = (1_u32..4, 5_u32..20, prop::option::of(0_u32..200), any::<u16>());
    (shape, cluster).prop_map(
        |((tasks, load, templates, exclusive, projects), (instances, capacity, fresh, seed))| {
            let mix = Mix {
                tasks,
                load,
                templates,
                exclusive,
                projects,
                fresh_for: fresh.map(Seconds::new),
                failed: 0.1,
                instances,
                capacity,
                ..Mix::default()
            };
            (mix, u64::from(seed))
        },
    )
}

/// Some tasks are canceled, some depend on others, some have a priority of their own.
fn disturb(workload: &mut Workload, seed: u64) {
    for (number, launch) in (1_u64..).zip(&mut workload.launches) {
        let chance = (number.wrapping_mul(seed | 1)) % 11;
        match chance {
            0 => launch.cancel_at = Some(launch.at.after(Span::from_whole_seconds(30))),
            1 | 2 if number > 3 => {
                launch.task.dependencies.push(TaskId::new(i64::try_from(number - chance).unwrap()));
            }
            3 => launch.task.priority = 1.into(),
            _ => {}
        }
    }
}

fn rules_of(seed: u64) -> RuleSet {
    let mut rules = if seed.is_multiple_of(2) { RuleSet::tower_2018() } else { RuleSet::awx_2024() };
    if seed.is_multiple_of(3) {
        rules.reserve_after = Some(Seconds::new(120));
    }
    rules
}

/// Who, since when, where, until when.
type Start = (TaskId, Option<Moment>, Option<InstanceId>, Option<Moment>);

/// Who started when and where, and how it ended.
fn starts(outcome: &Outcome) -> Vec<Start> {
    let bars = outcome.timeline.bars.iter();
    bars.map(|bar| (bar.task, bar.started, bar.placement.node, bar.finished)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_same_seed_gives_the_same_outcome_and_every_plan_is_clean((mix, seed) in mixes()) {
        let mut workload = mix.generate(Seed::new(seed));
        disturb(&mut workload, seed);
        let rules = rules_of(seed);
        let options = Options { seed: Seed::new(seed), ..Options::default() };
        let (one, two) = (run(&workload, &rules, options), run(&workload, &rules, options));
        prop_assert_eq!(one.audited, one.passes.len());
        prop_assert_eq!(one, two);
    }

    #[test]
    fn r11_passes_that_see_a_part_start_what_passes_over_everything_start((mix, seed) in mixes()) {
        let mut workload = mix.generate(Seed::new(seed));
        disturb(&mut workload, seed);
        let rules = rules_of(seed);
        let with = |see_all_up_to| {
            let options = Options { see_all_up_to, auditing: Auditing::Sample(0), ..Options::default() };
            run(&workload, &rules, options)
        };
        let (whole, part) = (with(usize::MAX), with(0));
        prop_assert_eq!(starts(&whole), starts(&part));
    }

    #[test]
    fn r6_no_instance_gives_more_than_it_has_save_to_a_task_alone((mix, seed) in mixes()) {
        let outcome = run(&mix.generate(Seed::new(seed)), &rules_of(seed), Options::default());
        let mut moments: BTreeMap<Moment, Vec<(InstanceId, i64, i64)>> = BTreeMap::new();
        for bar in &outcome.timeline.bars {
            let (Some(node), Some(started), Some(finished)) = (bar.placement.node, bar.started, bar.finished)
            else { continue };
            if started < finished {
                let forks = i64::from(bar.impact.get());
                moments.entry(started).or_default().push((node, forks, 1));
                moments.entry(finished).or_default().push((node, -forks, -1));
            }
        }
        let mut used: BTreeMap<InstanceId, (i64, i64)> = BTreeMap::new();
        for changes in moments.values() {
            for (node, forks, tasks) in changes {
                let entry = used.entry(*node).or_default();
                *entry = (entry.0 + forks, entry.1 + tasks);
            }
            for (forks, tasks) in used.values() {
                prop_assert!(*forks <= i64::from(mix.capacity) || *tasks == 1, "{forks} forks, {tasks} tasks");
            }
        }
        for curve in outcome.usage().iter().filter(|curve| matches!(curve.of, Place::Instance(_))) {
            prop_assert!(curve.share.is_some_and(|share| (0.0..=2.0).contains(&share)));
        }
    }

    #[test]
    fn r1_equal_tasks_start_in_the_order_of_their_launch((mix, seed) in mixes()) {
        let outcome = run(&mix.generate(Seed::new(seed)), &rules_of(seed), Options::default());
        let mut last: BTreeMap<_, Moment> = BTreeMap::new();
        for bar in &outcome.timeline.bars {
            let (Some(template), Some(started)) = (bar.template, bar.started) else { continue };
            if bar.dependencies.is_empty() && mix.fresh_for.is_none() {
                let before = last.insert(template, started).unwrap_or(Moment::START);
                prop_assert!(before <= started, "{} overtook an equal, older one", bar.task);
            }
        }
    }
}

#[test]
fn a_task_that_can_never_start_ends_the_simulation_with_its_reason() {
    let mut workload = Mix { tasks: 5, ..Mix::default() }.generate(Seed::new(1));
    if let Some(launch) = workload.launches.last_mut() {
        launch.task.groups = [99.into()].into();
    }
    let outcome = run(&workload, &RuleSet::tower_2018(), Options::default());
    let [stuck] = outcome.stuck.as_slice() else { panic!("one task is stuck: {:?}", outcome.stuck) };
    assert_eq!(stuck.task, TaskId::new(5));
    let json = serde_json::to_string(&outcome).unwrap();
    assert!(json.contains("can never run as things stand"), "{json}");
}

#[test]
fn r8_an_instance_that_goes_takes_its_tasks_with_it_and_a_silent_one_does_after_its_grace() {
    for (change, after) in [("at 60 instance remove node-1", 60_000), ("at 60 instance lose node-1", 180_001)]
    {
        let mix = Mix { tasks: 3, instances: 1, per_hour: Some(1e6), projects: 0, ..Mix::default() };
        let mut workload = mix.generate(Seed::new(1));
        for launch in &mut workload.launches {
            launch.ends = Ends::Fixed(Span::from_whole_seconds(600), scheduler_core::Outcome::Successful);
        }
        workload.changes.push(change.parse().unwrap());
        let outcome = run(&workload, &RuleSet::tower_2018(), Options::default());
        for bar in &outcome.timeline.bars {
            assert_eq!(bar.finished, Some(Moment::from_millis(after)), "{change}");
            assert_eq!(bar.end.as_ref().map(|end| end.token), Some("instance_lost"));
        }
    }
}

#[test]
fn the_use_of_capacity_follows_the_bars() {
    let mix = Mix { tasks: 1, instances: 1, capacity: 10, impact: (5, 5), projects: 0, ..Mix::default() };
    let mut workload = mix.generate(Seed::new(1));
    for launch in &mut workload.launches {
        launch.at = Moment::START;
        launch.ends = Ends::Fixed(Span::from_whole_seconds(100), scheduler_core::Outcome::Successful);
    }
    let outcome = run(&workload, &RuleSet::tower_2018(), Options::default());
    let usage = outcome.usage();
    let node = usage.iter().find(|curve| matches!(curve.of, Place::Instance(_))).unwrap();
    assert_eq!(node.share, Some(0.5));
    assert_eq!(node.used, [(Moment::START, Forks::new(5)), (Moment::from_seconds(100), Forks::ZERO)]);
}

#[test]
fn r8_1_an_instance_that_is_lost_at_the_beginning_stays_lost() {
    use scheduler_core::builder::{SnapshotBuilder, instance, job};
    let snapshot = SnapshotBuilder::at(10_000)
        .instance(1, "well", 10)
        .with(instance(2, "silent", 10).heartbeat(1))
        .group(1, "well", [1])
        .group(2, "silent", [2])
        .with(job(1).impact(1).groups([1]))
        .with(job(2).impact(1).groups([2]))
        .build();
    let workload = Workload::from_snapshot("queue", &snapshot);
    let outcome = run(&workload, &RuleSet::tower_2018(), Options::default());
    let started: Vec<bool> = outcome.timeline.bars.iter().map(|bar| bar.started.is_some()).collect();
    assert_eq!(started, [true, false]);
    assert_eq!(outcome.stuck.len(), 1, "the simulation ends and says who never starts");
}

/// A task that a pass created is canceled like any other, and one that is not there yet is not.
#[test]
fn r8_3_a_cancel_at_a_moment_leaves_everything_before_it_as_it_was() {
    let mix: Mix = "tasks=200,load=1.2,instances=2,projects=5,fresh-for=60".parse().unwrap();
    let mut workload = mix.generate(Seed::new(5));
    let before = run(&workload, &RuleSet::tower_2018(), Options::default());
    let launched: Vec<TaskId> = workload.launches.iter().map(|launch| launch.task.id).collect();
    let created = before.timeline.bars.iter().find(|bar| {
        !launched.contains(&bar.task) && bar.ran().is_some_and(|span| span > Span::from_whole_seconds(2))
    });
    let bar = created.unwrap();
    let at = bar.started.unwrap().after(Span::from_whole_seconds(1));
    let late = before.timeline.bars.last().unwrap();
    assert!(late.launched > at);
    workload.cancels = vec![Cancel { at, task: bar.task }, Cancel { at, task: late.task }];
    let after = run(&workload, &RuleSet::tower_2018(), Options::default());
    let canceled = after.timeline.bars.iter().find(|other| other.task == bar.task).unwrap();
    assert_eq!((canceled.outcome, canceled.finished), (Some(scheduler_core::Outcome::Canceled), Some(at)));
    let until = |outcome: &Outcome| -> Vec<Start> {
        let known = |moment: Option<Moment>| moment.filter(|&moment| moment < at);
        let starts =
            starts(outcome).into_iter().zip(&outcome.timeline.bars).filter(|(_, bar)| bar.launched < at);
        starts
            .map(|((task, started, node, end), _)| {
                (task, known(started), node.filter(|_| known(started).is_some()), known(end))
            })
            .collect()
    };
    assert_eq!(until(&after), until(&before));
    let late = after.timeline.bars.iter().find(|bar| bar.task == late.task);
    assert_ne!(late.and_then(|bar| bar.outcome), Some(scheduler_core::Outcome::Canceled));
}
