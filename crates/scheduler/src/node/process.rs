//! What a node asks of the system for its own process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files to the most that is allowed, since each command takes some. Returns what it was, for the
/// commands: some programs cannot deal with many.
pub(super) fn raise_open_files() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return None;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "the limit of open files stays as it is");
        return None;
    }
    tracing::debug!(from = ?current, to = ?maximum, "the limit of open files is raised");
    current
}

/// Keeps the memory and the environment of this process, where passwords are, from the commands that it runs as the same user. A side
/// effect, and a welcome one: no core dump holds them either. On Linux only.
pub(super) fn hide_secrets() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::warn!(%error, "commands can read this node's environment in /proc");
    }
}
