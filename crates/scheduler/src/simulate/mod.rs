//! `scheduler simulate`: a workload through real passes in virtual time, and what a change of the cluster or of the rules would
//! do to it.
//!
//! It reads and prints; the engine and everything that is counted is the crate `simulator`.

pub(crate) mod args;
pub(crate) mod input;
mod picture;

use std::io::Write;
use std::path::Path;

use scheduler_core::{RuleSet, Seconds};
use simulator::{Auditing, Comparison, Moment, Options, Outcome, Seed, Simulation, Span, Workload};

use crate::Found;
use crate::failure::Failure;
use crate::output::{Output, write_file};
use crate::progress::{Progress, Unit};
use crate::{read, report};
use args::SimulateArgs;

/// Above so many tasks, plans are sampled for the audit unless all are asked for.
pub(crate) const AUDIT_ALL_UP_TO: usize = 50_000;

/// One plan's rows in so many are audited when plans are sampled.
pub(crate) const AUDIT_ONE_IN: u32 = 50;

/// Simulates and prints.
pub(crate) fn run(args: &SimulateArgs) -> Result<Found, Failure> {
    let workload = input::read(args)?;
    let rules = input::rules(args.rules.as_deref(), &workload)?;
    let options = options(args, &workload);
    let first = simulate("simulation", &workload, &rules, options)?;
    let alternative = alternative(args, &workload, &rules)?;
    let Some((changed, changed_rules, what)) = alternative else {
        picture::write(args, &workload, &first, &[])?;
        print_one(args, &workload, &first)?;
        return Ok(Found::something_if(!first.stuck.is_empty()));
    };
    let second = simulate("with the change", &changed, &changed_rules, options)?;
    picture::write(args, &changed, &second, &what)?;
    let comparison = Comparison::of(&first, &second);
    write(args, &serde_json::json!({ "changes": what, "comparison": comparison }), &|out| {
        report::comparison(out, args.limit, &what, (&first, &second), &comparison)
    })?;
    Ok(Found::something_if(!second.stuck.is_empty()))
}

fn print_one(args: &SimulateArgs, workload: &Workload, outcome: &Outcome) -> Result<(), Failure> {
    if args.json {
        let usage = outcome.usage();
        let value = serde_json::json!({
            "waiting": outcome.waiting(),
            "usage": usage,
            "outcome": outcome,
        });
        return write(args, &value, &|_| Ok(()));
    }
    write(args, &serde_json::Value::Null, &|out| report::outcome(out, args.limit, workload, outcome))
}

/// Where it was asked for, as JSON or in words.
fn write(
    args: &SimulateArgs,
    json: &serde_json::Value,
    words: &dyn Fn(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), Failure> {
    let fill = |out: &mut dyn Write| {
        if args.json {
            serde_json::to_writer(&mut *out, json)?;
            return writeln!(out);
        }
        words(out)
    };
    if let Some(path) = args.output.as_deref().filter(|path| *path != Path::new("-")) {
        return write_file(path, fill);
    }
    let mut out = Output::stdout();
    fill(&mut out)?;
    out.finish()
}

fn options(args: &SimulateArgs, workload: &Workload) -> Options {
    let auditing = match (args.audit, workload.len()) {
        (args::Audit::All, _) => Auditing::Every,
        (args::Audit::Sample, _) => Auditing::Sample(AUDIT_ONE_IN),
        (args::Audit::None, _) => Auditing::Sample(0),
        (args::Audit::Auto, tasks) if tasks <= AUDIT_ALL_UP_TO => Auditing::Every,
        (args::Audit::Auto, _) => Auditing::Sample(AUDIT_ONE_IN),
    };
    Options {
        seed: Seed::new(args.seed),
        pass_interval: Span::from_seconds(args.pass_interval),
        auditing,
        until: args.until.map(Moment::from_seconds),
        ..Options::default()
    }
}

/// Runs one simulation, and says on standard error how far it has come.
pub(crate) fn simulate(
    what: &str,
    workload: &Workload,
    rules: &RuleSet,
    options: Options,
) -> Result<Outcome, Failure> {
    let mut bar = Progress::new(what, Unit::Tasks);
    let outcome = Simulation::new(workload, rules)
        .with(options)
        .run_with(&mut |progress| bar.set(progress.finished, progress.tasks));
    bar.finish();
    outcome.map_err(|error| Failure::new(error.to_string()))
}

/// The workload and the rules with what was asked for in comparison, and its words; `None` when nothing was.
fn alternative(
    args: &SimulateArgs,
    workload: &Workload,
    rules: &RuleSet,
) -> Result<Option<(Workload, RuleSet, Vec<String>)>, Failure> {
    let mut what = Vec::new();
    let mut changed = workload.clone();
    for change in &args.changes {
        what.push(change.to_string());
        if change.at <= Moment::START {
            changed
                .cluster
                .apply(&change.change)
                .map_err(|error| Failure::new(format!("--change '{change}': {error}")))?;
        } else {
            changed.changes.push(change.clone());
        }
    }
    changed.sort();
    let mut other = rules.clone();
    if let Some(name) = &args.compare_rules {
        other = read::rules(name)?;
        what.push(format!("rules {}", other.name));
    }
    if let Some(after) = args.reserve_after {
        other.reserve_after = Some(Seconds::new(after));
        what.push(format!("reserve_after {after} s"));
    }
    Ok((!what.is_empty()).then_some((changed, other, what)))
}
