//! What keys do: each test presses some and looks at what follows.

use scheduler_core::TaskId;

use super::fixture::{drawn, view};
use crate::top::keys::{Command, Key, press};
use crate::top::source::Request;
use crate::top::state::{Order, Over, Pane, State, rows};
use crate::top::view::{Played, View};

/// Presses these, and returns what was asked.
fn pressed(view: &View, mut state: State, keys: &[Key]) -> (State, Vec<Command>) {
    let mut commands = Vec::new();
    for &key in keys {
        let (next, command) = press(state, view, key);
        state = next;
        commands.extend(command);
    }
    (state, commands)
}

fn letters(text: &str) -> Vec<Key> {
    text.chars().map(Key::Char).collect()
}

fn ids(view: &View, state: &State, pane: Pane) -> Vec<i64> {
    rows(view, state, pane).iter().filter_map(|row| row.task()).map(|row| row.id.get()).collect()
}

#[test]
fn panes_are_chosen_by_tab_and_by_number() {
    let view = view();
    let (state, _) = pressed(&view, State::default(), &[Key::Tab, Key::Tab]);
    assert_eq!(state.pane, Pane::Ended);
    let (state, _) = pressed(&view, state, &[Key::Tab, Key::Tab]);
    assert_eq!(state.pane, Pane::Queue, "they go round");
    let (state, _) = pressed(&view, state, &[Key::BackTab]);
    assert_eq!(state.pane, Pane::Cluster);
    for (key, pane) in ['1', '2', '3', '4'].into_iter().zip(Pane::ALL) {
        assert_eq!(pressed(&view, State::default(), &[Key::Char(key)]).0.pane, pane);
    }
}

#[test]
fn the_cursor_follows_its_task_and_stays_at_the_top_where_it_was_never_moved() {
    let mut view = view();
    let (state, _) = pressed(&view, State::default(), &[Key::Down, Key::Char('j')]);
    assert_eq!(state.selected(&view).map(|row| row.id), Some(TaskId::new(43)));
    let first = view.overview.pending.tasks.remove(0);
    assert_eq!(state.selected(&view).map(|row| row.id), Some(TaskId::new(43)), "others come and go");
    view.overview.pending.tasks.push(first);
    assert_eq!(State::default().selected(&view).map(|row| row.id), Some(TaskId::new(42)));
    view.overview.pending.tasks.retain(|row| row.id.get() != 43);
    assert!(state.selected(&view).is_some(), "when it goes, its place stays");
    view.overview.pending.tasks.clear();
    assert_eq!(state.selected(&view), None);
}

#[test]
fn pages_and_ends_stop_at_the_ends() {
    let view = view();
    let selected =
        |keys: &[Key]| pressed(&view, State::default(), keys).0.selected(&view).map(|row| row.id.get());
    assert_eq!(selected(&[Key::PageDown]), Some(48));
    assert_eq!(selected(&[Key::End, Key::Down]), Some(48));
    assert_eq!(selected(&[Key::End, Key::Home]), Some(40));
    assert_eq!(selected(&[Key::PageUp, Key::Up]), Some(40));
}

#[test]
fn s_goes_through_the_orders_of_a_pane_and_turns_them_round() {
    let view = view();
    let (state, _) = pressed(&view, State::default(), &letters("s"));
    assert_eq!(state.look(Pane::Queue).order, Order::Waited);
    assert_eq!(ids(&view, &state, Pane::Queue), [47, 40, 42, 43, 48]);
    let (state, _) = pressed(&view, state, &letters("S"));
    assert_eq!(ids(&view, &state, Pane::Queue), [48, 43, 42, 40, 47]);
    assert_eq!(ids(&view, &state, Pane::Running), [17, 21], "each pane has its own order");
    let (state, _) = pressed(&view, State::default(), &letters("sss"));
    assert_eq!(state.look(Pane::Queue).order, Order::Name);
    assert_eq!(ids(&view, &state, Pane::Queue), [43, 42, 47, 40, 48]);
    for pane in Pane::ALL {
        let round = vec![Key::Char('s'); pane.orders().len()];
        let begin = State { pane, ..State::default() };
        assert_eq!(pressed(&view, begin, &round).0.look(pane).order, Order::Given, "{pane:?}");
    }
}

#[test]
fn the_filter_takes_ids_names_kinds_reasons_places_and_statuses() {
    let view = view();
    let filtered = |text: &str, pane| {
        let (state, _) = pressed(&view, State::default(), &letters(&format!("/{text}")));
        ids(&view, &state, pane)
    };
    assert_eq!(filtered("42", Pane::Queue), [42]);
    assert_eq!(filtered("SHOP", Pane::Queue), [40, 42, 43]);
    assert_eq!(filtered("never_fits", Pane::Queue), [47]);
    assert_eq!(filtered("ad hoc", Pane::Queue), [48]);
    assert_eq!(filtered("shop job", Pane::Queue), [40, 42, 43], "each word somewhere: 40 waits for a job");
    assert_eq!(filtered("datacentre", Pane::Running), [17]);
    assert_eq!(filtered("failed", Pane::Ended), [12]);
    assert_eq!(filtered("nothing has this", Pane::Queue), Vec::<i64>::new());
}

