//! What every store promises to the nodes that run on it.

mod committing;
mod counting;
mod guards;
mod locking;
mod membership;
mod reading;
mod sending;
mod updates;
mod waking;
mod workflows;
mod working;

use crate::fixture::Stores;
use crate::promise::Promise;

/// Every promise of a store to its nodes.
pub const PROMISES: &[Promise<Stores>] = crate::__store_promises! { [crate::__list] };

/// Makes a test of every promise of a store to its nodes ([`store::PROMISES`](crate::store::PROMISES)). Takes attributes for each test
/// and an asynchronous function that gives a [`StoreFixture`](crate::StoreFixture):
///
/// ```
/// # async fn fresh_store() -> conformance::StoreFixture { unimplemented!() }
/// conformance::test_store! {
///     #[ignore = "needs a server"]
///     fresh_store
/// }
/// ```
#[macro_export]
macro_rules! test_store {
    ($(#[$attribute:meta])* $fixture:path) => {
        $crate::__store_promises! { [$crate::__tests] [$(#[$attribute])*] $crate::store::PROMISES, $fixture }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_promises {
    ([$($then:tt)+] $($arguments:tt)*) => {
        $($then)+! { $($arguments)*;
            locking::r12_1_a_second_pass_finds_the_lock_taken
            locking::r12_1_dropping_a_pass_gives_the_lock_back
            locking::r12_1_a_commit_gives_the_lock_back
            locking::r12_1_looking_needs_no_lock
            locking::r12_1_racing_passes_take_turns
            locking::r12_1_each_task_is_started_once_however_many_race
            locking::r12_3_a_dropped_pass_changes_nothing
            locking::r12_3_a_pass_sees_what_the_last_one_wrote
            reading::finished_tasks_are_no_part_of_a_snapshot
            reading::r2_the_rules_are_those_that_are_defined
            reading::a_snapshot_holds_what_is_defined
            committing::a_trace_is_carried_on_by_the_dispatch
            committing::a_trace_is_inherited_by_what_passes_create
            committing::r5_a_dependency_is_awaited
            committing::r5_a_failed_dependency_fails_with_awx_text
            committing::r12_4_a_start_is_written_with_its_message
            committing::r12_4_a_container_task_goes_to_the_shared_queue
            committing::r12_4_a_controlled_container_task_goes_to_its_controller
            committing::r6_5_a_workflow_job_runs_at_once_and_is_not_sent
            committing::r12_3_many_starts_are_one_commit
            committing::r12_4_no_dispatch_is_ever_given_twice
            committing::r10_the_reason_of_a_hold_is_stored
            committing::r10_a_new_reason_replaces_the_old_one
            committing::r10_numbers_that_change_are_no_new_reason
            committing::r10_a_held_workflow_has_its_reason_too
            committing::r9_the_start_limit_of_the_rules_holds
            guards::r12_3_a_start_that_was_canceled_meanwhile_is_left_out
            guards::r12_3_a_launch_meanwhile_is_left_alone
            guards::r12_3_a_report_before_the_reap_is_written_makes_the_plan_stale
            guards::r12_3_a_claim_before_the_taking_back_is_written_makes_the_plan_stale
            guards::r12_3_a_cancel_before_an_end_is_written_makes_the_plan_stale
            guards::r12_3_a_claim_before_a_new_dispatch_is_written_leaves_that_out
            guards::r12_3_an_update_is_left_out_when_the_task_that_asks_for_it_changed
            guards::r12_3_a_chain_of_updates_is_left_out_together
            guards::r12_3_a_new_update_whose_own_update_is_left_out_is_derived_for_again
            guards::r12_3_the_steps_of_a_workflow_that_was_canceled_meanwhile_are_left_out
            guards::r12_3_a_request_to_cancel_needs_no_guard
            working::r12_4_a_task_is_claimed_under_its_dispatch
            working::r12_4_only_the_right_dispatch_takes
            working::r12_4_another_node_cannot_take_what_is_taken
            working::r12_4_a_claim_may_be_repeated_by_the_same_life
            working::r12_4_only_the_node_that_a_task_is_meant_for_takes_it
            working::r8_3_a_task_that_the_wrong_node_asked_for_is_canceled_at_once
            working::r12_4_only_the_controller_of_a_container_task_takes_it
            working::r12_4_claims_that_race_let_one_through
            working::claims_are_answered_in_the_order_of_the_questions
            working::r12_4_a_message_that_comes_twice_in_one_batch_is_one_claim
            working::r8_3_a_waiting_task_is_canceled_at_once_and_its_message_void
            working::r12_4_a_life_that_was_replaced_takes_nothing_and_is_told_so
            working::r8_1_a_task_from_the_shared_queue_is_lost_with_its_taker
            working::r12_4_a_report_ends_the_task
            working::r12_4_a_report_is_fenced_and_may_be_repeated
            working::reports_are_answered_in_the_order_they_came
            working::a_task_that_is_handed_back_is_pending_and_its_dispatch_void
            working::r8_3_a_canceled_task_that_is_handed_back_is_canceled
            working::r8_3_the_worker_of_a_canceled_task_is_told
            working::r8_1_the_worker_of_a_reaped_task_is_told_to_drop_it
            working::r8_2_an_overdue_dispatch_is_replaced_and_its_message_void
            membership::an_unknown_node_that_says_nothing_of_itself_is_refused
            membership::an_unknown_node_is_defined_on_the_spot
            membership::a_defined_node_stays_as_it_is_defined
            membership::a_control_plane_is_the_same_for_whoever_asks
            membership::each_life_of_a_node_is_a_new_incarnation
            membership::a_heartbeat_tells_the_time_by_which_it_is_stamped
            membership::what_an_earlier_life_ran_fails_and_what_waits_for_it_waits_on
            membership::r8_1_a_node_that_never_joined_gets_nothing
            membership::r8_1_a_silent_node_is_lost_after_the_grace_of_the_rules
            membership::r8_1_nodes_are_told_the_grace_of_the_rules
            membership::r8_2_a_node_that_leaves_has_its_waiting_tasks_taken_back
            membership::r8_2_a_task_that_is_taken_back_starts_elsewhere_in_the_same_pass
            membership::r8_1_what_runs_on_a_node_that_left_fails
            membership::r6_1_a_node_that_takes_no_work_gets_no_start
            membership::r8_2_a_node_that_drains_gets_no_start_and_what_waits_for_it_is_pending
            membership::the_draining_of_an_earlier_life_is_void
            membership::the_leaving_of_an_earlier_life_is_void
            sending::an_empty_outbox_gives_an_empty_batch
            sending::messages_come_oldest_first_and_no_more_than_asked_for
            sending::no_two_relays_have_one_message
            sending::a_sent_message_never_comes_again
            sending::r12_4_a_dropped_batch_gives_its_messages_back_at_once
            sending::r12_4_what_was_not_sent_rests_and_comes_again
            sending::r12_4_what_rests_holds_nobody_up
            sending::r12_4_a_void_message_is_never_handed_out
            waking::r12_2_a_launch_wakes_the_schedulers
            waking::r12_2_every_listener_hears
            waking::r12_2_a_commit_with_messages_wakes_the_relays
            waking::r12_2_a_report_wakes_the_schedulers
            waking::r12_2_a_cancel_wakes_whoever_must_act
            waking::r12_2_a_cancel_that_reaches_through_a_workflow_wakes_the_workers
            waking::r12_2_a_cancel_that_meets_a_claim_wakes_the_worker
            waking::r12_2_a_node_that_comes_or_goes_wakes_the_schedulers
            waking::r12_2_a_join_wakes_whoever_it_replaces
            updates::r4_3_a_created_update_is_filled_in
            updates::r4_a_job_waits_for_its_update_and_then_starts
            updates::r4_2_a_fresh_update_is_not_repeated
            updates::r4_2_a_stale_update_is_repeated
            updates::r4_2_an_update_that_a_person_launched_counts
            updates::r4_2_an_update_of_launch_type_sync_does_not_count
            updates::r4_2_a_failed_update_fails_its_job_and_is_repeated_for_the_next
            updates::r4_3_one_update_serves_all_who_need_it
            updates::r4_4_an_inventory_update_waits_for_the_project_that_it_reads
            updates::r8_3_a_canceled_update_cancels_its_job
            workflows::a_payload_reaches_each_slice
            workflows::each_slice_is_told_which_it_is
            workflows::r7_3_a_nodes_job_is_filled_in
            workflows::r7_the_way_of_success
            workflows::r7_the_way_of_failure
            workflows::r7_4_an_unhandled_failure_fails_the_workflow
            workflows::r7_4_an_empty_workflow_is_successful
            workflows::r7_2_any_and_all_come_together
            workflows::r7_1_always_follows_either_way
            workflows::r7_a_nested_workflow_ends_its_outer_one_in_the_same_pass
            workflows::r7_3_nodes_start_everything_that_can_be_defined
            workflows::r7_3_a_node_that_starts_its_own_workflow_is_created_as_failed
            workflows::r7_3_a_node_that_lacks_its_inventory_is_created_as_failed
            workflows::a_workflow_that_changes_leaves_running_ones_as_they_were
            workflows::r7_6_an_approval_that_nobody_gives_expires
            workflows::r8_3_a_canceled_workflow_takes_its_jobs_with_it
            workflows::r2_slices_run_side_by_side_and_end_their_workflow
            counting::statistics_count
            counting::statistics_of_an_idle_store_are_empty
        }
    };
}
