//! `set`: fields laid over what is defined already.
//!
//! Works on the JSON of the format of definitions, so that a flag, a file and a stored definition mean the same by a field, and
//! one reader judges the result.

use control_plane::definition::{DefinitionKind, Definitions};
use serde_json::{Map, Value};

use super::file;
use crate::define::args::Fields;
use crate::failure::Failure;
use crate::source::Source;

/// The fields of the file, and over them those of the flags.
pub(super) fn fields(
    kind: DefinitionKind,
    name: &str,
    from: Option<&Source>,
    flags: Fields,
) -> Result<Map<String, Value>, Failure> {
    let mut fields = match from {
        Some(source) => {
            let word = format!("the fields of a {}", kind.token());
            file::parse(source, &source.read()?, &word)?
        }
        None => Map::new(),
    };
    let given: Option<&str> = fields.get(name_key(kind)).and_then(Value::as_str);
    if let Some(other) = given.filter(|other| *other != name) {
        return Err(Failure::new(format!("the file defines {other:?}, not {name:?}"))
            .remedy("leave the name out of it, or give the same one"));
    }
    lay_over(&mut fields, flags.0);
    Ok(fields)
}

/// The definition with these fields laid over it, as a set of one.
pub(super) fn change(
    kind: DefinitionKind,
    name: &str,
    fields: &Map<String, Value>,
    defined: &Definitions,
) -> Result<Definitions, Failure> {
    let mut definition = find(kind, name, defined)?.unwrap_or_default();
    lay_over(&mut definition, fields.clone());
    definition.insert(name_key(kind).to_owned(), name.into());
    let mut set = Map::new();
    set.insert(kind.token().to_owned(), Value::Array(vec![Value::Object(without_nulls(definition))]));
    let changed: Definitions = serde_path_to_error::deserialize(Value::Object(set)).map_err(|error| {
        let prefix = format!("{}[0]", kind.token());
        let path = error.path().to_string();
        let path = path.strip_prefix(&prefix).unwrap_or(&path).trim_start_matches('.');
        let place = if path.is_empty() || path == "?" { String::new() } else { format!(" {path}:") };
        Failure::new(format!("{} {name:?}:{place} {}", kind.token(), error.inner()))
            .remedy(format!("`scheduler {} set --help` lists the fields", kind.token()))
    })?;
    changed.check().map_err(|flaws| Failure::new(flaws.to_string()))?;
    Ok(changed)
}

/// One definition as the JSON of the format.
fn find(
    kind: DefinitionKind,
    name: &str,
    defined: &Definitions,
) -> Result<Option<Map<String, Value>>, Failure> {
    let rows = rows(kind, defined)?;
    Ok(rows.into_iter().find(|row| row.get(name_key(kind)).and_then(Value::as_str) == Some(name)))
}

/// All definitions of one kind as the JSON of the format.
pub(super) fn rows(kind: DefinitionKind, defined: &Definitions) -> Result<Vec<Map<String, Value>>, Failure> {
    let mut document = serde_json::to_value(defined)
        .map_err(|error| Failure::new(format!("the definitions cannot be written as JSON: {error}")))?;
    let rows = match document.get_mut(kind.token()).map(Value::take) {
        Some(Value::Array(rows)) => rows,
        _ => Vec::new(),
    };
    Ok(rows
        .into_iter()
        .filter_map(|row| if let Value::Object(row) = row { Some(row) } else { None })
        .collect())
}

/// The field that holds the name.
pub(super) const fn name_key(kind: DefinitionKind) -> &'static str {
    match kind {
        DefinitionKind::Instance => "hostname",
        _ => "name",
    }
}

/// Field by field; what to run field by field too, unless it is of the other form, command or handler.
fn lay_over(under: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Object(run)), Value::Object(fields)) if key == "run" => {
                if ["command", "handler"]
                    .iter()
                    .any(|form| fields.contains_key(*form) && !run.contains_key(*form))
                {
                    run.clear();
                }
                run.extend(fields);
            }
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// A `null` takes its field away, of what to run as well; a payload's own are left alone.
fn without_nulls(fields: Map<String, Value>) -> Map<String, Value> {
    let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
    kept.map(|(key, value)| match value {
        Value::Object(run) if key == "run" => (key, Value::Object(without_nulls(run))),
        value => (key, value),
    })
    .collect()
}
