//! `scheduler top`: a screen that shows a control plane, or a simulation, as it goes.
//!
//! A [`source`] makes views of what there is, [`keys`] turns keys into the next [`state`], and [`screen`] draws both: values and
//! pure functions, but for the source and the [`terminal`]. Nothing here decides about tasks; a cancel is asked of the source, as
//! `scheduler cancel` asks it of the store. A live store is asked once a second (`--every`), whatever the screen does.

pub(crate) mod args;
mod keys;
mod live;
mod playback;
mod recording;
mod screen;
mod source;
mod state;
mod terminal;
#[cfg(test)]
mod tests;
mod view;

use std::time::{Duration, Instant};

use crate::Found;
use crate::failure::Failure;
use crate::top::args::TopArgs;
use keys::{Command, press};
use source::{Source, Update};
use state::State;
use terminal::{Happened, Terminal};
use view::View;

/// How long the loop waits for a key before it looks for news.
const PATIENCE: Duration = Duration::from_millis(50);

/// Opens the source, then the screen, and shows until somebody leaves.
pub(crate) fn run(args: &TopArgs) -> Result<Found, Failure> {
    terminal::check(if args.is_simulated() {
        "run it in a terminal; `scheduler simulate` prints what comes of a simulation"
    } else {
        "run it in a terminal; `scheduler status` prints the same once, and `scheduler status --json` for programs"
    })?;
    let mut source: Box<dyn Source> = if args.is_simulated() {
        Box::new(playback::Playback::open(args)?)
    } else {
        Box::new(live::Live::open(args)?)
    };
    let mut terminal = Terminal::take()?;
    let state = State { paused: args.is_simulated() && args.at.is_some(), ..State::default() };
    show(&mut *source, &mut terminal, state, screen::Theme::of_environment())?;
    Ok(Found::Nothing)
}

fn show(
    source: &mut dyn Source,
    terminal: &mut Terminal,
    mut state: State,
    theme: screen::Theme,
) -> Result<(), Failure> {
    let mut view = View::default();
    let mut changed = true;
    while !terminal.is_ended() {
        for update in source.updates(Instant::now())? {
            changed = true;
            match update {
                Update::View(new) => view = *new,
                Update::Said(said) => state.said = Some(said),
            }
        }
        if std::mem::take(&mut changed) {
            terminal.draw(|frame| screen::draw(frame, &view, &state, theme))?;
        }
        let mut happened = terminal.next(PATIENCE)?;
        while let Some(what) = happened {
            changed = true;
            if let Happened::Pressed(key) = what {
                let (next, command) = press(std::mem::take(&mut state), &view, key);
                state = next;
                match command {
                    Some(Command::Quit) => return Ok(()),
                    Some(Command::Ask(request)) => source.ask(request),
                    None => {}
                }
            }
            happened = terminal.next(Duration::ZERO)?;
        }
    }
    Ok(())
}