#[test]
fn letters_of_a_filter_are_no_keys_and_escape_takes_it_away() {
    let view = view();
    let (state, commands) = pressed(&view, State::default(), &letters("/qc s?"));
    assert_eq!((state.filter.as_str(), state.typing), ("qc s?", true));
    assert_eq!(commands, []);
    let (state, _) = pressed(&view, state, &[Key::ClearLine, Key::Char('x'), Key::Backspace]);
    assert_eq!(state.filter, "");
    let (state, _) = pressed(&view, state, &[Key::Char('x'), Key::Enter]);
    assert_eq!((state.filter.as_str(), state.typing), ("x", false));
    let (state, commands) = pressed(&view, state, &[Key::Escape]);
    assert_eq!((state.filter.as_str(), commands.as_slice()), ("", [].as_slice()), "it does not leave yet");
    let (_, commands) = pressed(&view, state, &[Key::Escape]);
    assert_eq!(commands, [Command::Quit]);
}

#[test]
fn enter_follows_the_chain_until_it_is_closed() {
    let view = view();
    let (state, commands) = pressed(&view, State::default(), &[Key::Down, Key::Enter]);
    assert_eq!(state.over, Over::Chain(TaskId::new(42), 0));
    assert_eq!(commands, [Command::Ask(Request::Watch(Some(TaskId::new(42))))]);
    let (state, commands) = pressed(&view, state, &[Key::Char('q')]);
    assert_eq!(state.over, Over::Nothing);
    assert_eq!(commands, [Command::Ask(Request::Watch(None))], "it closes the chain and not the program");
    let nothing = View::default();
    let (state, commands) = pressed(&nothing, State::default(), &[Key::Enter, Key::Char('c')]);
    assert_eq!((state.over, commands), (Over::Nothing, Vec::new()), "there is no task to ask about");
}

#[test]
fn only_y_cancels() {
    let view = view();
    let (asked, commands) = pressed(&view, State::default(), &letters("c"));
    assert!(matches!(asked.over, Over::Cancel { .. }));
    assert_eq!(commands, []);
    for key in [Key::Enter, Key::Char('n'), Key::Char('c'), Key::Char(' '), Key::Escape, Key::Char('q')] {
        let (state, commands) = pressed(&view, asked.clone(), &[key]);
        assert_eq!((state.over, commands), (Over::Nothing, Vec::new()), "{key:?}");
    }
    let (state, commands) = pressed(&view, asked, &letters("y"));
    assert_eq!(state.over, Over::Nothing);
    assert_eq!(commands, [Command::Ask(Request::Cancel(TaskId::new(40)))]);
}

#[test]
fn what_has_ended_cannot_be_canceled() {
    let view = view();
    let (state, commands) = pressed(&view, State::default(), &letters("3c"));
    assert_eq!((&state.over, commands), (&Over::Nothing, Vec::new()));
    assert_eq!(state.said.map(|said| said.text).as_deref(), Some("job 12 has ended"));
}

#[test]
fn a_live_system_has_no_speed_and_no_way_back() {
    let mut view = view();
    let keys = [Key::Char('+'), Key::Char('-'), Key::Left, Key::Right];
    assert_eq!(pressed(&view, State::default(), &keys).1, []);
    view.played = Some(Played {
        at: "1 min 0 s".to_owned(),
        length: "2 h 0 min".to_owned(),
        share: 0.01,
        speed: 60.0,
        paused: false,
        rerunning: false,
    });
    let asked = [Request::Faster, Request::Slower, Request::Back, Request::Ahead].map(Command::Ask);
    assert_eq!(pressed(&view, State::default(), &keys).1, asked);
}

#[test]
fn space_stands_still_and_goes_on_and_ctrl_c_always_leaves() {
    let view = view();
    let (state, commands) = pressed(&view, State::default(), &letters("  "));
    assert!(!state.paused);
    assert_eq!(commands, [true, false].map(|paused| Command::Ask(Request::Pause(paused))));
    for before in ["", "/", "c", "?"] {
        let (state, _) = pressed(&view, State::default(), &letters(before));
        assert_eq!(press(state, &view, Key::Interrupt).1, Some(Command::Quit), "after {before:?}");
    }
}

#[test]
fn no_key_in_any_state_breaks_the_screen_of_any_size() {
    let views = [view(), View::default()];
    let keys = [
        letters("/ab1234sScyjkgG?q +-x").as_slice(),
        &[Key::Enter, Key::Escape, Key::Tab, Key::BackTab, Key::Backspace, Key::Up, Key::Down, Key::Left],
        &[Key::Right, Key::PageUp, Key::PageDown, Key::Home, Key::End, Key::ClearLine],
    ]
    .concat();
    let mut numbers = 7_u64;
    let mut state = State::default();
    for step in 0..3000_u16 {
        numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = usize::try_from(numbers >> 33).unwrap();
        let view = &views[usize::from(pick % 5 == 0)];
        state = press(state, view, keys[pick % keys.len()]).0;
        if step % 10 == 0 {
            let size = (u16::try_from(pick % 211).unwrap(), u16::try_from(pick / 211 % 61).unwrap());
            drawn(view, &state, size);
        }
    }
}
