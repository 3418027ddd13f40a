//! Whether an instance is there for the control plane, said the same way wherever nodes are shown.

use control_plane::ports::NodeView;
use scheduler_core::{Seconds, Timestamp};
use serde::Serialize;

/// Whether an instance can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Liveness {
    InUse,
    /// Its node is there and takes nothing new: it is no worker, or it stops.
    TakesNoWork,
    OutOfUse,
    Lost,
    Left,
    NeverJoined,
}

impl Liveness {
    /// Of this one, which is lost after a silence longer than the grace. A silent node's last word on whether it takes work says
    /// nothing any more, and what people define counts more than what the node says.
    pub(super) fn of(node: &NodeView, grace: Seconds, now: Timestamp) -> Self {
        match node.last_heartbeat {
            None if node.version.is_empty() => Self::NeverJoined,
            None => Self::Left,
            Some(at) if grace.elapsed_since(at, now) => Self::Lost,
            Some(_) if !node.enabled => Self::OutOfUse,
            Some(_) if !node.takes_work => Self::TakesNoWork,
            Some(_) => Self::InUse,
        }
    }

    /// In a few words.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::InUse => "in use",
            Self::TakesNoWork => "takes no work",
            Self::OutOfUse => "out of use",
            Self::Lost => "lost",
            Self::Left => "left",
            Self::NeverJoined => "never joined",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use scheduler_core::{Forks, InstanceId, NodeType};

    #[test]
    fn the_strongest_reason_is_the_one_that_is_said() {
        let now = Timestamp::UNIX_EPOCH;
        let grace = Seconds::new(60);
        let well = NodeView {
            id: InstanceId::new(1),
            hostname: "node-a".into(),
            node_type: NodeType::Hybrid,
            capacity: Forks::new(10),
            used: Forks::ZERO,
            enabled: true,
            takes_work: true,
            last_heartbeat: Some(now),
            version: "1.2.3".into(),
        };
        let word = |node: &NodeView| Liveness::of(node, grace, now).word();
        assert_eq!(word(&well), "in use");
        let draining = NodeView { takes_work: false, ..well };
        assert_eq!(word(&draining), "takes no work");
        assert_eq!(word(&NodeView { enabled: false, ..draining.clone() }), "out of use");
        let silent = NodeView { last_heartbeat: Some(now - TimeDelta::seconds(61)), ..draining.clone() };
        assert_eq!(word(&silent), "lost");
        let left = NodeView { last_heartbeat: None, ..draining };
        assert_eq!(word(&left), "left");
        assert_eq!(word(&NodeView { version: String::new(), ..left }), "never joined");
    }
}
