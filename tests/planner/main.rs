//! The law of the planner: after every change, whatever it is, its plan is that of a full pass over the same state, and so is every
//! reason, and whoever follows the news knows what starts and what is held.
//!
//! `LAW_EVENTS=1000000` runs for so many events instead of the usual number, `PROPTEST_RNG_SEED` repeats a run; `scripts/planner-law`
//! does both.

mod event;
mod follower;
mod locality;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use scheduler_core::{Planner, plan};

use event::{History, history};
use follower::Follower;

/// Enough that every kind of change meets every other.
const EVENTS: u64 = 30_000;

/// Follows a history, and compares after every event; how many there were, and how many plans no full pass was needed for.
fn follow(history: &History) -> Result<(u64, u64), TestCaseError> {
    let History { snapshot, elsewhere, events } = history;
    let [rules, _] = &elsewhere.rules;
    let mut planner = Planner::new(snapshot.clone(), rules.clone());
    let mut follower = Follower::new(snapshot.clone(), rules.clone());
    follower.check_news(&mut planner)?;
    for event in events {
        for change in event.changes(follower.snapshot(), follower.rules(), elsewhere) {
            follower.change(&mut planner, change)?;
        }
        follower.check_snapshot(&planner)?;
        let expected = plan(planner.snapshot(), planner.rules());
        // Nothing depends on who asks for what first.
        if event.asks_first() {
            follower.check_plan(&mut planner, &expected)?;
            follower.check_reasons(&mut planner, &expected)?;
        }
        if event.steps() {
            follower.check_news(&mut planner)?;
        }
        if !event.asks_first() {
            follower.check_plan(&mut planner, &expected)?;
        }
    }
    let asked = events.len() as u64;
    Ok((asked, asked.saturating_sub(planner.effort().passes)))
}

#[test]
fn the_planner_says_what_a_full_pass_says_after_every_event() {
    let wanted: u64 =
        std::env::var("LAW_EVENTS").ok().and_then(|events| events.parse().ok()).unwrap_or(EVENTS);
    let (events, local, shrinking) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    // A history has a hundred events on average.
    let cases = u32::try_from(wanted.div_ceil(100)).unwrap_or(u32::MAX);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 3_000, ..Config::default() };
    let law = TestRunner::new(config).run(&history(), |history| {
        let (all, swept) = follow(&history).inspect_err(|broken| {
            if !shrinking.swap(true, Ordering::Relaxed) {
                println!("the law is broken, and the history being shrunk: {broken}");
            }
        })?;
        events.fetch_add(all, Ordering::Relaxed);
        local.fetch_add(swept, Ordering::Relaxed);
        Ok(())
    });
    if let Err(broken) = law {
        panic!("after {} events: {broken}", events.load(Ordering::Relaxed));
    }
    let (events, local) = (events.into_inner(), local.into_inner());
    println!("{events} events, {local} of them without a full pass");
    assert!(local > events / 4, "only {local} of {events} plans were made from what is remembered");
}
