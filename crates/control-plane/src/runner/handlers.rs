//! The registry of handlers, by name: a message can only name what is registered here.

use std::collections::BTreeMap;
use std::future::Future;
#[cfg(feature = "commands")]
use std::sync::Arc;
use std::time::Duration;

use scheduler_core::Outcome;

#[cfg(feature = "commands")]
use super::command::{self, CommandOptions, Groups};
use super::handler::{BroadcastHandler, Handler};
use super::hooks::{Ending, Hook, Hooks};
use crate::definition::HandlerName;

/// The handlers of a node, by name, and what follows the end of a task.
#[derive(Clone, Debug)]
pub struct Handlers {
    handlers: BTreeMap<HandlerName, Handler>,
    broadcasts: BTreeMap<HandlerName, BroadcastHandler>,
    hooks: Hooks,
    #[cfg(feature = "commands")]
    groups: Arc<Groups>,
}

/// The handler of commands and no other; without the feature `commands`, none.
impl Default for Handlers {
    #[cfg(feature = "commands")]
    fn default() -> Self {
        Self::new(CommandOptions::default())
    }

    #[cfg(not(feature = "commands"))]
    fn default() -> Self {
        Self::none()
    }
}

impl Handlers {
    /// No handler at all.
    #[must_use]
    pub fn none() -> Self {
        Self {
            handlers: BTreeMap::new(),
            broadcasts: BTreeMap::new(),
            hooks: Hooks::default(),
            #[cfg(feature = "commands")]
            groups: Arc::default(),
        }
    }

    /// The handler of commands, with these options, and no other.
    #[cfg(feature = "commands")]
    #[must_use]
    pub fn new(commands: CommandOptions) -> Self {
        let none = Self::none();
        let command = command::handler(commands, Arc::clone(&none.groups));
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
    #[cfg(feature = "commands")]
    pub(crate) fn allow_silence(&self, silence: Option<Duration>) {
        self.groups.allow_silence(silence);
    }

    /// Nothing runs here as a process of its own.
    #[cfg(not(feature = "commands"))]
    pub(crate) const fn allow_silence(&self, _silence: Option<Duration>) {}

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
