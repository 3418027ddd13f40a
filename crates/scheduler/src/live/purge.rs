//! `scheduler purge`: removes finished tasks that are old enough, portion by portion.

use std::io::Write as _;

use clap::Args;
use control_plane::ports::{Kept, Purge, Purged, Store};
use scheduler_core::Timestamp;
use serde_json::json;

use crate::Found;
use crate::args::Database;
use crate::failure::Failure;
use crate::open;
use crate::output::Output;
use crate::progress::{Progress, Unit};
use crate::when::Age;

#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    /// How long ago a task must have ended to be removed, as in 90d, 4w or 36h; at least 1h
    #[arg(long, value_name = "AGE", allow_hyphen_values = true)]
    pub(crate) older_than: Age,
    /// Remove nothing, and say what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

/// Removes, or only counts, and says what was kept and why.
pub(crate) fn run(args: &PurgeArgs) -> Result<Found, Failure> {
    let (moment, purged) = open::block_on(async {
        let store = open::store(&args.database)?;
        let now = store.statistics().await?.now;
        let moment = args.older_than.before(now);
        Ok((moment, purge(&*store, moment, args.dry_run).await?))
    })?;
    let mut out = Output::stdout();
    if args.json {
        let document = json!({
            "ended_before": moment,
            "dry_run": args.dry_run,
            "removed": purged.removed,
            "kept": purged.kept,
        });
        serde_json::to_writer_pretty(&mut out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", told(&purged, moment, args.dry_run))?;
    }
    out.finish()?;
    Ok(Found::something_if(args.dry_run && purged.removed > 0))
}

/// All portions, and how far they are on standard error when that takes long.
async fn purge(store: &dyn Store, moment: Timestamp, dry_run: bool) -> Result<Purged, Failure> {
    let all = store.ended_before(moment).await?;
    let mut progress = Progress::new(if dry_run { "looking" } else { "removing" }, Unit::Tasks);
    let mut portion = Purge { dry_run, ..Purge::of(moment, Purge::PORTION) };
    let mut sum = Purged::default();
    loop {
        match store.purge(&portion).await {
            Ok(purged) => sum.add(&purged),
            Err(error) => {
                progress.finish();
                let failure = Failure::from(error);
                return Err(if dry_run || sum.removed == 0 {
                    failure
                } else {
                    failure.remedy(format!(
                        "{} tasks are removed for good; run it again for the rest",
                        sum.removed
                    ))
                });
            }
        }
        let judged = sum.removed.saturating_add(sum.kept_in_all());
        progress.set(count(judged), count(all.max(judged)));
        portion.after = sum.next;
        if sum.next.is_none() {
            progress.finish();
            return Ok(sum);
        }
    }
}

fn count(tasks: u64) -> usize {
    usize::try_from(tasks).unwrap_or(usize::MAX)
}

/// What was done, or would be, for people.
fn told(purged: &Purged, moment: Timestamp, dry_run: bool) -> String {
    let moment = moment.format("%Y-%m-%d %H:%M:%S UTC");
    let (removed, kept) = if dry_run { ("would remove", "would keep") } else { ("removed", "kept") };
    let mut text = match purged.removed {
        0 => format!("{removed} nothing that ended before {moment}\n"),
        1 => format!("{removed} 1 task that ended before {moment}\n"),
        many => format!("{removed} {many} tasks that ended before {moment}\n"),
    };
    if !purged.kept.is_empty() {
        text.push_str(&format!("{kept} {} that ended before then too:\n", purged.kept_in_all()));
        for (&why, tasks) in &purged.kept {
            text.push_str(&format!("  {tasks} {}\n", words(why)));
        }
    }
    text
}

/// Behind a number of tasks.
const fn words(why: Kept) -> &'static str {
    match why {
        Kept::Dependency => "on which tasks depend that have not ended",
        Kept::LastUpdate => {
            "as the last update of a project or an inventory source, which tells when the next is due"
        }
        Kept::Unsent => "for which a message is to be sent",
        Kept::Workflow => "of workflows of which something has not ended, ended later, or is kept",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_told_with_what_was_kept_and_why() {
        let moment: Timestamp = "2026-01-05T12:00:00.5Z".parse().unwrap();
        let nothing = told(&Purged::default(), moment, false);
        assert_eq!(nothing, "removed nothing that ended before 2026-01-05 12:00:00 UTC\n");
        let mut some = Purged { removed: 1204, ..Purged::default() };
        for why in [Kept::Workflow, Kept::Dependency, Kept::Workflow] {
            some.keep(why);
        }
        assert_eq!(
            told(&some, moment, true),
            "would remove 1204 tasks that ended before 2026-01-05 12:00:00 UTC\n\
             would keep 3 that ended before then too:\n  \
               1 on which tasks depend that have not ended\n  \
               2 of workflows of which something has not ended, ended later, or is kept\n"
        );
    }
}
