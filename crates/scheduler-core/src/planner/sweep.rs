//! The sweep: what changed is followed through the pending tasks in the order of R1, as a pass would have met them.
//!
//! Within a sweep everything only grows from the first task to the last: claims that are held, room that is used, places that
//! are kept. So a task is judged at most once, and is judged at all only when what it is parked at is free. Whoever is woken at the
//! head of a line wakes the next one of it, until one of them takes what they wait for.
//!
//! Tasks that start by the plan have not started yet: what they take is seen only by those that come after them. From the first
//! task on that is woken they give back what they take, and are judged again in their turn.

use alloc::collections::BinaryHeap;
use alloc::collections::binary_heap::PeekMut;
use alloc::vec::{self, Vec};
use core::cmp::Ordering;

use super::cells::{SideKey, side_of};
use super::dirt::Dirt;
use super::memory::{Memory, Wants};
use super::seats::{Hold, Slot};
use crate::pass::order::Rank;
use crate::table::{FxHashMap, Row};
use crate::{Action, Decision, Place, Snapshot, Task};

/// Why a task is woken, and so who is woken after it.
#[derive(Clone, Copy, Debug)]
enum Wake {
    /// For itself.
    Task,
    /// A claim on this key is released; then whoever else is parked at it.
    Released(SideKey),
    /// A claim on this key is taken; then whoever else wants it.
    Taken(SideKey),
    /// A place at this key is given up; then whoever else is parked behind it.
    GivenUp(SideKey),
    /// There is room; then whoever else asks the same question.
    Room(Row),
}

/// A task that is woken; who comes first in the order of R1 is the greatest.
#[derive(Clone, Copy, Debug)]
struct Woken {
    rank: Rank,
    slot: Slot,
    by: Wake,
}

impl PartialEq for Woken {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Woken {}

impl PartialOrd for Woken {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Woken {
    fn cmp(&self, other: &Self) -> Ordering {
        other.rank.cmp(&self.rank)
    }
}

/// What came of a sweep.
pub(super) struct Swept {
    /// The decisions that are new or changed, in the order of R1.
    pub(super) decisions: Vec<Decision>,
    /// How many tasks were judged.
    pub(super) judged: u64,
}

/// Follows what changed, and clears it.
pub(super) fn sweep(memory: &mut Memory, snapshot: &Snapshot) -> Swept {
    let dirt = core::mem::take(&mut memory.dirt);
    let mut sweep = Sweep {
        memory,
        snapshot,
        heap: BinaryHeap::new(),
        sorted: Vec::new().into_iter(),
        suspended: FxHashMap::default(),
        swept: Swept { decisions: Vec::new(), judged: 0 },
    };
    sweep.begin(dirt);
    sweep.run();
    sweep.swept
}

struct Sweep<'m, 's> {
    memory: &'m mut Memory,
    snapshot: &'s Snapshot,
    heap: BinaryHeap<Woken>,
    /// The tasks that were woken for themselves, from the first on.
    sorted: vec::IntoIter<Woken>,
    /// The tasks that started until now and have not been judged again, with their places.
    suspended: FxHashMap<Slot, Place>,
    swept: Swept,
}

impl Sweep<'_, '_> {
    /// Wakes the first of each line that something is free for, and takes back what later ones took.
    fn begin(&mut self, dirt: Dirt) {
        let seats = &self.memory.seats;
        let tasks = dirt.tasks.into_iter().map(|slot| Woken { rank: seats.rank(slot), slot, by: Wake::Task });
        let mut sorted: Vec<Woken> = tasks.collect();
        for side in dirt.released {
            self.wake_first(Wake::Released(side));
        }
        for side in dirt.taken {
            self.wake_first(Wake::Taken(side));
        }
        for side in dirt.given_up {
            self.wake_first(Wake::GivenUp(side));
        }
        let groups: Vec<Row> = dirt.rooms.into_iter().collect();
        let questions = self.memory.room.asked(if dirt.all_rooms { None } else { Some(&groups) });
        let heads = questions.iter().filter_map(|&number| self.memory.room.line(number)?.first());
        let head = heads.map(|slot| self.memory.seats.rank(slot)).min();
        let start = if dirt.starts { self.memory.starts.keys().next().copied() } else { None };
        let woken = sorted.iter().map(|woken| woken.rank).min();
        let from = [head, start, woken, self.heap.peek().map(|woken| woken.rank)].into_iter().flatten().min();
        if let Some(from) = from {
            self.suspend(from, &mut sorted);
        }
        for number in questions {
            if self.memory.room.would_take(number) {
                self.wake_first(Wake::Room(number));
            }
        }
        self.swept.decisions.reserve(sorted.len());
        sorted.sort_unstable_by_key(|woken| woken.rank);
        self.sorted = sorted.into_iter();
    }

