//! Launching: every name looked up before the first row is written, so that a refused launch leaves nothing.

use std::sync::Arc;

use scheduler_core::{GroupId, TaskId, Timestamp};

use super::catalogue::Catalogue;
use super::fill::{Filled, Subject};
use super::state::{Birth, State};
use crate::definition::DefinitionKind;
use crate::ports::{Launch, Launchable, StoreError};

impl State {
    /// All of them or none.
    pub(super) fn launch(&mut self, launches: &[Launch], now: Timestamp) -> Result<Vec<TaskId>, StoreError> {
        let mut filled = Vec::with_capacity(launches.len());
        for launch in launches {
            if let Some(unknown) = launch.dependencies.iter().find(|&&id| self.row(id).is_none()) {
                return Err(StoreError::Refused(format!(
                    "there is no task {unknown} to depend on: launch it first, or leave it out"
                )));
            }
            filled.push(self.catalogue.fill_launch(launch, now)?);
        }
        let rows = filled.into_iter().zip(launches);
        Ok(rows.map(|(filled, launch)| self.insert_launched(filled, launch, now)).collect())
    }

    fn insert_launched(&mut self, filled: Filled, launch: &Launch, now: Timestamp) -> TaskId {
        let row = self.insert(filled, Birth { created: now, launch_type: launch.launch_type });
        row.task.priority = launch.priority.unwrap_or(row.task.priority);
        row.task.dependencies.extend(launch.dependencies.iter().copied());
        row.task.own_keys.extend(launch.own_keys.iter().cloned());
        row.trace.clone_from(&launch.trace);
        row.task.id
    }
}

impl Catalogue {
    fn fill_launch(&self, launch: &Launch, now: Timestamp) -> Result<Filled, StoreError> {
        let payload = launch.payload.as_ref();
        let (subject, kind, name) = match &launch.of {
            Launchable::JobTemplate(name) => {
                (self.templates.id(name).map(Subject::Template), DefinitionKind::JobTemplate, name)
            }
            Launchable::Project(name) => {
                (self.projects.id(name).map(Subject::Project), DefinitionKind::Project, name)
            }
            Launchable::InventorySource(name) => {
                (self.sources.id(name).map(Subject::Source), DefinitionKind::InventorySource, name)
            }
            Launchable::SystemJob(name) => {
                (self.system_jobs.id(name).map(Subject::SystemJob), DefinitionKind::SystemJob, name)
            }
            Launchable::Workflow(name) => {
                (self.workflows.id(name).map(Subject::Workflow), DefinitionKind::Workflow, name)
            }
            Launchable::AdHocCommand { inventory, run, groups, forks } => {
                let inventory = self
                    .inventories
                    .id(inventory)
                    .ok_or_else(|| undefined(DefinitionKind::Inventory, inventory))?;
                return Ok(self.fill_command(inventory, run, self.groups_named(groups)?, *forks, payload));
            }
        };
        if payload.is_some() && kind == DefinitionKind::Workflow {
            return Err(StoreError::Refused(format!(
                "the workflow {name:?} runs nothing itself, so it takes no payload: give it to what its nodes start"
            )));
        }
        subject.and_then(|subject| self.fill(&subject, payload, now)).ok_or_else(|| undefined(kind, name))
    }

    fn groups_named(&self, names: &[String]) -> Result<Arc<[GroupId]>, StoreError> {
        let group =
            |name: &String| self.groups.id(name).ok_or_else(|| undefined(DefinitionKind::Group, name));
        names.iter().map(group).collect()
    }
}

fn undefined(kind: DefinitionKind, name: &str) -> StoreError {
    StoreError::Refused(format!("there is no {} {name:?}: define it, or launch another", kind.token()))
}
