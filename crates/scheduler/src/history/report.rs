//! The past in words: what ran, how long it waited and for what, where it ran, and how it ended.

use std::io::Write;

use control_plane::ports::{PastTask, PastWait, TaskStatus};
use scheduler_core::words::visible;
use scheduler_core::{Kind, TaskId, Timestamp};
use simulator::Outcome;

use super::Past;
use crate::failure::Failure;
use crate::live::{LONGEST_WHY, span, tone};
use crate::output::{Output, cell, table};
use crate::report;
use crate::words::Names;

/// The moments of a table, to the second.
const MOMENT: &str = "%m-%d %H:%M:%S";

/// Every task, then the numbers.
pub(super) fn all(out: &mut Output, past: &Past, outcome: &Outcome, limit: usize) -> Result<(), Failure> {
    headline(out, past)?;
    if past.tasks.is_empty() {
        return Ok(());
    }
    let names = Names::of(&past.reading.snapshot);
    let shown = if limit == 0 { usize::MAX } else { limit };
    let mut rows = table(&["task", "kind", "launched", "waited", "for", "where", "ran", "ended"]);
    for task in past.tasks.iter().take(shown) {
        rows.add_row([
            cell(format!("{} {}", task.task.id, visible(&task.task.name)).trim_end()),
            cell(task.task.kind()),
            cell(task.task.created.format(MOMENT)),
            cell(waited(past, task)),
            cell(mostly_for(past, task)),
            cell(place(task, &names)),
            cell(ran(past, task)),
            tone(task.status()).cell(&ended(task)),
        ]);
    }
    writeln!(out, "{}", rows.trim_fmt())?;
    let count = past.tasks.len();
    if count > shown {
        writeln!(out, "({count} tasks; --limit 0 for all, --since and --until for others)")?;
    }
    writeln!(out)?;
    report::waiting(out, limit, outcome)?;
    writeln!(out)?;
    report::usage(out, limit, outcome)?;
    report::reasons(out, limit, outcome)?;
    Ok(())
}

fn headline(out: &mut Output, past: &Past) -> Result<(), Failure> {
    let mut counts = [0_usize; TaskStatus::ALL.len()];
    for task in &past.tasks {
        let at = TaskStatus::ALL.iter().position(|&status| status == task.status());
        if let Some(count) = at.and_then(|at| counts.get_mut(at)) {
            *count += 1;
        }
    }
    let counts: Vec<String> = counts
        .iter()
        .zip(TaskStatus::ALL)
        .filter(|(count, _)| **count > 0)
        .map(|(count, status)| format!("{count} {}", status.token()))
        .collect();
    let counts = if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
    let (from, to) = (past.since.format("%Y-%m-%d %H:%M:%S"), past.until.format("%Y-%m-%d %H:%M:%S"));
    writeln!(out, "{} tasks{counts} from {from} to {to} UTC\n", past.tasks.len())?;
    Ok(())
}

/// One task, with everything that it waited for.
pub(super) fn one(out: &mut Output, past: &Past, id: TaskId) -> Result<(), Failure> {
    let Some(task) = past.tasks.iter().find(|past| past.task.id == id) else {
        return Err(Failure::new(format!("task {id} was not there in this span"))
            .remedy("name an earlier --since; `scheduler status` lists the tasks that ended last"));
    };
    let names = Names::of(&past.reading.snapshot);
    writeln!(
        out,
        "{} {} {}: {}, launched {} UTC",
        task.task.kind(),
        id,
        visible(&task.task.name),
        ended(task),
        task.task.created.format("%Y-%m-%d %H:%M:%S")
    )?;
    let after = |moment: Timestamp| span(task.task.created, moment);
    if let Some(first) = task.waits.first() {
        writeln!(out, "  after {}: a pass considered it first", after(first.since))?;
    }
    for wait in &task.waits {
        let to = wait
            .until
            .map_or_else(|| "until now".to_owned(), |until| format!("for {}", span(wait.since, until)));
        writeln!(out, "  after {}: {to} it {}", after(wait.since), wait.reason.at_first())?;
    }
    if let Some(dispatched) = task.dispatched {
        writeln!(out, "  after {}: dispatched, {}", after(dispatched), place(task, &names))?;
    }
    if let Some(started) = task.started {
        writeln!(out, "  after {}: started", after(started))?;
    }
    if let Some(finished) = task.finished() {
        writeln!(out, "  after {}: {}", after(finished), ended(task))?;
    }
    Ok(())
}

/// How long it waited: until it started, or ended without, or still.
fn waited(past: &Past, task: &PastTask) -> String {
    let to = task.started.or(task.finished()).unwrap_or(past.until);
    span(task.task.created, to)
}

/// What it waited for longest, and for how much else.
fn mostly_for(past: &Past, task: &PastTask) -> String {
    let length = |wait: &&PastWait| wait.until.unwrap_or(past.until).signed_duration_since(wait.since);
    let Some(longest) = task.waits.iter().max_by_key(length) else { return String::new() };
    let reason = longest.reason.at_first();
    match task.waits.len() {
        1 => reason.to_string(),
        2 => format!("{reason}; and for another reason"),
        all => format!("{reason}; and for {} other reasons", all - 1),
    }
}

fn place(task: &PastTask, names: &Names<'_>) -> String {
    match task.task.kind() {
        Kind::WorkflowJob | Kind::WorkflowApproval => String::new(),
        _ if task.dispatched.is_none() => String::new(),
        _ => names.placement(&task.placement),
    }
}

fn ran(past: &Past, task: &PastTask) -> String {
    let to = task.finished().unwrap_or(past.until);
    task.started.map(|started| span(started, to)).unwrap_or_default()
}

fn ended(task: &PastTask) -> String {
    match task.explanation.as_str() {
        "" => task.status().token().to_owned(),
        why => format!("{}: {}", task.status().token(), visible(why).within(LONGEST_WHY)),
    }
}
