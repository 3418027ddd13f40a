//! The tables of R2, printed from the rule set itself.

use std::io::Write;

use comfy_table::{CellAlignment, Table};
use scheduler_core::words::visible;
use scheduler_core::{Claim, Matrix, Mode, Resource, RuleSet, Simultaneous};

use crate::Found;
use crate::args::Database;
use crate::failure::Failure;
use crate::output::{Output, cell, table};
use crate::{open, read};

/// Prints the claims and a matrix for each resource, then the other numbers of the rule set.
pub(crate) fn run(argument: Option<&str>, database: &Database, json: bool) -> Result<Found, Failure> {
    let rules = match argument {
        Some(argument) => read::rules(argument)?,
        None if database.database_url.is_some() => {
            open::block_on(async { Ok(open::store(database)?.read().await?) })?.rules
        }
        None => RuleSet::tower_2018(),
    };
    let mut out = Output::stdout();
    if json {
        serde_json::to_writer_pretty(&mut out, &rules).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        print(&rules, &mut out)?;
    }
    out.finish()?;
    Ok(Found::Nothing)
}

fn print(rules: &RuleSet, out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "Rule set {}\n\nWho claims what:\n\n{}", visible(&rules.name), claims(rules).trim_fmt())?;
    writeln!(out, "\nX: the pending mode (row) may not start while the held mode (column) is held.")?;
    for resource in resources(rules) {
        match rules.matrix(&resource) {
            Some(matrix) => writeln!(out, "\n{}", cells(rules, matrix).trim_fmt())?,
            None => writeln!(out, "\n{resource}: no matrix, so nobody blocks anybody")?,
        }
    }
    writeln!(out, "\n{}", settings(rules).trim_fmt())?;
    Ok(())
}

fn claims(rules: &RuleSet) -> Table {
    let mut claims = table(&["kind", "resource", "mode"]);
    for Claim { by, resource, mode, simultaneous } in &rules.claims {
        let mode = match simultaneous {
            Simultaneous::Same => mode.to_string(),
            Simultaneous::As(other) => format!("{mode}, or {other} when allow_simultaneous"),
            Simultaneous::Nothing => format!("{mode}, or none when allow_simultaneous"),
        };
        claims.add_row([by.to_string(), resource.to_string(), mode].map(cell));
    }
    claims
}

/// Every resource that is claimed or has a matrix, in the order of the tables.
fn resources(rules: &RuleSet) -> Vec<Resource> {
    let mut resources: Vec<Resource> = Vec::new();
    let matrices = rules.matrices.iter().map(|matrix| &matrix.resource);
    for resource in matrices.chain(rules.claims.iter().map(|claim| &claim.resource)) {
        if !resources.contains(resource) {
            resources.push(resource.clone());
        }
    }
    resources
}

fn cells(rules: &RuleSet, matrix: &Matrix) -> Table {
    let modes: Vec<Mode> = Mode::ALL.into_iter().filter(|&mode| speaks_of(rules, matrix, mode)).collect();
    let mut cells = table(&[&matrix.resource.to_string()]);
    let header = std::iter::once(matrix.resource.to_string()).chain(modes.iter().map(Mode::to_string));
    cells.set_header(header);
    for &pending in &modes {
        let mut row = vec![cell(pending)];
        for &held in &modes {
            let mark = if matrix.forbids(pending, held) { "X" } else { "." };
            row.push(cell(mark).set_alignment(CellAlignment::Center));
        }
        cells.add_row(row);
    }
    cells
}

fn speaks_of(rules: &RuleSet, matrix: &Matrix, mode: Mode) -> bool {
    let claimed = rules
        .claims
        .iter()
        .filter(|claim| claim.resource == matrix.resource)
        .any(|claim| claim.mode == mode || claim.simultaneous == Simultaneous::As(mode));
    claimed || matrix.forbidden.iter().any(|&(pending, held)| pending == mode || held == mode)
}

fn settings(rules: &RuleSet) -> Table {
    let groups: Vec<String> = rules.default_groups.iter().map(ToString::to_string).collect();
    let plane = rules.control_plane.map(|plane| format!("group {}, {} a task", plane.group, plane.impact));
    let or = |value: Option<String>, otherwise: &str| value.unwrap_or_else(|| otherwise.to_owned());
    let mut settings = table(&["setting", "value"]);
    let limit = (rules.start_limit.get() > 0).then(|| rules.start_limit.to_string());
    settings.add_rows([
        ["blocked tasks keep their place (R3)", if rules.chronological { "yes" } else { "no" }],
        ["groups of a task that names none", &or((!groups.is_empty()).then(|| groups.join(", ")), "none")],
        ["control plane", &or(plane, "none: the model of 2018")],
        ["an instance is lost after no heartbeat for", &rules.heartbeat_grace.to_string()],
        ["a dispatch is sent again when not taken up for", &rules.dispatch_grace.to_string()],
        ["starts in one pass", &or(limit, "no limit")],
        [
            "room is reserved for a task that waits for",
            &or(rules.reserve_after.map(|age| age.to_string()), "never"),
        ],
    ]);
    settings
}
