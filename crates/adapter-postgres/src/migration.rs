//! The migrations: an ordered list of SQL files, each leading from one version of the tables to the next.

/// One step from one version of the tables to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The version that it leads to; the first leads to 1.
    pub version: u32,
    /// What it is called.
    pub name: &'static str,
    /// The statements, with `{schema}` for the schema's quoted name and `{channel}` for the name of its channel.
    pub sql: &'static str,
}

/// Every migration, in order.
pub(crate) const MIGRATIONS: [Migration; 11] = [
    Migration { version: 1, name: "definitions", sql: include_str!("../migrations/0001_definitions.sql") },
    Migration { version: 2, name: "tasks", sql: include_str!("../migrations/0002_tasks.sql") },
    Migration { version: 3, name: "launch", sql: include_str!("../migrations/0003_launch.sql") },
    Migration { version: 4, name: "history", sql: include_str!("../migrations/0004_history.sql") },
    Migration { version: 5, name: "bounds", sql: include_str!("../migrations/0005_bounds.sql") },
    Migration { version: 6, name: "draining", sql: include_str!("../migrations/0006_draining.sql") },
    Migration { version: 7, name: "unfinished", sql: include_str!("../migrations/0007_unfinished.sql") },
    Migration { version: 8, name: "walls", sql: include_str!("../migrations/0008_walls.sql") },
    Migration { version: 9, name: "identity", sql: include_str!("../migrations/0009_identity.sql") },
    Migration { version: 10, name: "own keys", sql: include_str!("../migrations/0010_own_keys.sql") },
    Migration { version: 11, name: "turns", sql: include_str!("../migrations/0011_turns.sql") },
];

/// The version that this program needs.
pub(crate) const NEEDED: u32 = 11;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_up_to_what_is_needed() {
        let versions: Vec<u32> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert_eq!(versions, (1..=NEEDED).collect::<Vec<_>>());
    }
}
