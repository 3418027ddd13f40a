//! What people ask of a store, and what removes what is over, each with a flaw.

use std::sync::Arc;

use async_trait::async_trait;
use conformance::{StoreFixture, admin, retention};
use control_plane::MemoryStore;
use control_plane::definition::{Applied, DefinitionKind, Definitions};
use control_plane::ports::{
    Admin, Answer, Answered, CancelAnswer, HistoryFilter, Launch, NodeView, Output, PastTask, Purge, Purged,
    Retention, StoreError, SystemClock, TaskFilter, TaskView,
};
use scheduler_core::{TaskId, Timestamp};

/// Launches one by one, so that a refused one leaves the others behind.
#[derive(Debug)]
struct OneByOne(MemoryStore);

#[async_trait]
impl Admin for OneByOne {
    async fn launch(&self, launches: &[Launch]) -> Result<Vec<TaskId>, StoreError> {
        let mut ids = Vec::new();
        for launch in launches {
            ids.extend(Admin::launch(&self.0, std::slice::from_ref(launch)).await?);
        }
        Ok(ids)
    }

    async fn cancel(&self, tasks: &[TaskId]) -> Result<Vec<CancelAnswer>, StoreError> {
        Admin::cancel(&self.0, tasks).await
    }

    async fn answer(&self, approval: TaskId, answer: Answer) -> Result<Answered, StoreError> {
        self.0.answer(approval, answer).await
    }

    async fn define(&self, definitions: &Definitions) -> Result<Applied, StoreError> {
        Admin::define(&self.0, definitions).await
    }

    async fn definitions(&self) -> Result<Definitions, StoreError> {
        self.0.definitions().await
    }

    async fn remove(&self, kind: DefinitionKind, name: &str) -> Result<bool, StoreError> {
        self.0.remove(kind, name).await
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskView>, StoreError> {
        Admin::task(&self.0, id).await
    }

    async fn output(&self, id: TaskId) -> Result<Option<Output>, StoreError> {
        self.0.output(id).await
    }

    async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<TaskView>, StoreError> {
        Admin::tasks(&self.0, filter).await
    }

    async fn history(&self, filter: &HistoryFilter) -> Result<Vec<PastTask>, StoreError> {
        self.0.history(filter).await
    }

    async fn nodes(&self) -> Result<Vec<NodeView>, StoreError> {
        self.0.nodes().await
    }
}

/// Removes also when it should only count.
#[derive(Debug)]
struct AlwaysWet(MemoryStore);

#[async_trait]
impl Retention for AlwaysWet {
    async fn ended_before(&self, moment: Timestamp) -> Result<u64, StoreError> {
        self.0.ended_before(moment).await
    }

    async fn purge(&self, portion: &Purge) -> Result<Purged, StoreError> {
        self.0.purge(&Purge { dry_run: false, ..*portion }).await
    }
}

fn fixture() -> (MemoryStore, StoreFixture) {
    let store = MemoryStore::new(Arc::new(SystemClock));
    (store.clone(), StoreFixture::of_node_store(Arc::new(store.clone()), Arc::new(store)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn launches_one_by_one_are_found() {
    let one_by_one = || {
        let (store, fixture) = fixture();
        fixture.with_admin(Arc::new(OneByOne(store)))
    };
    let expected =
        ["all_of_a_batch_are_launched_or_none", "many_are_launched_or_none_and_it_is_told_how_far_they_are"];
    super::finds(admin::PROMISES, one_by_one, &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_without_a_dry_run_is_found() {
    let always_wet = || {
        let (store, fixture) = fixture();
        fixture.with_retention(Arc::new(AlwaysWet(store)))
    };
    let promise = retention::PROMISES.iter().find(|promise| promise.name() == "a_dry_run_removes_nothing");
    let broken = promise.unwrap().check(always_wet()).await.unwrap_err();
    assert_eq!(broken.promise, "a_dry_run_removes_nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_removes_and_serves_no_people_passes() {
    let alone = || {
        let (store, fixture) = fixture();
        fixture.with_retention(Arc::new(store))
    };
    assert_eq!(super::broken(retention::PROMISES, alone).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suite_says_which_port_the_fixture_lacks() {
    let (_, fixture) = fixture();
    let broken = admin::PROMISES.first().unwrap().check(fixture).await.unwrap_err();
    assert!(broken.how.contains("StoreFixture::with_admin"), "{broken}");
}
