//! What a node holds right now: each claimed task until its report is written.
//!
//! The one place that knows whether a dispatch is in this node's hands. A message that comes twice finds its task here and
//! is not claimed again, so that a claim that is answered "yours" a second time ([`crate::ports::Work::claim`]) means
//! that the first answer was lost, and never that the task runs already.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use scheduler_core::{DispatchId, TaskId, Timestamp};
use tokio::sync::watch;

use crate::definition::HandlerName;
use crate::ports::RunningTask;
use crate::runner::Stop;

type Key = (TaskId, DispatchId);

/// The tasks in the hands of a node.
#[derive(Debug, Default)]
pub(crate) struct Running {
    tasks: Mutex<BTreeMap<Key, Entry>>,
}

#[derive(Debug)]
struct Entry {
    handler: HandlerName,
    since: Timestamp,
    stop: watch::Sender<Option<Stop>>,
    /// Its handler has returned; its report is on its way.
    ended: bool,
}

impl Running {
    /// Takes a claimed task in hand; `None` if it is in hand already.
    pub(crate) fn admit(
        &self,
        key: Key,
        handler: HandlerName,
        since: Timestamp,
    ) -> Option<watch::Receiver<Option<Stop>>> {
        let mut tasks = self.lock();
        if tasks.contains_key(&key) {
            return None;
        }
        let (stop, told) = watch::channel(None);
        tasks.insert(key, Entry { handler, since, stop, ended: false });
        Some(told)
    }

    /// Whether this dispatch is in hand.
    pub(crate) fn holds(&self, key: Key) -> bool {
        self.lock().contains_key(&key)
    }

    /// The handler has returned.
    pub(crate) fn end(&self, key: Key) {
        if let Some(entry) = self.lock().get_mut(&key) {
            entry.ended = true;
        }
    }

    /// The report is written, or there is none.
    pub(crate) fn release(&self, key: Key) {
        self.lock().remove(&key);
    }

    /// Those whose handlers still run.
    pub(crate) fn executing(&self) -> Vec<Key> {
        self.lock().iter().filter(|(_, entry)| !entry.ended).map(|(key, _)| *key).collect()
    }

    /// The same, for people.
    pub(crate) fn views(&self) -> Vec<RunningTask> {
        let tasks = self.lock();
        let executing = tasks.iter().filter(|(_, entry)| !entry.ended);
        executing
            .map(|(&(task, dispatch), entry)| RunningTask {
                task,
                dispatch,
                handler: entry.handler.clone(),
                since: entry.since,
                canceling: entry.stop.borrow().is_some(),
            })
            .collect()
    }

    /// Tells one dispatch to stop; whether it still runs here.
    pub(crate) fn tell(&self, key: Key, stop: Stop) -> bool {
        self.lock().get(&key).is_some_and(|entry| entry.tell(stop))
    }

    /// Tells a task to stop, under whatever dispatch it runs; whether it does.
    pub(crate) fn tell_task(&self, task: TaskId, stop: Stop) -> bool {
        let tasks = self.lock();
        let dispatches = tasks.iter().filter(|((id, _), _)| *id == task);
        dispatches.fold(false, |told, (_, entry)| entry.tell(stop) || told)
    }

    /// Tells everything to stop.
    pub(crate) fn tell_all(&self, stop: Stop) {
        for entry in self.lock().values() {
            entry.tell(stop);
        }
    }

    /// A panic while the lock is held leaves a map that is whole all the same.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Entry>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// A lesser reason never replaces a greater one.
    fn tell(&self, stop: Stop) -> bool {
        if !self.ended {
            self.stop.send_if_modified(|told| {
                let rises = *told < Some(stop);
                *told = (*told).max(Some(stop));
                rises
            });
        }
        !self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = (TaskId::new(1), DispatchId::new(7));

    fn running() -> (Running, watch::Receiver<Option<Stop>>) {
        let running = Running::default();
        let told = running.admit(KEY, HandlerName::command(), Timestamp::UNIX_EPOCH).expect("it is new");
        (running, told)
    }

    #[test]
    fn r12_4_a_dispatch_is_in_hand_until_its_report_is_written() {
        let (running, _told) = running();
        assert!(running.admit(KEY, HandlerName::command(), Timestamp::UNIX_EPOCH).is_none());
        running.end(KEY);
        assert!(running.holds(KEY) && running.executing().is_empty());
        running.release(KEY);
        assert!(!running.holds(KEY));
    }

    #[test]
    fn the_greatest_reason_to_stop_counts() {
        let (running, told) = running();
        for stop in [Stop::Cancel, Stop::Node] {
            assert!(running.tell(KEY, stop));
            assert_eq!(*told.borrow(), Some(Stop::Cancel));
        }
        assert!(running.tell_task(KEY.0, Stop::Abandon));
        assert_eq!(*told.borrow(), Some(Stop::Abandon));
        assert!(running.views()[0].canceling);
    }

    #[test]
    fn what_has_ended_cannot_be_told_any_more() {
        let (running, told) = running();
        running.end(KEY);
        assert!(!running.tell(KEY, Stop::Abandon) && !running.tell_task(KEY.0, Stop::Cancel));
        assert_eq!(*told.borrow(), None);
    }
}
