//! The screen: a pure function of what there is ([`View`]) and what was chosen ([`State`]).
//!
//! On a small terminal one pane at a time, with tabs; on a large one all four beside each other. It keeps nothing between two
//! drawings, so that any size can follow any other.

mod cluster;
mod header;
mod over;
mod table;
mod tasks;
mod text;
mod theme;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph, Wrap};

use scheduler_core::words::is_hidden;

use super::state::{Pane, State, rows};
use super::view::View;
use text::count;
pub(super) use theme::Theme;

/// Below this nothing can be read.
const LEAST: (u16, u16) = (50, 10);

/// From this size on all panes are seen at once.
const ALL_PANES: (u16, u16) = (140, 36);

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, view: &View, state: &State, theme: Theme) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return too_small(frame, area, theme);
    }
    let [top, body, detail, bottom] = Layout::vertical([
        Constraint::Length(header::height(view, area.width)),
        Constraint::Min(3),
        Constraint::Length(2),
        Constraint::Length(1),
    ])
    .areas(area);
    header::draw(frame, top, view, state, theme);
    if area.width >= ALL_PANES.0 && area.height >= ALL_PANES.1 {
        all_panes(frame, body, view, state, theme);
    } else {
        let [tabs, pane] = Layout::vertical([Constraint::Length(1), Constraint::Min(2)]).areas(body);
        draw_tabs(frame, tabs, view, state, theme);
        draw_pane(frame, pane, view, state, state.pane, theme);
    }
    draw_detail(frame, detail, view, state, theme);
    header::footer(frame, bottom, view, state, theme);
    over::draw(frame, view, state, theme);
    shield(frame);
}

/// Names come from others: whatever of them a terminal or an eye would obey is not sent to it. Here, where all texts meet.
fn shield(frame: &mut Frame<'_>) {
    for cell in &mut frame.buffer_mut().content {
        if cell.symbol().chars().any(is_hidden) {
            cell.set_symbol("\u{fffd}");
        }
    }
}

fn too_small(frame: &mut Frame<'_>, area: Rect, theme: Theme) {
    let (width, height) = LEAST;
    let words = format!("{}x{} is too small: {width}x{height} at least. q leaves", area.width, area.height);
    frame.render_widget(Paragraph::new(words).wrap(Wrap { trim: true }).style(theme.waiting()), area);
}

fn all_panes(frame: &mut Frame<'_>, body: Rect, view: &View, state: &State, theme: Theme) {
    let [left, right] = Layout::horizontal([Constraint::Fill(13), Constraint::Fill(8)]).areas(body);
    let [queue, running] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(left);
    let places =
        u16::try_from(view.overview.groups.len() + view.overview.nodes.len() + 3).unwrap_or(u16::MAX);
    let most = right.height / 2;
    let [cluster, ended] =
        Layout::vertical([Constraint::Length(places.clamp(6, most)), Constraint::Min(5)]).areas(right);
    for (pane, area) in
        [(Pane::Queue, queue), (Pane::Running, running), (Pane::Ended, ended), (Pane::Cluster, cluster)]
    {
        let focused = state.pane == pane;
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(if focused { theme.focus() } else { theme.dim() })
            .title(Line::from(title(view, state, pane, theme)));
        let inner = block.inner(area);
        frame.render_widget(block, area);
        draw_pane(frame, inner, view, state, pane, theme);
    }
}

fn draw_pane(frame: &mut Frame<'_>, area: Rect, view: &View, state: &State, pane: Pane, theme: Theme) {
    match pane {
        Pane::Cluster => cluster::draw(frame.buffer_mut(), area, view, state, theme),
        Pane::Queue | Pane::Running | Pane::Ended => {
            tasks::draw(frame.buffer_mut(), area, view, state, pane, theme);
        }
    }
}

fn draw_tabs(frame: &mut Frame<'_>, area: Rect, view: &View, state: &State, theme: Theme) {
    let mut spans = Vec::new();
    for pane in Pane::ALL {
        spans.extend(title(view, state, pane, theme));
        spans.push(Span::raw(" "));
    }
    frame.render_widget(Line::from(spans), area);
}

/// ` 1 Queue 1,204 `, with the order where it is not the usual one, and how many the filter leaves.
fn title(view: &View, state: &State, pane: Pane, theme: Theme) -> Vec<Span<'static>> {
    let focused = state.pane == pane;
    let number = Pane::ALL.iter().position(|&one| one == pane).unwrap_or(0) + 1;
    let counts = view.overview.counts;
    let all = match pane {
        Pane::Queue => Some(counts.pending),
        Pane::Running => Some(counts.waiting + counts.running),
        Pane::Ended => counts.ended,
        Pane::Cluster => None,
    };
    let seen = (!state.filter.trim().is_empty()).then(|| rows(view, state, pane).len() as u64);
    let number_of = match (seen, all) {
        (Some(seen), Some(all)) => format!(" {}/{}", count(seen), count(all)),
        (Some(only), None) | (None, Some(only)) => format!(" {}", count(only)),
        (None, None) => String::new(),
    };
    let look = state.look(pane);
    let arrow = if look.reversed { " ↑" } else { "" };
    let usual = look.order == super::state::Order::default() && !look.reversed;
    let order = if usual { String::new() } else { format!(" by {}{arrow} ", look.order.word(pane)) };
    let style = if focused { theme.focus() } else { theme.plain() };
    let name = Span::styled(format!(" {number} {}", pane.title()), style);
    let name = if focused { name.patch_style(theme.selected()) } else { name };
    let rest = Span::styled(format!("{number_of} "), style);
    let rest = if focused { rest.patch_style(theme.selected()) } else { rest };
    vec![name, rest, Span::styled(order, theme.dim())]
}

/// What the table cuts off of the row under the cursor.
fn draw_detail(frame: &mut Frame<'_>, area: Rect, view: &View, state: &State, theme: Theme) {
    let Some(row) = state.selected(view) else { return };
    let mut spans = vec![Span::styled(format!("{} {} {} ", row.kind, row.id, row.name), theme.strong())];
    if row.status.is_finished() {
        spans.push(Span::styled(format!("{} ", row.status.token()), theme.status(row.status)));
        spans.push(Span::raw(format!("{} {}", row.place, row.explanation)));
    } else if row.hold.is_some() || row.started.is_none() {
        let (words, style) = tasks::why(row, theme);
        spans.push(Span::styled(words, style));
        if let Some(hold) = &row.hold {
            spans.push(Span::styled(format!("  [{}]", hold.token), theme.dim()));
        }
    } else {
        spans.push(Span::styled(format!("{} ", row.status.token()), theme.status(row.status)));
        spans.push(Span::raw(row.place.to_string()));
    }
    let area = Rect { x: area.x.saturating_add(1), width: area.width.saturating_sub(2), ..area };
    frame.render_widget(Paragraph::new(Line::from(spans)).wrap(Wrap { trim: true }), area);
}
