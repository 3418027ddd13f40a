//! The panes of tasks: queue, running, ended.

use control_plane::ports::TaskStatus;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use scheduler_core::Timestamp;

use super::table::{self, Cells, Column, cell};
use super::text::short;
use super::theme::Theme;
use crate::live::span;
use crate::overview::Row as Task;
use crate::top::state::{Pane, Row, State, rows};
use crate::top::view::View;

/// Which columns there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// Not for the kind.
    Little,
    Some,
    /// For priorities and costs too.
    Much,
}

impl Room {
    const fn of(width: u16) -> Self {
        match width {
            ..72 => Self::Little,
            72..100 => Self::Some,
            100.. => Self::Much,
        }
    }
}

/// Draws a pane of tasks.
pub(super) fn draw(buf: &mut Buffer, area: Rect, view: &View, state: &State, pane: Pane, theme: Theme) {
    let rows = rows(view, state, pane);
    if rows.is_empty() {
        let words = empty(view, state, pane);
        buf.set_stringn(area.x.saturating_add(1), area.y, words, usize::from(area.width), theme.dim());
        return;
    }
    let room = Room::of(area.width);
    let digits = rows.iter().filter_map(|row| row.task()).map(|row| row.id.to_string().len()).max();
    let columns = columns(pane, room, u16::try_from(digits.unwrap_or(4).max(4)).unwrap_or(4));
    let cursor = (state.pane == pane).then(|| state.look(pane).cursor.position(&rows));
    table::draw(buf, area, &columns, (rows.len(), cursor), theme, |at| {
        let row = rows.get(at).copied().and_then(Row::task);
        row.map(|row| cells(row, pane, room, view.overview.now, theme)).unwrap_or_default()
    });
}

fn empty(view: &View, state: &State, pane: Pane) -> String {
    let all = match pane {
        Pane::Queue => view.overview.pending.tasks.len(),
        Pane::Running => view.overview.holding.tasks.len(),
        Pane::Ended => view.overview.finished.len(),
        Pane::Cluster => 0,
    };
    match pane {
        _ if all > 0 => format!("none of {all} has “{}” in it; esc shows all", state.filter.trim()),
        Pane::Queue => "nothing waits".to_owned(),
        Pane::Running => "nothing runs".to_owned(),
        Pane::Ended | Pane::Cluster => "nothing has ended yet".to_owned(),
    }
}

fn columns(pane: Pane, room: Room, digits: u16) -> Vec<Column> {
    let mut columns = vec![Column::right("task", digits), Column::part("name", 3)];
    if room != Room::Little {
        columns.push(Column::left("kind", 9));
    }
    match pane {
        Pane::Queue => {
            if room == Room::Much {
                columns.extend([Column::right("prio", 5), Column::right("cost", 5)]);
            }
            columns.extend([
                Column::right("waited", 7),
                Column::part("why", if room == Room::Much { 9 } else { 6 }),
            ]);
            columns.push(Column::right("since", 7));
        }
        Pane::Running => {
            columns.push(Column::right("cost", 5));
            columns.extend([Column::part("where", 4), Column::left("status", 8), Column::right("for", 7)]);
        }
        Pane::Ended | Pane::Cluster => {
            columns.push(Column::left("status", 10));
            columns.push(Column::part("where or why", 3));
            columns.extend([Column::right("took", 7), Column::right("ago", 7)]);
        }
    }
    columns
}

fn cells(row: &Task, pane: Pane, room: Room, now: Timestamp, theme: Theme) -> Cells {
    let plain = theme.plain();
    let mut cells = vec![cell(row.id.to_string(), theme.strong()), cell(&*row.name, plain)];
    if room != Room::Little {
        cells.push(cell(short(row.kind), theme.dim()));
    }
    match pane {
        Pane::Queue => {
            if room == Room::Much {
                cells.push(cell(row.priority.get().to_string(), plain));
                cells.push(cell(cost(row), plain));
            }
            cells.push(cell(span(row.created, now), plain));
            let (words, style) = why(row, theme);
            cells.push(cell(words, style));
            let since = row.hold.as_ref().and_then(|hold| hold.since).map(|since| span(since, now));
            cells.push(cell(since.unwrap_or_default(), theme.dim()));
        }
        Pane::Running => {
            cells.push(cell(cost(row), plain));
            cells.push(cell(&*row.place, plain));
            let status = if row.cancel_requested { "stopping" } else { row.status.token() };
            cells.push(cell(status, theme.status(row.status)));
            cells.push(cell(span(row.started.unwrap_or(row.created), now), plain));
        }
        Pane::Ended | Pane::Cluster => {
            cells.push(cell(row.status.token(), theme.status(row.status)));
            let note = if row.explanation.is_empty() { &row.place } else { &row.explanation };
            cells.push(cell(&**note, plain));
            let took = row.started.zip(row.finished).map(|(from, to)| span(from, to));
            cells.push(cell(took.unwrap_or_default(), plain));
            cells.push(cell(row.finished.map(|at| span(at, now)).unwrap_or_default(), theme.dim()));
        }
    }
    cells
}

fn cost(row: &Task) -> String {
    if row.kind.needs_place() { row.impact.get().to_string() } else { String::new() }
}

/// Why it waits, as a sentence without its subject.
pub(super) fn why(row: &Task, theme: Theme) -> (String, Style) {
    match &row.hold {
        _ if row.cancel_requested => ("asked to cancel; the next pass ends it".to_owned(), theme.bad()),
        Some(hold) if hold.never => (hold.sentence.to_string(), theme.bad()),
        Some(hold) => (hold.sentence.to_string(), theme.waiting()),
        None if row.status == TaskStatus::Pending => ("no pass has looked at it yet".to_owned(), theme.dim()),
        None => (String::new(), theme.plain()),
    }
}
