//! What every broker promises to the nodes that speak through it.
//!
//! What has to come is waited for, long; what must not come is looked for only briefly, so that a slow machine may miss a fault but
//! never invents one.

mod calls;
mod dispatches;
mod neighbours;

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use control_plane::ports::{Broker, BrokerError};

use crate::fixture::Brokers;
use crate::promise::Promise;

impl From<&Brokers> for Arc<dyn Broker> {
    fn from(brokers: &Brokers) -> Self {
        Self::clone(&brokers.broker)
    }
}

impl From<&Self> for Brokers {
    fn from(brokers: &Self) -> Self {
        brokers.clone()
    }
}

/// Every promise of a broker.
pub const PROMISES: &[Promise<Brokers>] = crate::__broker_promises! { [crate::__list] };

/// Makes a test of every promise of a broker ([`broker::PROMISES`](crate::broker::PROMISES)). Takes attributes for each test and an
/// asynchronous function that gives a [`BrokerFixture`](crate::BrokerFixture), as [`test_store!`](crate::test_store) does.
#[macro_export]
macro_rules! test_broker {
    ($(#[$attribute:meta])* $fixture:path) => {
        $crate::__broker_promises! { [$crate::__tests] [$(#[$attribute])*] $crate::broker::PROMISES, $fixture }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __broker_promises {
    ([$($then:tt)+] $($arguments:tt)*) => {
        $($then)+! { $($arguments)*;
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
            neighbours::a_dispatch_of_another_control_plane_is_taken_by_nobody_and_holds_nothing_up
            neighbours::a_dispatch_that_names_no_control_plane_is_taken
            neighbours::calls_of_another_control_plane_are_not_heard
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

fn is_no_answer<T: Debug>(outcome: &Result<T, BrokerError>) {
    assert!(matches!(outcome, Err(BrokerError::NoAnswer { answered: 0, .. })), "{outcome:?}");
}
