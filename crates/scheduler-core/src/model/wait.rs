//! What a task waits for, as a value that every machine computes alike (R10).
//!
//! With each pass a reason may name another holder, another number of free forks, another task that room is reserved for,
//! while the task waits for the same as before. Whoever stores reasons or draws them asks [`Reason::wait_key`] whether that
//! is so, and writes nothing then: else a queue on one resource would cost a row for each of its tasks with each of
//! its holders, which is the square of its length.

use alloc::sync::Arc;

use crate::{Disuse, Lack, Malformed, Mode, OutOfUse, OwnResource, Reason, ResourceKey, Shortfall, TaskRef};

/// What a task waits for. Two reasons of one key are one wait; different waits of one task have different keys, but for one
/// chance in 2⁶⁴.
///
/// In the key: of a row that is malformed, what is wrong with it; a dependency; a resource and how the task claims it, whether
/// somebody holds it or keeps a place at it (R2, R3); for each group what it lacks, with the instances that are out of use
/// and why; the tasks of a circle. Not in the key: who holds the resource or keeps the place, and how; for whom room is
/// reserved; how much is free, used and needed; names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaitKey(u64);

impl WaitKey {
    /// The key as stores keep it. It is the same on every machine; another version of this crate may give another.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Reason {
    /// What the task waits for, without what may change while it waits.
    #[must_use]
    pub fn wait_key(&self) -> WaitKey {
        let mut digest = Digest(0);
        digest.reason(self);
        WaitKey(digest.0)
    }
}

/// A digest of a sequence of numbers. Each kind of thing begins with a number of its own and each list with its length, so
/// that different things are different sequences.
struct Digest(u64);

impl Digest {
    /// One step of a polynomial, mixed by the finaliser of MurmurHash3.
    fn number(&mut self, number: i64) {
        let mut mixed = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.cast_unsigned();
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        self.0 = mixed ^ (mixed >> 33);
    }

    fn numbers(&mut self, numbers: impl IntoIterator<Item = i64>) {
        numbers.into_iter().for_each(|number| self.number(number));
    }

    fn length(&mut self, length: usize) {
        self.number(i64::try_from(length).unwrap_or(i64::MAX));
    }

    fn reason(&mut self, reason: &Reason) {
        match reason {
            Reason::Malformed(malformed) => self.malformed(malformed),
            Reason::Dependency { on } => {
                self.number(2);
                self.task(*on);
            }
            Reason::Blocked { resource, wanted, .. } | Reason::Behind { resource, wanted, .. } => {
                self.number(3);
                self.resource(resource);
                self.mode(*wanted);
            }
            Reason::NoCapacity(shortfalls) => self.shortfalls(4, shortfalls),
            Reason::NeverFits(shortfalls) => self.shortfalls(5, shortfalls),
            Reason::Circle { waits, circle } => {
                self.number(6);
                self.length(circle.len());
                circle.iter().for_each(|&task| self.task(task));
                self.reason(waits);
            }
        }
    }

    fn malformed(&mut self, malformed: &Malformed) {
        self.number(1);
        match malformed {
            Malformed::DuplicateId => self.number(0),
            Malformed::MissingDependency { on } => self.numbers([1, on.get()]),
            Malformed::DependencyCycle { by } => self.numbers([2, by.get()]),
            Malformed::NoKnownGroup => self.number(3),
            Malformed::NoGraph => self.number(4),
            Malformed::GraphCycle { node } => self.numbers([5, node.get()]),
            Malformed::GraphEdge { node } => self.numbers([6, node.get()]),
            Malformed::GraphNode { node } => self.numbers([7, node.get()]),
        }
    }

    fn task(&mut self, task: TaskRef) {
        match task {
            TaskRef::Task { id, .. } => self.numbers([0, id.get()]),
            TaskRef::New { id, .. } => {
                self.number(1);
                self.length(id.position());
            }
        }
    }

    fn resource(&mut self, resource: &ResourceKey) {
        match resource {
            ResourceKey::Project(id) => self.numbers([0, id.get()]),
            ResourceKey::Inventory(id) => self.numbers([1, id.get()]),
            ResourceKey::InventorySource(id) => self.numbers([2, id.get()]),
            ResourceKey::JobTemplate(id) => self.numbers([3, id.get()]),
            ResourceKey::WorkflowTemplate(id) => self.numbers([4, id.get()]),
            ResourceKey::SystemJobSlot => self.number(5),
            ResourceKey::Own(own) => self.own(own),
        }
    }

    fn own(&mut self, own: &Arc<OwnResource>) {
        self.numbers([6, own.key.get()]);
        self.length(own.resource.len());
        self.numbers(own.resource.bytes().map(i64::from));
    }

    fn mode(&mut self, mode: Mode) {
        self.number(match mode {
            Mode::Update => 0,
            Mode::Use => 1,
            Mode::Command => 2,
            Mode::Exclusive => 3,
            Mode::Shared => 4,
            Mode::Slices => 5,
        });
    }

    fn shortfalls(&mut self, kind: i64, shortfalls: &[Shortfall]) {
        self.number(kind);
        self.length(shortfalls.len());
        for Shortfall { group, lack, .. } in shortfalls {
            self.number(group.get());
            self.lack(lack);
        }
    }

    fn lack(&mut self, lack: &Lack) {
        match lack {
            Lack::UnknownGroup => self.number(0),
            Lack::LargerThanLimit { .. } => self.number(1),
            Lack::NoUsableInstance => self.number(2),
            Lack::NoUsableController { .. } => self.number(3),
            Lack::OutOfUse(out) => self.out_of_use(4, out),
            Lack::ControllersOutOfUse(out) => self.out_of_use(5, out),
            Lack::TaskLimit { .. } => self.number(6),
            Lack::ForkLimit { .. } => self.number(7),
            Lack::Reserved { .. } => self.number(8),
            Lack::Full { .. } => self.number(9),
            Lack::NoController { .. } => self.number(10),
        }
    }

    /// A last heartbeat stays as it is while the instance is lost: another one is another loss.
    fn out_of_use(&mut self, kind: i64, out: &OutOfUse) {
        self.number(kind);
        self.length(out.instances.len());
        for disused in out.instances.iter() {
            self.number(disused.instance.get());
            match disused.cause {
                Disuse::Disabled => self.number(0),
                Disuse::NeverHeardOf => self.number(1),
                Disuse::Lost { last_heartbeat } => self.numbers([2, last_heartbeat.timestamp_micros()]),
            }
        }
        self.number(out.others.get().into());
    }
}

#[cfg(test)]
mod tests;
