//! The arguments of `scheduler launch`.

use clap::Args;
use control_plane::ports::{Launchable, TraceContext};
use scheduler_core::{Mode, OwnKey};

use crate::args::Database;
use crate::define::args::RunFlags;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scheduler launch template:deploy-web
  scheduler launch workflow:release --priority 10 --wait
  scheduler launch --inventory production --forks 10 -- uptime
  scheduler launch template:report --own-key table=7:shared

Exit codes: 0 launched, with --wait: all were successful; 2 with --wait: some were not; 1 an error, nothing was launched")]
pub(crate) struct LaunchArgs {
    /// What: a kind (template, project, inventory-source, system-job, workflow) and a name; all are launched or none.
    /// What to run is as defined; a payload, a timeout and so on are laid over it
    #[arg(value_name = "KIND:NAME", value_parser = launchable, required_unless_present = "inventory", conflicts_with = "inventory")]
    pub(crate) what: Vec<Launchable>,
    /// Run one command on this inventory instead
    #[arg(long, value_name = "NAME")]
    pub(crate) inventory: Option<String>,
    /// The groups that the command may run in, in order of preference
    #[arg(long, value_name = "GROUP", value_delimiter = ',', requires = "inventory")]
    pub(crate) groups: Vec<String>,
    /// How many hosts the command works on at once
    #[arg(long, value_name = "N", requires = "inventory")]
    pub(crate) forks: Option<u32>,
    #[command(flatten)]
    pub(crate) run: RunFlags,
    /// Higher is considered first; left out, as defined
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) priority: Option<i32>,
    /// Tasks that must be successful first
    #[arg(long, value_name = "TASK", value_delimiter = ',')]
    pub(crate) after: Vec<i64>,
    /// A key of a resource of your own rules, beside those that are defined; claimed as the rule says, or in this mode
    #[arg(long = "own-key", value_name = "RESOURCE=KEY[:MODE]", value_parser = own_key)]
    pub(crate) own_keys: Vec<OwnKey>,
    /// How many of each
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) count: u32,
    /// Wait until they have ended
    #[arg(long)]
    pub(crate) wait: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The trace that it belongs to, as in W3C's `traceparent`
    #[arg(long, value_name = "TRACEPARENT", env = "TRACEPARENT", value_parser = trace, hide = true)]
    pub(crate) trace: Option<TraceContext>,
    #[command(flatten)]
    pub(crate) database: Database,
}

/// `template:deploy-web`.
pub(crate) fn launchable(text: &str) -> Result<Launchable, String> {
    let kinds = "template, project, inventory-source, system-job or workflow";
    let Some((kind, name)) = text.split_once(':') else {
        return Err(format!("write a kind and a name, as in template:{text}; kinds are {kinds}"));
    };
    let name = name.to_owned();
    match kind {
        _ if name.is_empty() => Err("the name after the colon is missing".to_owned()),
        "template" => Ok(Launchable::JobTemplate(name)),
        "project" => Ok(Launchable::Project(name)),
        "inventory-source" => Ok(Launchable::InventorySource(name)),
        "system-job" => Ok(Launchable::SystemJob(name)),
        "workflow" => Ok(Launchable::Workflow(name)),
        other => Err(format!("{other:?} cannot be launched; kinds are {kinds}")),
    }
}

/// `licence=7`, `table=7:shared`.
fn own_key(text: &str) -> Result<OwnKey, String> {
    let form =
        "write a resource of your own rules and a key, as in licence=7, or with a mode, as in table=7:shared";
    let (resource, rest) = text.rsplit_once('=').ok_or(form)?;
    let (key, mode) = rest.split_once(':').map_or((rest, None), |(key, mode)| (key, Some(mode)));
    let key: i64 = key.parse().map_err(|_| format!("{key:?} is no number; {form}"))?;
    if resource.is_empty() {
        return Err(form.to_owned());
    }
    let own = OwnKey::new(resource, key);
    let Some(mode) = mode else { return Ok(own) };
    let found = Mode::ALL.into_iter().find(|known| known.to_string() == mode);
    let modes = Mode::ALL.map(|mode| mode.to_string()).join(", ");
    found.map(|mode| own.in_mode(mode)).ok_or_else(|| format!("{mode:?} is no mode; modes are {modes}"))
}

fn trace(text: &str) -> Result<TraceContext, String> {
    TraceContext::try_from(text.to_owned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_ones_own_is_a_resource_a_number_and_perhaps_a_mode() {
        assert_eq!(own_key("licence=7"), Ok(OwnKey::new("licence", 7)));
        assert_eq!(own_key("licence=-9223372036854775808"), Ok(OwnKey::new("licence", i64::MIN)));
        assert_eq!(own_key("a=b=7"), Ok(OwnKey::new("a=b", 7)), "the last sign divides");
        for mode in Mode::ALL {
            let text = format!("table=7:{mode}");
            assert_eq!(own_key(&text), Ok(OwnKey::new("table", 7).in_mode(mode)), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_of_ones_own_is_refused_with_what_to_write() {
        for text in [
            "",
            "licence",
            "=7",
            "licence=",
            "licence=x",
            "licence=7.0",
            "licence=9223372036854775808",
            "licence=:shared",
        ] {
            assert!(own_key(text).is_err_and(|why| why.contains("licence=7")), "{text:?}");
        }
        for text in ["table=7:", "table=7:Shared", "table=7:shared:shared"] {
            assert!(own_key(text).is_err_and(|why| why.contains("exclusive")), "{text:?}");
        }
    }
}
