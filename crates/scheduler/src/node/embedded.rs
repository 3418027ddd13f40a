//! A whole control plane in one process: nothing outlives it, and it plays every instance itself.

use std::sync::Arc;

use control_plane::definition::{Definitions, GroupDefinition, InstanceDefinition};
use control_plane::ports::{Admin as _, Broker as _, SystemClock};
use control_plane::{MemoryBroker, MemoryStore};
use scheduler_core::{Forks, NodeType, TaskCount};

use super::{Ground, capacity};
use crate::failure::Failure;
use crate::node::args::NodeArgs;

/// The group of a file that defines none.
const ONLY_GROUP: &str = "default";

/// A store and a broker in memory, with what the file defines.
pub(super) async fn ground(
    args: &NodeArgs,
    definitions: Option<Definitions>,
    hostname: String,
) -> Result<Ground, Failure> {
    if !args.launch.is_empty() && definitions.is_none() {
        return Err(Failure::new("in memory nothing is defined that could be launched".to_owned())
            .remedy("give --cluster FILE, as in `--cluster examples/cluster.toml`"));
    }
    let mut definitions = definitions.unwrap_or_default();
    complete(&mut definitions, args, &hostname);
    let hostnames = match &args.hostname {
        Some(hostname) => vec![hostname.clone()],
        None => definitions.instances.iter().map(|row| row.hostname.clone()).collect(),
    };
    let store = MemoryStore::new(Arc::new(SystemClock));
    store.define(&definitions).await?;
    let broker = MemoryBroker::new();
    for node in store.nodes().await? {
        // Its queue is there before its node asks for it, so that the first message need not be sent twice.
        drop(broker.deliveries(node.id, 1).await?);
    }
    tracing::info!(instances = hostnames.join(", "), "everything is in memory and ends with this process");
    Ok(Ground { store: Arc::new(store), broker: Arc::new(broker), hostnames })
}

/// A file need not speak of machines: without any, this one is it, and without groups all are one.
fn complete(definitions: &mut Definitions, args: &NodeArgs, hostname: &str) {
    if definitions.instances.is_empty() {
        definitions.instances.push(InstanceDefinition {
            hostname: hostname.to_owned(),
            node_type: NodeType::default(),
            capacity: args.capacity.map_or_else(capacity::of_this_machine, Forks::new),
            enabled: true,
        });
    }
    if definitions.groups.is_empty() {
        definitions.groups.push(GroupDefinition {
            name: ONLY_GROUP.to_owned(),
            instances: definitions.instances.iter().map(|row| row.hostname.clone()).collect(),
            container: false,
            max_concurrent_jobs: TaskCount::default(),
            max_forks: Forks::ZERO,
        });
        let rules = definitions.rules.get_or_insert_default();
        if rules.default_groups.is_empty() {
            rules.default_groups.push(ONLY_GROUP.to_owned());
        }
    }
}
