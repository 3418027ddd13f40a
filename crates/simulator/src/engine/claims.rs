//! What tasks claim, counted: whether a task could be blocked at all (R2), told without a pass.
//!
//! It reads the same table as the pass, the rule set's, and says "it could" whenever the pass could hold a task for a claim.

use rustc_hash::FxHashMap;
use scheduler_core::{Mode, ResourceKey, RuleSet, Task};

/// A resource by its number, how it is claimed, and the modes of others that keep the claimant from starting, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claimed {
    resource: u32,
    mode: Mode,
    forbidding: u8,
    /// The modes of pending others that its own, held, would block.
    forbidden: u8,
}

type ByMode = [u32; Mode::ALL.len()];

/// The modes that are in use, as bits: by unfinished tasks, and by those that hold.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    all: u8,
    held: u8,
}

/// How often each resource is claimed in each mode: by unfinished tasks, and by those that hold.
#[derive(Debug, Default)]
pub(super) struct Claims {
    numbers: FxHashMap<ResourceKey, u32>,
    all: Vec<ByMode>,
    held: Vec<ByMode>,
    /// The modes in which each resource is claimed at all.
    used: Vec<Used>,
    /// The claims of the task that was asked about last, kept for their room.
    buffer: Vec<Claimed>,
}

/// Whether tasks of equal claims could be blocked (R2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Blocking {
    /// Nobody claims what would block them.
    Impossible,
    /// Only they themselves do.
    ByOwnLine,
    /// A pending task does.
    Possible,
    /// A task that holds does.
    Certain,
}

impl Claims {
    /// A task is there from now on; one that runs already holds too.
    pub(super) fn enter(&mut self, rules: &RuleSet, task: &Task) {
        let holds = task.state.is_holding();
        self.change(rules, task, |all, held| {
            *all = all.saturating_add(1);
            *held = held.saturating_add(u32::from(holds));
        });
    }

    /// A task holds from now on.
    pub(super) fn hold(&mut self, rules: &RuleSet, task: &Task) {
        self.change(rules, task, |_, held| *held = held.saturating_add(1));
    }

    /// A task is not there any more.
    pub(super) fn leave(&mut self, rules: &RuleSet, task: &Task) {
        let holds = task.state.is_holding();
        self.change(rules, task, |all, held| {
            *all = all.saturating_sub(1);
            *held = held.saturating_sub(u32::from(holds));
        });
    }

    fn change(&mut self, rules: &RuleSet, task: &Task, change: impl Fn(&mut u32, &mut u32)) {
        let mut claimed = std::mem::take(&mut self.buffer);
        claimed.clear();
        self.of(rules, task, &mut claimed);
        for claim in &claimed {
            let (resource, mode) = (claim.resource as usize, claim.mode as usize);
            let all = self.all.get_mut(resource).and_then(|modes| modes.get_mut(mode));
            let held = self.held.get_mut(resource).and_then(|modes| modes.get_mut(mode));
            if let (Some(all), Some(held), Some(used)) = (all, held, self.used.get_mut(resource)) {
                change(all, held);
                let bit = 1 << claim.mode as u8;
                used.all = if *all > 0 { used.all | bit } else { used.all & !bit };
                used.held = if *held > 0 { used.held | bit } else { used.held & !bit };
            }
        }
        self.buffer = claimed;
    }

    /// What a task claims.
    pub(super) fn of(&mut self, rules: &RuleSet, task: &Task, out: &mut Vec<Claimed>) {
        for (resource, key, mode) in rules.claims_of(task) {
            let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
            let number = *self.numbers.entry(key).or_insert(next);
            if number == next {
                self.all.push(ByMode::default());
                self.held.push(ByMode::default());
                self.used.push(Used::default());
            }
            let pairs = || rules.matrix(resource).into_iter().flat_map(|matrix| &matrix.forbidden);
            let forbidden = pairs().filter(|(_, held)| *held == mode).map(|(pending, _)| 1 << *pending as u8);
            let forbidden = forbidden.fold(0, |all, bit: u8| all | bit);
            let forbidding =
                pairs().filter(|(pending, _)| *pending == mode).map(|(_, held)| 1 << *held as u8);
            let forbidding = forbidding.fold(0, |all, bit: u8| all | bit);
            out.push(Claimed { resource: number, mode, forbidding, forbidden });
        }
    }

    /// Whether a task that claims this could be behind an older one of other claims (R3): somebody claims what its own claims,
    /// held, would block.
    pub(super) fn can_be_behind(&self, claimed: &[Claimed]) -> bool {
        claimed.iter().any(|claim| {
            self.used.get(claim.resource as usize).is_some_and(|used| claim.forbidden & used.all != 0)
        })
    }

    /// Whether tasks that claim this, so many of them, could be blocked.
    pub(super) fn blocking(&self, claimed: &[Claimed], tasks: usize) -> Blocking {
        let own = u32::try_from(tasks).unwrap_or(u32::MAX);
        let mut blocking = Blocking::Impossible;
        for claim in claimed {
            let Some(used) = self.used.get(claim.resource as usize) else { continue };
            if claim.forbidding & used.held != 0 {
                return Blocking::Certain;
            }
            // Nothing forbids most claims of most resources, and nothing more is to be looked at.
            if claim.forbidding & used.all != 0 {
                blocking = blocking.max(self.blocking_by_pending(claim, claimed, own));
            }
        }
        blocking
    }

    /// Whether pending tasks could block such a claim.
    fn blocking_by_pending(&self, claim: &Claimed, claimed: &[Claimed], own: u32) -> Blocking {
        let mut blocking = Blocking::Impossible;
        let all = self.all.get(claim.resource as usize).copied().unwrap_or_default();
        for (mode, all) in Mode::ALL.into_iter().zip(all) {
            if claim.forbidding & (1 << mode as u8) == 0 {
                continue;
            }
            let among_own =
                claimed.iter().any(|other| other.resource == claim.resource && other.mode == mode);
            let strangers = if among_own { all.saturating_sub(own) } else { all };
            if strangers > 0 {
                return Blocking::Possible;
            }
            if among_own && own > 1 {
                blocking = Blocking::ByOwnLine;
            }
        }
        blocking
    }
}
