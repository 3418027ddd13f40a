//! What a node does when its machine has no room for another command: no process, no open file, no memory to fork.
//!
//! That is no fault of the task, so the task is handed back and starts again, here or elsewhere. The node claims nothing for a
//! while, longer each time, and then one task at a time, until a pause as long again has passed without another refusal. It says so once,
//! and counts each task that it handed back.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::backoff::Backoff;
use crate::metrics;

/// The longest pause: longer than a node keeps messages that it cannot begin, so that others may have those of the shared queue.
const LONGEST: Duration = Duration::from_secs(15);

/// How long a shortage counts as the same one at least, after its last pause.
const MEMORY: Duration = Duration::from_secs(1);

/// Whether there is room for commands, as far as the last ones met any.
#[derive(Debug, Default)]
pub(crate) struct Shortage(Mutex<Option<State>>);

#[derive(Debug)]
struct State {
    pauses: Backoff,
    /// Until when nothing is claimed.
    until: Instant,
    /// When it is over, if nothing is refused until then.
    over: Instant,
}

impl Shortage {
    /// A command found no room. Those that were claimed together with it lengthen no pause.
    pub(super) fn met(&self, why: &str) {
        metrics::no_room();
        let now = Instant::now();
        let mut state = self.lock();
        if state.as_ref().is_some_and(|state| now < state.until) {
            return;
        }
        let mut pauses = state.take().filter(|state| now < state.over).map_or_else(
            || {
                tracing::warn!(
                    why,
                    "this machine has no room for another command: tasks are handed back, and few are claimed for a while"
                );
                Backoff::up_to(LONGEST)
            },
            |state| state.pauses,
        );
        let pause = pauses.next();
        let until = now + pause;
        *state = Some(State { pauses, until, over: until + pause.max(MEMORY) });
    }

    /// Waits until a command may be tried; of so many, how many.
    pub(crate) async fn room(&self, of: usize) -> usize {
        loop {
            let until = {
                let mut state = self.lock();
                let now = Instant::now();
                match &*state {
                    None => return of,
                    Some(known) if now >= known.over => {
                        tracing::info!("commands find room on this machine again");
                        *state = None;
                        return of;
                    }
                    Some(known) if now >= known.until => return of.min(1),
                    Some(known) => known.until,
                }
            };
            sleep_until(until).await;
        }
    }

    /// A panic while the lock is held leaves a state that is whole all the same.
    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_while_it_lasts_and_then_one_is_tried_at_a_time() {
        let shortage = Shortage::default();
        assert_eq!(shortage.room(500).await, 500);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            shortage.met("on purpose");
            shortage.met("one of the same batch");
            let began = Instant::now();
            assert_eq!(shortage.room(500).await, 1);
            pauses.push(began.elapsed());
        }
        assert_eq!(pauses.first(), Some(&Duration::from_millis(50)));
        assert_eq!(pauses.last(), Some(&LONGEST));
        sleep(LONGEST).await;
        assert_eq!(shortage.room(500).await, 500, "nothing was refused for as long again");
        shortage.met("another time");
        let began = Instant::now();
        shortage.room(500).await;
        assert_eq!(began.elapsed(), Duration::from_millis(50), "pauses begin anew");
    }
}
