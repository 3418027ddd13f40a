//! Nodes that join, beat and leave.

use async_trait::async_trait;
use scheduler_core::{InstanceId, Outcome, Seconds, TaskId, Timestamp};

use super::MemoryStore;
use super::state::State;
use crate::definition::{Definitions, InstanceDefinition};
use crate::ports::{
    ControlPlaneId, Ended, Incarnation, Joined, Joining, Members, Membership, Standing, StoreError,
};

#[async_trait]
impl Members for MemoryStore {
    async fn control_plane(&self) -> Result<ControlPlaneId, StoreError> {
        Ok(self.shared.read(|state, _| state.control_plane))
    }

    async fn join(&self, node: &Joining) -> Result<Joined, StoreError> {
        self.shared.write(|state, now| state.join(node, now))
    }

    async fn beat(&self, member: Membership) -> Result<Standing, StoreError> {
        Ok(self.shared.write(|state, now| {
            if !state.is_member(member) {
                return Standing::Replaced;
            }
            state.members.entry(member.instance).or_default().last_heartbeat = Some(now);
            Standing::Member { now }
        }))
    }

    async fn heartbeat_grace(&self) -> Result<Seconds, StoreError> {
        Ok(self.shared.read(|state, _| state.catalogue.rule_set.heartbeat_grace))
    }

    async fn drain(&self, member: Membership) -> Result<(), StoreError> {
        self.shared.write(|state, _| {
            if state.is_member(member) {
                state.members.entry(member.instance).or_default().takes_work = false;
                state.take_back_from(member.instance);
                state.woken.schedule = true;
            }
        });
        Ok(())
    }

    async fn leave(&self, member: Membership) -> Result<(), StoreError> {
        self.shared.write(|state, _| {
            if state.is_member(member) {
                state.members.entry(member.instance).or_default().last_heartbeat = None;
                state.woken.schedule = true;
            }
        });
        Ok(())
    }
}

impl State {
    /// Whether this is the life that the node is in.
    pub(super) fn is_member(&self, member: Membership) -> bool {
        let known = self.members.get(&member.instance);
        known.is_some_and(|known| known.incarnation == Some(member.incarnation))
    }

    fn join(&mut self, node: &Joining, now: Timestamp) -> Result<Joined, StoreError> {
        let instance = match self.catalogue.instances.id(&node.hostname) {
            Some(instance) => instance,
            None => self.define_instance(node)?,
        };
        let member = self.members.entry(instance).or_default();
        let incarnation = Incarnation(member.incarnation.map_or(1, |known| known.0.saturating_add(1)));
        member.incarnation = Some(incarnation);
        member.last_heartbeat = Some(now);
        member.takes_work = node.takes_work;
        member.version.clone_from(&node.version);
        let orphans = self.orphans(instance);
        for &orphan in &orphans {
            let why = format!("node {} started anew while it ran there", node.hostname);
            self.finish(orphan, Ended::because(Outcome::Failed, why), now);
        }
        self.woken.schedule = true;
        self.woken.members = true;
        Ok(Joined { member: Membership { instance, incarnation }, orphans })
    }

    /// What an earlier life of the node on this instance ran.
    fn orphans(&self, instance: InstanceId) -> Vec<TaskId> {
        let of = |row: &super::row::Row| row.claimed_by.is_some_and(|by| by.instance == instance);
        self.unfinished.values().filter(|row| row.is_running() && of(row)).map(|row| row.task.id).collect()
    }

    /// Sets back what waits for this instance, as its node or its controller.
    fn take_back_from(&mut self, instance: InstanceId) {
        let there = Some(instance);
        for row in self.unfinished.values_mut().filter(|row| row.is_waiting()) {
            if row.placement.node == there || row.placement.controller == there {
                row.set_back();
            }
        }
    }

    fn define_instance(&mut self, node: &Joining) -> Result<InstanceId, StoreError> {
        let hostname = node.hostname.clone();
        let Some(capacity) = node.capacity else {
            return Err(StoreError::Refused(format!(
                "the instance {hostname:?} is not defined: define it, or let the node join with a capacity"
            )));
        };
        let definition = InstanceDefinition {
            hostname: hostname.clone(),
            node_type: node.node_type,
            capacity,
            enabled: true,
        };
        let definitions = Definitions { instances: vec![definition], ..Definitions::default() };
        let (catalogue, _) = self.catalogue.with(&definitions)?;
        self.catalogue = catalogue;
        self.catalogue
            .instances
            .id(&hostname)
            .ok_or_else(|| StoreError::Refused(format!("the instance {hostname:?} cannot be defined")))
    }
}
