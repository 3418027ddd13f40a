//! `scheduler import`: a real workload as a snapshot at a chosen moment.
//!
//! An import maps names and numbers of a foreign format to rows, and places what already runs; it decides nothing that a
//! pass decides. What would start exactly at the chosen moment has not started yet: that is for the pass to say.

pub(crate) mod args;
mod cluster;
mod swf;
pub(crate) mod wfcommons;

use std::io::Write;
use std::path::Path;

use scheduler_core::Snapshot;

use crate::Found;
use crate::failure::Failure;
use crate::output::{Output, write_file};
use crate::terminal::stderr;
use args::{ImportArgs, ImportFrom};

/// Imports and writes. A summary goes to standard error, so that the snapshot can be piped into `scheduler plan -`.
pub(crate) fn run(from: &ImportFrom) -> Result<Found, Failure> {
    let (imported, args) = match from {
        ImportFrom::Swf(args) => (swf::import(args)?, &args.common),
        ImportFrom::Wfcommons(args) => (wfcommons::import(args)?, &args.common),
    };
    write(&imported.snapshot, args)?;
    let mut stderr = stderr();
    // The snapshot is written; a closed standard error changes nothing.
    let _printed = writeln!(stderr, "{}", imported.summary);
    Ok(Found::Nothing)
}

/// A snapshot, and in a line what it shows.
struct Imported {
    snapshot: Snapshot,
    summary: String,
}

fn write(snapshot: &Snapshot, args: &ImportArgs) -> Result<(), Failure> {
    let fill = |out: &mut dyn Write| {
        serde_json::to_writer_pretty(&mut *out, snapshot)?;
        writeln!(out)
    };
    if let Some(path) = args.output.as_deref().filter(|path| *path != Path::new("-")) {
        return write_file(path, fill);
    }
    let mut out = Output::stdout();
    fill(&mut out)?;
    out.finish()
}

/// The last of the moments at which most things are under way; each thing is from its first moment up to, not
/// including, its last. `None` when there is nothing.
fn busiest(spans: impl Iterator<Item = (i64, i64)>) -> Option<i64> {
    let mut changes: Vec<(i64, i64)> = Vec::new();
    for (from, to) in spans {
        changes.push((from, 1));
        // What takes no time is still there at its moment.
        changes.push((to.max(from.saturating_add(1)), -1));
    }
    changes.sort_unstable();
    let (mut under_way, mut most, mut when) = (0_i64, 0_i64, None);
    for (moment, change) in changes {
        under_way += change;
        if under_way > 0 && under_way >= most {
            (most, when) = (under_way, Some(moment));
        }
    }
    when
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_moment_is_the_last_with_most_under_way() {
        assert_eq!(busiest([].into_iter()), None);
        assert_eq!(busiest([(0, 10), (10, 20), (15, 30), (40, 50)].into_iter()), Some(15));
        assert_eq!(busiest([(5, 5), (5, 5), (5, 6), (0, 2), (1, 9)].into_iter()), Some(5));
        assert_eq!(busiest([(0, 10), (5, 10), (20, 30), (25, 30)].into_iter()), Some(25));
    }
}
