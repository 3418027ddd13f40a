//! Many schedulers, one lock (R12.1).

use std::sync::Arc;
use std::time::Duration;

use control_plane::ports::{Admin as _, Counts as _, Joining, Launch, Launchable, Members as _};
use control_plane::{Options, Scheduled, Scheduler};
use scheduler_core::NodeType;
use testkit::servers::database_url;
use tokio::task::JoinSet;

use crate::cluster::{Cluster, HOSTS, store};

/// How many call at once, and how often each does.
const CALLERS: usize = 8;
const CALLS: usize = 15;

/// How many tasks each launches before each call.
const LAUNCHED: usize = 2;

/// Says that every machine is there, for as long as the test lasts.
async fn beat(store: Arc<adapter_postgres::PostgresStore>) {
    let mut members = Vec::new();
    for host in HOSTS {
        let joining = Joining {
            hostname: host.into(),
            node_type: NodeType::default(),
            capacity: None,
            takes_work: true,
            version: "none".into(),
        };
        members.push(store.join(&joining).await.unwrap().member);
    }
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            for member in &members {
                // Once the test is over there is nobody to say it to.
                let _ = store.beat(*member).await;
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL and RabbitMQ: scripts/test starts them"]
async fn r12_1_of_many_calls_one_works_at_a_time_and_the_others_are_told_busy() {
    let cluster = Cluster::new("lock").await;
    beat(Arc::clone(&cluster.store)).await;
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let store = Arc::new(store(&database_url(), &cluster.site).await);
        let scheduler =
            Scheduler::new(Arc::clone(&store) as _, Options { audit: true, ..Options::default() });
        callers.spawn(async move {
            let (mut started, mut busy) = (0, 0);
            for _ in 0..CALLS {
                let launches = vec![Launch::of(Launchable::JobTemplate("quick".into())); LAUNCHED];
                store.launch(&launches).await.unwrap();
                match scheduler.schedule().await.unwrap() {
                    Scheduled::Busy => busy += 1,
                    Scheduled::Ran(report) => started += report.starts,
                }
            }
            (started, busy)
        });
    }
    let counts: Vec<(usize, usize)> = callers.join_all().await;
    let busy: usize = counts.iter().map(|count| count.1).sum();
    assert!(busy > 0, "of {CALLERS} that call at once some are told so");
    let last = Scheduler::new(Arc::clone(&cluster.store) as _, Options::default()).schedule().await.unwrap();
    let Scheduled::Ran(last) = last else { panic!("nobody else is at it any more: {last:?}") };
    let started = counts.iter().map(|count| count.0).sum::<usize>() + last.starts;
    let launched = CALLERS * CALLS * LAUNCHED;
    assert_eq!(started, launched, "each task was started by one pass");
    let outbox = cluster.store.statistics().await.unwrap().outbox;
    assert_eq!(outbox, u64::try_from(launched).unwrap(), "and has one message");
    cluster.site.clean_up().await;
}
