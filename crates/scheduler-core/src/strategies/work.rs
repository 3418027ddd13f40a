//! Work of every kind, with the keys that the kind claims.

use alloc::vec::Vec;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{Size, id, key, moments, percent};
use crate::{Claimant, ProjectUpdateType, Timestamp, Work, WorkflowOf};

/// Work of any kind, with keys out of the given ranges or without.
pub fn work(size: Size) -> impl Strategy<Value = Work> {
    prop_oneof![
        8 => job(size),
        4 => project_update(size),
        4 => inventory_update(size),
        3 => key(size.inventories).prop_map(|inventory| Work::AdHocCommand { inventory }),
        2 => Just(Work::SystemJob {}),
        5 => workflow(size),
        2 => option::weighted(0.7, expiry()).prop_map(|expires| Work::WorkflowApproval { expires }),
    ]
}

/// Work of the kind that claims as this claimant.
pub(super) fn work_of(by: Claimant, size: Size) -> BoxedStrategy<Work> {
    match by {
        Claimant::Job => job(size).boxed(),
        Claimant::ProjectUpdate => project_update(size).boxed(),
        Claimant::InventoryUpdate => inventory_update(size).boxed(),
        Claimant::AdHocCommand => {
            key(size.inventories).prop_map(|inventory| Work::AdHocCommand { inventory }).boxed()
        }
        Claimant::SystemJob => Just(Work::SystemJob {}).boxed(),
        Claimant::WorkflowJob => workflow_of(key(size.templates).prop_map(WorkflowOf::Template)).boxed(),
        Claimant::SlicedWorkflowJob => workflow_of(key(size.templates).prop_map(WorkflowOf::Slices)).boxed(),
    }
}

fn expiry() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        1 => Just(moments::ago(-30_000)),
        1 => moments::moment(),
    ]
}

fn job(size: Size) -> impl Strategy<Value = Work> {
    let keys = (key(size.projects), key(size.inventories), key(size.templates));
    (keys, percent(40), vec(id(size.sources), 0..=1)).prop_map(
        |((project, inventory, template), allow_simultaneous, updated): (_, _, Vec<_>)| Work::Job {
            project,
            inventory,
            template,
            allow_simultaneous,
            sources_already_updated: updated.into_iter().collect(),
        },
    )
}

fn project_update(size: Size) -> impl Strategy<Value = Work> {
    (key(size.projects), percent(15)).prop_map(|(project, private)| Work::ProjectUpdate {
        project,
        job_type: if private { ProjectUpdateType::Run } else { ProjectUpdateType::Check },
    })
}

fn inventory_update(size: Size) -> impl Strategy<Value = Work> {
    (key(size.sources), key(size.inventories), option::weighted(0.4, id(size.projects))).prop_map(
        |(source, inventory, source_project)| Work::InventoryUpdate { source, inventory, source_project },
    )
}

fn workflow(size: Size) -> impl Strategy<Value = Work> {
    let of = prop_oneof![
        3 => key(size.templates).prop_map(WorkflowOf::Template),
        1 => key(size.templates).prop_map(WorkflowOf::Slices),
    ];
    workflow_of(of)
}

fn workflow_of(of: impl Strategy<Value = WorkflowOf>) -> impl Strategy<Value = Work> {
    (of, percent(30)).prop_map(|(of, allow_simultaneous)| Work::WorkflowJob { of, allow_simultaneous })
}
