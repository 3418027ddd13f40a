//! Where a workload comes from: files of several formats, told apart by how they begin, or a few parameters.

use std::collections::HashMap;

use scheduler_core::{RuleSet, Snapshot};
use serde_json::value::RawValue;
use simulator::file::{Flaw, WorkloadFile};
use simulator::generate::Mix;
use simulator::swf::{Log, Mapping};
use simulator::{Seed, Workload};
use toml::de::DeTable;

use super::args::{Format, SimulateArgs};
use crate::define::file;
use crate::failure::Failure;
use crate::import::wfcommons::run_of;
use crate::past::Past;
use crate::read;
use crate::source::Source;

/// The most flaws of a file that are shown.
const FLAWS_SHOWN: usize = 20;

/// Which workload, on which cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The file.
    pub(crate) workload: Option<&'a Source>,
    /// Or its parameters.
    pub(crate) mix: Option<&'a Mix>,
    /// What the file is.
    pub(crate) format: Format,
    /// The cluster instead of its own.
    pub(crate) cluster: Option<&'a Source>,
    /// How many instances share a log's processors.
    pub(crate) instances: Option<u32>,
    /// Only one job of a template of a log at once.
    pub(crate) exclusive: bool,
    /// From which everything that is drawn follows.
    pub(crate) seed: u64,
}

/// Reads the workload that was asked for, on the cluster that was asked for, and the rules that come with it, if any do.
pub(super) fn read(wanted: &SimulateArgs) -> Result<(Workload, Option<RuleSet>), Failure> {
    if wanted.live && wanted.workload.is_none() && wanted.generate.is_none() {
        let past = Past::read(&wanted.database, wanted.since, None)?;
        let (workload, rules) = past.replay(Seed::new(wanted.seed))?;
        return Ok((on_cluster(workload, wanted.cluster.as_ref())?, Some(rules)));
    }
    let workload = read_workload(&Wanted {
        workload: wanted.workload.as_ref(),
        mix: wanted.generate.as_ref(),
        format: wanted.format,
        cluster: wanted.cluster.as_ref(),
        instances: wanted.instances,
        exclusive: wanted.exclusive,
        seed: wanted.seed,
    })?;
    Ok((workload, None))
}

/// The same of a file or of parameters, for other commands too.
pub(crate) fn read_workload(wanted: &Wanted<'_>) -> Result<Workload, Failure> {
    let seed = Seed::new(wanted.seed);
    let workload = match (wanted.workload, wanted.mix) {
        (Some(source), _) => {
            let mapping = Mapping { instances: wanted.instances.unwrap_or(1), exclusive: wanted.exclusive };
            workload_of(source, wanted.format, &mapping, wanted.instances, seed)?
        }
        (None, Some(mix)) => mix.generate(seed),
        (None, None) => return Err(Failure::new("there is no workload".into()).remedy("name a file")),
    };
    on_cluster(workload, wanted.cluster)
}

/// With the instances and groups of this file, if there is one.
fn on_cluster(mut workload: Workload, cluster: Option<&Source>) -> Result<Workload, Failure> {
    if let Some(source) = cluster {
        let bytes = source.read()?;
        let file: WorkloadFile = parse(source, &bytes)?;
        let other = file.cluster().map_err(|flaws| located(source, &bytes, &flaws))?;
        workload.cluster.instances = other.cluster.instances;
        workload.cluster.groups = other.cluster.groups;
    }
    Ok(workload)
}

/// Reads a workload of any format.
fn workload_of(
    source: &Source,
    format: Format,
    mapping: &Mapping,
    copies: Option<u32>,
    seed: Seed,
) -> Result<Workload, Failure> {
    let bytes = source.read()?;
    let format = if format == Format::Auto { guess(source, &bytes) } else { format };
    match format {
        Format::Swf => {
            let log = Log::parse(&bytes).map_err(|error| source.misfit(error))?;
            Ok(log.workload(&source.to_string(), mapping))
        }
        Format::Wfcommons => Ok(run_of(source, &bytes)?.workload(copies)),
        Format::Snapshot => {
            let snapshot: Snapshot = read::snapshot_of(source, &bytes)?;
            Ok(Workload::from_snapshot(source.to_string(), &snapshot))
        }
        Format::Workload | Format::Auto => {
            let file: WorkloadFile = parse(source, &bytes)?;
            file.workload(seed).map_err(|flaws| located(source, &bytes, &flaws))
        }
    }
}

