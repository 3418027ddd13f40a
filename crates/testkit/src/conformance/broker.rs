//! What every broker promises, one function a promise; [`broker_conformance!`](crate::broker_conformance) makes a test of each.
//!
//! A promise gets a broker that nobody else uses and speaks to it through the port alone. What has to come is waited for, long; what
//! must not come is looked for only briefly, so that a slow machine may miss a fault but never invents one.

pub mod calls;
pub mod dispatches;
pub mod neighbours;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use control_plane::ports::{Broker, BrokerError};

/// A fresh broker, and what to do when the test is over, however it ended.
pub struct Fixture {
    /// The broker.
    pub broker: Arc<dyn Broker>,
    /// Another control plane's, on the same server and with the same names.
    pub neighbour: Arc<dyn Broker>,
    /// Removes what the test left behind.
    pub clean_up: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Fixture {
    /// A broker that leaves nothing behind.
    #[must_use]
    pub fn new(broker: Arc<dyn Broker>, neighbour: Arc<dyn Broker>) -> Self {
        Self { broker, neighbour, clean_up: Box::pin(async {}) }
    }

    /// With something to do afterwards.
    #[must_use]
    pub fn cleaned_up_by(self, clean_up: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { clean_up: Box::pin(clean_up), ..self }
    }
}

/// Tests one promise and cleans up.
///
/// # Panics
///
/// When the broker does not keep it.
pub async fn check<P, F>(fixture: Fixture, promise: P)
where
    P: FnOnce(Arc<dyn Broker>) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    check_both(fixture, |broker, _| promise(broker)).await;
}

/// The same, of a promise about two control planes.
///
/// # Panics
///
/// When the broker does not keep it.
pub async fn check_both<P, F>(fixture: Fixture, promise: P)
where
    P: FnOnce(Arc<dyn Broker>, Arc<dyn Broker>) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let promise = promise(Arc::clone(&fixture.broker), Arc::clone(&fixture.neighbour));
    let outcome = tokio::spawn(promise).await;
    drop((fixture.broker, fixture.neighbour));
    fixture.clean_up.await;
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

/// Makes a test of every promise of a broker. Takes attributes for each test and an asynchronous function that gives a
/// [`Fixture`](crate::conformance::broker::Fixture); the calling crate depends on `tokio`.
///
/// ```ignore
/// testkit::broker_conformance! {
///     #[ignore = "needs RabbitMQ: scripts/test starts one"]
///     fixture
/// }
/// ```
#[macro_export]
macro_rules! broker_conformance {
    ($(#[$attribute:meta])* $fixture:path) => {
        $crate::broker_conformance! { @list [$(#[$attribute])*] $fixture;
            dispatches::a_dispatch_arrives_as_it_was_sent
            dispatches::many_dispatches_arrive_each_once
            dispatches::publishing_nothing_is_nothing
            dispatches::a_queue_that_was_never_declared_makes_unroutable
            dispatches::the_answers_stand_in_the_order_of_the_messages
            dispatches::the_queues_survive_the_node
            dispatches::nodes_share_the_shared_queue
            dispatches::a_node_gets_nothing_of_another
            dispatches::no_more_than_max_are_returned_at_once
            dispatches::no_more_than_prefetch_are_unacknowledged
            dispatches::acknowledging_makes_room
            dispatches::what_is_acknowledged_never_comes_again
            dispatches::what_is_not_acknowledged_is_given_back
            dispatches::only_what_was_returned_is_acknowledged
            dispatches::acknowledging_nothing_is_nothing
            dispatches::next_waits_for_a_dispatch
            dispatches::giving_up_waiting_loses_nothing
            dispatches::publishers_at_the_same_time_do_not_mix
            calls::a_broadcast_reaches_every_node_that_listens
            calls::a_broadcast_to_nobody_is_no_error
            calls::a_node_that_left_gets_no_broadcast_when_it_is_back
            calls::one_node_is_asked_and_answers
            calls::all_nodes_are_asked_and_answer
            calls::answers_that_came_are_returned_when_others_are_missing
            calls::no_answer_in_time_is_an_error
            calls::a_node_that_does_not_listen_gives_no_answer
            calls::a_late_answer_is_void
            calls::every_request_and_every_answer_arrives_as_it_was_sent
            calls::requests_at_the_same_time_do_not_mix
        }
        $crate::broker_conformance! { @both [$(#[$attribute])*] $fixture;
            neighbours::a_dispatch_of_another_control_plane_is_taken_by_nobody_and_holds_nothing_up
            neighbours::a_dispatch_that_names_no_control_plane_is_taken
            neighbours::calls_of_another_control_plane_are_not_heard
        }
    };
    (@both [$(#[$attribute:meta])*] $fixture:path;) => {};
    (@both [$(#[$attribute:meta])*] $fixture:path; $group:ident::$promise:ident $($rest:tt)*) => {
        $(#[$attribute])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            let fixture = $fixture().await;
            $crate::conformance::broker::check_both(fixture, $crate::conformance::broker::$group::$promise).await;
        }
        $crate::broker_conformance! { @both [$(#[$attribute])*] $fixture; $($rest)* }
    };
    (@list $attributes:tt $fixture:path; $($group:ident::$promise:ident)*) => {
        $($crate::broker_conformance! { @test $attributes $fixture; $group::$promise })*
    };
    (@test [$(#[$attribute:meta])*] $fixture:path; $group:ident::$promise:ident) => {
        $(#[$attribute])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            let fixture = $fixture().await;
            $crate::conformance::broker::check(fixture, $crate::conformance::broker::$group::$promise).await;
        }
    };
}

/// Long enough for any machine.
const LONG: Duration = Duration::from_secs(30);
/// Long enough for what is on its way to arrive, usually.
const BRIEF: Duration = Duration::from_millis(300);

/// What must come.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, what).await.expect("what must come did not come")
}

/// What must not come.
async fn never<T: Debug>(what: impl Future<Output = T>) {
    let came = tokio::time::timeout(BRIEF, what).await;
    assert!(came.is_err(), "what must not come came: {came:?}");
}

fn is_no_answer<T: Debug>(outcome: Result<T, BrokerError>) {
    assert!(matches!(outcome, Err(BrokerError::NoAnswer { answered: 0, .. })), "{outcome:?}");
}
