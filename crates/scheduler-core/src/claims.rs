//! Who blocks whom (R2), and who may not be overtaken (R3).
//!
//! The table of the rule set, compiled, is the only source: for each claimant a short list of (resource, mode), for each
//! resource and mode the set of modes that forbid it. For each resource in use a cell remembers which modes are held and by
//! whom, and which modes older blocked tasks wait for. A question costs one look-up a claim; nothing here depends on how
//! many tasks hold or wait for a resource, except where workflows hold one that their own jobs are kept from.

use alloc::sync::Arc;
use alloc::vec::Vec;

use hashbrown::hash_map::Entry;

use crate::board::Board;
use crate::table::{FxHashMap, Row, Table, position};
use crate::{
    Claimant, Kind, LaunchType, Mode, OwnKey, ProjectUpdateType, Reason, Resource, ResourceKey, RuleSet,
    Simultaneous, Task, TaskId, Work, WorkflowOf,
};

const NONE: Row = Row::MAX;

/// A claim of a task: the position of its resource among the compiled ones, the key, the mode.
#[derive(Clone, Copy)]
struct Wanted {
    resource: Row,
    key: i64,
    mode: Mode,
}

/// A row of the table, compiled.
#[derive(Clone, Copy)]
struct Compiled {
    resource: Row,
    mode: Option<Mode>,
}

/// A resource, compiled: the sets of modes as bits.
struct Kept {
    resource: Resource,
    /// For each pending mode, the held modes that forbid it.
    forbidding: [u8; 6],
    /// For each held mode, the pending modes that it forbids.
    forbidden: [u8; 6],
    cells: FxHashMap<i64, Cell>,
}

/// What is known of one resource. Nearly all are held by one task in one mode, and nobody waits for them.
#[derive(Clone, Copy)]
enum Cell {
    Held(Mode, Row),
    /// Anything else: a position among the busy ones.
    Busy(Row),
}

/// A resource with several holders, or with blocked tasks.
#[derive(Clone, Copy)]
struct Busy {
    held: u8,
    waited: u8,
    /// For each mode the two holders with the smallest ids; the second is asked for when the first is the asker.
    holders: [[Row; 2]; 6],
    /// For each mode the oldest blocked task whose place binds everybody.
    oldest: [(u32, Row); 6],
}

const EMPTY: Busy = Busy { held: 0, waited: 0, holders: [[NONE; 2]; 6], oldest: [(u32::MAX, NONE); 6] };

/// A blocked task whose place does not bind the jobs of the workflows that block it.
struct Exempting {
    mode: Mode,
    seniority: u32,
    row: Row,
    blockers: Vec<TaskId>,
}

pub(crate) struct Claims<'b, 'a> {
    board: &'b Board<'a>,
    /// For each claimant, without and with `allow_simultaneous`.
    table: [[Vec<Compiled>; 2]; 7],
    kept: Table<Kept>,
    busy: Table<Busy>,
    /// Workflow jobs that hold a resource.
    workflow_holders: FxHashMap<(Row, i64), Vec<(Mode, Row)>>,
    exempting: FxHashMap<(Row, i64), Vec<Exempting>>,
    blocked: u32,
}

fn bit(mode: Mode) -> u8 {
    1 << (mode as u8)
}

/// The modes of a set, in the order of [`Mode`].
fn modes(set: u8) -> impl Iterator<Item = Mode> {
    Mode::ALL.into_iter().filter(move |&mode| set & bit(mode) != 0)
}

#[expect(clippy::indexing_slicing, reason = "the array has an entry for each of the six modes")]
fn at<T: Copy>(entries: &[T; 6], mode: Mode) -> T {
    entries[mode as usize]
}

#[expect(clippy::indexing_slicing, reason = "the array has an entry for each of the six modes")]
fn at_mut<T>(entries: &mut [T; 6], mode: Mode) -> &mut T {
    &mut entries[mode as usize]
}

/// Whether a task's claims count at all (R2).
fn claimant(task: &Task) -> Option<Claimant> {
    let run = matches!(task.work, Work::ProjectUpdate { job_type: ProjectUpdateType::Run, .. });
    if run || task.launch_type == LaunchType::Sync { None } else { Claimant::of(&task.work) }
}

