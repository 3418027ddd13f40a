//! The registry of handlers, by name: a message can only name what is registered here.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use scheduler_core::Outcome;

use super::command::{self, CommandOptions};
use super::group::Groups;
use super::handler::{BroadcastHandler, Handler};
use super::hooks::{Ending, Hook, Hooks};
use crate::definition::HandlerName;

/// The handlers of a node, by name, and what follows the end of a task.
#[derive(Clone, Debug)]
pub struct Handlers {
    handlers: BTreeMap<HandlerName, Handler>,
    broadcasts: BTreeMap<HandlerName, BroadcastHandler>,
    hooks: Hooks,
    groups: Arc<Groups>,
}

/// The handler of commands and no other.
impl Default for Handlers {
    fn default() -> Self {
        Self::new(CommandOptions::default())
    }
}

impl Handlers {
    /// The handler of commands, with these options, and no other.
    #[must_use]
    pub fn new(commands: CommandOptions) -> Self {
        let groups = Arc::<Groups>::default();
        let command = command::handler(commands, Arc::clone(&groups));
        let none =
            Self { handlers: BTreeMap::new(), broadcasts: BTreeMap::new(), hooks: Hooks::default(), groups };
        none.with(HandlerName::command(), command)
    }

    /// Registers a handler; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, name: HandlerName, handler: Handler) -> Self {
        self.handlers.insert(name, handler);
        self
    }

    /// Without the handler of this name: for nodes that shall not run commands.
    #[must_use]
    pub fn without(mut self, name: &HandlerName) -> Self {
        self.handlers.remove(name);
        self
    }

    /// Registers a handler of broadcasts; one of the same name is replaced.
    #[must_use]
    pub fn with_broadcast(mut self, name: HandlerName, handler: BroadcastHandler) -> Self {
        self.broadcasts.insert(name, handler);
        self
    }

    /// After each task that this node ran successfully, once its report is written.
    #[must_use]
    pub fn on_success<F, R>(mut self, hook: F) -> Self
    where
        F: Fn(Ending) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.hooks.success.push(Hook::new(hook));
        self
    }

    /// After each task that this node ran and that ended otherwise, once its report is written.
    #[must_use]
    pub fn on_failure<F, R>(mut self, hook: F) -> Self
    where
        F: Fn(Ending) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.hooks.failure.push(Hook::new(hook));
        self
    }

    /// What runs here as a process of its own ends if its node is silent for so long; `None` for never.
    pub(crate) fn allow_silence(&self, silence: Option<Duration>) {
        self.groups.guardian.allow(silence);
    }

    pub(super) fn get(&self, name: &HandlerName) -> Option<&Handler> {
        self.handlers.get(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &HandlerName> {
        self.handlers.keys()
    }

    pub(crate) fn broadcast(&self, name: &HandlerName) -> Option<&BroadcastHandler> {
        self.broadcasts.get(name)
    }

    pub(crate) fn hooks(&self, outcome: Outcome) -> &[Hook] {
        self.hooks.of(outcome)
    }
}
