//! The store itself: one state behind one mutex that is never held across an await, and the one lock for passes.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use scheduler_core::{Plan, Timestamp};
use tokio::sync::{OwnedMutexGuard, OwnedRwLockReadGuard, RwLock};

use super::state::State;
use super::wakes::Voice;
use super::{commit, snapshot};
use crate::ports::{Clock, Commit, Pass, Passes, Reading, StoreError, Wakes, Wakeups};

/// A store in memory. Clones are the same store; what it holds ends with the last of them.
#[derive(Clone)]
pub struct MemoryStore {
    pub(super) shared: Arc<Shared>,
}

impl MemoryStore {
    /// An empty store that goes by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            shared: Arc::new(Shared {
                clock,
                state: Mutex::default(),
                voice: Voice::default(),
                pass: Arc::default(),
                past: Arc::default(),
            }),
        }
    }
}

/// Without what it holds, which may be secret.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

/// What all clones share.
pub(super) struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    voice: Voice,
    /// The one global lock for passes (R12.1).
    pass: Arc<tokio::sync::Mutex<()>>,
    /// Shared by a pass, which may link tasks to finished ones, and held alone by a portion of a purge.
    pub(super) past: Arc<RwLock<()>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// Looks at the state.
    pub(super) fn read<T>(&self, look: impl FnOnce(&State, Timestamp) -> T) -> T {
        let now = self.clock.now();
        // A panic of another holder cannot have come from a half-made change: none is made before everything is checked.
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        look(&state, now)
    }

    /// One transaction: changes the state, then wakes whom the change concerns.
    pub(super) fn write<T>(&self, change: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state, now);
        let woken = std::mem::take(&mut state.woken);
        drop(state);
        self.voice.say(woken);
        result
    }
}

#[async_trait]
impl Passes for MemoryStore {
    async fn begin(&self) -> Result<Option<Box<dyn Pass>>, StoreError> {
        let Ok(guard) = Arc::clone(&self.shared.pass).try_lock_owned() else { return Ok(None) };
        let past = Arc::clone(&self.shared.past).read_owned().await;
        Ok(Some(Box::new(MemoryPass { shared: Arc::clone(&self.shared), _guard: guard, _past: past })))
    }

    async fn read(&self) -> Result<Reading, StoreError> {
        Ok(self.shared.read(snapshot::read))
    }
}

/// A pass; the locks are its guards.
struct MemoryPass {
    shared: Arc<Shared>,
    _guard: OwnedMutexGuard<()>,
    _past: OwnedRwLockReadGuard<()>,
}

#[async_trait]
impl Pass for MemoryPass {
    async fn read(&mut self) -> Result<Reading, StoreError> {
        Ok(self.shared.read(snapshot::read))
    }

    async fn commit(self: Box<Self>, reading: &Reading, plan: &Plan) -> Result<Commit, StoreError> {
        Ok(self.shared.write(|state, now| commit::commit(state, &reading.snapshot, plan, now)))
    }
}

#[async_trait]
impl Wakes for MemoryStore {
    async fn wakeups(&self) -> Result<Box<dyn Wakeups>, StoreError> {
        Ok(Box::new(self.shared.voice.listen()))
    }
}
