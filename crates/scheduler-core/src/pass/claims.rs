//! Who blocks whom (R2), and who may not be overtaken (R3).
//!
//! The table of the rule set, compiled, is the only source. For each key of a resource in use a cell remembers which modes
//! are held and by whom, and which modes older blocked tasks wait for. A question costs one look-up a claim; nothing
//! here depends on how many tasks hold or wait for a resource. Where a workflow blocks an older task, a later one costs a look at
//! the workflows above it too, for each place under its key that differs in what workflows keep its task from.

use alloc::vec::Vec;
use core::mem;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::board::Board;
use super::cells::{Cell, Cells, NONE};
use super::compiled::{ClaimTable, Wanted, at, at_mut, bit, modes};
use crate::table::{FxHashMap, Row, Table};
use crate::{Kind, Mode, Reason, ResourceKey, TaskId};

/// For each mode the two holders with the smallest ids; the second is asked for when the first is the asker.
type Crowd = [[Row; 2]; 6];

/// For each mode the oldest blocked task whose place binds everybody, with its seniority.
type Places = [(u32, Row); 6];

/// What a blocked task wants and workflow jobs hold: keys of resources, each with the modes that forbid it. Whoever holds one
/// of them so blocks the task. In ascending order, so that equal ones are the same.
type Contested = Vec<(Row, i64, u8)>;

/// The places of blocked tasks that do not bind the jobs of the workflows that block them, by the mode that is wanted and
/// by what is contested, the oldest first. A later place of the same two binds nobody whom the first does not bind.
type Exempting = IndexMap<(Mode, Contested), (u32, Row), FxBuildHasher>;

pub(crate) struct Claims<'b, 'a> {
    board: &'b Board<'a>,
    table: ClaimTable,
    /// The cells of each resource of the table.
    cells: Table<Cells>,
    crowds: Table<Crowd>,
    /// Under each key whose place binds everybody.
    places: FxHashMap<(Row, i64), Places>,
    /// The claims of the row that was asked about last.
    wants: (Row, Vec<Wanted>),
    /// The modes in which workflow jobs hold a key, and in which each of them does.
    workflow_modes: FxHashMap<(Row, i64), u8>,
    workflow_holders: FxHashMap<(Row, i64, TaskId), u8>,
    exempting: FxHashMap<(Row, i64), Exempting>,
    blocked: u32,
}

impl<'b, 'a> Claims<'b, 'a> {
    /// Compiles the table and lets every holding row hold its claims.
    pub(crate) fn hold_all(board: &'b Board<'a>) -> Self {
        let table = ClaimTable::compile(board.rules);
        let cells = table.kept.rows().map(|_| Cells::new());
        let mut claims = Self {
            board,
            cells: Table(cells.collect()),
            table,
            crowds: Table(Vec::new()),
            places: FxHashMap::default(),
            wants: (NONE, Vec::new()),
            workflow_modes: FxHashMap::default(),
            workflow_holders: FxHashMap::default(),
            exempting: FxHashMap::default(),
            blocked: 0,
        };
        for &row in &board.found.holding {
            claims.hold(row);
        }
        claims
    }

    /// The claims of a row, read once however often they are asked for; the caller gives them back.
    fn wants(&mut self, row: Row) -> Vec<Wanted> {
        let (asked, mut wants) = mem::replace(&mut self.wants, (NONE, Vec::new()));
        if asked != row {
            wants.clear();
            self.table.wanted(self.board.task(row)).for_each(|wanted| wants.push(wanted));
        }
        wants
    }

    /// Lets a row hold its claims from now on.
    pub(crate) fn hold(&mut self, row: Row) {
        let wants = self.wants(row);
        for &wanted in &wants {
            let cell = self.cells[wanted.resource].get_mut(wanted.key);
            if cell.held == 0 {
                cell.take(wanted.mode, row, self.board.task(row));
            } else {
                self.hold_too(wanted, row);
            }
            if self.board.task(row).kind() == Kind::WorkflowJob {
                let (resource, key, id) = (wanted.resource, wanted.key, self.board.task(row).id);
                *self.workflow_modes.entry((resource, key)).or_default() |= bit(wanted.mode);
                *self.workflow_holders.entry((resource, key, id)).or_default() |= bit(wanted.mode);
            }
        }
        self.wants = (row, wants);
    }

    /// Lets a row hold what others hold already.
    fn hold_too(&mut self, wanted: Wanted, row: Row) {
        let cell = self.cells[wanted.resource].get_mut(wanted.key);
        if !cell.crowded {
            let mut crowd = [[NONE; 2]; 6];
            for held in modes(cell.held) {
                *at_mut(&mut crowd, held) = [cell.holder, NONE];
            }
            (cell.crowded, cell.holder) = (true, self.crowds.push(crowd));
        }
        cell.held |= bit(wanted.mode);
        let [first, second] = at_mut(&mut self.crowds[cell.holder], wanted.mode);
        let board = self.board;
        let id = |row: Row| (board.task(row).id, board.task(row).kind());
        if *first == NONE || id(row) < id(*first) {
            *second = mem::replace(first, row);
        } else if *first != row && (*second == NONE || id(row) < id(*second)) {
            *second = row;
        }
    }

    /// Why a task may not start: a conflict with what is held (R2), else the place of an older task (R3).
    pub(crate) fn conflict(&mut self, row: Row) -> Option<Reason> {
        let wants = self.wants(row);
        let reason = self.blocked(row, &wants);
        let reason = match reason {
            Ok(overtakes) if overtakes => self.place_before(row, &wants),
            Ok(_) => None,
            Err(reason) => Some(reason),
        };
        self.wants = (row, wants);
        reason
    }

