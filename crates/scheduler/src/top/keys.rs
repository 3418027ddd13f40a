//! What a key does: from a state and a key to the next state, and perhaps something to ask of the source.

use scheduler_core::TaskId;

use super::source::Request;
use super::state::{Cursor, Over, Pane, Row, State, rows};
use super::view::View;

/// A key, as far as this program tells keys apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Escape,
    Tab,
    BackTab,
    Backspace,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    /// The one that ends every program.
    Interrupt,
    /// The one that empties a line.
    ClearLine,
}

/// What follows from a key besides the next state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Quit,
    /// Something for the source to do.
    Ask(Request),
}

/// How many rows a page has; the screen's own height would make the next state depend on it.
const PAGE: usize = 15;

/// What becomes of the state.
pub(super) fn press(mut state: State, view: &View, key: Key) -> (State, Option<Command>) {
    state.said = None;
    if key == Key::Interrupt {
        return (state, Some(Command::Quit));
    }
    if state.typing {
        return (typed(state, key), None);
    }
    match state.over.clone() {
        Over::Nothing => {}
        Over::Help => {
            state.over = Over::Nothing;
            return (state, None);
        }
        Over::Chain(task, line) => return in_chain(state, view, task, line, key),
        Over::Cancel { task, from_chain } => return confirmed(state, task, from_chain, key),
    }
    let command = match key {
        Key::Char('q') | Key::Interrupt => Some(Command::Quit),
        Key::Escape if state.filter.is_empty() => Some(Command::Quit),
        Key::Escape => {
            state.filter.clear();
            None
        }
        Key::Enter => state.selected(view).map(|row| row.id).map(|id| {
            state.over = Over::Chain(id, 0);
            Command::Ask(Request::Watch(Some(id)))
        }),
        Key::Char('c') => {
            ask_to_cancel(&mut state, view);
            None
        }
        Key::Char(' ') => {
            state.paused = !state.paused;
            Some(Command::Ask(Request::Pause(state.paused)))
        }
        Key::Char('+' | '=') if view.played.is_some() => Some(Command::Ask(Request::Faster)),
        Key::Char('-') if view.played.is_some() => Some(Command::Ask(Request::Slower)),
        Key::Left if view.played.is_some() => Some(Command::Ask(Request::Back)),
        Key::Right if view.played.is_some() => Some(Command::Ask(Request::Ahead)),
        other => {
            look(&mut state, view, other);
            None
        }
    };
    (state, command)
}

/// Keys that change only what is looked at, and how.
fn look(state: &mut State, view: &View, key: Key) {
    match key {
        Key::Char('?' | 'h') => state.over = Over::Help,
        Key::Char('/') => state.typing = true,
        Key::Char('1') => state.pane = Pane::Queue,
        Key::Char('2') => state.pane = Pane::Running,
        Key::Char('3') => state.pane = Pane::Ended,
        Key::Char('4') => state.pane = Pane::Cluster,
        Key::Tab => state.pane = state.pane.next(),
        Key::BackTab => state.pane = state.pane.previous(),
        Key::Char('s') => {
            let orders = state.pane.orders();
            let look = state.look_mut();
            let at = orders.iter().position(|&order| order == look.order).unwrap_or(0);
            look.order = orders.get(at + 1).or(orders.first()).copied().unwrap_or_default();
            look.cursor = Cursor::default();
        }
        Key::Char('S' | 'r') => {
            let look = state.look_mut();
            look.reversed = !look.reversed;
            look.cursor = Cursor::default();
        }
        Key::Up | Key::Char('k') => go(state, view, |at, _| at.saturating_sub(1)),
        Key::Down | Key::Char('j') => go(state, view, |at, _| at + 1),
        Key::PageUp => go(state, view, |at, _| at.saturating_sub(PAGE)),
        Key::PageDown => go(state, view, |at, _| at + PAGE),
        Key::Home | Key::Char('g') => go(state, view, |_, _| 0),
        Key::End | Key::Char('G') => go(state, view, |_, last| last),
        _ => {}
    }
}

/// Moves the cursor; it then follows the task that it stands on, save at the top.
fn go(state: &mut State, view: &View, to: impl FnOnce(usize, usize) -> usize) {
    let rows = rows(view, state, state.pane);
    let last = rows.len().saturating_sub(1);
    let cursor = &mut state.look_mut().cursor;
    let at = to(cursor.position(&rows), last).min(last);
    let on = rows.get(at).copied().and_then(Row::task).map(|row| row.id);
    *cursor = Cursor { at, on: on.filter(|_| at > 0) };
}

/// A key while the filter is typed.
fn typed(mut state: State, key: Key) -> State {
    match key {
        Key::Char(letter) => state.filter.push(letter),
        Key::Backspace if state.filter.is_empty() => state.typing = false,
        Key::Backspace => {
            state.filter.pop();
        }
        Key::ClearLine => state.filter.clear(),
        Key::Escape => {
            state.filter.clear();
            state.typing = false;
        }
        Key::Enter | Key::Tab | Key::Up | Key::Down => state.typing = false,
        _ => {}
    }
    state
}

fn in_chain(mut state: State, view: &View, task: TaskId, line: u16, key: Key) -> (State, Option<Command>) {
    let longest = view.chain.as_ref().map_or(0, |chain| u16::try_from(chain.lines.len()).unwrap_or(u16::MAX));
    let last = longest.saturating_sub(1);
    let mut command = None;
    match key {
        Key::Escape | Key::Enter | Key::Char('q') => {
            state.over = Over::Nothing;
            command = Some(Command::Ask(Request::Watch(None)));
        }
        Key::Up | Key::Char('k') => state.over = Over::Chain(task, line.saturating_sub(1)),
        Key::Down | Key::Char('j') => state.over = Over::Chain(task, line.saturating_add(1).min(last)),
        Key::Home => state.over = Over::Chain(task, 0),
        Key::Char('c') => state.over = Over::Cancel { task, from_chain: true },
        Key::Char(' ') => {
            state.paused = !state.paused;
            command = Some(Command::Ask(Request::Pause(state.paused)));
        }
        _ => {}
    }
    (state, command)
}

/// Only a task that has not ended can be canceled.
fn ask_to_cancel(state: &mut State, view: &View) {
    match state.selected(view) {
        Some(row) if row.status.is_finished() => {
            state.said =
                Some(super::state::Said { text: format!("{} {} has ended", row.kind, row.id), bad: true });
        }
        Some(row) => state.over = Over::Cancel { task: row.id, from_chain: false },
        None => {}
    }
}

/// Only `y` cancels: no key that moves about does it by mistake.
fn confirmed(mut state: State, task: TaskId, from_chain: bool, key: Key) -> (State, Option<Command>) {
    state.over = if from_chain { Over::Chain(task, 0) } else { Over::Nothing };
    let command = matches!(key, Key::Char('y' | 'Y')).then_some(Command::Ask(Request::Cancel(task)));
    (state, command)
}
