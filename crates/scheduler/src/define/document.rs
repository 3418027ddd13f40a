//! Where in the text of a file a definition, a launch or a change stands, for whoever says what is wrong with it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use control_plane::definition::{DefinitionKind, Place};
use serde::Deserialize;
use serde_json::value::RawValue;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file that was read before, as what it is made of.
pub(super) enum Document<'t> {
    Toml(Option<Spanned<DeTable<'t>>>),
    Json { text: &'t str, tables: HashMap<&'t str, &'t RawValue> },
}

/// As much of a row as its name takes.
#[derive(Deserialize)]
struct Name<'t> {
    #[serde(borrow, alias = "hostname")]
    name: Cow<'t, str>,
}

impl<'t> Document<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        if text.trim_ascii_start().starts_with('{') {
            return Self::Json { text, tables: serde_json::from_str(text).unwrap_or_default() };
        }
        Self::Toml(DeTable::parse(text).ok())
    }

    /// Where it is: of definitions with one name the last, which is the one too many; of the rules the grace, which is what can be
    /// wrong with them by themselves.
    pub(super) fn span(&self, place: &Place) -> Option<Range<usize>> {
        match place {
            Place::Of(kind, name) => self.named(*kind, name),
            Place::Rules => self.rules(),
            Place::Launch(position) => self.row("launch", *position),
            Place::Change(position) => self.row("changes", *position),
            Place::File => None,
        }
    }

    fn named(&self, kind: DefinitionKind, name: &str) -> Option<Range<usize>> {
        match self {
            Self::Toml(document) => {
                let rows = array(document.as_ref()?, kind.token())?;
                let key = if kind == DefinitionKind::Instance { "hostname" } else { "name" };
                let mut names = rows.iter().filter_map(|row| row.get_ref().get(key));
                names.rfind(|value| value.get_ref().as_str() == Some(name)).map(Spanned::span)
            }
            Self::Json { text, .. } => {
                let named = |row: &&&RawValue| {
                    serde_json::from_str::<Name<'_>>(row.get()).is_ok_and(|row| row.name == name)
                };
                within(text, self.rows(kind.token())?.iter().rfind(named)?)
            }
        }
    }

    fn rules(&self) -> Option<Range<usize>> {
        match self {
            Self::Toml(document) => {
                let rules = document.as_ref()?.get_ref().get("rules")?;
                let grace = rules.get_ref().get("heartbeat_grace");
                Some(grace.unwrap_or(rules).span())
            }
            Self::Json { text, tables } => within(text, tables.get("rules")?),
        }
    }

    fn row(&self, table: &str, position: usize) -> Option<Range<usize>> {
        match self {
            Self::Toml(document) => Some(array(document.as_ref()?, table)?.get(position)?.span()),
            Self::Json { text, .. } => within(text, self.rows(table)?.get(position)?),
        }
    }

    fn rows(&self, table: &str) -> Option<Vec<&'t RawValue>> {
        match self {
            Self::Toml(_) => None,
            Self::Json { tables, .. } => serde_json::from_str(tables.get(table)?.get()).ok(),
        }
    }
}

fn array<'d, 't>(document: &'d Spanned<DeTable<'t>>, table: &str) -> Option<&'d [Spanned<DeValue<'t>>]> {
    document.get_ref().get(table)?.get_ref().as_array().map(|rows| &**rows)
}

/// A raw value is a part of the text that it was read from.
fn within(text: &str, value: &RawValue) -> Option<Range<usize>> {
    let start = value.get().as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    Some(start..start + value.get().len())
}
