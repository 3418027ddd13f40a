//! What a command does not inherit of its node's environment: the scheduler's own secrets.
//!
//! What a task prints is stored and shown to whoever may look, and whoever may launch may run `env`. So the variables by which a node
//! reaches its servers, knows its users and talks with what started it stay with the node. It is a list of what is left out, and
//! not of what is passed on: commands need `PATH`, `HOME`, proxies, locales and the settings of tools that nobody could list.
//!
//! A task that shall reach a database gets its own access by `environment` of its definition, which counts whatever its
//! names. Secrets of a program that embeds this are named in [`CommandOptions::withheld`](super::CommandOptions::withheld).

use std::ffi::{OsStr, OsString};

/// Whole names.
const NAMES: [&str; 11] = [
    "DATABASE_URL",
    "AMQP_URL",
    "AWX_DATABASE_URL",
    // What clients of PostgreSQL read secrets from, or find them by.
    "PGPASSWORD",
    "PGPASSFILE",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGSSLKEY",
    "PGSSLPASSWORD",
    // Where a service manager puts the service's secrets, and hears whether the service lives.
    "CREDENTIALS_DIRECTORY",
    "NOTIFY_SOCKET",
];

/// Beginnings of names: the program's own settings, its tokens among them.
const OWN: &str = "SCHEDULER_";

/// Those of these names that no command inherits; `besides` are withheld too.
pub(super) fn withheld(
    names: impl Iterator<Item = OsString>,
    besides: &[&str],
) -> impl Iterator<Item = OsString> {
    names.filter(move |name| is_withheld(name, besides))
}

fn is_withheld(name: &OsStr, besides: &[&str]) -> bool {
    let listed = NAMES.iter().chain(besides).any(|own| name == OsStr::new(own));
    listed || name.as_encoded_bytes().starts_with(OWN.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(names: &[&str], besides: &[&str]) -> Vec<OsString> {
        withheld(names.iter().map(OsString::from), besides).collect()
    }

    #[test]
    fn the_scheduler_s_secrets_are_left_out_and_what_commands_need_is_not() {
        let secrets = ["DATABASE_URL", "AMQP_URL", "AWX_DATABASE_URL", "PGPASSWORD", "SCHEDULER_HTTP_TOKEN"];
        assert_eq!(left_out(&secrets, &[]), secrets);
        let needed =
            ["PATH", "HOME", "https_proxy", "LANG", "PGHOST", "DATABASE_URL_OF_MINE", "ANSIBLE_CONFIG"];
        assert!(left_out(&needed, &[]).is_empty());
        assert_eq!(left_out(&needed, &["PGHOST"]), ["PGHOST"]);
    }
}
