//! The pane of groups and nodes, with a bar for what is used of each.

use chrono::TimeDelta;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use scheduler_core::NodeType;

use super::table::{self, Cells, Column, cell};
use super::text::{bar, count};
use super::theme::Theme;
use crate::live::span;
use crate::overview::{Group, Liveness, Node};
use crate::top::state::{Pane, Row, State, rows, share};
use crate::top::view::View;

/// From this width on, versions and wide bars.
const ROOMY: u16 = 88;

/// Below this width bars and states are short.
const NARROW: u16 = 72;

/// Draws it.
pub(super) fn draw(buf: &mut Buffer, area: Rect, view: &View, state: &State, theme: Theme) {
    let rows = rows(view, state, Pane::Cluster);
    if rows.is_empty() {
        let words = if view.overview.nodes.is_empty() {
            "no groups, no nodes"
        } else {
            "none has that name; esc shows all"
        };
        buf.set_stringn(area.x.saturating_add(1), area.y, words, usize::from(area.width), theme.dim());
        return;
    }
    let roomy = area.width >= ROOMY;
    let narrow = area.width < NARROW;
    let wide = match area.width {
        ROOMY.. => 24,
        NARROW.. => 14,
        _ => 9,
    };
    let mut columns = vec![
        Column::part("group or node", 2),
        Column::left("used", u16::try_from(wide).unwrap_or(0)),
        Column::right("of", 9),
        Column::left(
            "state",
            if roomy {
                20
            } else if narrow {
                12
            } else {
                16
            },
        ),
        Column::right("heard", 7),
    ];
    if roomy {
        columns.push(Column::part("version", 1));
    }
    let cursor = (state.pane == Pane::Cluster).then(|| state.look(Pane::Cluster).cursor.position(&rows));
    table::draw(buf, area, &columns, (rows.len(), cursor), theme, |at| match rows.get(at) {
        Some(Row::Group(row)) => group(row, wide, theme),
        Some(Row::Node(row)) => node(row, wide, roomy, view, theme),
        Some(Row::Task(_)) | None => Cells::new(),
    });
}

fn used(part: u32, of: u32, width: usize, theme: Theme) -> Vec<Span<'static>> {
    let share = share(part, of);
    let (full, rest) = bar(share, width);
    vec![Span::styled(full, theme.bar(share)), Span::styled(rest, theme.dim())]
}

fn group(row: &Group, wide: usize, theme: Theme) -> Cells {
    let part = row.used.get();
    let (bar, of) = match row.limit {
        Some(capacity) => (used(part, capacity.get(), wide, theme), format!("{part}/{}", capacity.get())),
        None => (cell("no limit", theme.dim()), part.to_string()),
    };
    let most = row.max_concurrent_jobs.get();
    let (tasks, full) = match row.tasks {
        Some(tasks) if most > 0 => (format!("{} of {most} tasks", tasks.get()), tasks.get() >= most),
        Some(tasks) if tasks.get() == 1 => ("1 task".to_owned(), false),
        Some(tasks) => (format!("{} tasks", count(tasks.get().into())), false),
        None => (String::new(), false),
    };
    let style = if full { theme.waiting() } else { theme.dim() };
    vec![
        cell(&row.name, theme.strong()),
        bar,
        cell(of, theme.plain()),
        cell(tasks, style),
        cell("", theme.plain()),
    ]
}

fn node(row: &Node, wide: usize, roomy: bool, view: &View, theme: Theme) -> Cells {
    let (part, capacity) = (row.used.get(), row.capacity.get());
    let state = match row.state {
        Liveness::InUse => cell("in use", theme.good()),
        Liveness::TakesNoWork => cell(row.state.word(), theme.waiting()),
        Liveness::OutOfUse | Liveness::NeverJoined => cell(row.state.word(), theme.dim()),
        Liveness::Lost | Liveness::Left => cell(row.state.word(), theme.bad()),
    };
    let kind = match row.node_type {
        NodeType::Hybrid => "",
        NodeType::Control => ", control",
        NodeType::Execution => ", execution",
        NodeType::Hop => ", hop",
    };
    let state = state.into_iter().chain([Span::styled(kind, theme.dim())]).collect();
    // A second of silence is what every heartbeat looks like.
    let heard = row.last_heartbeat.map(|at| match view.overview.now.signed_duration_since(at) {
        silence if silence < TimeDelta::seconds(1) => "now".to_owned(),
        _ => span(at, view.overview.now),
    });
    let mut cells = vec![
        vec![Span::styled("  ", theme.plain()), Span::styled(row.hostname.clone(), theme.plain())],
        used(part, capacity, wide, theme),
        cell(format!("{part}/{capacity}"), theme.plain()),
        state,
        cell(heard.unwrap_or_default(), theme.dim()),
    ];
    if roomy {
        cells.push(cell(&row.version, theme.dim()));
    }
    cells
}
