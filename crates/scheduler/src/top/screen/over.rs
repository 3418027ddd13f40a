//! What lies over the panes: the help, a task's chain, and the question whether to cancel.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph};
use scheduler_core::TaskId;

use super::text::wrapped;
use super::theme::Theme;
use crate::top::state::{Over, State};
use crate::top::view::View;

const KEYS: [(&str, &str); 16] = [
    ("tab, 1 to 4", "queue, running, ended, cluster"),
    ("↑ ↓, j k", "one row"),
    ("page up, page down", "many rows"),
    ("home end, g G", "first and last row"),
    ("enter", "the whole chain that the task waits for"),
    ("/", "filter by id, name, kind, reason, place, status"),
    ("esc", "take the filter away; without one, leave"),
    ("s", "sort by something else"),
    ("S", "sort the other way round"),
    ("c", "cancel the task, after a question"),
    ("space", "stand still, and go on"),
    ("?", "this help"),
    ("q, ctrl-c", "leave"),
    ("", ""),
    ("+ -", "a simulation: twice as fast, half as fast"),
    ("← →", "a simulation: back and ahead by a fiftieth of it"),
];

/// Draws what lies over the panes, if anything does.
pub(super) fn draw(frame: &mut Frame<'_>, view: &View, state: &State, theme: Theme) {
    match &state.over {
        Over::Nothing => {}
        Over::Help => help(frame, view, theme),
        Over::Chain(task, line) => chain(frame, view, *task, *line, theme),
        Over::Cancel { task, .. } => cancel(frame, view, *task, theme),
    }
}

/// A framed box in the middle, cleared.
fn boxed(
    frame: &mut Frame<'_>,
    (width, height): (u16, u16),
    title: String,
    bottom: &'static str,
    theme: Theme,
) -> Rect {
    let all = frame.area();
    let (width, height) = (width.min(all.width), height.min(all.height));
    let area = Rect { x: (all.width - width) / 2, y: (all.height - height) / 2, width, height };
    frame.render_widget(Clear, area);
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.focus())
        .title(Line::styled(title, theme.focus()))
        .title_bottom(Line::styled(bottom, theme.dim()).right_aligned());
    let inner = block.inner(area);
    frame.render_widget(block, area);
    Rect { x: inner.x.saturating_add(1), width: inner.width.saturating_sub(2), ..inner }
}

fn help(frame: &mut Frame<'_>, view: &View, theme: Theme) {
    let shown = if view.played.is_some() { KEYS.len() } else { KEYS.len() - 3 };
    let lines: Vec<Line<'_>> = KEYS
        .iter()
        .take(shown)
        .map(|(key, what)| {
            Line::from(vec![Span::styled(format!("{key:<20}"), theme.accent()), Span::raw(*what)])
        })
        .collect();
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let inner = boxed(frame, (72, height), " keys ".to_owned(), " any key closes ", theme);
    frame.render_widget(Paragraph::new(lines), inner);
}

fn chain(frame: &mut Frame<'_>, view: &View, task: TaskId, line: u16, theme: Theme) {
    let known = view.chain.as_ref().filter(|chain| chain.task == task);
    let all = frame.area();
    let width = all.width.saturating_sub(6).min(110);
    let room = usize::from(width.saturating_sub(4));
    let lines: Vec<Line<'_>> = match known {
        Some(chain) => {
            chain.lines.iter().enumerate().flat_map(|(at, line)| chained(at, line, room, theme)).collect()
        }
        None => vec![Line::styled("asking …", theme.dim())],
    };
    let tall = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let height = tall.saturating_add(2).clamp(4, all.height.saturating_sub(2).max(4));
    let title = format!(" what task {task} waits for ");
    let inner = boxed(frame, (width, height), title, " ↑ ↓ scroll · c cancel · esc closes ", theme);
    // The last line stays at the bottom.
    let scroll = line.min(tall.saturating_sub(inner.height));
    frame.render_widget(Paragraph::new(lines).scroll((scroll, 0)), inner);
}

/// A line of the chain in as many as it takes. The first is the task, the second what a pass does with it; an arrow leads to each
/// task that follows.
fn chained(at: usize, line: &str, room: usize, theme: Theme) -> Vec<Line<'static>> {
    let deeper = line.starts_with("  ");
    let head = match at {
        0 => theme.strong(),
        1 if line.starts_with("hold") => theme.waiting(),
        _ => theme.plain(),
    };
    let mut lines = Vec::new();
    for (part, text) in wrapped(line.trim_start(), room.saturating_sub(2)).into_iter().enumerate() {
        let mut spans = match (deeper, part) {
            (true, 0) => vec![Span::styled("→ ", theme.accent())],
            (false, 0) => Vec::new(),
            _ => vec![Span::raw("  ")],
        };
        match text.split_once(':').filter(|_| part == 0 && at < 2) {
            Some((word, rest)) => {
                spans.extend([Span::styled(format!("{word}:"), head), Span::raw(rest.to_owned())]);
            }
            None => spans.push(Span::raw(text)),
        }
        lines.push(Line::from(spans));
    }
    lines
}

fn cancel(frame: &mut Frame<'_>, view: &View, task: TaskId, theme: Theme) {
    let row = view.task(task);
    let what =
        row.map_or_else(|| format!("task {task}"), |row| format!("{} {} {}", row.kind, row.id, row.name));
    let more = match (&view.played, row) {
        (Some(played), _) => {
            format!("{} into the simulation, which is run once more from there on.", played.at)
        }
        (None, Some(row)) => format!("It is {}. What depends on it ends with it.", row.status.token()),
        (None, None) => "It is not listed any more.".to_owned(),
    };
    let width = frame.area().width.min(62);
    let room = usize::from(width.saturating_sub(4));
    let mut lines: Vec<Line<'_>> = wrapped(&format!("Cancel {what}?"), room)
        .into_iter()
        .map(|text| Line::styled(text, theme.strong()))
        .collect();
    lines.extend(wrapped(&more, room).into_iter().map(|text| Line::styled(text, theme.dim())));
    lines.push(Line::raw(""));
    lines.push(Line::from(vec![
        Span::styled("y", theme.bad()),
        Span::raw(" cancel it     "),
        Span::styled("any other key", theme.accent()),
        Span::raw(" leave it"),
    ]));
    let tall = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let inner = boxed(frame, (width, tall.saturating_add(2)), " cancel ".to_owned(), "", theme);
    frame.render_widget(Paragraph::new(lines), inner);
}
