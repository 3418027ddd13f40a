//! The messages of the outbox, in order: each there to be sent, at rest after a broker would not take it, or in the hands of one relay.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use scheduler_core::{TaskId, Timestamp};

use crate::ports::{Dispatch, OutboxId, OutboxMessage, REST_AFTER_RETURN};

/// The messages that no broker has confirmed.
#[derive(Debug, Default)]
pub(super) struct Messages {
    ready: BTreeMap<OutboxId, Dispatch>,
    /// What a broker would not take, by the moment until which it rests.
    resting: BTreeMap<(Timestamp, OutboxId), Dispatch>,
    /// When each was written and for whom, those in the hands of relays included.
    written: BTreeMap<OutboxId, (Timestamp, TaskId)>,
    last: i64,
}

impl Messages {
    pub(super) fn add(&mut self, dispatch: Dispatch, now: Timestamp) {
        self.last = self.last.saturating_add(1);
        self.written.insert(OutboxId(self.last), (now, dispatch.task));
        self.ready.insert(OutboxId(self.last), dispatch);
    }

    pub(super) fn len(&self) -> usize {
        self.written.len()
    }

    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.written.values().next().map(|(at, _)| *at)
    }

    /// The tasks that there are messages for.
    pub(super) fn tasks(&self) -> impl Iterator<Item = TaskId> {
        self.written.values().map(|(_, task)| *task)
    }

    /// The next messages that are not void; void ones are forgotten on the way.
    pub(super) fn take(
        &mut self,
        limit: usize,
        now: Timestamp,
        is_void: impl Fn(&Dispatch) -> bool,
    ) -> Vec<OutboxMessage> {
        while let Some(entry) = self.resting.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((_, id), dispatch) = entry.remove_entry();
            self.ready.insert(id, dispatch);
        }
        let mut taken = Vec::new();
        while taken.len() < limit
            && let Some((id, dispatch)) = self.ready.pop_first()
        {
            if is_void(&dispatch) {
                self.forget(id);
            } else {
                taken.push(OutboxMessage { id, dispatch });
            }
        }
        taken
    }

    pub(super) fn forget(&mut self, id: OutboxId) {
        self.written.remove(&id);
    }

    pub(super) fn rest(&mut self, messages: Vec<OutboxMessage>, now: Timestamp) {
        let rest = TimeDelta::from_std(REST_AFTER_RETURN).unwrap_or_default();
        let until = now.checked_add_signed(rest).unwrap_or(now);
        self.resting.extend(messages.into_iter().map(|message| ((until, message.id), message.dispatch)));
    }

    pub(super) fn give_back(&mut self, messages: Vec<OutboxMessage>) {
        self.ready.extend(messages.into_iter().map(|message| (message.id, message.dispatch)));
    }
}
