//! What people define: whole files of it, and one thing at a time.

pub(crate) mod apply;
pub(crate) mod args;
mod document;
pub(crate) mod file;
mod list;
mod set;

use std::io::Write as _;

use control_plane::definition::{Applied, DefinitionKind};

use crate::Found;
use crate::failure::Failure;
use crate::open;
use crate::output::Output;
use args::{Define, Flags};

/// Lists, sets or removes definitions of one kind.
pub(crate) fn run<F: Flags>(args: &Define<F>) -> Result<Found, Failure> {
    match args {
        Define::List { json, database } => {
            let definitions = open::block_on(async { Ok(open::store(database)?.definitions().await?) })?;
            list::print(F::KIND, &definitions, *json)?;
        }
        Define::Set { name, from, flags, database } => {
            let fields = set::fields(F::KIND, name, from.as_ref(), flags.fields()?)?;
            let applied = open::block_on(async {
                let store = open::store(database)?;
                let changed = set::change(F::KIND, name, &fields, &store.definitions().await?)?;
                Ok(store.define(&changed).await?)
            })?;
            print_applied(&applied)?;
        }
        Define::Remove { name, database } => {
            let there = open::block_on(async { Ok(open::store(database)?.remove(F::KIND, name).await?) })?;
            if !there {
                return Err(unknown(F::KIND, name));
            }
            let mut out = Output::stdout();
            writeln!(out, "removed {} {name:?}", F::KIND.token())?;
            out.finish()?;
        }
    }
    Ok(Found::Nothing)
}

fn unknown(kind: DefinitionKind, name: &str) -> Failure {
    let kind = kind.token();
    Failure::new(format!("there is no {kind} {name:?}"))
        .remedy(format!("`scheduler {kind} list` shows those there are"))
}

/// Says what is different now.
fn print_applied(applied: &Applied) -> Result<(), Failure> {
    let mut out = Output::stdout();
    for (word, names) in [("created", &applied.created), ("changed", &applied.changed)] {
        for (kind, name) in names {
            writeln!(out, "{word} {} {name:?}", kind.token())?;
        }
    }
    if applied.rules_changed {
        writeln!(out, "changed the rules")?;
    }
    if applied.unchanged > 0 {
        writeln!(out, "{} as they were", applied.unchanged)?;
    }
    out.finish()
}
