//! The program `scheduler`: plans, explains and audits passes at a desk, runs nodes, and asks a live control plane.
//!
//! Each command is a module with its arguments, a folder where it is large; [`cli`] lists them, and what several share stands in modules
//! of their own. The program reads files, calls the pure functions of `scheduler-core` and the ports of `control-plane`, and prints; it decides
//! nothing itself. Exit codes: 0 done or nothing to do (an audit: clean), 2 there are decisions (an audit: violations; waited-for
//! tasks: not all were successful; a purge that only counts: there is something to remove), 1 an error, usage errors included.

mod args;
mod audit;
mod cli;
mod decisions;
mod define;
mod demo;
mod explain;
mod failure;
mod forecast;
mod history;
mod import;
mod live;
mod manual;
mod node;
mod open;
mod output;
mod overview;
mod plan;
mod problems;
mod progress;
mod read;
mod report;
mod rules;
mod schema;
mod simulate;
mod source;
mod terminal;
mod top;
mod when;
mod words;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use control_plane::ports::Answer;
use scheduler_core::words::visible;

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
    if !usage.use_stderr() {
        let _printed = usage.print();
        return ExitCode::SUCCESS;
    }
    // It repeats arguments, which may be names of others: as other words do, and not line by line.
    let mut text = usage.render().ansi().to_string();
    for argument in std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()) {
        let shown = visible(&argument).to_string();
        if shown != argument {
            text = text.replace(&argument, &shown);
        }
    }
    let _printed = terminal::stderr().write_all(text.as_bytes());
    ExitCode::FAILURE
}

fn run(command: Command) -> Result<Found, Failure> {
    match command {
        Command::Plan(wanted) => plan::run(&wanted),
        Command::Explain(wanted) => explain::run(&wanted),
        Command::Audit(wanted) => audit::run(&wanted),
        Command::Schema { of } => schema::run(of),
        Command::Rules { rules, json, database } => rules::run(rules.as_deref(), &database, json),
        Command::Import { from } => import::run(&from),
        Command::Demo => demo::run(),
        Command::Simulate(wanted) => simulate::run(&wanted),
        Command::Forecast(wanted) => forecast::run(&wanted),
        Command::History(wanted) => history::run(&wanted),
        Command::Node(wanted) => node::run(&wanted),
        Command::Migrate { database } => live::migrate(&database),
        Command::Apply(wanted) => define::apply::run(&wanted),
        Command::Launch(wanted) => live::launch::run(&wanted),
        Command::Cancel(wanted) => live::cancel::run(&wanted),
        Command::Approve(wanted) => live::answer::run(&wanted, Answer::Approve),
        Command::Deny(wanted) => live::answer::run(&wanted, Answer::Deny),
        Command::Status(wanted) => live::status::run(&wanted),
        Command::Top(wanted) => top::run(&wanted),
        Command::Output(wanted) => live::output::run(&wanted),
        Command::Purge(wanted) => live::purge::run(&wanted),
        Command::Snapshot(wanted) => live::snapshot::run(&wanted),
        Command::Rpc(wanted) => live::rpc::run(&wanted),
        Command::Instance(wanted) => define::run(&wanted),
        Command::Group(wanted) => define::run(&wanted),
        Command::Project(wanted) => define::run(&wanted),
        Command::Inventory(wanted) => define::run(&wanted),
        Command::InventorySource(wanted) => define::run(&wanted),
        Command::Template(wanted) => define::run(&*wanted),
        Command::SystemJob(wanted) => define::run(&wanted),
        Command::Workflow(wanted) => define::run(&wanted),
        Command::Completions(wanted) => manual::completions(&wanted),
        Command::Man(wanted) => manual::man(&wanted),
    }
}
