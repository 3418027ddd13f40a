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
    /// Numbers the names of a table; two that are alike are a flaw.
    pub(super) fn of<'n>(
        table: &'static str,
        names: impl Iterator<Item = &'n String>,
        flaws: &mut Vec<Flaw>,
    ) -> Self {
        let mut ids = HashMap::new();
        for (position, name) in names.enumerate() {
            let id = i64::try_from(position).unwrap_or(i64::MAX).saturating_add(1);
            if ids.insert(name.clone(), id).is_some() {
                flaws.push(Flaw {
                    table,
                    position,
                    what: format!("the name {name:?} is taken twice"),
                    remedy: "rename one of the two".into(),
                });
            }
        }
        Self { table, ids }
    }

    /// The id of a name that stands in an entry of some table; one that nobody has is a flaw.
    pub(super) fn find(&self, name: &str, at: (&'static str, usize), flaws: &mut Vec<Flaw>) -> Option<i64> {
        let id = self.ids.get(name).copied();
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
