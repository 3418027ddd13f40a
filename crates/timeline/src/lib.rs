#![forbid(unsafe_code)]
//! What a scheduler did, as one HTML file that needs nothing else.
//!
//! A [`Picture`] holds what is to be seen: a [`Timeline`], what instances and groups had, and which instances belong to which
//! group. [`write()`] makes a page of it: a lane for each instance under its group, above them a lane of what waited for the
//! group, each task a bar, each wait in the colour of its reason, and under them how much was used. Simulations and histories of
//! a live database are written by the same function; this crate reads neither.
//!
//! What it decides: which lane and which rows a bar takes, and how all of it is encoded. What to show of it, and how large, the
//! page decides, in the script modules beside this source (`page/script`). It does not know why a task waits: reasons
//! come as data with their words.
//!
//! The page runs no network request: a content security policy forbids all of them, and nothing that comes from the picture
//! is ever read as markup. It costs about thirty bytes a task, and the same for each stretch of waiting.
//!
//! ```
//! use scheduler_core::RuleSet;
//! use simulator::{Seed, Simulation, generate::Mix};
//! use timeline::Picture;
//!
//! let workload = "tasks=20,instances=2".parse::<Mix>().expect("two parameters").generate(Seed::new(7));
//! let outcome = Simulation::new(&workload, &RuleSet::tower_2018()).run().expect("every plan is clean");
//! let mut page = Vec::new();
//! timeline::write(&Picture::of(&outcome, &workload.cluster.groups), &mut page).expect("memory takes everything");
//! assert!(page.starts_with(b"<!doctype html>"));
//! ```

mod columns;
mod escape;
mod lanes;
mod packing;
mod page;
mod payload;

use std::io;

use scheduler_core::{Forks, InstanceGroup, Timestamp};
use simulator::{Capacity, Moment, Outcome, Timeline};

/// What is to be seen.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'p> {
    /// The headline.
    pub title: &'p str,
    /// A line under it: by which rules, since when, of which cluster. May be empty.
    pub about: &'p str,
    /// Which instant [`Moment::START`] is; `None` shows times as counted from there.
    pub origin: Option<Timestamp>,
    /// Until when: what has not ended by then is drawn up to here.
    pub end: Moment,
    /// What controlling a task costs its controller.
    pub control_impact: Forks,
    /// What happened to each task.
    pub timeline: &'p Timeline,
    /// Instances and groups by name, in the order in which they are to be seen, and what they had.
    pub capacities: &'p [Capacity],
    /// Which instances belong to which group. An instance of several stands under the first; one of none stands under the
    /// group by which most of its tasks came.
    pub groups: &'p [InstanceGroup],
}

impl<'p> Picture<'p> {
    /// Of a simulation, whose cluster had these groups.
    #[must_use]
    pub fn of(outcome: &'p Outcome, groups: &'p [InstanceGroup]) -> Self {
        Self {
            title: &outcome.workload,
            about: &outcome.rules,
            origin: Some(outcome.start),
            end: outcome.end,
            control_impact: outcome.control_impact,
            timeline: &outcome.timeline,
            capacities: &outcome.capacities,
            groups,
        }
    }
}

/// Writes the page.
///
/// # Errors
///
/// Those of the writer.
pub fn write(picture: &Picture<'_>, mut out: impl io::Write) -> io::Result<()> {
    page::write(picture, &mut out)
}
