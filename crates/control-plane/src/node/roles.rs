//! What a node does.

/// What a node does: all of it, or chosen parts. Every node beats, listens to broadcasts and answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Roles {
    /// Makes passes.
    pub scheduler: bool,
    /// Sends what the outbox holds.
    pub relay: bool,
    /// Runs tasks.
    pub worker: bool,
}

impl Roles {
    /// Everything.
    pub const ALL: Self = Self { scheduler: true, relay: true, worker: true };

    /// Nothing, to add to.
    pub const NONE: Self = Self { scheduler: false, relay: false, worker: false };

    /// The names of the roles that are set.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let all = [(self.scheduler, "scheduler"), (self.relay, "relay"), (self.worker, "worker")];
        all.into_iter().filter_map(|(set, name)| set.then_some(name)).collect()
    }
}

impl Default for Roles {
    fn default() -> Self {
        Self::ALL
    }
}
