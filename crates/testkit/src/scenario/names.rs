//! Names of instances and groups: the text's for the snapshot's ids, and back.

use super::line::{Line, ParseError};
use scheduler_core::{GroupId, InstanceId};

/// The id of the first row that a snapshot lacks.
const LACKING: i64 = 901;

/// Every name of a scenario; the ids of known names count from 1, of `?names` from 901.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    instances: Table,
    groups: Table,
}

#[derive(Clone, Debug, Default)]
struct Table {
    known: Vec<String>,
    lacking: Vec<String>,
}

impl Names {
    /// The id of an instance that has a row.
    pub(super) fn define_instance(&mut self, name: &str) -> InstanceId {
        InstanceId::new(self.instances.define(name))
    }

    /// The id of a group that has a row.
    pub(super) fn define_group(&mut self, name: &str) -> GroupId {
        GroupId::new(self.groups.define(name))
    }

    /// The instance that the next word names.
    pub(super) fn instance(&mut self, line: &mut Line<'_>) -> Result<InstanceId, ParseError> {
        let name = line.word("an instance")?;
        self.known_instance(&name).ok_or_else(|| {
            line.error(format!("no instance `{name}` above; write `?{name}` for one that is not there"))
        })
    }

    /// The instance of this name.
    pub(super) fn known_instance(&mut self, name: &str) -> Option<InstanceId> {
        self.instances.find(name).map(InstanceId::new)
    }

    /// The group that the next word names.
    pub(super) fn group(&mut self, line: &mut Line<'_>) -> Result<GroupId, ParseError> {
        let name = line.word("a group")?;
        self.known_group(&name).ok_or_else(|| {
            line.error(format!("no group `{name}` above; write `?{name}` for one that is not there"))
        })
    }

    /// The groups that the next words name, as far as they do.
    pub(super) fn groups(&mut self, line: &mut Line<'_>) -> Result<Vec<GroupId>, ParseError> {
        let mut groups = Vec::new();
        if line.skip("none") {
            return Ok(groups);
        }
        groups.push(self.group(line)?);
        while let Some(group) = line.peek().and_then(|name| self.known_group(&name)) {
            line.next();
            groups.push(group);
        }
        Ok(groups)
    }

    fn known_group(&mut self, name: &str) -> Option<GroupId> {
        self.groups.find(name).map(GroupId::new)
    }

    /// The name of an instance.
    pub(super) fn of_instance(&self, id: InstanceId) -> String {
        self.instances.name(id.get())
    }

    /// The name of a group.
    pub(super) fn of_group(&self, id: GroupId) -> String {
        self.groups.name(id.get())
    }
}

impl Table {
    fn define(&mut self, name: &str) -> i64 {
        place(&mut self.known, name) + 1
    }

    fn find(&mut self, name: &str) -> Option<i64> {
        if name.starts_with('?') {
            return Some(place(&mut self.lacking, name) + LACKING);
        }
        self.known.iter().position(|known| known == name).map(|position| position as i64 + 1)
    }

    fn name(&self, id: i64) -> String {
        let at = |names: &[String], first: i64| {
            usize::try_from(id - first).ok().and_then(|position| names.get(position).cloned())
        };
        at(&self.lacking, LACKING).or_else(|| at(&self.known, 1)).unwrap_or_else(|| format!("#{id}"))
    }
}

fn place(names: &mut Vec<String>, name: &str) -> i64 {
    let position = names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    });
    position as i64
}
