//! What the person at the screen has chosen: pane, cursor, order, filter, and what lies over the panes.

use scheduler_core::TaskId;

use super::view::View;
use crate::overview::{self, Group, Node};

/// A part of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pane {
    #[default]
    Queue,
    Running,
    Ended,
    Cluster,
}

impl Pane {
    /// Every pane, in the order of the keys 1 to 4.
    pub(super) const ALL: [Self; 4] = [Self::Queue, Self::Running, Self::Ended, Self::Cluster];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Queue => "Queue",
            Self::Running => "Running",
            Self::Ended => "Ended",
            Self::Cluster => "Cluster",
        }
    }

    pub(super) const fn next(self) -> Self {
        match self {
            Self::Queue => Self::Running,
            Self::Running => Self::Ended,
            Self::Ended => Self::Cluster,
            Self::Cluster => Self::Queue,
        }
    }

    pub(super) const fn previous(self) -> Self {
        match self {
            Self::Queue => Self::Cluster,
            Self::Running => Self::Queue,
            Self::Ended => Self::Running,
            Self::Cluster => Self::Ended,
        }
    }

    /// The orders that make sense in it, the usual one first.
    pub(super) const fn orders(self) -> &'static [Order] {
        match self {
            Self::Queue => &[
                Order::Given,
                Order::Waited,
                Order::Reason,
                Order::Name,
                Order::Kind,
                Order::Cost,
                Order::Id,
            ],
            Self::Running => {
                &[Order::Given, Order::Time, Order::Place, Order::Name, Order::Kind, Order::Cost, Order::Id]
            }
            Self::Ended => {
                &[Order::Given, Order::Time, Order::Status, Order::Name, Order::Kind, Order::Place, Order::Id]
            }
            Self::Cluster => &[Order::Given, Order::Use, Order::Name],
        }
    }
}

/// What a pane is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// As the source gives it: the order of passes, of starts, latest ends first, names.
    #[default]
    Given,
    /// Those that have waited longest first.
    Waited,
    /// Those that run or ran longest first.
    Time,
    Reason,
    Place,
    Status,
    Name,
    Kind,
    /// The most expensive first.
    Cost,
    Id,
    /// The fullest first.
    Use,
}

impl Order {
    pub(super) const fn word(self, pane: Pane) -> &'static str {
        match (self, pane) {
            (Self::Given, Pane::Queue) => "order of the pass",
            (Self::Given, Pane::Running) => "start",
            (Self::Given, Pane::Ended) => "latest",
            (Self::Given, Pane::Cluster) => "as defined",
            (Self::Waited, _) => "longest wait",
            (Self::Time, _) => "longest run",
            (Self::Reason, _) => "reason",
            (Self::Place, _) => "place",
            (Self::Status, _) => "status",
            (Self::Name, _) => "name",
            (Self::Kind, _) => "kind",
            (Self::Cost, _) => "cost",
            (Self::Id, _) => "id",
            (Self::Use, _) => "use",
        }
    }
}

/// How a pane is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) order: Order,
    pub(super) reversed: bool,
    pub(super) cursor: Cursor,
}

/// Where the cursor stands: on a task, wherever that moves, or, at the top, on whatever comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) at: usize,
    pub(super) on: Option<TaskId>,
}

impl Cursor {
    /// The position among these rows.
    pub(super) fn position(self, rows: &[Row<'_>]) -> usize {
        let found =
            self.on.and_then(|id| rows.iter().position(|row| row.task().is_some_and(|row| row.id == id)));
        found.unwrap_or(self.at).min(rows.len().saturating_sub(1))
    }
}

/// What lies over the panes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Over {
    #[default]
    Nothing,
    Help,
    /// The chain of a task, from this line on.
    Chain(TaskId, u16),
    /// Whether to cancel a task really; the chain of it lies below when that was open.
    Cancel {
        task: TaskId,
        from_chain: bool,
    },
}

/// Everything that was chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) pane: Pane,
    pub(super) looks: [Look; 4],
    /// Only rows with all of these words.
    pub(super) filter: String,
    /// Whether the filter is being typed.
    pub(super) typing: bool,
    pub(super) over: Over,
    pub(super) paused: bool,
    /// The last thing to be said.
    pub(super) said: Option<Said>,
}

/// Something to be said at the bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) bad: bool,
}

impl State {
    /// How this pane is looked at.
    pub(super) fn look(&self, pane: Pane) -> Look {
        self.looks.get(pane as usize).copied().unwrap_or_default()
    }

    pub(super) fn look_mut(&mut self) -> &mut Look {
        let [queue, running, ended, cluster] = &mut self.looks;
        match self.pane {
            Pane::Queue => queue,
            Pane::Running => running,
            Pane::Ended => ended,
            Pane::Cluster => cluster,
        }
    }

