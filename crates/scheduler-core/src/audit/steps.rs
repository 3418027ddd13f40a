//! The steps of workflow nodes, as the plan has them, against those that the rules call for (R7).

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::launch::numbered;
use super::violation::{About, Fault, Violation};
use super::workflow::{Step, Steps};
use crate::{CreateId, NodeId, NodeStep, Origin, Plan, TaskId};

pub(super) fn check(plan: &Plan, steps: &Steps, out: &mut Vec<Violation>) {
    let mut creations: BTreeMap<(TaskId, NodeId), CreateId> = BTreeMap::new();
    for (id, create) in numbered(plan) {
        let Origin::Node { workflow, node } = create.origin else { continue };
        let wanted = matches!(steps.get(&(workflow, node)), Some(Step::Run(_)));
        if !wanted || creations.insert((workflow, node), id).is_some() {
            let fault = Fault::Creation { expected: None, found: Some(Box::new(create.clone())) };
            out.push(Violation { rule: "R7.3", about: About::Create(id), fault });
        }
    }
    let mut said = BTreeSet::new();
    for found in &plan.nodes {
        let place = (found.workflow, found.node);
        let about = About::Node { workflow: found.workflow, node: found.node };
        if !said.insert(place) {
            out.push(Violation { rule: "R7.2", about, fault: Fault::Twice });
            continue;
        }
        let expected = steps.get(&place).map(|step| as_said(step, creations.get(&place)));
        if expected.as_ref() != Some(&found.step) {
            let fault = Fault::Step { expected, found: Some(found.step.clone()) };
            out.push(Violation { rule: "R7.2", about, fault });
        }
    }
    for (place, step) in steps {
        let about = About::Node { workflow: place.0, node: place.1 };
        let creation = creations.get(place);
        if !said.contains(place) {
            let fault = Fault::Step { expected: Some(as_said(step, creation)), found: None };
            out.push(Violation { rule: "R7.2", about, fault });
        }
        if let Step::Run(expected) = step {
            let found = creation.and_then(|id| plan.creates.get(id.position()));
            if found != Some(expected) {
                let about = creation.map_or(about, |id| About::Create(*id));
                let fault =
                    Fault::Creation { expected: Some(expected.clone()), found: found.cloned().map(Box::new) };
                out.push(Violation { rule: "R7.3", about, fault });
            }
        }
    }
}

/// A step in the plan's words; a creation that the plan lacks has the last position there is.
fn as_said(step: &Step, creation: Option<&CreateId>) -> NodeStep {
    match step {
        Step::Run(_) => NodeStep::Run(creation.copied().unwrap_or(CreateId::new(u32::MAX))),
        Step::Skip(reason) => NodeStep::Skip(*reason),
        Step::TemplateMissing => NodeStep::TemplateMissing,
    }
}
