//! The rules to go by, as people define them: a preset, groups by name, numbers, and rows of one's own.

use scheduler_core::{Claim, ControlPlane, Forks, GroupId, Matrix, RuleSet, Seconds, TaskCount};
use serde::{Deserialize, Serialize};

/// What a rule set is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesDefinition {
    /// The preset to start from.
    #[serde(default)]
    pub preset: Preset,
    /// The groups of a task that names none (R6.2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub default_groups: Vec<String>,
    /// The control plane (R6.4); left out, the 2018 model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<ControlPlaneDefinition>,
    /// R3, if not as in the preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chronological: Option<bool>,
    /// R8.1, in seconds, if not as in the preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_grace: Option<Seconds>,
    /// R8.2, in seconds, if not as in the preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatch_grace: Option<Seconds>,
    /// How many tasks one pass may start; 0 for no limit (R9).
    #[serde(default)]
    pub start_limit: TaskCount,
    /// R6.7, in seconds; left out, off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve_after: Option<Seconds>,
    /// Rows of your own, after those of the preset (R2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// Matrices of your own resources (R2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matrices: Vec<Matrix>,
}

/// The control plane by the name of its group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlPlaneDefinition {
    /// The group.
    pub group: String,
    /// What controlling one task costs.
    pub impact: Forks,
}

/// The rule sets that ship.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Preset {
    /// What the source document says.
    #[default]
    #[serde(rename = "tower-2018")]
    Tower2018,
    /// What AWX does today.
    #[serde(rename = "awx-2024")]
    Awx2024,
}

/// The rules name a group that is not defined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rules name the group {0:?}, which is not defined: define it, or name another")]
pub struct UnknownGroup(pub String);

impl Preset {
    fn rule_set(self) -> RuleSet {
        match self {
            Self::Tower2018 => RuleSet::tower_2018(),
            Self::Awx2024 => RuleSet::awx_2024(),
        }
    }
}

/// The shortest grace between a heartbeat and the loss of a node: nodes beat at least three times in it, and hardly more often than
/// every second.
const SHORTEST_GRACE: Seconds = Seconds::new(3);

impl RulesDefinition {
    /// What is wrong with a grace that is so short that nodes would be lost between two heartbeats.
    pub(super) fn too_short(&self) -> Option<String> {
        let grace = self.heartbeat_grace.filter(|grace| *grace < SHORTEST_GRACE)?;
        Some(format!(
            "`heartbeat_grace` is {grace}, in which no node could be heard three times, so that its tasks would fail: define at least {SHORTEST_GRACE}, and three times the longest `--heartbeat-interval` of the nodes"
        ))
    }

    /// The groups that the rules name.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        let plane = self.control_plane.iter().map(|plane| plane.group.as_str());
        self.default_groups.iter().map(String::as_str).chain(plane)
    }

    /// After how long a silence a node is lost (R8.1): as defined, else as in the preset.
    #[must_use]
    pub fn heartbeat_grace(&self) -> Seconds {
        self.heartbeat_grace.unwrap_or_else(|| self.preset.rule_set().heartbeat_grace)
    }

    /// The rule set, with the groups' ids from `group`.
    pub fn resolve(&self, group: impl Fn(&str) -> Option<GroupId>) -> Result<RuleSet, UnknownGroup> {
        let named = |name: &String| group(name).ok_or_else(|| UnknownGroup(name.clone()));
        let mut rules = self.preset.rule_set();
        rules.default_groups = self.default_groups.iter().map(named).collect::<Result<_, _>>()?;
        rules.control_plane = match &self.control_plane {
            Some(plane) => Some(ControlPlane { group: named(&plane.group)?, impact: plane.impact }),
            None => None,
        };
        rules.chronological = self.chronological.unwrap_or(rules.chronological);
        rules.heartbeat_grace = self.heartbeat_grace();
        rules.dispatch_grace = self.dispatch_grace.unwrap_or(rules.dispatch_grace);
        rules.start_limit = self.start_limit;
        rules.reserve_after = self.reserve_after;
        rules.claims.extend(self.claims.iter().cloned());
        rules.matrices.extend(self.matrices.iter().cloned());
        Ok(rules)
    }
}
