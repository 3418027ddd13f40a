//! The generators reach every decision and every reason: nothing that a pass can say is untested by the properties.

use std::collections::{BTreeMap, BTreeSet};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use scheduler_core::{
    Action, Claim, Claimant, End, Lack, Loss, Matrix, Mode, NodeFailure, NodeStep, Origin, Place, Placement,
    Plan, Reason, Resource, ResourceKey, Role, RuleSet, Simultaneous, SkipReason, TaskRef, Then, plan,
    strategies,
};

const CASES: usize = 4_000;

/// How often each thing that a plan can say was said.
#[derive(Default)]
struct Reached(BTreeMap<String, usize>);

/// Everything that there is to reach and that has a token, by what says it.
const TOKENS: &[(&str, &[&str])] = &[
    ("action", Action::TOKENS),
    ("then", Then::TOKENS),
    ("place", Place::TOKENS),
    ("reason", &Reason::TOKENS),
    ("lack", Lack::TOKENS),
    ("end", End::TOKENS),
    ("lost as", Role::TOKENS),
    ("loss", Loss::TOKENS),
    ("step", NodeStep::TOKENS),
    ("skip", SkipReason::TOKENS),
    ("failure", NodeFailure::TOKENS),
    ("create for", Origin::TOKENS),
    ("created for", TaskRef::TOKENS),
    ("derived", TaskRef::TOKENS),
    ("waits for", TaskRef::TOKENS),
];

/// Everything else that there is to reach.
const MORE: &[&str] = &[
    "controlled container",
    "controlled instance",
    "derived nothing",
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
    let tokens =
        TOKENS.iter().flat_map(|(what, tokens)| tokens.iter().map(move |token| format!("{what} {token}")));
    let everything: BTreeSet<String> = tokens.chain(MORE.iter().map(ToString::to_string)).collect();
    let said: BTreeSet<String> = reached.0.into_keys().collect();
    let missing: Vec<_> = everything.difference(&said).collect();
    assert!(missing.is_empty(), "not reached in {CASES} cases: {missing:#?}");
    let unlisted: Vec<_> = said.difference(&everything).collect();
    assert!(unlisted.is_empty(), "reached but not listed: {unlisted:#?}");
}

impl Reached {
    fn note(&mut self, what: impl ToString) {
        *self.0.entry(what.to_string()).or_default() += 1;
    }

    /// Notes a token, with what says it.
    fn say(&mut self, what: &str, token: &str) {
        self.note(format!("{what} {token}"));
    }

    fn plan(&mut self, plan: &Plan) {
        for decision in &plan.decisions {
            self.action(&decision.action);
        }
        for node in &plan.nodes {
            self.say("step", node.step.token());
            if let NodeStep::Skip(reason) = &node.step {
                self.say("skip", reason.token());
            }
        }
        for create in &plan.creates {
            self.say("create for", create.origin.token());
            if let Origin::Dependency { of } = create.origin {
                self.say("created for", of.token());
            }
            if let Some(failure) = &create.failed {
                self.say("failure", failure.token());
            }
        }
        for derived in &plan.derived {
            if derived.links.is_empty() {
                self.note("derived nothing");
            }
            for link in &derived.links {
                self.say("derived", link.token());
            }
        }
        self.note(if plan.more { "more" } else { "no more" });
        self.note(if plan.unconsidered.get() > 0 { "unconsidered" } else { "all considered" });
        if plan.is_idle() {
            self.note("idle plan");
        }
    }

    fn action(&mut self, action: &Action) {
        self.say("action", action.token());
        match action {
            Action::TakeBack(back) => self.say("then", back.then.token()),
            Action::Leave(malformed) => self.say("reason", malformed.token()),
            _ => {}
        }
        if let Some(place) = action.start() {
            self.say("place", place.token());
            if Placement::from(*place).controller.is_some() {
                self.say("controlled", place.token());
            }
        }
        if let Some(reason) = action.hold() {
            self.reason(reason);
        }
        if let Some(end) = action.end() {
            self.say("end", end.token());
            if let End::InstanceLost { role, loss, .. } = end {
                self.say("lost as", role.token());
                self.say("loss", loss.token());
            }
        }
    }

    fn reason(&mut self, reason: &Reason) {
        self.say("reason", reason.token());
        match reason {
            Reason::Dependency { on } => self.say("waits for", on.token()),
            Reason::NoCapacity(shortfalls) | Reason::NeverFits(shortfalls) => {
                for shortfall in shortfalls.iter() {
                    self.say("lack", shortfall.lack.token());
                }
            }
            Reason::Circle { waits, .. } => self.reason(waits),
            _ => {}
        }
    }
}