fn parse(source: &Source, bytes: &[u8]) -> Result<WorkloadFile, Failure> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Failure::new(format!("{source}: is empty; expected a workload as TOML or JSON")).remedy(
            "`crates/simulator/FORMAT.md` describes the format, and `examples/workload.toml` shows it",
        ));
    }
    file::parse(source, bytes, "a workload").map_err(|failure| {
        failure.or_remedy(
            "`crates/simulator/FORMAT.md` describes the format, and `examples/workload.toml` shows it",
        )
    })
}

/// A log is lines of numbers and comments that begin with `;`; of JSON, the fields tell.
fn guess(source: &Source, bytes: &[u8]) -> Format {
    let text = bytes.trim_ascii_start();
    let name = source.to_string();
    let first = text.first().copied().unwrap_or(b'#');
    if first == b'{' {
        let head: Head = serde_json::from_slice(text).unwrap_or_default();
        return match head {
            Head { schema_version: Some(_), workflow: Some(_), .. } => Format::Wfcommons,
            Head { now: Some(_), .. } => Format::Snapshot,
            _ => Format::Workload,
        };
    }
    let swf = name.ends_with(".swf") || name.ends_with(".swf.gz");
    if swf || first == b';' || first.is_ascii_digit() { Format::Swf } else { Format::Workload }
}

/// The fields by which JSON formats are told apart.
#[derive(Default, serde::Deserialize)]
struct Head {
    #[serde(rename = "schemaVersion")]
    schema_version: Option<serde::de::IgnoredAny>,
    workflow: Option<serde::de::IgnoredAny>,
    now: Option<serde::de::IgnoredAny>,
}

/// Where the rows of a table begin: in TOML, or else in JSON.
struct Rows<'t> {
    text: &'t str,
    toml: Option<toml::Spanned<DeTable<'t>>>,
    json: HashMap<&'t str, &'t RawValue>,
}

impl<'t> Rows<'t> {
    fn of(text: &'t str) -> Self {
        let is_json = text.trim_ascii_start().starts_with('{');
        Self {
            text,
            toml: if is_json { None } else { DeTable::parse(text).ok() },
            json: if is_json { serde_json::from_str(text).unwrap_or_default() } else { HashMap::new() },
        }
    }

    /// The line of a row.
    fn line(&self, table: &str, row: usize) -> Option<usize> {
        let at = match &self.toml {
            Some(document) => document.get_ref().get(table)?.get_ref().as_array()?.get(row)?.span().start,
            None => {
                let rows: Vec<&RawValue> = serde_json::from_str(self.json.get(table)?.get()).ok()?;
                // A raw value is a part of the text that it was read from.
                rows.get(row)?.get().as_ptr().addr().checked_sub(self.text.as_ptr().addr())?
            }
        };
        let before = self.text.as_bytes().get(..at)?;
        Some(before.iter().filter(|&&byte| byte == b'\n').count() + 1)
    }
}

/// Flaws of a file, each with its line.
fn located(source: &Source, bytes: &[u8], flaws: &[Flaw]) -> Failure {
    let rows = Rows::of(std::str::from_utf8(bytes).unwrap_or_default());
    let place = |flaw: &Flaw| rows.line(flaw.table, flaw.position);
    let mut lines: Vec<String> = Vec::new();
    for flaw in flaws.iter().take(FLAWS_SHOWN) {
        let named = match (flaw.table, place(flaw)) {
            ("", _) => format!("{source}: "),
            (table, Some(line)) => format!("{source}:{line}: {table}: "),
            (table, None) => format!("{source}: {table}[{}]: ", flaw.position),
        };
        lines.push(format!("{named}{}", flaw.what));
    }
    if flaws.len() > FLAWS_SHOWN {
        lines.push(format!("and {} more", flaws.len() - FLAWS_SHOWN));
    }
    let remedy = flaws.first().map_or_else(String::new, |flaw| flaw.remedy.clone());
    Failure::new(lines.join("\n       ")).remedy(remedy)
}
