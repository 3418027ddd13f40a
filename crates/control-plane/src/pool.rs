//! A pool of workers that grows on demand up to its most and shrinks to its least when idle.
//!
//! A worker is an asynchronous task that carries out one job after the other; what it costs is some hundred bytes. The pool
//! decides who carries a job out and when a worker ends; it knows neither tasks nor stores. The worker that became idle last
//! gets the next job, so that those that nobody needs grow old and end.
//!
//! Dropping the pool ends every worker at its next await, in the middle of its job: what a crash would do.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::metrics;
use crate::watched::Watched;

/// How many workers a pool has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolBounds {
    /// So many stay when there is nothing to do.
    pub least: u32,
    /// Never more than so many; at least 1.
    pub most: u32,
}

/// How a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// How many workers it has.
    pub size: u32,
    /// How many of them carry out a job.
    pub busy: u32,
    /// How many it may have.
    pub bounds: PoolBounds,
}

impl PoolStatus {
    /// How many jobs could begin at once.
    #[must_use]
    pub fn free(self) -> u32 {
        self.bounds.most.saturating_sub(self.busy)
    }
}

/// What a worker carries out.
pub(crate) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A pool of workers.
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.status()).finish()
    }
}

struct Shared {
    state: Mutex<State>,
    status: Watched<PoolStatus>,
    idle_limit: Duration,
    killed: CancellationToken,
}

struct State {
    size: u32,
    busy: u32,
    bounds: PoolBounds,
    /// The workers without a job, the one that became idle last at the end.
    idle: Vec<(u64, oneshot::Sender<Job>)>,
    hired: u64,
    /// Workers of an earlier generation end after their job.
    generation: u64,
}

impl Pool {
    /// A pool with its least number of workers.
    pub(crate) fn start(bounds: PoolBounds, idle_limit: Duration) -> Self {
        let state = State { size: 0, busy: 0, bounds, idle: Vec::new(), hired: 0, generation: 0 };
        let status = Watched::new(state.status());
        let pool = Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                status,
                idle_limit,
                killed: CancellationToken::new(),
            }),
        };
        pool.fill();
        pool
    }

    /// Carries a job out: by an idle worker, else by a new one. The caller asks for [`Pool::slots`] first; a job beyond
    /// the most is carried out all the same, since it was promised.
    pub(crate) fn submit(&self, mut job: Job) {
        let mut state = self.shared.lock();
        state.busy += 1;
        while let Some((_, worker)) = state.idle.pop() {
            match worker.send(job) {
                Ok(()) => return self.shared.publish(&state),
                Err(back) => job = back,
            }
        }
        self.hire(&mut state, Some(job));
        self.shared.publish(&state);
    }

    /// Waits until a job could begin at once, and says how many could.
    pub(crate) async fn slots(&self) -> u32 {
        self.shared.status.wait_for(|status| status.free() > 0).await.free()
    }

    /// Waits until no worker is busy.
    pub(crate) async fn quiet(&self) {
        self.shared.status.wait_for(|status| status.busy == 0).await;
    }

    /// How the pool is.
    pub(crate) fn status(&self) -> PoolStatus {
        self.shared.lock().status()
    }

    /// Ends idle workers now and busy ones after their jobs; new ones take their places, within these bounds if any are given.
    pub(crate) fn recycle(&self, bounds: Option<PoolBounds>) {
        let mut state = self.shared.lock();
        state.generation += 1;
        state.bounds = bounds.unwrap_or(state.bounds);
        let retired = u32::try_from(state.idle.len()).unwrap_or(u32::MAX);
        state.size = state.size.saturating_sub(retired);
        state.idle.clear();
        self.shared.publish(&state);
        drop(state);
        self.fill();
    }

    fn fill(&self) {
        let mut state = self.shared.lock();
        while state.size < state.bounds.least.min(state.bounds.most) {
            self.hire(&mut state, None);
        }
        self.shared.publish(&state);
    }

    fn hire(&self, state: &mut State, job: Option<Job>) {
        state.size += 1;
        state.hired += 1;
        let worker = Worker {
            id: state.hired,
            generation: state.generation,
            busy: job.is_some(),
            counted: true,
            shared: Arc::clone(&self.shared),
        };
        tokio::spawn(worker.work(job));
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.killed.cancel();
    }
}

impl Shared {
    /// A panic while the lock is held leaves counts that are true all the same: each is written whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, state: &State) {
        let status = state.status();
        metrics::pool(status.size, status.busy);
        self.status.modify(|published| *published = status);
    }
}

impl State {
    fn status(&self) -> PoolStatus {
        let most = self.bounds.most.max(1);
        PoolStatus {
            size: self.size,
            busy: self.busy,
            bounds: PoolBounds { least: self.bounds.least.min(most), most },
        }
    }
}

/// A worker; dropping it takes it out of the counts, however it ended.
struct Worker {
    id: u64,
    generation: u64,
    busy: bool,
    /// Whether the counts still include it: a recycled idle worker was taken out by who recycled it.
    counted: bool,
    shared: Arc<Shared>,
}

/// What a worker does after a job.
enum Next {
    Wait(oneshot::Receiver<Job>),
    End,
}

