//! Logs in the Standard Workload Format: a line a job, eighteen numbers a line, `-1` for what is not known.

use std::collections::HashMap;

use chrono::DateTime;
use scheduler_core::{Forks, Sharing, Snapshot, State, Task, TaskId, Timestamp};
use simulator::swf::{Job, Log};

use super::args::SwfArgs;
use super::cluster::Cluster;
use super::{Imported, busiest};
use crate::failure::Failure;

/// How long no pass is said to have run when a log does not know how long its jobs waited.
const BACKLOG_WITHOUT_WAITS: i64 = 3600;

/// Imports the log at a moment: the one that was asked for, or the last at which most jobs were there.
pub(super) fn import(args: &SwfArgs) -> Result<Imported, Failure> {
    let source = &args.common.workload;
    let log = Log::parse(&source.read()?).map_err(|error| source.misfit(error))?;
    let spans = || log.jobs.iter().map(|job| (job.submitted, job.ended()));
    let Some(at) = args.common.at.or_else(|| busiest(spans())) else {
        return Err(Failure::new(format!("{source}: there is no job in it"))
            .remedy("choose a log with jobs, one a line"));
    };
    let moment = Moment::new(&log, at, args).ok_or_else(|| {
        Failure::new(format!("--at {at}: outside the calendar")).remedy("choose a smaller number of seconds")
    })?;
    Ok(moment.import(&log, args))
}

/// The chosen moment, and since when no pass is said to have run.
struct Moment {
    at: i64,
    last_pass: i64,
    epoch: i64,
    now: Timestamp,
}

impl Moment {
    fn new(log: &Log, at: i64, args: &SwfArgs) -> Option<Self> {
        let knows_waits = log.jobs.iter().any(|job| job.waited.is_some());
        let backlog = args.backlog.unwrap_or(if knows_waits { 0 } else { BACKLOG_WITHOUT_WAITS });
        let epoch = log.unix_start;
        let now = DateTime::from_timestamp(epoch.checked_add(at)?, 0)?;
        Some(Self { at, last_pass: at.saturating_sub(backlog), epoch, now })
    }

    fn import(&self, log: &Log, args: &SwfArgs) -> Imported {
        let stages: HashMap<i64, Stage> =
            log.jobs.iter().filter_map(|job| Some((job.number, self.stage(job)?))).collect();
        let processors = log.processors();
        let mut cluster = Cluster::sharing(processors, args.instances, self.now);
        let mut sharing = Sharing::default();
        let mut snapshot = Snapshot { now: self.now, ..Snapshot::default() };
        let mut running = 0;
        for job in &log.jobs {
            let (state, dependency) = match self.stage(job) {
                // The format says that a job starts after the preceding one, whether that was successful or not; only what is
                // still there holds it up.
                Some(Stage::Pending) => {
                    (State::Pending, job.preceding.filter(|number| stages.contains_key(number)))
                }
                Some(Stage::Running) => {
                    running += 1;
                    (State::Running(Box::new(cluster.place(job.impact()))), None)
                }
                None => continue,
            };
            let dependencies = dependency.map(TaskId::new).into_iter().collect();
            let row = job.task(self.time(job.submitted), dependencies, &mut sharing, args.exclusive);
            snapshot.tasks.push(Task { state, ..row });
        }
        (snapshot.instances, snapshot.groups) = cluster.into_rows("machine");
        let summary = format!(
            "{} s into the log, {}: {running} jobs running, {} pending; {} and {} in all",
            self.at,
            self.now,
            snapshot.tasks.len() - running,
            if args.instances == 1 {
                "1 instance".to_owned()
            } else {
                format!("{} instances", args.instances)
            },
            Forks::new(processors),
        );
        Imported { snapshot, summary }
    }

    /// How far the job has come; `None` when it is not there yet, or not any more.
    fn stage(&self, job: &Job) -> Option<Stage> {
        if job.submitted > self.at {
            None
        } else if job.started() >= self.last_pass {
            Some(Stage::Pending)
        } else {
            (job.ended() > self.at).then_some(Stage::Running)
        }
    }

    /// A moment of the log on the calendar. It lies between the log's beginning and `now`, so that it is on it.
    fn time(&self, seconds: i64) -> Timestamp {
        DateTime::from_timestamp(self.epoch.saturating_add(seconds), 0).unwrap_or(self.now)
    }
}

/// How far a job has come at the chosen moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Pending,
    Running,
}
