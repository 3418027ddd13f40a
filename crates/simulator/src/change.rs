//! Changes of the cluster: instances that come, go and change, and limits of groups. Written as one line of words each, in
//! workload files and on the command line.

use std::fmt;
use std::str::FromStr;

use scheduler_core::{Forks, Instance, InstanceId, Members, NodeType, TaskCount};

use crate::{Cluster, Moment};

/// What changes about the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new instance.
    AddInstance {
        /// Its name.
        hostname: String,
        /// What it has.
        capacity: Forks,
        /// The groups that it joins, by name; none for the only group of instances that there is.
        groups: Vec<String>,
    },
    /// The instance is gone: what runs on it fails (R8.1).
    RemoveInstance {
        /// Its name.
        hostname: String,
    },
    /// The instance falls silent: what runs on it fails once the heartbeat grace is over (R8.1).
    LoseInstance {
        /// Its name.
        hostname: String,
    },
    /// It has this capacity now.
    SetCapacity {
        /// Its name.
        hostname: String,
        /// What it has.
        capacity: Forks,
    },
    /// It takes new tasks, or none: what runs goes on.
    Enable {
        /// Its name.
        hostname: String,
        /// Whether it takes new tasks.
        enabled: bool,
    },
    /// The group has these limits now; 0 for none (R6.2).
    LimitGroup {
        /// Its name.
        group: String,
        /// How many tasks may hold a place by it.
        jobs: TaskCount,
        /// How many forks they may have together.
        forks: Forks,
    },
}

/// A change at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedChange {
    /// When.
    pub at: Moment,
    /// What.
    pub change: Change,
}

/// Words that are no change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The words do not fit any form.
    #[error("`{0}` is no change; changes are {FORMS}")]
    Unknown(String),
    /// A number was expected.
    #[error("`{word}` in `{change}` is no whole number from 0 to 4294967295")]
    NoNumber {
        /// What stands there.
        word: String,
        /// In which change.
        change: String,
    },
    /// The cluster has no such instance.
    #[error("there is no instance `{name}` to change; instances are {known}")]
    NoInstance {
        /// Which was named.
        name: String,
        /// Which there are.
        known: String,
    },
    /// The cluster has no such group.
    #[error("there is no group `{name}`; groups are {known}")]
    NoGroup {
        /// Which was named.
        name: String,
        /// Which there are.
        known: String,
    },
    /// A new instance has the name of another.
    #[error("there is an instance `{0}` already: choose another name, or change its capacity")]
    TakenName(String),
    /// There are several groups that a new instance could join.
    #[error("say which group the instance `{name}` joins; groups are {known}")]
    WhichGroup {
        /// The instance.
        name: String,
        /// Which there are.
        known: String,
    },
    /// A container group has no instances.
    #[error("the group `{0}` is a container platform and has no instances")]
    Container(String),
}

const FORMS: &str = "`instance add NAME CAPACITY [GROUP …]`, `instance remove NAME`, `instance lose NAME`, \
`instance capacity NAME CAPACITY`, `instance enable NAME`, `instance disable NAME` and `group limit NAME JOBS [FORKS]`, \
each with `at SECONDS` before it if it comes later";

impl FromStr for Change {
    type Err = ChangeError;

    fn from_str(text: &str) -> Result<Self, ChangeError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |word: &str| {
            word.parse().map_err(|_| ChangeError::NoNumber { word: word.into(), change: text.into() })
        };
        let forks = |word: &str| number(word).map(Forks::new);
        let hostname = |name: &str| name.to_owned();
        Ok(match words.as_slice() {
            ["instance", "add", name, capacity, groups @ ..] => Self::AddInstance {
                hostname: hostname(name),
                capacity: forks(capacity)?,
                groups: groups.iter().map(|&group| group.to_owned()).collect(),
            },
            ["instance", "remove", name] => Self::RemoveInstance { hostname: hostname(name) },
            ["instance", "lose", name] => Self::LoseInstance { hostname: hostname(name) },
            ["instance", "capacity", name, capacity] => {
                Self::SetCapacity { hostname: hostname(name), capacity: forks(capacity)? }
            }
            ["instance", "enable", name] => Self::Enable { hostname: hostname(name), enabled: true },
            ["instance", "disable", name] => Self::Enable { hostname: hostname(name), enabled: false },
            ["group", "limit", group, jobs] => Self::LimitGroup {
                group: hostname(group),
                jobs: TaskCount::new(number(jobs)?),
                forks: Forks::ZERO,
            },
            ["group", "limit", group, jobs, most] => Self::LimitGroup {
                group: hostname(group),
                jobs: TaskCount::new(number(jobs)?),
                forks: forks(most)?,
            },
            _ => return Err(ChangeError::Unknown(text.into())),
        })
    }
}

