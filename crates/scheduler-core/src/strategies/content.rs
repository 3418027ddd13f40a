//! Projects and inventory sources, with every kind of last update.

use proptest::option;
use proptest::prelude::*;

use super::{Size, id, moments, outcome, percent};
use crate::{InventorySource, LastUpdate, Project};

/// A project: mostly updating on launch, with any last update or none.
pub fn project(size: Size) -> impl Strategy<Value = Project> {
    (id(size.projects), percent(70), moments::length(), option::weighted(0.7, last_update(size))).prop_map(
        |(id, update_on_launch, cache_timeout, last_update)| Project {
            id,
            update_on_launch,
            cache_timeout,
            last_update,
        },
    )
}

/// An inventory source: mostly updating on launch, sometimes read from a project, with any last update or none.
pub fn inventory_source(size: Size) -> impl Strategy<Value = InventorySource> {
    let keys = (id(size.sources), id(size.inventories), option::weighted(0.4, id(size.projects)));
    let freshness = (percent(70), moments::length(), option::weighted(0.7, last_update(size)));
    (keys, freshness).prop_map(
        |((id, inventory, source_project), (update_on_launch, cache_timeout, last_update))| InventorySource {
            id,
            inventory,
            update_on_launch,
            cache_timeout,
            source_project,
            last_update,
        },
    )
}

/// The update that finished last, mostly at a known moment.
pub fn last_update(size: Size) -> impl Strategy<Value = LastUpdate> {
    (id(size.tasks), outcome(), option::weighted(0.9, moments::moment()))
        .prop_map(|(task, outcome, at)| LastUpdate { task, outcome, at })
}