impl Worker {
    async fn work(mut self, mut job: Option<Job>) {
        let killed = self.shared.killed.clone();
        loop {
            if let Some(job) = job.take() {
                tokio::select! {
                    biased;
                    () = killed.cancelled() => return,
                    () = job => {}
                }
            }
            let mut seat = match self.rest() {
                Next::Wait(seat) => seat,
                Next::End => return,
            };
            job = tokio::select! {
                biased;
                () = killed.cancelled() => return,
                job = self.wait(&mut seat) => job,
            };
            if job.is_none() {
                return;
            }
        }
    }

    /// Takes a seat among the idle, unless the pool has no use for it.
    fn rest(&mut self) -> Next {
        let mut state = self.shared.lock();
        if self.busy {
            state.busy = state.busy.saturating_sub(1);
            self.busy = false;
        }
        let next = if self.generation < state.generation || state.size > state.bounds.most.max(1) {
            state.size = state.size.saturating_sub(1);
            self.counted = false;
            Next::End
        } else {
            let (worker, seat) = oneshot::channel();
            state.idle.push((self.id, worker));
            Next::Wait(seat)
        };
        self.shared.publish(&state);
        next
    }

    /// Waits for a job; `None` when it is time to end.
    async fn wait(&mut self, seat: &mut oneshot::Receiver<Job>) -> Option<Job> {
        loop {
            match tokio::time::timeout(self.shared.idle_limit, &mut *seat).await {
                Ok(Ok(job)) => {
                    self.busy = true;
                    return Some(job);
                }
                Ok(Err(_)) => {
                    self.counted = false;
                    return None;
                }
                Err(_) => {
                    if self.retire() {
                        return None;
                    }
                }
            }
        }
    }

    /// Ends an idle worker that is one too many. One that was just given a job has no seat any more, and stays.
    fn retire(&mut self) -> bool {
        let mut state = self.shared.lock();
        if state.size <= state.bounds.least {
            return false;
        }
        let Some(seat) = state.idle.iter().position(|(id, _)| *id == self.id) else { return false };
        state.idle.remove(seat);
        state.size = state.size.saturating_sub(1);
        self.counted = false;
        self.shared.publish(&state);
        true
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.busy && !self.counted {
            return;
        }
        let mut state = self.shared.lock();
        if self.busy {
            state.busy = state.busy.saturating_sub(1);
        }
        if self.counted {
            state.size = state.size.saturating_sub(1);
        }
        self.shared.publish(&state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    fn pool(least: u32, most: u32) -> Pool {
        Pool::start(PoolBounds { least, most }, IDLE)
    }

    /// A job that lasts until its sender is dropped.
    fn held(pool: &Pool) -> oneshot::Sender<()> {
        let (hold, released) = oneshot::channel::<()>();
        pool.submit(Box::pin(async move {
            let _ = released.await;
        }));
        hold
    }

    fn counts(pool: &Pool) -> (u32, u32) {
        (pool.status().size, pool.status().busy)
    }

    #[tokio::test(start_paused = true)]
    async fn grows_on_demand_and_shrinks_to_its_least() {
        let pool = pool(1, 3);
        assert_eq!(counts(&pool), (1, 0));
        tokio::task::yield_now().await;
        let jobs: Vec<_> = (0..3).map(|_| held(&pool)).collect();
        assert_eq!(counts(&pool), (3, 3), "the idle one and two new ones");
        drop(jobs);
        pool.quiet().await;
        assert_eq!(counts(&pool), (3, 0));
        tokio::time::sleep(IDLE + Duration::from_secs(1)).await;
        assert_eq!(counts(&pool), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn says_when_there_is_room() {
        let pool = pool(0, 2);
        assert_eq!(pool.slots().await, 2);
        let (first, _second) = (held(&pool), held(&pool));
        let full = tokio::time::timeout(Duration::from_secs(1), pool.slots()).await;
        assert!(full.is_err(), "no room while both are busy");
        drop(first);
        assert_eq!(pool.slots().await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn recycled_workers_end_after_their_job() {
        let pool = pool(2, 4);
        tokio::task::yield_now().await;
        let job = held(&pool);
        pool.recycle(Some(PoolBounds { least: 1, most: 2 }));
        assert_eq!(counts(&pool), (1, 1), "the idle one is gone, the busy one still works");
        drop(job);
        pool.quiet().await;
        tokio::task::yield_now().await;
        assert_eq!(pool.status().busy, 0);
        let again = held(&pool);
        tokio::task::yield_now().await;
        assert_eq!(pool.status().busy, 1, "the pool works on");
        drop(again);
        pool.quiet().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_panics_costs_its_worker_and_nothing_else() {
        let pool = pool(0, 1);
        pool.submit(Box::pin(async { panic!("on purpose") }));
        pool.quiet().await;
        assert_eq!(counts(&pool), (0, 0));
        drop(held(&pool));
        pool.quiet().await;
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_the_pool_ends_its_jobs() {
        let pool = pool(0, 1);
        let hold = held(&pool);
        tokio::task::yield_now().await;
        drop(pool);
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(hold.is_closed());
    }
}
