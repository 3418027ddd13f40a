//! What a store promises to people and programs.

mod answering;
mod defining;
mod history;
mod launching;
mod looking;
mod removing;

use std::sync::Arc;

use control_plane::ports::Admin;

use crate::fixture::Stores;
use crate::promise::Promise;

type Subject = crate::world::Subject<Arc<dyn Admin>>;
type World = crate::world::World<Arc<dyn Admin>>;

impl From<&Stores> for Subject {
    fn from(stores: &Stores) -> Self {
        let admin = stores.admin.clone().expect("the fixture has no Admin to test: StoreFixture::with_admin");
        crate::world::Subject::<()>::from(stores).with(admin)
    }
}

/// Every promise of a store to people and programs.
pub const PROMISES: &[Promise<Stores>] = crate::__admin_promises! { [crate::__list] };

/// Makes a test of every promise of a store to people and programs ([`admin::PROMISES`](crate::admin::PROMISES)), as
/// [`test_store!`](crate::test_store) does.
#[macro_export]
macro_rules! test_admin {
    ($(#[$attribute:meta])* $fixture:path) => {
        $crate::__admin_promises! { [$crate::__tests] [$(#[$attribute])*] $crate::admin::PROMISES, $fixture }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __admin_promises {
    ([$($then:tt)+] $($arguments:tt)*) => {
        $($then)+! { $($arguments)*;
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
            launching::a_payload_above_the_limit_is_refused
            launching::a_workflow_takes_no_payload
            launching::unknown_names_are_refused_by_name
            launching::all_of_a_batch_are_launched_or_none
            launching::many_are_launched_or_none_and_it_is_told_how_far_they_are
            launching::a_definition_that_changes_leaves_launched_tasks_as_they_are
            answering::r12_3_an_approval_that_was_given_before_its_end_is_written_stands
            answering::cancels_are_answered_in_the_order_of_the_questions
            answering::r7_an_approval_that_is_given_goes_on
            answering::r7_an_approval_that_is_denied_fails
            answering::an_answer_needs_an_approval_that_waits
            defining::what_is_defined_comes_back_as_it_was
            defining::defining_the_same_again_changes_nothing
            defining::a_change_touches_what_it_names_and_nothing_else
            defining::an_empty_store_has_no_definitions
            defining::names_that_are_nowhere_are_refused_and_nothing_is_defined
            defining::what_is_wrong_by_itself_is_refused
            defining::one_file_may_define_in_any_order
            removing::r8_1_what_runs_on_an_instance_that_was_removed_fails
            removing::r7_2_a_node_whose_template_was_removed_counts_as_failed
            defining::r12_2_a_change_of_instances_wakes_the_schedulers
            removing::what_is_needed_is_not_removed
            removing::a_group_that_the_rules_need_is_not_removed
            removing::what_nobody_needs_is_removed
            removing::what_is_removed_leaves_its_tasks
            looking::what_a_task_printed_is_kept
            looking::a_task_shows_what_is_known_of_it
            looking::r1_unfinished_tasks_are_listed_in_order
            looking::finished_tasks_are_listed_latest_first
            looking::tasks_are_listed_by_status
            looking::r6_1_nodes_show_what_is_used_of_them
            looking::a_node_that_defined_itself_is_shown_and_defined
            looking::r8_2_nodes_show_whether_they_take_work
            history::nothing_has_happened_in_an_empty_store
            history::a_past_task_shows_what_is_known_of_it
            history::what_passes_created_is_part_of_the_past
            history::r10_waits_are_kept_in_their_order
            history::r10_a_wait_that_goes_on_has_no_end_yet
            history::r10_numbers_that_change_begin_no_new_wait
            history::r10_a_resource_that_passes_from_holder_to_holder_is_one_wait
            history::r10_a_canceled_task_keeps_its_waits
            history::r10_a_task_that_comes_back_adds_to_its_waits
            history::the_past_comes_in_the_order_of_launches
            history::the_past_comes_page_by_page
            history::what_is_launched_between_two_pages_comes_last
            history::a_span_begins_with_its_first_moment
            history::a_span_ends_before_its_last_moment
            history::what_was_there_all_the_span_is_part_of_it
        }
    };
}