const fn is_simultaneous(work: &Work) -> bool {
    matches!(
        work,
        Work::Job { allow_simultaneous: true, .. } | Work::WorkflowJob { allow_simultaneous: true, .. }
    )
}

/// The key under which a task claims a resource; `None` for no claim.
fn key(task: &Task, resource: &Resource) -> Option<i64> {
    match (resource, &task.work) {
        (Resource::Project, Work::Job { project, .. } | Work::ProjectUpdate { project, .. }) => {
            project.map(crate::ProjectId::get)
        }
        (
            Resource::Inventory,
            Work::Job { inventory, .. }
            | Work::InventoryUpdate { inventory, .. }
            | Work::AdHocCommand { inventory },
        ) => inventory.map(crate::InventoryId::get),
        (Resource::InventorySource, Work::InventoryUpdate { source, .. }) => {
            source.map(crate::InventorySourceId::get)
        }
        (
            Resource::JobTemplate,
            Work::Job { template, .. } | Work::WorkflowJob { of: WorkflowOf::Slices(template), .. },
        ) => template.map(crate::JobTemplateId::get),
        (Resource::WorkflowTemplate, Work::WorkflowJob { of: WorkflowOf::Template(template), .. }) => {
            template.map(crate::WorkflowTemplateId::get)
        }
        (Resource::SystemJobSlot, _) => Some(0),
        (Resource::Own(name), _) => {
            task.own_keys.iter().find(|own| own.resource == *name).map(|own| own.key.get())
        }
        _ => None,
    }
}

/// The claims of a task, straight from the table: for questions that are asked rarely.
pub(crate) fn claims_of<'r>(
    rules: &'r RuleSet,
    task: &'r Task,
) -> impl Iterator<Item = (&'r Resource, i64, Mode)> {
    let by = claimant(task);
    let simultaneous = is_simultaneous(&task.work);
    rules.claims.iter().filter(move |claim| Some(claim.by) == by).filter_map(move |claim| {
        let mode = if simultaneous { with_simultaneous(claim) } else { Some(claim.mode) };
        Some((&claim.resource, key(task, &claim.resource)?, mode?))
    })
}

fn with_simultaneous(claim: &crate::Claim) -> Option<Mode> {
    match claim.simultaneous {
        Simultaneous::Same => Some(claim.mode),
        Simultaneous::As(mode) => Some(mode),
        Simultaneous::Nothing => None,
    }
}

impl<'b, 'a> Claims<'b, 'a> {
    /// Compiles the table and lets every holding row hold its claims.
    pub(crate) fn hold_all(board: &'b Board<'a>) -> Self {
        let (table, kept) = compile(board.rules);
        let mut claims = Self {
            board,
            table,
            kept,
            busy: Table(Vec::new()),
            workflow_holders: FxHashMap::default(),
            exempting: FxHashMap::default(),
            blocked: 0,
        };
        for &row in &board.found.holding {
            claims.hold(row);
        }
        claims
    }

    #[expect(clippy::indexing_slicing, reason = "the table has an entry for each claimant, twice")]
    fn row_of_table(&self, task: &Task) -> &[Compiled] {
        claimant(task).map_or(&[], |by| &self.table[by as usize][usize::from(is_simultaneous(&task.work))])
    }

    /// The claims of a task, by number, so that cells can change between one and the next.
    fn wanted_at(&self, task: &Task, number: usize) -> Option<Option<Wanted>> {
        let claim = *self.row_of_table(task).get(number)?;
        let key = key(task, &self.kept[claim.resource].resource);
        Some(key.zip(claim.mode).map(|(key, mode)| Wanted { resource: claim.resource, key, mode }))
    }

    fn wanted(&self, task: &'a Task) -> impl Iterator<Item = Wanted> {
        (0..).map_while(move |number| self.wanted_at(task, number)).flatten()
    }

    /// Lets a row hold its claims from now on.
    pub(crate) fn hold(&mut self, row: Row) {
        let task = self.board.task(row);
        let mut number = 0;
        while let Some(wanted) = self.wanted_at(task, number) {
            number += 1;
            let Some(wanted) = wanted else { continue };
            match self.kept[wanted.resource].cells.entry(wanted.key) {
                Entry::Vacant(free) => {
                    free.insert(Cell::Held(wanted.mode, row));
                }
                Entry::Occupied(_) => self.hold_too(wanted, row),
            }
            if task.kind() == Kind::WorkflowJob {
                let holders = self.workflow_holders.entry((wanted.resource, wanted.key)).or_default();
                holders.push((wanted.mode, row));
            }
        }
    }

