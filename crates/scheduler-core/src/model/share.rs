//! Sharing of what many tasks have in common: names and lists of groups.
//!
//! Tasks of one template carry the same name and the same list of groups. Read from JSON, each would own a copy;
//! here each distinct one is kept once, while the tasks are being read.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::Deserializer;
use serde::de::{SeqAccess, Visitor};

use crate::{GroupId, Task};

/// Keeps one copy of each name and of each list of groups. An adapter that builds tasks from rows can use it too.
#[derive(Debug, Default)]
pub struct Sharing {
    names: BTreeSet<Arc<str>>,
    groups: BTreeSet<Arc<[GroupId]>>,
}

impl Sharing {
    /// The shared copy of this name.
    pub fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(shared) = self.names.get(name) {
            return Arc::clone(shared);
        }
        let shared: Arc<str> = Arc::from(name);
        self.names.insert(Arc::clone(&shared));
        shared
    }

    /// The shared copy of this list of groups.
    pub fn groups(&mut self, groups: &[GroupId]) -> Arc<[GroupId]> {
        if let Some(shared) = self.groups.get(groups) {
            return Arc::clone(shared);
        }
        let shared: Arc<[GroupId]> = Arc::from(groups);
        self.groups.insert(Arc::clone(&shared));
        shared
    }
}

/// Reads tasks, sharing as they come.
pub(crate) fn tasks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Task>, D::Error> {
    struct Tasks;

    impl<'de> Visitor<'de> for Tasks {
        type Value = Vec<Task>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of tasks")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
            let mut sharing = Sharing::default();
            let mut tasks = Vec::new();
            while let Some(mut task) = rows.next_element::<Task>()? {
                task.name = sharing.name(&task.name);
                task.groups = sharing.groups(&task.groups);
                tasks.push(task);
            }
            tasks.shrink_to_fit();
            Ok(tasks)
        }
    }

    deserializer.deserialize_seq(Tasks)
}
