//! A value that many may wait for, woken in the order in which they began to wait.
//!
//! The runtime's own watch channel spreads its waiters by a random number, so that two runs of one simulation differ. This
//! one keeps them in one queue, which is enough for the handful that wait here; a change costs a lock and a walk
//! along them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A value that can be waited for.
#[derive(Debug, Default)]
pub struct Watched<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T: Copy> Watched<T> {
    /// This value, for now.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Notify::new() }
    }

    /// The value as it is.
    #[must_use]
    pub fn get(&self) -> T {
        *self.lock()
    }

    /// Changes the value and wakes who waits for it. Returns what `change` returns.
    pub fn modify<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_waiters();
        result
    }

    /// Waits until the value is such, and returns it. Dropping the future loses nothing.
    pub async fn wait_for(&self, such: impl Fn(&T) -> bool) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // A change between the look and the wait is noticed, since the place in the queue is taken before the look.
            changed.as_mut().enable();
            let value = self.get();
            if such(&value) {
                return value;
            }
            changed.await;
        }
    }

    /// A panic while the lock is held leaves a value that is whole all the same.
    fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
