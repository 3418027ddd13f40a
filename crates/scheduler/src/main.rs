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

use clap::{CommandFactory as _, Parser};
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
        Command::Plan(args) => plan::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Schema { of } => schema::run(of),
        Command::Rules { rules, json, database } => rules::run(rules.as_deref(), &database, json),
        Command::Import { from } => import::run(&from),
        Command::Demo => demo::run(),
        Command::Simulate(args) => simulate::run(&args),
        Command::Forecast(args) => forecast::run(&args),
        Command::History(args) => history::run(&args),
        Command::Node(args) => node::run(&args),
        Command::Migrate { database } => live::migrate(&database),
        Command::Apply(args) => define::apply::run(&args),
        Command::Launch(args) => live::launch::run(&args),
        Command::Cancel(args) => live::cancel::run(&args),
        Command::Approve(args) => live::answer::run(&args, Answer::Approve),
        Command::Deny(args) => live::answer::run(&args, Answer::Deny),
        Command::Status(args) => live::status::run(&args),
        Command::Top(args) => top::run(&args),
        Command::Output(args) => live::output::run(&args),
        Command::Purge(args) => live::purge::run(&args),
        Command::Snapshot(args) => live::snapshot::run(&args),
        Command::Rpc(args) => live::rpc::run(&args),
        Command::Instance(args) => define::run(&args),
        Command::Group(args) => define::run(&args),
        Command::Project(args) => define::run(&args),
        Command::Inventory(args) => define::run(&args),
        Command::InventorySource(args) => define::run(&args),
        Command::Template(args) => define::run(&*args),
        Command::SystemJob(args) => define::run(&args),
        Command::Workflow(args) => define::run(&args),
        Command::Completions(args) => manual::completions(&args, Cli::command()),
        Command::Man(args) => manual::man(&args, Cli::command()),
    }
}