/// `at SECONDS` and a change, or a change from the beginning on.
impl FromStr for TimedChange {
    type Err = ChangeError;

    fn from_str(text: &str) -> Result<Self, ChangeError> {
        let text = text.trim();
        let Some(rest) = text.strip_prefix("at ") else {
            return Ok(Self { at: Moment::START, change: text.parse()? });
        };
        let (seconds, change) = rest.trim_start().split_once(' ').unwrap_or((rest, ""));
        let at: u32 = seconds
            .parse()
            .map_err(|_| ChangeError::NoNumber { word: seconds.into(), change: text.into() })?;
        Ok(Self { at: Moment::from_seconds(i64::from(at)), change: change.parse()? })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddInstance { hostname, capacity, groups } => {
                write!(f, "instance add {hostname} {}", capacity.get())?;
                groups.iter().try_for_each(|group| write!(f, " {group}"))
            }
            Self::RemoveInstance { hostname } => write!(f, "instance remove {hostname}"),
            Self::LoseInstance { hostname } => write!(f, "instance lose {hostname}"),
            Self::SetCapacity { hostname, capacity } => {
                write!(f, "instance capacity {hostname} {}", capacity.get())
            }
            Self::Enable { hostname, enabled: true } => write!(f, "instance enable {hostname}"),
            Self::Enable { hostname, enabled: false } => write!(f, "instance disable {hostname}"),
            Self::LimitGroup { group, jobs, forks } => {
                write!(f, "group limit {group} {} {}", jobs.get(), forks.get())
            }
        }
    }
}

impl fmt::Display for TimedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at > Moment::START {
            write!(f, "at {} ", self.at.millis() / 1000)?;
        }
        self.change.fmt(f)
    }
}

impl Cluster {
    /// Applies a change. One that loses an instance changes nothing here: its heartbeat is the simulation's.
    ///
    /// # Errors
    ///
    /// When it names an instance or a group that is not there, or a name that is taken.
    pub fn apply(&mut self, change: &Change) -> Result<(), ChangeError> {
        self.apply_after(change, InstanceId::new(0))
    }

    /// Applies a change; a new instance gets an id above this one, so that it is none that was removed before.
    pub(crate) fn apply_after(&mut self, change: &Change, last: InstanceId) -> Result<(), ChangeError> {
        match change {
            Change::AddInstance { hostname, capacity, groups } => self.add(hostname, *capacity, groups, last),
            Change::RemoveInstance { hostname } => {
                let id = self.instance(hostname)?.id;
                self.instances.retain(|instance| instance.id != id);
                for group in &mut self.groups {
                    if let Members::Instances(members) = &mut group.members {
                        members.retain(|member| *member != id);
                    }
                }
                Ok(())
            }
            Change::LoseInstance { hostname } => self.instance(hostname).map(|_| ()),
            Change::SetCapacity { hostname, capacity } => {
                self.instance(hostname)?.capacity = *capacity;
                Ok(())
            }
            Change::Enable { hostname, enabled } => {
                self.instance(hostname)?.enabled = *enabled;
                Ok(())
            }
            Change::LimitGroup { group, jobs, forks } => {
                let known = self.group_names();
                let found = self.groups.iter_mut().find(|one| one.name == *group);
                let found = found.ok_or_else(|| ChangeError::NoGroup { name: group.clone(), known })?;
                (found.max_concurrent_jobs, found.max_forks) = (*jobs, *forks);
                Ok(())
            }
        }
    }

