//! The lines at the top (what it is about, counts, how far a simulation has been played, that a source is lost) and the one at the
//! bottom (the filter, the last word, the keys).

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::text::{bar, count, fit, width, wrapped};
use super::theme::Theme;
use crate::overview::Overview;
use crate::top::state::{State, share};
use crate::top::view::{Played, View};

/// How many lines the top takes.
pub(super) fn height(view: &View, width: u16) -> u16 {
    2 + u16::from(view.played.is_some()) + u16::try_from(stale(view, width).len()).unwrap_or(0)
}

/// Draws the top.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, state: &State, theme: Theme) {
    let played = u16::from(view.played.is_some());
    let [first, second, third, rest] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(played),
        Constraint::Min(0),
    ])
    .areas(area);
    headline(frame, first, view, state, theme);
    frame.render_widget(counts(view, area.width, theme), second);
    if let Some(played) = &view.played {
        frame.render_widget(playing(played, area.width, theme), third);
    }
    let lines: Vec<Line<'_>> = stale(view, area.width).into_iter().map(Line::raw).collect();
    frame.render_widget(Paragraph::new(lines).style(theme.bad()), rest);
}

fn headline(frame: &mut Frame<'_>, area: Rect, view: &View, state: &State, theme: Theme) {
    let (badge, style) = match (&view.stale, &view.played) {
        (Some(_), _) => (" STALE ", theme.bad()),
        _ if state.paused => (" PAUSED ", theme.waiting()),
        (None, Some(played)) if played.rerunning => (" RUNNING AGAIN ", theme.waiting()),
        (None, Some(_)) => (" PLAYING ", theme.good()),
        (None, None) => (" LIVE ", theme.good()),
    };
    let time = view.overview.now.format("%Y-%m-%d %H:%M:%S UTC ").to_string();
    let right = width(badge) + width(&time);
    let room = usize::from(area.width).saturating_sub(right + 17);
    let left = Line::from(vec![
        Span::styled(" scheduler top ", theme.focus()),
        Span::styled(fit(&view.about, room), theme.dim()),
    ]);
    frame.render_widget(left, area);
    let right = Line::from(vec![Span::raw(time), Span::styled(badge, style.patch(theme.selected()))]);
    frame.render_widget(right.right_aligned(), area);
}

fn counts(view: &View, all: u16, theme: Theme) -> Line<'static> {
    let Overview { counts, outbox, .. } = &view.overview;
    let mut spans = Vec::new();
    let mut add = |number: u64, word: &str, style| {
        spans.push(Span::styled(format!(" {}", count(number)), style));
        spans.push(Span::styled(format!(" {word} "), theme.dim()));
    };
    let strong = theme.strong();
    add(counts.pending, "pending", strong);
    let never = view.overview.never();
    if never > 0 {
        add(never, "can never run", theme.bad());
    }
    if counts.waiting > 0 {
        add(counts.waiting, "dispatched", strong);
    }
    add(counts.running, "running", strong);
    if let Some(ended) = counts.ended {
        add(ended, "ended", strong);
    }
    if outbox.messages > 0 {
        add(outbox.messages, "messages to send", theme.waiting());
    }
    let (used, of) = view.capacity();
    let share = share(used.get(), of.get());
    let (full, rest) = bar(share, if all >= 110 { 24 } else { 10 });
    spans.push(Span::styled("  forks ", theme.dim()));
    spans.push(Span::styled(full, theme.bar(share)));
    spans.push(Span::styled(rest, theme.dim()));
    spans.push(Span::raw(format!(" {}/{}", count(used.get().into()), count(of.get().into()))));
    Line::from(spans)
}

fn playing(played: &Played, all: u16, theme: Theme) -> Line<'static> {
    let sign = if played.paused { "⏸" } else { "▶" };
    let words = format!(" {sign} {} of {} at {} ", played.at, played.length, speed(played.speed));
    let room = usize::from(all).saturating_sub(width(&words) + 1);
    let (full, rest) = bar(played.share, room);
    Line::from(vec![Span::raw(words), Span::styled(full, theme.accent()), Span::styled(rest, theme.dim())])
}

/// `60x`, `0.5x`.
fn speed(speed: f64) -> String {
    if speed >= 10.0 { format!("{speed:.0}x") } else { format!("{speed}x") }
}

/// That the source is lost, in up to three lines.
fn stale(view: &View, all: u16) -> Vec<String> {
    let Some(stale) = &view.stale else { return Vec::new() };
    let since = stale.since.format("%H:%M:%S UTC");
    let words = format!("nothing new for {} s, since {since}; trying again: {}", stale.seconds, stale.why);
    let lines = wrapped(&words, usize::from(all).saturating_sub(2));
    lines.into_iter().take(3).map(|line| format!(" {line}")).collect()
}

/// Draws the bottom.
pub(super) fn footer(frame: &mut Frame<'_>, area: Rect, view: &View, state: &State, theme: Theme) {
    if state.typing {
        let line = Line::from(vec![
            Span::styled(" / ", theme.focus()),
            Span::raw(state.filter.clone()),
            Span::styled("▏", theme.accent()),
            Span::styled("  enter keeps it, esc takes it away", theme.dim()),
        ]);
        frame.render_widget(line, area);
        return;
    }
    if let Some(said) = &state.said {
        let style = if said.bad { theme.bad() } else { theme.good() };
        frame.render_widget(Line::styled(format!(" {}", said.text), style), area);
        return;
    }
    let mut spans = Vec::new();
    if !state.filter.trim().is_empty() {
        spans.push(Span::styled(format!(" filter “{}” ", state.filter.trim()), theme.focus()));
        spans.push(Span::styled("esc takes it away ", theme.dim()));
    }
    let taken: usize = spans.iter().map(Span::width).sum();
    for (key, word) in keys(view, usize::from(area.width).saturating_sub(taken)) {
        spans.push(Span::styled(format!(" {key}"), theme.accent()));
        spans.push(Span::styled(format!(" {word}"), theme.dim()));
    }
    frame.render_widget(Line::from(spans), area);
}

/// The keys that have room: the last two, which lead to all others and out, stay longest.
fn keys(view: &View, room: usize) -> Vec<(&'static str, &'static str)> {
    let mut keys = vec![("enter", "chain"), ("/", "filter"), ("s", "sort"), ("c", "cancel")];
    if view.played.is_some() {
        keys.extend([("+-", "speed"), ("←→", "seek")]);
    }
    keys.extend([("space", "pause"), ("tab", "pane")]);
    let last = [("?", "help"), ("q", "leave")];
    let wide = |key: &(&str, &str)| width(key.0) + width(key.1) + 2;
    let mut left = room.saturating_sub(last.iter().map(wide).sum());
    keys.retain(|key| {
        let fits = wide(key) <= left;
        left = if fits { left - wide(key) } else { 0 };
        fits
    });
    keys.into_iter().chain(last).collect()
}
