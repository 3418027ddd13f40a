//! What a pass reads: every unfinished task, the finished ones that they depend on, and what is defined.
//!
//! Costs a pass over the unfinished tasks and the definitions; finished tasks are looked up only where one depends on them.

use std::collections::BTreeSet;

use scheduler_core::{
    Graph, Instance, InstanceGroup, InventorySource, Members, Node, Project, Snapshot, SnapshotVersion, Task,
    TaskId, Timestamp,
};

use super::state::State;
use crate::ports::Reading;

/// The snapshot of this moment, with the rules to go by.
pub(super) fn read(state: &State, now: Timestamp) -> Reading {
    let snapshot = Snapshot {
        version: SnapshotVersion,
        now,
        tasks: tasks(state),
        projects: projects(state),
        inventory_sources: sources(state),
        instances: instances(state),
        groups: groups(state),
        graphs: graphs(state),
    };
    Reading { snapshot, rules: state.catalogue.rule_set.clone() }
}

fn tasks(state: &State) -> Vec<Task> {
    let dependencies = state.unfinished.values().flat_map(|row| &row.task.dependencies);
    let finished: BTreeSet<TaskId> =
        dependencies.copied().filter(|id| state.finished(*id).is_some()).collect();
    let mut tasks = Vec::with_capacity(state.unfinished.len().saturating_add(finished.len()));
    tasks.extend(finished.into_iter().filter_map(|id| Some(state.finished(id)?.task.clone())));
    tasks.extend(state.unfinished.values().map(|row| row.task.clone()));
    tasks
}

fn projects(state: &State) -> Vec<Project> {
    let row = |entry: &super::table::Entry<_, crate::definition::ProjectDefinition>| Project {
        id: entry.id,
        update_on_launch: entry.definition.update_on_launch,
        cache_timeout: entry.definition.cache_timeout,
        last_update: state.project_updates.get(&entry.id).copied(),
    };
    state.catalogue.projects.iter().filter(|entry| entry.definition.update_on_launch).map(row).collect()
}

fn sources(state: &State) -> Vec<InventorySource> {
    let catalogue = &state.catalogue;
    let on_launch = catalogue.sources.iter().filter(|entry| entry.definition.update_on_launch);
    let row = |entry: &super::table::Entry<_, crate::definition::InventorySourceDefinition>| {
        let definition = &entry.definition;
        let project = definition.source_project.as_deref();
        Some(InventorySource {
            id: entry.id,
            inventory: catalogue.inventories.id(&definition.inventory)?,
            update_on_launch: definition.update_on_launch,
            cache_timeout: definition.cache_timeout,
            source_project: project.and_then(|name| catalogue.projects.id(name)),
            last_update: state.source_updates.get(&entry.id).copied(),
        })
    };
    on_launch.filter_map(row).collect()
}

fn instances(state: &State) -> Vec<Instance> {
    let entries = state.catalogue.instances.iter();
    entries
        .map(|entry| {
            let member = state.members.get(&entry.id);
            Instance {
                id: entry.id,
                hostname: entry.definition.hostname.clone(),
                node_type: entry.definition.node_type,
                capacity: entry.definition.capacity,
                enabled: entry.definition.enabled && member.is_none_or(|member| member.takes_work),
                last_heartbeat: member.and_then(|member| member.last_heartbeat),
            }
        })
        .collect()
}

fn groups(state: &State) -> Vec<InstanceGroup> {
    let catalogue = &state.catalogue;
    let entries = catalogue.groups.iter();
    entries
        .map(|entry| {
            let definition = &entry.definition;
            let instances = definition.instances.iter().filter_map(|name| catalogue.instances.id(name));
            InstanceGroup {
                id: entry.id,
                name: definition.name.clone(),
                members: if definition.container {
                    Members::Container
                } else {
                    Members::Instances(instances.collect())
                },
                max_concurrent_jobs: definition.max_concurrent_jobs,
                max_forks: definition.max_forks,
            }
        })
        .collect()
}

/// The graphs of the running workflow jobs.
fn graphs(state: &State) -> Vec<Graph> {
    let running = |id: &TaskId| state.unfinished.get(id).is_some_and(super::row::Row::is_running);
    let rows = state.graphs.iter().filter(|(id, _)| running(id));
    rows.map(|(&workflow, row)| Graph {
        workflow,
        nodes: row
            .nodes
            .iter()
            .map(|(&id, node)| {
                let starts = node.starts.as_ref().and_then(|subject| state.catalogue.work(subject));
                Node {
                    id,
                    starts: starts.map(Box::new),
                    convergence: node.convergence,
                    progress: node.progress,
                }
            })
            .collect(),
        edges: row.edges.clone(),
    })
    .collect()
}
