//! `list`: the definitions of one kind, as a table for people or in the format of files.

use std::io::Write as _;

use control_plane::definition::{DefinitionKind, Definitions};
use serde_json::{Map, Value};

use super::set::rows;
use crate::failure::Failure;
use crate::output::{Output, cell, table};

/// Prints them.
pub(super) fn print(kind: DefinitionKind, defined: &Definitions, json: bool) -> Result<(), Failure> {
    let rows = rows(kind, defined)?;
    let mut out = Output::stdout();
    if json {
        let document = serde_json::json!({ kind.token(): rows });
        serde_json::to_writer_pretty(&mut out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else if rows.is_empty() {
        writeln!(out, "nothing is defined as {}", kind.token())?;
    } else {
        let columns = columns(kind);
        let titles: Vec<String> = columns.iter().map(|column| column.replace('_', " ")).collect();
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        let mut table = table(&titles);
        for row in &rows {
            table.add_row(columns.iter().map(|column| cell(shown(column, row))));
        }
        writeln!(out, "{}", table.trim_fmt())?;
    }
    out.finish()
}

const fn columns(kind: DefinitionKind) -> &'static [&'static str] {
    match kind {
        DefinitionKind::Instance => &["hostname", "node_type", "capacity", "enabled"],
        DefinitionKind::Group => &["name", "instances", "container", "max_concurrent_jobs", "max_forks"],
        DefinitionKind::Project => &["name", "update_on_launch", "cache_timeout", "groups", "run"],
        DefinitionKind::Inventory => &["name", "hosts"],
        DefinitionKind::InventorySource => {
            &["name", "inventory", "update_on_launch", "cache_timeout", "source_project", "groups", "run"]
        }
        DefinitionKind::JobTemplate => &[
            "name",
            "project",
            "inventory",
            "allow_simultaneous",
            "forks",
            "impact",
            "slices",
            "priority",
            "groups",
            "run",
        ],
        DefinitionKind::SystemJob => &["name", "groups", "run"],
        DefinitionKind::Workflow => &["name", "allow_simultaneous", "priority", "node"],
    }
}

/// A field for people. What a file leaves out is what its default says.
fn shown(column: &str, row: &Map<String, Value>) -> String {
    match row.get(column) {
        None | Some(Value::Null) => match column {
            "enabled" => "yes".to_owned(),
            "update_on_launch" | "allow_simultaneous" | "container" => "no".to_owned(),
            "slices" => "1".to_owned(),
            "groups" => "(default)".to_owned(),
            _ => String::new(),
        },
        Some(Value::Bool(flag)) => if *flag { "yes" } else { "no" }.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let names = items.iter().filter_map(|item| item.as_str().or_else(|| item.get("name")?.as_str()));
            names.collect::<Vec<_>>().join(", ")
        }
        Some(Value::Object(run)) => runs(run),
        Some(number) => number.to_string(),
    }
}

/// The program and its arguments, or the handler; its payload may hold secrets.
fn runs(run: &Map<String, Value>) -> String {
    let words = |argv: &Vec<Value>| argv.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    match (run.get("command").and_then(Value::as_array), run.get("handler").and_then(Value::as_str)) {
        (Some(argv), _) => words(argv),
        (None, Some(handler)) => format!("handler {handler}"),
        (None, None) => String::new(),
    }
}
