//! What every store promises, one function a promise; [`store_conformance!`](crate::store_conformance) makes a test of each.
//!
//! A promise gets a store that nobody else uses and speaks to it through the ports alone. For PostgreSQL: an asynchronous function
//! makes a schema of its own, migrates it, and says how it is dropped again.
//!
//! ```ignore
//! async fn fixture() -> testkit::conformance::store::Fixture {
//!     let store = /* a store on a fresh, migrated schema */;
//!     Fixture::new(Arc::new(store)).cleaned_up_by(async move { /* drop the schema */ })
//! }
//!
//! testkit::store_conformance! {
//!     #[ignore = "needs PostgreSQL: scripts/test starts one"]
//!     fixture
//! }
//! ```
//!
//! No test turns a clock, since a database has its own: where time matters, graces and timeouts are 0 and a moment is let go
//! by. Each pass of the suite is checked: its snapshot is valid and [`scheduler_core::audit`] finds nothing in its plan.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use control_plane::ports::Store;

pub mod committing;
pub mod defining;
pub mod guards;
pub mod launching;
pub mod locking;
pub mod looking;
pub mod membership;
pub mod past;
pub mod retention;
pub mod sending;
pub mod updates;
pub mod waking;
pub mod workflows;
pub mod working;
mod world;

/// A fresh store, and what to do when the test is over, however it ended.
pub struct Fixture {
    /// A store in which nothing is defined and nothing was launched, ready for use.
    pub store: Arc<dyn Store>,
    /// Removes what the test left behind.
    pub clean_up: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Fixture {
    /// A store that leaves nothing behind.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, clean_up: Box::pin(async {}) }
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
/// When the store does not keep it.
pub async fn check<P, F>(fixture: Fixture, promise: P)
where
    P: FnOnce(Arc<dyn Store>) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let outcome = tokio::spawn(promise(Arc::clone(&fixture.store))).await;
    drop(fixture.store);
    fixture.clean_up.await;
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

/// Makes a test of every promise of a store. Takes attributes for each test and an asynchronous function that gives a
/// [`Fixture`](crate::conformance::store::Fixture); the calling crate depends on `tokio`.
#[macro_export]
macro_rules! store_conformance {
    ($(#[$attribute:meta])* $fixture:path) => {
        $crate::store_conformance! { @list [$(#[$attribute])*] $fixture;
            locking::r12_1_a_second_pass_finds_the_lock_taken
            locking::r12_1_dropping_a_pass_gives_the_lock_back
            locking::r12_1_a_commit_gives_the_lock_back
            locking::r12_1_looking_needs_no_lock
            locking::r12_1_racing_passes_take_turns
            locking::r12_1_each_task_is_started_once_however_many_race
            locking::r12_3_a_dropped_pass_changes_nothing
            locking::r12_3_a_pass_sees_what_the_last_one_wrote
            launching::a_job_is_filled_in_from_its_template
            launching::r6_6_a_job_costs_what_hosts_and_forks_make_of_it
            launching::a_project_update_is_filled_in
            launching::an_inventory_update_is_filled_in
            launching::a_system_job_is_filled_in
            launching::an_ad_hoc_command_is_filled_in
            launching::a_workflow_job_is_filled_in
            launching::a_template_with_slices_is_launched_as_their_workflow
            launching::the_keys_of_own_resources_are_carried
            launching::keys_of_own_resources_can_be_given_with_a_launch
            launching::keys_of_own_resources_have_a_limit_and_a_name
            launching::a_launch_may_name_its_priority_and_why_it_is
            launching::a_payload_is_laid_over_that_of_the_definition
            launching::a_payload_reaches_each_slice
            launching::a_payload_above_the_limit_is_refused
            launching::each_slice_is_told_which_it_is
            launching::a_workflow_takes_no_payload
            launching::a_trace_is_carried_on_by_the_dispatch
            launching::a_trace_is_inherited_by_what_passes_create
            launching::unknown_names_are_refused_by_name
            launching::all_of_a_batch_are_launched_or_none
            launching::many_are_launched_or_none_and_it_is_told_how_far_they_are
            launching::r5_a_dependency_is_awaited
            launching::r5_a_failed_dependency_fails_with_awx_text
            launching::a_definition_that_changes_leaves_launched_tasks_as_they_are
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
            guards::r12_3_an_approval_that_was_given_before_its_end_is_written_stands
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
            working::what_a_task_printed_is_kept
            working::a_task_that_is_handed_back_is_pending_and_its_dispatch_void
            working::r8_3_a_canceled_task_that_is_handed_back_is_canceled
            working::r8_3_the_worker_of_a_canceled_task_is_told
            working::r8_1_the_worker_of_a_reaped_task_is_told_to_drop_it
            working::cancels_are_answered_in_the_order_of_the_questions
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
            membership::r8_1_what_runs_on_an_instance_that_was_removed_fails
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
            waking::r12_2_a_change_of_instances_wakes_the_schedulers
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
            workflows::r7_2_a_node_whose_template_was_removed_counts_as_failed
            workflows::a_workflow_that_changes_leaves_running_ones_as_they_were
            workflows::r7_an_approval_that_is_given_goes_on
            workflows::r7_an_approval_that_is_denied_fails
            workflows::an_answer_needs_an_approval_that_waits
            workflows::r7_6_an_approval_that_nobody_gives_expires
            workflows::r8_3_a_canceled_workflow_takes_its_jobs_with_it
            workflows::r2_slices_run_side_by_side_and_end_their_workflow
            looking::a_task_shows_what_is_known_of_it
            looking::r1_unfinished_tasks_are_listed_in_order
            looking::finished_tasks_are_listed_latest_first
            looking::tasks_are_listed_by_status
            looking::finished_tasks_are_no_part_of_a_snapshot
            looking::r6_1_nodes_show_what_is_used_of_them
            looking::r8_2_nodes_show_whether_they_take_work
            looking::statistics_count
            looking::statistics_of_an_idle_store_are_empty
            past::nothing_has_happened_in_an_empty_store
            past::a_past_task_shows_what_is_known_of_it
            past::what_passes_created_is_part_of_the_past
            past::r10_waits_are_kept_in_their_order
            past::r10_a_wait_that_goes_on_has_no_end_yet
            past::r10_numbers_that_change_begin_no_new_wait
            past::r10_a_resource_that_passes_from_holder_to_holder_is_one_wait
            past::r10_a_canceled_task_keeps_its_waits
            past::r10_a_task_that_comes_back_adds_to_its_waits
            past::the_past_comes_in_the_order_of_launches
            past::the_past_comes_page_by_page
            past::what_is_launched_between_two_pages_comes_last
            past::a_span_begins_with_its_first_moment
            past::a_span_ends_before_its_last_moment
            past::what_was_there_all_the_span_is_part_of_it
            retention::a_purge_of_an_empty_store_removes_nothing
            retention::what_ended_before_the_moment_is_removed_and_nothing_else
            retention::a_task_that_ended_at_the_moment_is_not_old_enough
            retention::what_is_removed_takes_all_that_hangs_on_it_along
            retention::r5_a_task_that_others_wait_for_is_kept_until_they_have_ended
            retention::r5_a_launch_after_a_removed_task_is_refused
            retention::r4_2_the_last_update_of_a_project_is_kept
            retention::r4_2_the_last_update_of_an_inventory_source_is_kept
            retention::the_last_update_of_a_project_that_was_removed_goes
            retention::r12_4_a_task_with_a_message_in_the_outbox_is_kept
            retention::r7_an_unfinished_workflow_keeps_what_it_started
            retention::r7_a_nested_workflow_goes_with_its_outer_one
            retention::r7_a_workflow_of_which_a_part_is_needed_is_kept_whole
            retention::r7_a_workflow_of_which_a_part_ended_later_is_kept_whole
            retention::r7_slices_go_with_their_workflow
            retention::a_purge_goes_on_where_the_portion_before_has_ended
            retention::a_dry_run_removes_nothing
            retention::r12_3_a_purge_waits_for_the_pass_that_is_under_way
            retention::r12_1_passes_go_on_after_a_purge
            retention::r11_a_purge_changes_no_plan
            defining::what_is_defined_comes_back_as_it_was
            defining::defining_the_same_again_changes_nothing
            defining::a_change_touches_what_it_names_and_nothing_else
            defining::an_empty_store_has_no_definitions
            defining::r2_the_rules_are_those_that_are_defined
            defining::a_snapshot_holds_what_is_defined
            defining::names_that_are_nowhere_are_refused_and_nothing_is_defined
            defining::what_is_wrong_by_itself_is_refused
            defining::one_file_may_define_in_any_order
            defining::what_is_needed_is_not_removed
            defining::a_group_that_the_rules_need_is_not_removed
            defining::what_nobody_needs_is_removed
            defining::what_is_removed_leaves_its_tasks
        }
    };
    (@list $attributes:tt $fixture:path; $($group:ident::$promise:ident)*) => {
        $($crate::store_conformance! { @test $attributes $fixture; $group::$promise })*
    };
    (@test [$(#[$attribute:meta])*] $fixture:path; $group:ident::$promise:ident) => {
        $(#[$attribute])*
        #[tokio::test]
        async fn $promise() {
            let fixture = $fixture().await;
            $crate::conformance::store::check(fixture, $crate::conformance::store::$group::$promise).await;
        }
    };
}
