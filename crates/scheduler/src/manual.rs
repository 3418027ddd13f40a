//! `scheduler completions` and `scheduler man`: what shells and `man` need to know, generated from the arguments.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::Found;
use crate::failure::Failure;
use crate::output::{Output, write_file};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scheduler completions bash > ~/.local/share/bash-completion/completions/scheduler
  scheduler completions zsh > ~/.zfunc/_scheduler
  scheduler completions fish > ~/.config/fish/completions/scheduler.fish")]
pub(crate) struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scheduler man | man -l -
  scheduler man --into ~/.local/share/man/man1 && man scheduler-simulate")]
pub(crate) struct ManArgs {
    /// Write a page for the program and one for each command into this directory, which must exist, instead of printing the
    /// program's page
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,
}

/// The program's name, in completions and on pages.
const NAME: &str = "scheduler";

/// Prints the completions of a shell.
pub(crate) fn completions(args: &CompletionsArgs, mut program: clap::Command) -> Result<Found, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, NAME, &mut script);
    let mut out = Output::stdout();
    out.write_all(&script)?;
    out.finish()?;
    Ok(Found::Nothing)
}

/// Prints the program's page, or writes all pages.
pub(crate) fn man(args: &ManArgs, program: clap::Command) -> Result<Found, Failure> {
    let mut command = program.disable_help_subcommand(true);
    command.build();
    let Some(directory) = &args.into else {
        let mut out = Output::stdout();
        Man::new(command).render(&mut out)?;
        out.finish()?;
        return Ok(Found::Nothing);
    };
    let mut out = Output::stdout();
    for page in pages(&command) {
        let path = directory.join(page.get_filename());
        write_page(&page, &path)?;
        writeln!(out, "{}", path.display())?;
    }
    out.finish()?;
    Ok(Found::Nothing)
}

fn write_page(page: &Man, path: &Path) -> Result<(), Failure> {
    write_file(path, |out| page.render(&mut &mut *out))
}

/// The pages of a command and of all below it, each under its whole name.
fn pages(command: &clap::Command) -> Vec<Man> {
    let below = command.get_subcommands().filter(|command| !command.is_hide_set());
    let mut all = vec![Man::new(command.clone().display_name(whole_name(command)))];
    all.extend(below.flat_map(pages));
    all
}

fn whole_name(command: &clap::Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}
