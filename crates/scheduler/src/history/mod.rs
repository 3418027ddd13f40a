//! The past of a live control plane: read page by page, told, and handed on to forecasts and simulations.
//!
//! What is read here once is an [`Outcome`] like that of a simulation, so that whatever counts, prints or draws simulations does
//! so with the past. The cluster is the one of now: what it was at the time is written down nowhere.

pub(crate) mod args;
mod outcome;
mod replay;
mod report;

use std::io::Write as _;
use std::path::Path;

use control_plane::definition::Definitions;
use control_plane::ports::{HistoryFilter, PastTask, Reading, Store};
use scheduler_core::{TaskId, Timestamp};
use simulator::{Outcome, Seed, Workload};
use timeline::Picture;

use crate::Found;
use crate::args::Database;
use crate::failure::Failure;
use crate::open;
use crate::output::{Output, write_file};
use crate::progress::{Progress, Unit};
use crate::when::When;
use args::HistoryArgs;

/// How many tasks are read at once.
const PAGE: usize = 5000;

/// What the store holds of a span of time.
pub(crate) struct Past {
    /// The tasks that were there, in the order of their launches.
    pub(crate) tasks: Vec<PastTask>,
    /// What is there now.
    pub(crate) reading: Reading,
    /// What is defined now.
    pub(crate) definitions: Definitions,
    /// From when on.
    pub(crate) since: Timestamp,
    /// Until when.
    pub(crate) until: Timestamp,
}

impl Past {
    /// Reads it. Costs memory for every task of the span, and a page at a time of the store.
    pub(crate) fn read(database: &Database, since: When, until: Option<When>) -> Result<Self, Failure> {
        open::block_on(async { Self::read_from(&*open::store(database)?, since, until).await })
    }

    async fn read_from(store: &dyn Store, since: When, until: Option<When>) -> Result<Self, Failure> {
        let reading = store.read().await?;
        let definitions = store.definitions().await?;
        let now = reading.snapshot.now;
        let since = since.resolve(now);
        let until = until.map_or(now, |until| until.resolve(now).min(now));
        if since >= until {
            return Err(Failure::new(format!("the span ends at {until}, before it has begun at {since}"))
                .remedy("name an earlier --since, or a later --until"));
        }
        let mut tasks: Vec<PastTask> = Vec::new();
        let mut bar = Progress::new("reading the history", Unit::Tasks);
        // What was launched since the snapshot belongs to it no more.
        let first = HistoryFilter { since: Some(since), until: Some(until), after: None, limit: PAGE };
        let mut next = Some(first);
        while let Some(filter) = next {
            let page = store.history(&filter).await?;
            next = filter.next(&page);
            tasks.extend(page);
            bar.set(tasks.len(), expected(&tasks, since, until));
        }
        bar.finish();
        // A span that begins long before anything happened would begin with nothing.
        let first = tasks.iter().map(|past| past.task.created).min().unwrap_or(since);
        Ok(Self { tasks, reading, definitions, since: since.max(first), until })
    }

    /// What happened, as if it had been simulated.
    pub(crate) fn outcome(&self) -> Outcome {
        outcome::of(self)
    }

    /// What was launched, to be run again on the cluster as it is defined now and by its rules.
    pub(crate) fn replay(&self, seed: Seed) -> Result<Workload, Failure> {
        replay::workload(self, seed)
    }
}

/// How many tasks there may be, if they came as evenly as those that are read already.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a guess for people"
)]
fn expected(read: &[PastTask], since: Timestamp, until: Timestamp) -> usize {
    let seconds = |from: Timestamp, to: Timestamp| to.signed_duration_since(from).as_seconds_f64();
    let (Some(first), Some(last)) = (read.first(), read.last()) else { return read.len() };
    let first = first.task.created.max(since);
    let share = seconds(first, last.task.created) / seconds(first, until).max(1e-3);
    read.len().max((read.len() as f64 / share.clamp(1e-3, 1.0)) as usize)
}

/// `scheduler history`.
pub(crate) fn run(args: &HistoryArgs) -> Result<Found, Failure> {
    let past = Past::read(&args.database, args.since, args.until)?;
    if let Some(path) = &args.workload {
        let left_out = std::cell::Cell::new(0);
        write_file(path, |out| {
            left_out.set(replay::write(&past, out)?);
            Ok(())
        })?;
        return said(&replay::summary(&past, path, left_out.get()));
    }
    let mut out = Output::stdout();
    let outcome = past.outcome();
    if let Some(path) = &args.html {
        draw(&past, &outcome, path)?;
    }
    match args.task.map(TaskId::new) {
        Some(task) => report::one(&mut out, &past, task)?,
        None if args.json => {
            let value = serde_json::json!({
                "waiting": outcome.waiting(),
                "usage": outcome.usage(),
                "outcome": outcome,
            });
            serde_json::to_writer(&mut out, &value).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        None => report::all(&mut out, &past, &outcome, args.limit)?,
    }
    out.finish()?;
    Ok(Found::Nothing)
}

fn draw(past: &Past, outcome: &Outcome, path: &Path) -> Result<(), Failure> {
    let moment = |at: Timestamp| at.format("%Y-%m-%d %H:%M:%S");
    let about = format!("from {} to {} UTC, by {}", moment(past.since), moment(past.until), outcome.rules);
    let groups = &past.reading.snapshot.groups;
    let picture = Picture { title: "What happened", about: &about, ..Picture::of(outcome, groups) };
    write_file(path, |out| timeline::write(&picture, out))
}

fn said(sentence: &str) -> Result<Found, Failure> {
    let mut out = Output::stdout();
    writeln!(out, "{sentence}")?;
    out.finish()?;
    Ok(Found::Nothing)
}