    fn hold_too(&mut self, wanted: Wanted, row: Row) {
        let board = self.board;
        let id = |row: Row| (board.task(row).id, board.task(row).kind());
        let busy = self.busy(wanted);
        busy.held |= bit(wanted.mode);
        let [first, second] = at_mut(&mut busy.holders, wanted.mode);
        if *first == NONE || id(row) < id(*first) {
            *second = core::mem::replace(first, row);
        } else if *first != row && (*second == NONE || id(row) < id(*second)) {
            *second = row;
        }
    }

    /// The busy form of a resource.
    fn busy(&mut self, wanted: Wanted) -> &mut Busy {
        let busy = &mut self.busy;
        let cell = self.kept[wanted.resource].cells.entry(wanted.key);
        let cell = cell.or_insert_with(|| Cell::Busy(busy.push(EMPTY)));
        let at = match *cell {
            Cell::Busy(at) => at,
            Cell::Held(mode, row) => {
                let mut full = Busy { held: bit(mode), ..EMPTY };
                *at_mut(&mut full.holders, mode) = [row, NONE];
                let at = busy.push(full);
                *cell = Cell::Busy(at);
                at
            }
        };
        &mut self.busy[at]
    }

    /// Why a task may not start: a conflict with what is held (R2), else the place of an older task (R3).
    pub(crate) fn conflict(&self, row: Row) -> Option<Reason> {
        let task = self.board.task(row);
        let mut overtakes = false;
        for wanted in self.wanted(task) {
            let kept = &self.kept[wanted.resource];
            let forbidding = at(&kept.forbidding, wanted.mode);
            let busy = match kept.cells.get(&wanted.key) {
                None => continue,
                Some(&Cell::Held(held, holder)) => {
                    if forbidding & bit(held) != 0 && holder != row {
                        return Some(self.blocked(wanted, held, holder));
                    }
                    continue;
                }
                Some(&Cell::Busy(busy)) => &self.busy[busy],
            };
            for held in modes(busy.held & forbidding) {
                let [first, second] = at(&busy.holders, held);
                let holder = if first == row { second } else { first };
                if holder != NONE {
                    return Some(self.blocked(wanted, held, holder));
                }
            }
            overtakes |= busy.waited & at(&kept.forbidden, wanted.mode) != 0;
        }
        if overtakes { self.place_before(row, task) } else { None }
    }

    fn blocked(&self, wanted: Wanted, held: Mode, holder: Row) -> Reason {
        let holder = self.board.task(holder);
        Reason::Blocked {
            resource: self.resource_key(wanted),
            wanted: wanted.mode,
            held,
            holder: holder.id,
            holder_kind: holder.kind(),
        }
    }

    fn resource_key(&self, wanted: Wanted) -> ResourceKey {
        match &self.kept[wanted.resource].resource {
            Resource::Project => ResourceKey::Project(wanted.key.into()),
            Resource::Inventory => ResourceKey::Inventory(wanted.key.into()),
            Resource::InventorySource => ResourceKey::InventorySource(wanted.key.into()),
            Resource::JobTemplate => ResourceKey::JobTemplate(wanted.key.into()),
            Resource::WorkflowTemplate => ResourceKey::WorkflowTemplate(wanted.key.into()),
            Resource::SystemJobSlot => ResourceKey::SystemJobSlot,
            Resource::Own(name) => {
                ResourceKey::Own(Arc::new(OwnKey { resource: Arc::clone(name), key: wanted.key.into() }))
            }
        }
    }

