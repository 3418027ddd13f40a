//! What will happen when: ends of tasks, requests to cancel, and moments at which only a pass can tell what changed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use scheduler_core::Outcome;

use super::store::BarId;
use crate::Moment;

/// What happens. Of one moment, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// The task ends by itself, like this.
    End(BarId, Outcome),
    /// Somebody asks to cancel the task.
    Cancel(BarId),
    /// Nothing but that time has gone by: an approval expires, a silent instance is lost.
    Wake,
}

/// The events to come, earliest first.
#[derive(Debug, Default)]
pub(super) struct Agenda(BinaryHeap<Reverse<(Moment, Event)>>);

impl Agenda {
    pub(super) fn add(&mut self, at: Moment, event: Event) {
        self.0.push(Reverse((at, event)));
    }

    /// When the next one happens.
    pub(super) fn next(&self) -> Option<Moment> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// The next one, if it happens by then.
    pub(super) fn pop_by(&mut self, now: Moment) -> Option<Event> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse((_, event))| event)
    }
}
