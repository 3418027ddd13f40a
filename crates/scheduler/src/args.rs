//! What the arguments of several commands have in common: servers, tasks, lengths of time. Those of one command are with it.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

/// A URL that may hold a password: never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretUrl(String);

impl SecretUrl {
    /// The URL, for the driver alone.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretUrl {
    type Err = Infallible;

    fn from_str(url: &str) -> Result<Self, Infallible> {
        Ok(Self(url.to_owned()))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretUrl(…)")
    }
}

/// Which database.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Servers")]
pub(crate) struct Database {
    /// The PostgreSQL database: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<SecretUrl>,
    /// The schema in it; several control planes may share a database
    #[arg(long, value_name = "SCHEMA", env = "DATABASE_SCHEMA", default_value = "scheduler")]
    pub(crate) database_schema: String,
}

/// Which broker.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Servers")]
pub(crate) struct Messages {
    /// The RabbitMQ server: `amqp://USER:PASSWORD@HOST:PORT/VHOST`
    #[arg(long, value_name = "URL", env = "AMQP_URL", hide_env_values = true)]
    pub(crate) amqp_url: Option<SecretUrl>,
    /// What the names of its queues and exchanges begin with; several control planes may share a server, each with a prefix of its own
    /// [default: `scheduler`, with another schema than that `scheduler-SCHEMA`]
    #[arg(long, value_name = "PREFIX", env = "AMQP_PREFIX")]
    pub(crate) amqp_prefix: Option<String>,
}

/// `2.5` seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no number of seconds, such as 2.5, up to a million");
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if !(0.0..=1_000_000.0).contains(&seconds) {
        return Err(wrong());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Some tasks of the database.
#[derive(Debug, Args)]
pub(crate) struct TasksArgs {
    /// Their ids
    #[arg(required = true, value_name = "TASK")]
    pub(crate) tasks: Vec<i64>,
    #[command(flatten)]
    pub(crate) database: Database,
}