    fn add(
        &mut self,
        hostname: &str,
        capacity: Forks,
        groups: &[String],
        last: InstanceId,
    ) -> Result<(), ChangeError> {
        if self.instances.iter().any(|instance| instance.hostname == hostname) {
            return Err(ChangeError::TakenName(hostname.into()));
        }
        let known = self.group_names();
        let of_instances: Vec<&str> = self
            .groups
            .iter()
            .filter(|group| matches!(group.members, Members::Instances(_)))
            .map(|group| group.name.as_str())
            .collect();
        let joined: Vec<String> = match (groups, of_instances.as_slice()) {
            ([], [only]) => vec![(*only).to_owned()],
            ([], _) => return Err(ChangeError::WhichGroup { name: hostname.into(), known }),
            (named, _) => named.to_vec(),
        };
        let ids = self.instances.iter().map(|instance| instance.id);
        let id = InstanceId::new(ids.chain([last]).max().unwrap_or(last).get().saturating_add(1));
        for name in &joined {
            let group = self.groups.iter_mut().find(|group| group.name == *name);
            let group =
                group.ok_or_else(|| ChangeError::NoGroup { name: name.clone(), known: known.clone() })?;
            match &mut group.members {
                Members::Instances(members) => members.push(id),
                Members::Container => return Err(ChangeError::Container(name.clone())),
            }
        }
        self.instances.push(Instance {
            id,
            hostname: hostname.into(),
            node_type: NodeType::Hybrid,
            capacity,
            enabled: true,
            last_heartbeat: None,
        });
        Ok(())
    }

    fn instance(&mut self, name: &str) -> Result<&mut Instance, ChangeError> {
        let known = list(self.instances.iter().map(|instance| instance.hostname.as_str()));
        let found = self.instances.iter_mut().find(|instance| instance.hostname == name);
        found.ok_or_else(|| ChangeError::NoInstance { name: name.into(), known })
    }

    fn group_names(&self) -> String {
        list(self.groups.iter().map(|group| group.name.as_str()))
    }
}

/// At most ten of them.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names = names.map(|name| format!("`{name}`"));
    let mut shown: Vec<String> = names.by_ref().take(10).collect();
    let more = names.count();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    if shown.is_empty() { "none".into() } else { shown.join(", ") }
}

#[cfg(test)]
mod tests {
    use scheduler_core::{GroupId, InstanceGroup};

    use super::*;

    fn cluster() -> Cluster {
        let mut cluster = Cluster {
            groups: vec![InstanceGroup {
                id: GroupId::new(1),
                name: "default".into(),
                members: Members::Instances(Vec::new()),
                max_concurrent_jobs: TaskCount::new(0),
                max_forks: Forks::ZERO,
            }],
            ..Cluster::default()
        };
        cluster.apply(&"instance add a 10".parse().unwrap()).unwrap();
        cluster
    }

    #[test]
    fn words_become_changes_and_back() {
        for text in [
            "instance add b 40 default",
            "instance remove a",
            "instance lose a",
            "instance capacity a 7",
            "instance enable a",
            "instance disable a",
            "group limit default 3 0",
            "at 60 instance remove a",
        ] {
            assert_eq!(text.parse::<TimedChange>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn words_that_are_no_change_are_answered_with_the_forms() {
        let error = |text: &str| text.parse::<TimedChange>().unwrap_err().to_string();
        assert!(error("instance explode a").contains("`instance remove NAME`"));
        assert!(error("instance add b many").starts_with("`many` in"));
        assert!(error("at noon instance remove a").starts_with("`noon` in"));
    }

    #[test]
    fn changes_apply_or_name_what_is_missing() {
        let mut cluster = cluster();
        let mut apply = |text: &str| cluster.apply(&text.parse().unwrap()).map_err(|error| error.to_string());
        assert_eq!(apply("instance add b 20"), Ok(()));
        assert!(apply("instance add b 20").unwrap_err().contains("already"));
        assert!(apply("instance remove c").unwrap_err().ends_with("instances are `a`, `b`"));
        assert!(apply("group limit gpu 1").unwrap_err().ends_with("groups are `default`"));
        assert_eq!(apply("instance remove a"), Ok(()));
        assert_eq!(apply("group limit default 1 5"), Ok(()));
        assert_eq!(cluster.instances.len(), 1);
        assert_eq!(cluster.groups[0].members, Members::Instances(vec![InstanceId::new(2)]));
    }
}
