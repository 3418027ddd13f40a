//! How many jobs a node carries out at once: up to its most, whatever is idle.
//!
//! A worker is an asynchronous task that lives as long as its job, so that there is none to hire ahead and none to retire: the pool counts,
//! and says when there is room. Of its least it says that they are there, since nothing has to be made for them.
//!
//! Dropping the pool ends every job at its next await: what a crash would do.

use std::future::Future;
use std::sync::Arc;

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

impl PoolBounds {
    /// Bounds that a pool can keep: at least one worker, and its least no more than its most.
    fn kept(self) -> Self {
        let most = self.most.max(1);
        Self { least: self.least.min(most), most }
    }
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
    fn of(busy: u32, bounds: PoolBounds) -> Self {
        Self { size: busy.max(bounds.least), busy, bounds }
    }

    /// How many jobs could begin at once.
    #[must_use]
    pub fn free(self) -> u32 {
        self.bounds.most.saturating_sub(self.busy)
    }
}

/// A pool of workers.
#[derive(Debug)]
pub(crate) struct Pool {
    status: Arc<Watched<PoolStatus>>,
    killed: CancellationToken,
}

impl Pool {
    /// A pool within these bounds.
    pub(crate) fn start(bounds: PoolBounds) -> Self {
        let status = PoolStatus::of(0, bounds.kept());
        metrics::pool(status.size, status.busy);
        Self { status: Arc::new(Watched::new(status)), killed: CancellationToken::new() }
    }

    /// Carries a job out. The caller asks for [`Pool::slots`] first; a job beyond the most is carried out all the same, since it
    /// was promised.
    pub(crate) fn submit(&self, job: impl Future<Output = ()> + Send + 'static) {
        let busy = Busy::count(&self.status);
        let killed = self.killed.clone();
        tokio::spawn(async move {
            let _busy = busy;
            killed.run_until_cancelled(job).await;
        });
    }

    /// Waits until a job could begin at once, and says how many could.
    pub(crate) async fn slots(&self) -> u32 {
        self.status.wait_for(|status| status.free() > 0).await.free()
    }

    /// Waits until no worker is busy.
    pub(crate) async fn quiet(&self) {
        self.status.wait_for(|status| status.busy == 0).await;
    }

    /// How the pool is.
    pub(crate) fn status(&self) -> PoolStatus {
        self.status.get()
    }

    /// Goes by these bounds from now on, if any are given; what is carried out goes on.
    pub(crate) fn recycle(&self, bounds: Option<PoolBounds>) {
        change(&self.status, |now| PoolStatus::of(now.busy, bounds.map_or(now.bounds, PoolBounds::kept)));
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.killed.cancel();
    }
}

fn change(status: &Watched<PoolStatus>, next: impl FnOnce(PoolStatus) -> PoolStatus) {
    status.modify(|status| {
        *status = next(*status);
        metrics::pool(status.size, status.busy);
    });
}

/// One job that is carried out; however it ends, it is not counted any more.
struct Busy(Arc<Watched<PoolStatus>>);

impl Busy {
    fn count(status: &Arc<Watched<PoolStatus>>) -> Self {
        change(status, |now| PoolStatus::of(now.busy.saturating_add(1), now.bounds));
        Self(Arc::clone(status))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        change(&self.0, |now| PoolStatus::of(now.busy.saturating_sub(1), now.bounds));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    fn pool(least: u32, most: u32) -> Pool {
        Pool::start(PoolBounds { least, most })
    }

    /// A job that lasts until its sender is dropped.
    fn held(pool: &Pool) -> oneshot::Sender<()> {
        let (hold, released) = oneshot::channel::<()>();
        pool.submit(async move {
            let _ = released.await;
        });
        hold
    }

    fn counts(pool: &Pool) -> (u32, u32) {
        (pool.status().size, pool.status().busy)
    }

    #[tokio::test(start_paused = true)]
    async fn grows_on_demand_and_shrinks_to_its_least() {
        let pool = pool(1, 3);
        assert_eq!(counts(&pool), (1, 0));
        let jobs: Vec<_> = (0..3).map(|_| held(&pool)).collect();
        assert_eq!(counts(&pool), (3, 3), "as many as are busy");
        drop(jobs);
        pool.quiet().await;
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
    async fn a_pool_that_is_recycled_lets_its_jobs_end_and_goes_by_its_new_bounds() {
        let pool = pool(2, 4);
        let job = held(&pool);
        pool.recycle(Some(PoolBounds { least: 1, most: 2 }));
        assert_eq!(counts(&pool), (1, 1), "one that works is one that stays");
        drop(job);
        pool.quiet().await;
        let (_first, _second) = (held(&pool), held(&pool));
        assert_eq!((counts(&pool), pool.status().free()), ((2, 2), 0), "the pool works on");
        pool.recycle(Some(PoolBounds { least: 9, most: 0 }));
        assert_eq!(pool.status().bounds, PoolBounds { least: 1, most: 1 }, "bounds that can be kept");
        assert_eq!(counts(&pool), (2, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_panics_costs_its_worker_and_nothing_else() {
        let pool = pool(0, 1);
        pool.submit(async { panic!("on purpose") });
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
