//! What is drawn, kept as text beside this file. `UPDATE_EXPECT=1` writes it anew.

use std::path::Path;

use super::fixture::{at, drawn, view};
use crate::top::keys::{Key, press};
use crate::top::state::{Said, State};
use crate::top::view::{Chain, Played, Stale, View};

fn after(view: &View, keys: &str) -> State {
    keys.chars().fold(State::default(), |state, letter| {
        let key = if letter == '\n' { Key::Enter } else { Key::Char(letter) };
        press(state, view, key).0
    })
}

/// Compares with the file of this name.
fn shows(name: &str, view: &View, state: &State, size: (u16, u16)) {
    let current = drawn(view, state, size);
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/top/tests/screens").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, format!("{current}\n")).expect("the file is writable");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept.trim_end() == current.trim_end(),
        "{name}.txt is not what is drawn; look at it, and run the tests with UPDATE_EXPECT=1 if it is right:\n{current}"
    );
}

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (160, 40);

#[test]
fn a_small_terminal_shows_one_pane_at_a_time() {
    let view = view();
    shows("queue", &view, &after(&view, ""), SMALL);
    shows("running", &view, &after(&view, "2"), SMALL);
    shows("ended", &view, &after(&view, "3"), SMALL);
    shows("cluster", &view, &after(&view, "4"), SMALL);
}

#[test]
fn a_large_terminal_shows_all_panes() {
    let view = view();
    shows("all", &view, &after(&view, "j"), LARGE);
}

#[test]
fn an_order_and_a_filter_are_named() {
    let view = view();
    shows("sorted", &view, &after(&view, "sS"), SMALL);
    shows("typing", &view, &after(&view, "/shop"), SMALL);
    shows("filtered", &view, &after(&view, "/nothing of it\n"), SMALL);
}

#[test]
fn the_chain_the_question_and_the_help_lie_over_the_panes() {
    let mut view = view();
    let lines = [
        "job 42 Migrate shop on job template 3, project 3, inventory 1: pending since 2026-03-02 09:00:00 UTC, costs 6 forks",
        "hold: waits for project update 40, on which it depends",
        "  project update 40 shop.git waits for job 17 to release project 3 (held for use, wanted for update)",
        "  job 17 Deploy shop on job template 1, project 3, inventory 1: running on node-a (datacentre), costs 6 forks",
    ];
    view.chain = Some(Chain { task: 42.into(), lines: lines.map(str::to_owned).to_vec() });
    shows("chain", &view, &after(&view, "j\n"), SMALL);
    shows("cancel", &view, &after(&view, "jc"), SMALL);
    shows("help", &view, &after(&view, "?"), SMALL);
}

#[test]
fn a_lost_store_is_said_with_the_time_and_the_reason_and_the_rest_stays() {
    let mut view = view();
    view.stale = Some(Stale {
        since: at(63),
        seconds: 15,
        why: "the store cannot be reached: reading tasks: connection refused; is PostgreSQL up?".to_owned(),
    });
    let mut state = after(&view, "");
    state.said =
        Some(Said { text: "task 42 is not canceled: the store cannot be reached".to_owned(), bad: true });
    shows("stale", &view, &state, SMALL);
}

#[test]
fn a_simulation_shows_how_far_it_is_played() {
    let mut view = view();
    view.about = "simulation of a-week.toml, tower-2018".to_owned();
    view.overview.counts.ended = Some(1204);
    view.played = Some(Played {
        at: "2 d 7 h".to_owned(),
        length: "7 d 0 h".to_owned(),
        share: 0.33,
        speed: 3600.0,
        paused: true,
        rerunning: false,
    });
    let state = after(&view, " ");
    shows("simulation", &view, &state, SMALL);
}

#[test]
fn a_terminal_that_is_too_small_is_told_so() {
    let view = view();
    let words = drawn(&view, &State::default(), (40, 5));
    assert!(words.contains("40x5 is too small: 50x10 at least"), "{words}");
    for size in [(1, 1), (2, 9), (49, 9), (50, 10), (51, 11), (300, 10), (50, 100)] {
        for keys in ["", "2", "3", "4", "?", "c", "\n", "/x"] {
            drawn(&view, &after(&view, keys), size);
        }
    }
}

#[test]
fn nothing_at_all_is_drawn_as_well() {
    let nothing = View::default();
    let words = drawn(&nothing, &State::default(), SMALL);
    assert!(words.contains("nothing waits"), "{words}");
    let words = drawn(&nothing, &after(&nothing, "4"), SMALL);
    assert!(words.contains("no groups, no nodes"), "{words}");
}

#[test]
fn without_colour_there_is_none() {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::style::Color;

    use crate::top::screen::{self, Theme};

    let view = view();
    let coloured = |colour: bool| {
        let mut terminal = Terminal::new(TestBackend::new(160, 40)).unwrap();
        let draw = |state: &State, terminal: &mut Terminal<TestBackend>| {
            terminal.draw(|frame| screen::draw(frame, &view, state, Theme { colour })).unwrap();
        };
        ["", "c", "?", "\n"].into_iter().any(|keys| {
            draw(&after(&view, keys), &mut terminal);
            let cells = terminal.backend().buffer().content().iter();
            cells.into_iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
        })
    };
    assert!(coloured(true));
    assert!(!coloured(false));
}

#[test]
fn what_a_name_holds_cannot_move_the_cursor_or_ring() {
    let mut view = view();
    view.overview.pending.tasks[0].name = "evil\u{1b}[2J\u{7}\nname".into();
    let words = drawn(&view, &State::default(), SMALL);
    assert!(!words.contains('\u{1b}') && !words.contains('\u{7}'), "{words}");
}
