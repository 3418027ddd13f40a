//! Where a node's spans and events go: standard error, so that standard output stays a command's result.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

/// Starts logging what the filter lets through: lines for people, coloured on a terminal, or JSON for programs.
pub(super) fn start(filter: &str, json: bool) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::new(format!("--log {filter:?}: {error}")).remedy(
            "write a level (error, warn, info, debug, trace) or a filter such as `info,control_plane=debug`",
        )
    })?;
    let colour =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    let started = if json { lines.json().try_init() } else { lines.compact().try_init() };
    started.map_err(|error| Failure::new(format!("logging cannot be started: {error}")))
}