    /// The oldest task that this one may not overtake (R3).
    fn place_before(&self, row: Row, task: &'a Task) -> Option<Reason> {
        let above = if self.exempting.is_empty() { Vec::new() } else { self.board.tree.ancestors(task.id) };
        for wanted in self.wanted(task) {
            let kept = &self.kept[wanted.resource];
            let Some(&Cell::Busy(busy)) = kept.cells.get(&wanted.key) else { continue };
            let busy = &self.busy[busy];
            let bound = at(&kept.forbidden, wanted.mode);
            let plain = modes(busy.waited & bound).map(|mode| {
                let (seniority, older) = at(&busy.oldest, mode);
                (seniority, older, mode)
            });
            let exempting = self.exempting.get(&(wanted.resource, wanted.key)).into_iter().flatten();
            let binding = exempting
                .filter(|place| bound & bit(place.mode) != 0)
                .filter(|place| !place.blockers.iter().any(|blocker| above.contains(blocker)))
                .map(|place| (place.seniority, place.row, place.mode));
            let oldest = plain.chain(binding).filter(|&(_, older, _)| older != NONE && older != row).min();
            if let Some((_, older, older_wants)) = oldest {
                let older = self.board.task(older);
                return Some(Reason::Behind {
                    resource: self.resource_key(wanted),
                    wanted: wanted.mode,
                    older_wants,
                    older: older.id,
                    older_kind: older.kind(),
                });
            }
        }
        None
    }

    /// Lets a task that is held by R2 keep its place before later ones (R3).
    pub(crate) fn keep_place(&mut self, row: Row) {
        if !self.board.rules.chronological {
            return;
        }
        let seniority = self.blocked;
        self.blocked = self.blocked.saturating_add(1);
        let task = self.board.task(row);
        let blockers =
            if self.workflow_holders.is_empty() { Vec::new() } else { self.workflow_blockers(row, task) };
        let mut number = 0;
        while let Some(wanted) = self.wanted_at(task, number) {
            number += 1;
            let Some(wanted) = wanted else { continue };
            if blockers.is_empty() {
                let busy = self.busy(wanted);
                busy.waited |= bit(wanted.mode);
                let oldest = at_mut(&mut busy.oldest, wanted.mode);
                if oldest.1 == NONE {
                    *oldest = (seniority, row);
                }
                continue;
            }
            self.busy(wanted).waited |= bit(wanted.mode);
            let places = self.exempting.entry((wanted.resource, wanted.key)).or_default();
            // A later place that exempts the same workflows binds nobody whom this one does not bind.
            if !places.iter().any(|place| place.mode == wanted.mode && place.blockers == blockers) {
                places.push(Exempting { mode: wanted.mode, seniority, row, blockers: blockers.clone() });
            }
        }
    }

    /// The workflow jobs that block a task, in the order of their ids.
    fn workflow_blockers(&self, row: Row, task: &'a Task) -> Vec<TaskId> {
        let mut blockers = Vec::new();
        for wanted in self.wanted(task) {
            let forbidding = at(&self.kept[wanted.resource].forbidding, wanted.mode);
            let holders = self.workflow_holders.get(&(wanted.resource, wanted.key)).into_iter().flatten();
            let conflicting = holders.filter(|&&(mode, holder)| forbidding & bit(mode) != 0 && holder != row);
            blockers.extend(conflicting.map(|&(_, holder)| self.board.task(holder).id));
        }
        blockers.sort_unstable();
        blockers.dedup();
        blockers
    }
}

/// Compiles the table: which claims each claimant has, and what each resource's matrix forbids.
fn compile(rules: &RuleSet) -> ([[Vec<Compiled>; 2]; 7], Table<Kept>) {
    let mut kept: Table<Kept> = Table(Vec::new());
    let table = Claimant::ALL.map(|by| {
        let rows = rules.claims.iter().filter(|claim| claim.by == by);
        let (mut alone, mut together) = (Vec::new(), Vec::new());
        for claim in rows {
            let known = kept.0.iter().position(|kept| kept.resource == claim.resource);
            let resource = known.map_or_else(|| kept.push(keep(rules, &claim.resource)), position);
            alone.push(Compiled { resource, mode: Some(claim.mode) });
            together.push(Compiled { resource, mode: with_simultaneous(claim) });
        }
        [alone, together]
    });
    (table, kept)
}

fn keep(rules: &RuleSet, resource: &Resource) -> Kept {
    let (mut forbidding, mut forbidden) = ([0; 6], [0; 6]);
    for &(pending, held) in rules.matrix(resource).into_iter().flat_map(|matrix| &matrix.forbidden) {
        *at_mut(&mut forbidding, pending) |= bit(held);
        *at_mut(&mut forbidden, held) |= bit(pending);
    }
    Kept { resource: resource.clone(), forbidding, forbidden, cells: FxHashMap::default() }
}
