//! What a store promises of the removal of what is over.

mod purging;

use std::sync::Arc;

use control_plane::ports::{Admin, Retention};

use crate::fixture::Stores;
use crate::promise::Promise;

type Subject = crate::world::Subject<Purging>;
type World = crate::world::World<Purging>;

/// What purges, and where there is one, what people see of it.
#[derive(Clone)]
struct Purging {
    retention: Arc<dyn Retention>,
    admin: Option<Arc<dyn Admin>>,
}

impl From<&Stores> for Subject {
    fn from(stores: &Stores) -> Self {
        let retention = stores.retention.clone();
        let retention =
            retention.expect("the fixture has no Retention to test: StoreFixture::with_retention");
        crate::world::Subject::<()>::from(stores).with(Purging { retention, admin: stores.admin.clone() })
    }
}

/// Every promise of a store that removes what is over.
pub const PROMISES: &[Promise<Stores>] = crate::__retention_promises! { [crate::__list] };

/// Makes a test of every promise of a store that removes what is over ([`retention::PROMISES`](crate::retention::PROMISES)), as
/// [`test_store!`](crate::test_store) does.
#[macro_export]
macro_rules! test_retention {
    ($(#[$attribute:meta])* $fixture:path) => {
        $crate::__retention_promises! { [$crate::__tests] [$(#[$attribute])*] $crate::retention::PROMISES, $fixture }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __retention_promises {
    ([$($then:tt)+] $($arguments:tt)*) => {
        $($then)+! { $($arguments)*;
            purging::a_purge_of_an_empty_store_removes_nothing
            purging::what_ended_before_the_moment_is_removed_and_nothing_else
            purging::a_task_that_ended_at_the_moment_is_not_old_enough
            purging::what_is_removed_takes_all_that_hangs_on_it_along
            purging::r5_a_task_that_others_wait_for_is_kept_until_they_have_ended
            purging::r5_a_launch_after_a_removed_task_is_refused
            purging::r4_2_the_last_update_of_a_project_is_kept
            purging::r4_2_the_last_update_of_an_inventory_source_is_kept
            purging::the_last_update_of_a_project_that_was_removed_goes
            purging::r12_4_a_task_with_a_message_in_the_outbox_is_kept
            purging::r7_an_unfinished_workflow_keeps_what_it_started
            purging::r7_a_nested_workflow_goes_with_its_outer_one
            purging::r7_a_workflow_of_which_a_part_is_needed_is_kept_whole
            purging::r7_a_workflow_of_which_a_part_ended_later_is_kept_whole
            purging::r7_slices_go_with_their_workflow
            purging::a_purge_goes_on_where_the_portion_before_has_ended
            purging::a_dry_run_removes_nothing
            purging::r12_3_a_purge_waits_for_the_pass_that_is_under_way
            purging::r12_1_passes_go_on_after_a_purge
            purging::r11_a_purge_changes_no_plan
        }
    };
}