    /// The task under the cursor.
    pub(super) fn selected<'v>(&self, view: &'v View) -> Option<&'v overview::Row> {
        let rows = rows(view, self, self.pane);
        rows.get(self.look(self.pane).cursor.position(&rows)).and_then(|row| row.task())
    }
}

/// A row of a pane.
#[derive(Clone, Copy, Debug)]
pub(super) enum Row<'v> {
    Task(&'v overview::Row),
    Group(&'v Group),
    Node(&'v Node),
}

impl<'v> Row<'v> {
    pub(super) const fn task(self) -> Option<&'v overview::Row> {
        match self {
            Self::Task(row) => Some(row),
            Self::Group(_) | Self::Node(_) => None,
        }
    }
}

/// The rows of a pane as they are shown: filtered and sorted.
pub(super) fn rows<'v>(view: &'v View, state: &State, pane: Pane) -> Vec<Row<'v>> {
    let words: Vec<String> = state.filter.split_whitespace().map(str::to_lowercase).collect();
    let look = state.look(pane);
    let tasks = match pane {
        Pane::Queue => &view.overview.pending.tasks,
        Pane::Running => &view.overview.holding.tasks,
        Pane::Ended => &view.overview.finished,
        Pane::Cluster => return places(view, &words, look),
    };
    let mut rows: Vec<&overview::Row> = tasks.iter().filter(|row| matches(row, &words)).collect();
    sort(&mut rows, look.order, view);
    if look.reversed {
        rows.reverse();
    }
    rows.into_iter().map(Row::Task).collect()
}

fn sort(rows: &mut [&overview::Row], order: Order, view: &View) {
    match order {
        Order::Given | Order::Use => {}
        Order::Waited => rows.sort_by_key(|row| row.created),
        Order::Time => rows.sort_by_key(|row| {
            let started = row.started.unwrap_or(row.created);
            std::cmp::Reverse(row.finished.unwrap_or(view.overview.now).signed_duration_since(started))
        }),
        Order::Reason => rows.sort_by_key(|row| row.hold.as_ref().map_or("", |hold| hold.token)),
        Order::Place => rows.sort_by(|one, other| one.place.cmp(&other.place)),
        Order::Status => rows.sort_by_key(|row| std::cmp::Reverse(row.status)),
        Order::Name => rows.sort_by(|one, other| one.name.cmp(&other.name)),
        Order::Kind => rows.sort_by_key(|row| row.kind.token()),
        Order::Cost => rows.sort_by_key(|row| std::cmp::Reverse(row.impact)),
        Order::Id => rows.sort_by_key(|row| row.id),
    }
}

/// Groups first, then nodes; the order is within each.
fn places<'v>(view: &'v View, words: &[String], look: Look) -> Vec<Row<'v>> {
    let named = |name: &str| words.iter().all(|word| name.to_lowercase().contains(word.as_str()));
    let mut groups: Vec<&Group> = view.overview.groups.iter().filter(|row| named(&row.name)).collect();
    let mut nodes: Vec<&Node> = view.overview.nodes.iter().filter(|row| named(&row.hostname)).collect();
    match look.order {
        Order::Use => {
            groups.sort_by(|one, other| {
                share(other.used.get(), other.limit.map_or(0, |it| it.get()))
                    .total_cmp(&share(one.used.get(), one.limit.map_or(0, |it| it.get())))
            });
            nodes.sort_by(|one, other| {
                share(other.used.get(), other.capacity.get())
                    .total_cmp(&share(one.used.get(), one.capacity.get()))
            });
        }
        Order::Name => {
            groups.sort_by(|one, other| one.name.cmp(&other.name));
            nodes.sort_by(|one, other| one.hostname.cmp(&other.hostname));
        }
        _ => {}
    }
    if look.reversed {
        groups.reverse();
        nodes.reverse();
    }
    groups.into_iter().map(Row::Group).chain(nodes.into_iter().map(Row::Node)).collect()
}

/// The share of a whole that is used; of nothing, nothing.
pub(super) fn share(used: u32, of: u32) -> f64 {
    if of == 0 { 0.0 } else { f64::from(used) / f64::from(of) }
}

/// Whether the task has every word somewhere: in its id, name, kind, reason, place or status.
fn matches(row: &overview::Row, words: &[String]) -> bool {
    words.iter().all(|word| {
        let has = |text: &str| text.to_lowercase().contains(word.as_str());
        row.id.to_string() == *word
            || has(&row.name)
            || has(&row.kind.to_string())
            || has(row.kind.token())
            || has(row.status.token())
            || has(&row.place)
            || has(&row.explanation)
            || row.hold.as_ref().is_some_and(|hold| has(hold.token) || has(&hold.sentence))
    })
}