    /// Takes back what the tasks took that start by the plan, from this one on; they are judged again.
    fn suspend(&mut self, from: Rank, woken: &mut Vec<Woken>) {
        let later = self.memory.starts.split_off(&from);
        for (rank, (slot, place)) in later {
            let Some(task) = self.memory.task(slot, self.snapshot) else { continue };
            for wanted in self.memory.wants(task) {
                self.memory.cells.change(side_of(wanted), |side| {
                    side.holders.remove(&(task.id, slot));
                });
            }
            if task.kind().needs_place() {
                self.memory.room.vacate(task.cost(), &place.into());
            }
            self.suspended.insert(slot, place);
            woken.push(Woken { rank, slot, by: Wake::Task });
        }
    }

    fn run(&mut self) {
        let mut judged = None;
        while let Some(woken) = self.pop() {
            if !self.is_awake(&woken) {
                continue;
            }
            if judged != Some(woken.slot) {
                judged = Some(woken.slot);
                self.judge(woken.slot);
            }
            self.wake_next(woken);
        }
    }

    /// The woken task that comes first.
    fn pop(&mut self) -> Option<Woken> {
        let of_heap = self.heap.peek_mut();
        let sorted = self.sorted.as_slice().first();
        match (of_heap, sorted) {
            (Some(heap), Some(sorted)) if heap.rank > sorted.rank => self.sorted.next(),
            (Some(heap), _) => Some(PeekMut::pop(heap)),
            (None, _) => self.sorted.next(),
        }
    }

    /// Whether what a task was woken for is still free, now that those before it are judged.
    fn is_awake(&self, woken: &Woken) -> bool {
        match woken.by {
            Wake::Task | Wake::Room(_) => true,
            Wake::Taken(side) => self.memory.conflicts(side) != 0,
            Wake::Released(side) => self.memory.conflicts(side) == 0,
            Wake::GivenUp(side) => !self.memory.is_bound(side, woken.rank),
        }
    }

    fn wake_first(&mut self, by: Wake) {
        let Memory { cells, room, .. } = &*self.memory;
        let slot = match by {
            Wake::Task => None,
            Wake::Released(side) => cells.side(side).and_then(|side| side.parked.first()),
            Wake::Taken(side) => cells.side(side).and_then(|side| side.free.first()),
            Wake::GivenUp(side) => cells.side(side).and_then(|side| side.behind.first()),
            Wake::Room(number) => room.line(number).and_then(|line| line.first()),
        };
        self.wake(slot, by);
    }

    fn wake_after(&mut self, rank: Rank, by: Wake) {
        let Memory { cells, room, seats, .. } = &*self.memory;
        let slot = match by {
            Wake::Task => None,
            Wake::Released(side) => cells.side(side).and_then(|side| side.parked.after(rank, seats)),
            Wake::Taken(side) => cells.side(side).and_then(|side| side.free.after(rank, seats)),
            Wake::GivenUp(side) => cells.side(side).and_then(|side| side.behind.after(rank, seats)),
            Wake::Room(number) => room.line(number).and_then(|line| line.after(rank, seats)),
        };
        self.wake(slot, by);
    }