    /// The first conflict with what is held (R2); without one, whether an older task waits for the same.
    fn blocked(&self, row: Row, wants: &[Wanted]) -> Result<bool, Reason> {
        let mut overtakes = false;
        for &wanted in wants {
            let kept = &self.table.kept[wanted.resource];
            let cell = self.cells[wanted.resource].get(wanted.key);
            overtakes |= cell.waited & at(&kept.forbidden, wanted.mode) != 0;
            for held in modes(cell.held & at(&kept.forbidding, wanted.mode)) {
                if let Some((holder, holder_kind)) = self.holder(&cell, held, row) {
                    let (resource, wanted) = (self.resource_key(wanted), wanted.mode);
                    return Err(Reason::Blocked { resource, wanted, held, holder, holder_kind });
                }
            }
        }
        Ok(overtakes)
    }

    /// Who holds a key in a mode, other than the row that asks: of several the one with the smallest id.
    fn holder(&self, cell: &Cell, held: Mode, asks: Row) -> Option<(TaskId, Kind)> {
        if !cell.crowded {
            return (cell.holder != asks).then_some((cell.id, cell.kind));
        }
        let holder = match at(&self.crowds[cell.holder], held) {
            [first, second] if first == asks => second,
            [first, _] => first,
        };
        let task = if holder == NONE { return None } else { self.board.task(holder) };
        Some((task.id, task.kind()))
    }

    fn resource_key(&self, wanted: Wanted) -> ResourceKey {
        self.table.kept[wanted.resource].resource.keyed(wanted.key)
    }

    /// The oldest task that this one may not overtake (R3).
    fn place_before(&self, row: Row, wants: &[Wanted]) -> Option<Reason> {
        let above = if self.exempting.is_empty() {
            Vec::new()
        } else {
            self.board.tree.ancestors(self.board.task(row).id)
        };
        for &wanted in wants {
            let cell = self.cells[wanted.resource].get(wanted.key);
            let bound = at(&self.table.kept[wanted.resource].forbidden, wanted.mode);
            let bound_by = cell.waited & bound;
            if bound_by == 0 {
                continue;
            }
            let plain = self.places.get(&(wanted.resource, wanted.key)).into_iter().flat_map(|places| {
                modes(bound_by).map(|mode| {
                    let (seniority, older) = at(places, mode);
                    (seniority, older, mode)
                })
            });
            let oldest =
                plain.filter(|&(_, older, _)| older != NONE).chain(self.binding(wanted, &above)).min();
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

    /// The oldest place that exempts somebody, but not the jobs of the workflows in `above`; once for each mode that its
    /// task wants.
    fn binding(&self, wanted: Wanted, above: &[TaskId]) -> impl Iterator<Item = (u32, Row, Mode)> {
        let bound = at(&self.table.kept[wanted.resource].forbidden, wanted.mode);
        let places = self.exempting.get(&(wanted.resource, wanted.key)).into_iter().flatten();
        let binds = move |((mode, contested), _): &(&(Mode, Contested), &(u32, Row))| {
            bound & bit(*mode) != 0 && !self.is_contested_by(contested, above)
        };
        let binding = places.filter(binds).map(|((mode, _), &(seniority, row))| (seniority, row, *mode));
        let mut oldest = None;
        binding.take_while(move |&(seniority, ..)| *oldest.get_or_insert(seniority) == seniority)
    }

    /// Whether one of these workflow jobs holds what is contested.
    fn is_contested_by(&self, contested: &Contested, workflows: &[TaskId]) -> bool {
        workflows.iter().any(|&workflow| {
            contested.iter().any(|&(resource, key, modes)| {
                self.workflow_holders.get(&(resource, key, workflow)).is_some_and(|held| held & modes != 0)
            })
        })
    }

    /// Lets a held task keep its place before later ones (R3).
    pub(crate) fn keep_place(&mut self, row: Row) {
        let seniority = self.blocked;
        self.blocked = self.blocked.saturating_add(1);
        let wants = self.wants(row);
        let contested = if self.workflow_modes.is_empty() { Vec::new() } else { self.contested(&wants) };
        for &wanted in &wants {
            if contested.is_empty() {
                self.wait(wanted, seniority, row);
                continue;
            }
            self.cells[wanted.resource].get_mut(wanted.key).waited |= bit(wanted.mode);
            let places = self.exempting.entry((wanted.resource, wanted.key)).or_default();
            places.entry((wanted.mode, contested.clone())).or_insert((seniority, row));
        }
        self.wants = (row, wants);
    }

    /// Keeps a place that binds everybody, unless an older task has one.
    fn wait(&mut self, wanted: Wanted, seniority: u32, row: Row) {
        let cell = self.cells[wanted.resource].get_mut(wanted.key);
        let waited = cell.waited & bit(wanted.mode) != 0;
        if waited && self.exempting.is_empty() {
            return;
        }
        cell.waited |= bit(wanted.mode);
        let places = self.places.entry((wanted.resource, wanted.key)).or_insert([(u32::MAX, NONE); 6]);
        let oldest = at_mut(places, wanted.mode);
        if oldest.1 == NONE {
            *oldest = (seniority, row);
        }
    }

    /// What of these claims workflow jobs keep a task from.
    fn contested(&self, wants: &[Wanted]) -> Contested {
        let kept_from = wants.iter().filter_map(|wanted| {
            let forbidding = at(&self.table.kept[wanted.resource].forbidding, wanted.mode);
            let held = *self.workflow_modes.get(&(wanted.resource, wanted.key))?;
            (held & forbidding != 0).then_some((wanted.resource, wanted.key, forbidding))
        });
        let mut contested: Contested = kept_from.collect();
        contested.sort_unstable();
        contested.dedup();
        contested
    }
}
