//! The generators reach every decision and every reason: nothing that a pass can say is untested by the properties.

use std::collections::BTreeMap;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use scheduler_core::{
    Action, Claim, Claimant, End, Lack, Loss, Malformed, Matrix, Mode, NodeFailure, NodeStep, Origin, Place,
    Plan, Reason, Resource, ResourceKey, Role, RuleSet, Simultaneous, SkipReason, TaskRef, Then, plan,
    strategies,
};

const CASES: usize = 4_000;

/// How often each thing that a plan can say was said.
#[derive(Default)]
struct Reached(BTreeMap<&'static str, usize>);

/// Everything that there is to reach, besides the reasons' own tokens.
const EVERYTHING: &[&str] = &[
    "action start",
    "action hold",
    "action end",
    "action take back",
    "action redispatch",
    "action request cancel",
    "action leave",
    "then start",
    "then hold",
    "then end",
    "place nowhere",
    "place container",
    "place container, controlled",
    "place instance",
    "place instance, controlled",
    "leave no graph",
    "leave graph cycle",
    "leave graph edge",
    "leave graph node",
    "hold duplicate id",
    "hold missing dependency",
    "hold dependency cycle",
    "hold no known group",
    "lack unknown group",
    "lack larger than limit",
    "lack no usable instance",
    "lack no usable controller",
    "lack task limit",
    "lack fork limit",
    "lack full",
    "lack no controller",
    "lack reserved",
    "lack out of use",
    "lack controllers out of use",
    "end instance lost",
    "end dependency failed",
    "end dependency canceled",
    "end cancel requested",
    "end canceled with workflow",
    "end approval expired",
    "end workflow successful",
    "end workflow failed",
    "end workflow canceled",
    "lost as node",
    "lost as controller",
    "loss gone",
    "loss silent",
    "step run",
    "step skip",
    "step template missing",
    "skip no path in",
    "skip parent unsatisfied",
    "skip workflow canceled",
    "failure recursion",
    "failure missing resource",
    "create for a row",
    "create for a new update",
    "create for a node",
    "derived nothing",
    "derived a row",
    "derived a new update",
    "waits for a row",
    "waits for a new update",
    "more",
    "no more",
    "unconsidered",
    "all considered",
    "idle plan",
];

#[test]
fn r2_snapshots_made_for_rules_of_ones_own_meet_in_their_resources() {
    let licence = Resource::Own("seat".into());
    let mut rules = RuleSet::default();
    let (by, simultaneous) = (Claimant::AdHocCommand, Simultaneous::Same);
    rules.claims.push(Claim { by, resource: licence.clone(), mode: Mode::Exclusive, simultaneous });
    rules.matrices.push(Matrix { resource: licence, forbidden: vec![(Mode::Exclusive, Mode::Exclusive)] });
    let mut runner = TestRunner::deterministic();
    let snapshots = strategies::snapshot_for(&rules);
    let reached = (0..1_000).filter(|_| {
        let snapshot = snapshots.new_tree(&mut runner).unwrap().current();
        plan(&snapshot, &rules).holds().any(|(_, reason)| {
            matches!(reason, Reason::Blocked { resource: ResourceKey::Own(_), .. })
                || matches!(reason, Reason::Behind { resource: ResourceKey::Own(_), .. })
        })
    });
    let reached = reached.count();
    println!("{reached} of 1000 reach a row of one's own");
    assert!(reached > 500, "{reached} of 1000");
}

#[test]
fn the_generators_reach_every_decision_and_every_reason() {
    let mut runner = TestRunner::deterministic();
    let cases = (strategies::snapshot(), strategies::rules());
    let mut reached = Reached::default();
    for _ in 0..CASES {
        let (snapshot, rules) = cases.new_tree(&mut runner).unwrap().current();
        reached.plan(&plan(&snapshot, &rules));
    }
    for (what, times) in &reached.0 {
        println!("{times:>7}  {what}");
    }
    let missing: Vec<_> =
        EVERYTHING.iter().chain(&Reason::TOKENS).filter(|what| !reached.0.contains_key(*what)).collect();
    assert!(missing.is_empty(), "not reached in {CASES} cases: {missing:#?}");
    let unlisted: Vec<_> = reached
        .0
        .keys()
        .filter(|what| !EVERYTHING.contains(what) && !Reason::TOKENS.contains(what))
        .collect();
    assert!(unlisted.is_empty(), "reached but not listed: {unlisted:#?}");
}

impl Reached {
    fn note(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    fn plan(&mut self, plan: &Plan) {
        for decision in &plan.decisions {
            self.action(&decision.action);
        }
        for node in &plan.nodes {
            match &node.step {
                NodeStep::Run(_) => self.note("step run"),
                NodeStep::Skip(reason) => {
                    self.note("step skip");
                    self.note(match reason {
                        SkipReason::NoPathIn => "skip no path in",
                        SkipReason::ParentUnsatisfied { .. } => "skip parent unsatisfied",
                        SkipReason::WorkflowCanceled => "skip workflow canceled",
                    });
                }
                NodeStep::TemplateMissing => self.note("step template missing"),
            }
        }
        for create in &plan.creates {
            self.note(match create.origin {
                Origin::Dependency { of: TaskRef::Task { .. } } => "create for a row",
                Origin::Dependency { of: TaskRef::New { .. } } => "create for a new update",
                Origin::Node { .. } => "create for a node",
            });
            match create.failed {
                Some(NodeFailure::Recursion { .. }) => self.note("failure recursion"),
                Some(NodeFailure::MissingResource { .. }) => self.note("failure missing resource"),
                None => {}
            }
        }
        for derived in &plan.derived {
            if derived.links.is_empty() {
                self.note("derived nothing");
            }
            for link in &derived.links {
                self.note(match link {
                    TaskRef::Task { .. } => "derived a row",
                    TaskRef::New { .. } => "derived a new update",
                });
            }
        }
        self.note(if plan.more { "more" } else { "no more" });
        self.note(if plan.unconsidered.get() > 0 { "unconsidered" } else { "all considered" });
        if plan.is_idle() {
            self.note("idle plan");
        }
    }

    fn action(&mut self, action: &Action) {
        self.note(match action {
            Action::Start(_) => "action start",
            Action::Hold(_) => "action hold",
            Action::End(_) => "action end",
            Action::TakeBack(_) => "action take back",
            Action::Redispatch(_) => "action redispatch",
            Action::RequestCancel { .. } => "action request cancel",
            Action::Leave(_) => "action leave",
        });
        match action {
            Action::TakeBack(back) => self.note(match back.then {
                Then::Start(_) => "then start",
                Then::Hold(_) => "then hold",
                Then::End(_) => "then end",
            }),
            Action::Leave(malformed) => self.malformed(malformed),
            _ => {}
        }
        if let Some(place) = action.start() {
            self.note(match place {
                Place::Nowhere => "place nowhere",
                Place::Container { controller: None, .. } => "place container",
                Place::Container { controller: Some(_), .. } => "place container, controlled",
                Place::Instance { controller: None, .. } => "place instance",
                Place::Instance { controller: Some(_), .. } => "place instance, controlled",
            });
        }
        if let Some(reason) = action.hold() {
            self.reason(reason);
        }
        if let Some(end) = action.end() {
            self.end(end);
        }
    }

    fn reason(&mut self, reason: &Reason) {
        if !matches!(reason, Reason::Malformed(_)) {
            self.note(reason.token());
        }
        match reason {
            Reason::Malformed(malformed) => self.malformed(malformed),
            Reason::Dependency { on: TaskRef::Task { .. } } => self.note("waits for a row"),
            Reason::Dependency { on: TaskRef::New { .. } } => self.note("waits for a new update"),
            Reason::NoCapacity(shortfalls) | Reason::NeverFits(shortfalls) => {
                for shortfall in shortfalls.iter() {
                    self.note(match &shortfall.lack {
                        Lack::UnknownGroup => "lack unknown group",
                        Lack::LargerThanLimit { .. } => "lack larger than limit",
                        Lack::NoUsableInstance => "lack no usable instance",
                        Lack::NoUsableController { .. } => "lack no usable controller",
                        Lack::TaskLimit { .. } => "lack task limit",
                        Lack::ForkLimit { .. } => "lack fork limit",
                        Lack::Reserved { .. } => "lack reserved",
                        Lack::OutOfUse(_) => "lack out of use",
                        Lack::ControllersOutOfUse(_) => "lack controllers out of use",
                        Lack::Full { .. } => "lack full",
                        Lack::NoController { .. } => "lack no controller",
                    });
                }
            }
            Reason::Circle { waits, .. } => self.reason(waits),
            Reason::Blocked { .. } | Reason::Behind { .. } => {}
        }
    }

    fn malformed(&mut self, malformed: &Malformed) {
        self.note(malformed.token());
        self.note(match malformed {
            Malformed::DuplicateId => "hold duplicate id",
            Malformed::MissingDependency { .. } => "hold missing dependency",
            Malformed::DependencyCycle { .. } => "hold dependency cycle",
            Malformed::NoKnownGroup => "hold no known group",
            Malformed::NoGraph => "leave no graph",
            Malformed::GraphCycle { .. } => "leave graph cycle",
            Malformed::GraphEdge { .. } => "leave graph edge",
            Malformed::GraphNode { .. } => "leave graph node",
        });
    }

    fn end(&mut self, end: &End) {
        self.note(match end {
            End::InstanceLost { .. } => "end instance lost",
            End::DependencyFailed { .. } => "end dependency failed",
            End::DependencyCanceled { .. } => "end dependency canceled",
            End::CancelRequested => "end cancel requested",
            End::CanceledWithWorkflow { .. } => "end canceled with workflow",
            End::ApprovalExpired { .. } => "end approval expired",
            End::WorkflowSuccessful => "end workflow successful",
            End::WorkflowFailed { .. } => "end workflow failed",
            End::WorkflowCanceled => "end workflow canceled",
        });
        if let End::InstanceLost { role, loss, .. } = end {
            self.note(match role {
                Role::Node => "lost as node",
                Role::Controller => "lost as controller",
            });
            self.note(match loss {
                Loss::Gone => "loss gone",
                Loss::Silent { .. } => "loss silent",
            });
        }
    }
}
