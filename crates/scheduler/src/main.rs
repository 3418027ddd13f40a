//! The program `scheduler`: plans, explains and audits scheduling passes.
//!
//! It reads files, calls the pure functions of `scheduler-core`, and prints; it decides nothing itself. Exit codes: 0
//! nothing to do (an audit: clean), 2 there are decisions (an audit: violations), 1 an error, usage errors included.

mod audit;
mod cli;
mod decisions;
mod demo;
mod explain;
mod failure;
mod import;
mod output;
mod plan;
mod problems;
mod read;
mod schema;
mod source;
mod tables;
mod words;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use failure::Failure;

/// What a command found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There is nothing to do, or nothing to object to.
    Nothing,
    /// There are decisions, or violations.
    Something,
}

impl Found {
    fn something_if(found: bool) -> Self {
        if found { Self::Something } else { Self::Nothing }
    }
}

impl From<Found> for ExitCode {
    fn from(found: Found) -> Self {
        match found {
            Found::Nothing => Self::SUCCESS,
            Found::Something => Self::from(2),
        }
    }
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => return answer_usage(&usage),
    };
    match run(cli.command) {
        Ok(found) => found.into(),
        Err(failure) => {
            failure.print();
            ExitCode::FAILURE
        }
    }
}

/// Help and version go to standard output and are no errors; clap's own code for a usage error is 2, which means
/// "decisions" here.
fn answer_usage(usage: &clap::Error) -> ExitCode {
    // A closed pipe is the reader's wish, not an error.
    let _printed = usage.print();
    if usage.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run(command: Command) -> Result<Found, Failure> {
    match command {
        Command::Plan(wanted) => plan::run(&wanted),
        Command::Explain(wanted) => explain::run(&wanted),
        Command::Audit(wanted) => audit::run(&wanted),
        Command::Schema { of } => schema::run(of),
        Command::Rules { rules, json } => tables::run(&rules, json),
        Command::Import { from } => import::run(&from),
        Command::Demo => demo::run(),
    }
}
