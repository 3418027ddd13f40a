//! Names to ids: in the order of the file, from 1.

use std::collections::HashMap;

use super::Flaw;

/// The names of one table.
#[derive(Debug)]
pub(super) struct Names {
    table: &'static str,
    ids: HashMap<String, i64>,
}

impl Names {
    /// Numbers the names of a table; of two that are alike, which is a flaw by itself, the second counts.
    pub(super) fn of<'n>(table: &'static str, names: impl Iterator<Item = &'n String>) -> Self {
        Self { table, ids: names.cloned().zip(1..).collect() }
    }

    /// The id of a name, if it has one.
    pub(super) fn id(&self, name: &str) -> Option<i64> {
        self.ids.get(name).copied()
    }

    /// The id of a name that stands in an entry of some table; one that nobody has is a flaw.
    pub(super) fn find(&self, name: &str, at: (&'static str, usize), flaws: &mut Vec<Flaw>) -> Option<i64> {
        let id = self.id(name);
        if id.is_none() {
            let mut known: Vec<&str> = self.ids.keys().map(String::as_str).collect();
            known.sort_unstable();
            let more = known.len().saturating_sub(10);
            known.truncate(10);
            let known = match (known.as_slice(), more) {
                ([], _) => "there is none".to_owned(),
                (known, 0) => format!("there are {}", known.join(", ")),
                (known, more) => format!("there are {} and {more} more", known.join(", ")),
            };
            flaws.push(Flaw {
                table: at.0,
                position: at.1,
                what: format!("there is no {} {name:?}", self.table),
                remedy: format!("define it as [[{}]], or name another: {known}", self.table),
            });
        }
        id
    }
}
