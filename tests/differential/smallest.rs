//! A difference with as little as it needs.

use scheduler_core::{Forks, Priority, RuleSet, Snapshot, State, Task, TaskCount, Work};

use crate::dice::moment;
use crate::differ;

/// The same difference with as little as it needs.
pub(crate) fn smallest(mut snapshot: Snapshot, mut rules: RuleSet) -> (Snapshot, RuleSet) {
    loop {
        let before = (snapshot.clone(), rules.clone());
        leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.tasks);
        leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.projects);
        leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.inventory_sources);
        leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.instances);
        leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.groups);
        leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.graphs);
        for at in 0..snapshot.graphs.len() {
            leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.graphs[at].nodes);
            leave_out(&mut snapshot, &rules, |snapshot| &mut snapshot.graphs[at].edges);
        }
        let simpler: [fn(&mut Task); 12] = [
            |task| task.dependencies.clear(),
            |task| task.cancel_requested = false,
            |task| task.dependencies_derived = true,
            |task| task.impact = Forks::new(1),
            |task| task.priority = Priority::new(0),
            |task| task.own_keys.clear(),
            |task| task.own_keys.truncate(1),
            |task| drop(task.own_keys.pop()),
            |task| task.own_keys.iter_mut().for_each(|own| own.mode = None),
            |task| task.created = moment(0),
            |task| task.state = State::Pending,
            |task| {
                if !matches!(task.work, Work::WorkflowJob { .. }) {
                    task.work = Work::AdHocCommand { inventory: None };
                }
            },
        ];
        for simplify in simpler {
            for at in 0..snapshot.tasks.len() {
                let mut without = snapshot.clone();
                simplify(&mut without.tasks[at]);
                if differ(&without, &rules) {
                    snapshot = without;
                }
            }
        }
        let plainer: [fn(&mut RuleSet); 4] = [
            |rules| rules.control_plane = None,
            |rules| rules.reserve_after = None,
            |rules| rules.start_limit = TaskCount::new(0),
            |rules| rules.chronological = false,
        ];
        for simplify in plainer {
            let mut without = rules.clone();
            simplify(&mut without);
            if differ(&snapshot, &without) {
                rules = without;
            }
        }
        if before == (snapshot.clone(), rules.clone()) {
            return before;
        }
    }
}

fn leave_out<T>(snapshot: &mut Snapshot, rules: &RuleSet, of: impl Fn(&mut Snapshot) -> &mut Vec<T>) {
    for at in (0..of(snapshot).len()).rev() {
        let mut without = snapshot.clone();
        of(&mut without).remove(at);
        if differ(&without, rules) {
            *snapshot = without;
        }
    }
}
