//! The workload file: a cluster, templates and what is launched, as people write it, in TOML or JSON.
//!
//! It is what `scheduler apply` takes, read by the crate `definition`, so that one file serves both: its rules are gone by, what a
//! worker would do (`run`) is passed over, and how long it takes (`run_time`) is drawn from. This module says what definitions
//! mean to a simulation. Names are resolved to ids in the order of the file, from 1.

mod build;
mod launches;
mod nodes;

use definition::{Definitions, Flaw, Flaws, Place};

use crate::{Seed, TimedChange, Workload};
use build::Resolved;

/// The cluster alone, with what is known of its templates, and nothing that is launched.
///
/// # Errors
///
/// With everything that does not fit.
pub fn cluster(file: &Definitions) -> Result<Workload, Flaws> {
    checked(file.form())?;
    let flaws = incomplete(file);
    let workload = Resolved::of(file).workload();
    checked(flaws).map(|()| workload)
}

/// The workload. What is drawn, random moments of launch for example, follows from the seed.
///
/// # Errors
///
/// With everything that does not fit: names that nobody has, launches of nothing, a launch that depends on a later one,
/// another version, or no launch at all.
pub fn workload(file: &Definitions, seed: Seed) -> Result<Workload, Flaws> {
    // What is wrong with the definitions by themselves comes alone: nothing can be built of 4,000,000,000 slices.
    let mut flaws = file.form();
    if file.version.is_none() {
        let missing =
            "version: missing: add `version = 1` if it is what `crates/simulator/FORMAT.md` describes";
        flaws.insert(0, Flaw::new(Place::File, missing));
    }
    checked(flaws)?;
    let mut flaws = incomplete(file);
    let known = Resolved::of(file);
    let mut workload = known.workload();
    known.launch_into(&mut workload, seed, &mut flaws);
    for (position, text) in file.changes.iter().enumerate() {
        match text.parse::<TimedChange>() {
            Ok(change) => workload.changes.push(change),
            Err(error) => flaws.push(Flaw::new(Place::Change(position), format!("{error}: mend the line"))),
        }
    }
    workload.sort();
    checked(flaws).map(|()| workload)
}

fn checked(flaws: Vec<Flaw>) -> Result<(), Flaws> {
    if flaws.is_empty() { Ok(()) } else { Err(Flaws(flaws)) }
}

/// What a simulation misses in definitions that a store could take.
fn incomplete(file: &Definitions) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    if file.instances.is_empty() && !file.groups.iter().any(|group| group.container) {
        let missing = "there is no instance and no container group to run on: add an [[instance]] with `hostname` and `capacity`";
        flaws.push(Flaw::new(Place::File, missing));
    }
    if file.groups.is_empty() {
        let missing = "there is no group: add a [[group]] with a `name` and the hostnames of its `instances`";
        flaws.push(Flaw::new(Place::File, missing));
    }
    flaws.extend(file.unresolved());
    flaws
}
