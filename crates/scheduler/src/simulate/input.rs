//! Where a workload comes from: files of several formats, told apart by how they begin, or a few parameters.

use control_plane::definition::{Definitions, Flaws};
use scheduler_core::{RuleSet, Snapshot};
use simulator::generate::Mix;
use simulator::swf::{Log, Mapping};
use simulator::{Seed, Workload};

use super::args::{Format, SimulateArgs};
use crate::define::file;
use crate::failure::Failure;
use crate::history::Past;
use crate::import::wfcommons::run_of;
use crate::read;
use crate::source::Source;

const FORMAT: &str =
    "`crates/simulator/FORMAT.md` describes the format, and `examples/workload.toml` shows it";

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

/// Reads the workload that was asked for, on the cluster that was asked for.
pub(super) fn read(args: &SimulateArgs) -> Result<Workload, Failure> {
    if args.live && args.workload.is_none() && args.generate.is_none() {
        let past = Past::read(&args.database, args.since, None)?;
        return on_cluster(past.replay(Seed::new(args.seed))?, args.cluster.as_ref());
    }
    read_workload(&Wanted {
        workload: args.workload.as_ref(),
        mix: args.generate.as_ref(),
        format: args.format,
        cluster: args.cluster.as_ref(),
        instances: args.instances,
        exclusive: args.exclusive,
        seed: args.seed,
    })
}

/// The rules that were asked for, else those that the workload goes by, else those of 2018.
pub(crate) fn rules(asked: Option<&str>, workload: &Workload) -> Result<RuleSet, Failure> {
    match asked {
        Some(asked) => read::rules(asked),
        None => Ok(workload.rules.clone().unwrap_or_else(RuleSet::tower_2018)),
    }
}

/// The same of a file or of parameters, for other commands too.
pub(crate) fn read_workload(args: &Wanted<'_>) -> Result<Workload, Failure> {
    let seed = Seed::new(args.seed);
    let workload = match (args.workload, args.mix) {
        (Some(source), _) => {
            let mapping = Mapping { instances: args.instances.unwrap_or(1), exclusive: args.exclusive };
            workload_of(source, args.format, &mapping, args.instances, seed)?
        }
        (None, Some(mix)) => mix.generate(seed),
        (None, None) => return Err(Failure::new("there is no workload".into()).remedy("name a file")),
    };
    on_cluster(workload, args.cluster)
}

/// With the instances and groups of this file, and its rules, which name them, if there is one.
fn on_cluster(mut workload: Workload, cluster: Option<&Source>) -> Result<Workload, Failure> {
    if let Some(source) = cluster {
        let bytes = source.read()?;
        let file = parse(source, &bytes)?;
        let other = simulator::file::cluster(&file).map_err(|flaws| flawed(source, &bytes, &flaws))?;
        workload.cluster.instances = other.cluster.instances;
        workload.cluster.groups = other.cluster.groups;
        workload.rules = other.rules.or(workload.rules);
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
            let file = parse(source, &bytes)?;
            simulator::file::workload(&file, seed).map_err(|flaws| flawed(source, &bytes, &flaws))
        }
    }
}

fn parse(source: &Source, bytes: &[u8]) -> Result<Definitions, Failure> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(
            Failure::new(format!("{source}: is empty; expected a workload as TOML or JSON")).remedy(FORMAT)
        );
    }
    file::parse(source, bytes, "a workload").map_err(|failure| failure.or_remedy(FORMAT))
}

fn flawed(source: &Source, bytes: &[u8], flaws: &Flaws) -> Failure {
    file::flawed(source, bytes, flaws).remedy(FORMAT)
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