    fn wake(&mut self, slot: Option<Slot>, by: Wake) {
        self.heap.extend(slot.map(|slot| Woken { rank: self.memory.seats.rank(slot), slot, by }));
    }

    /// Wakes who comes after a task in the line that it was woken in. Where it found no room, nobody behind it does.
    fn wake_next(&mut self, woken: Woken) {
        if let Wake::Room(number) = woken.by
            && self.memory.seats.seat(woken.slot).hold == Hold::Room(number)
        {
            return;
        }
        self.wake_after(woken.rank, woken.by);
    }

    /// Judges a task as a pass does when its turn comes (R9), and follows what that changes for later ones.
    fn judge(&mut self, slot: Slot) {
        self.swept.judged = self.swept.judged.saturating_add(1);
        let Some(task) = self.memory.task(slot, self.snapshot) else { return };
        let seat = *self.memory.seats.seat(slot);
        let wants = self.memory.wants(task);
        let started = self.suspended.remove(&slot);
        let (new, verdict) = self.memory.judge(slot, task, &wants, self.snapshot);
        self.memory.unpark(slot, seat.hold, &wants);
        self.memory.regroup(slot, seat.hold, new, &wants);
        self.memory.park(slot, new, &wants);
        self.memory.seats.seat_mut(slot).hold = new;
        let starts = verdict.as_ref().ok().copied();
        if let Some(place) = starts {
            self.memory.starts.insert(seat.rank, (slot, place));
        }
        self.follow_claims(slot, task, &wants, started.is_some(), starts.is_some());
        if let Some(old) = started.filter(|_| starts != started && task.kind().needs_place()) {
            self.follow_room(seat.rank, old);
        }
        if matches!(seat.hold, Hold::Blocked(_)) && !matches!(new, Hold::Blocked(_)) {
            self.follow_place(seat.rank, &wants);
        }
        if is_news(seat.hold, new) || starts != started {
            let action = verdict.map_or_else(Action::Hold, Action::Start);
            self.swept.decisions.push(Decision { task: task.id, kind: task.kind(), action });
        }
    }

    /// A task starts that did not, or did and does not: whom its claims concern after it.
    fn follow_claims(&mut self, slot: Slot, task: &Task, wants: &Wants, started: bool, starts: bool) {
        let rank = self.memory.seats.rank(slot);
        for &wanted in wants {
            if starts {
                self.memory.cells.change(side_of(wanted), |side| {
                    side.holders.insert((task.id, slot));
                });
            }
            for side in self.memory.forbidden_by(wanted) {
                match (started, starts) {
                    (false, true) => self.wake_after(rank, Wake::Taken(side)),
                    (true, false) => self.wake_after(rank, Wake::Released(side)),
                    _ => {}
                }
            }
        }
    }

    /// A task does not start where it did: there may be room for those after it.
    fn follow_room(&mut self, rank: Rank, old: Place) {
        let groups = self.memory.room.groups_of(&old.into());
        for number in self.memory.room.asked(groups.as_deref()) {
            if self.memory.room.would_take(number) {
                self.wake_after(rank, Wake::Room(number));
            }
        }
    }

    /// A task is blocked no longer, and gives up its places: whom they bound after it.
    fn follow_place(&mut self, rank: Rank, wants: &Wants) {
        if self.memory.chronological {
            for &wanted in wants {
                for side in self.memory.bound_by(wanted) {
                    self.wake_after(rank, Wake::GivenUp(side));
                }
            }
        }
    }
}

/// Whether a task waits for something else than before. Whether a claim is held or kept a place at is one wait
/// ([`crate::Reason::wait_key`]).
fn is_news(old: Hold, new: Hold) -> bool {
    match (old, new) {
        (Hold::Blocked(one) | Hold::Behind(one), Hold::Blocked(other) | Hold::Behind(other)) => one != other,
        (old, new) => old != new,
    }
}
