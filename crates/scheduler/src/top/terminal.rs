//! The terminal: taken when the screen opens, and given back however it ends — by a key, an error, a signal or a panic.

use std::io::{IsTerminal, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::{DefaultTerminal, Frame};
use tokio::signal::unix::{SignalKind, signal};

use super::keys::Key;
use crate::failure::Failure;

/// How long the screen has to end by itself after a signal.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A terminal that shows nothing but this.
pub(super) struct Terminal {
    inner: DefaultTerminal,
    ended: Arc<AtomicBool>,
}

/// Something that happened at the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    Pressed(Key),
    /// It has another size now, or for another reason must be drawn anew.
    Changed,
}

/// Refuses an output that nobody sees, before anything is asked of anybody.
pub(super) fn check(instead: &str) -> Result<(), Failure> {
    if stdout().is_terminal() {
        return Ok(());
    }
    Err(Failure::new("standard output is no terminal, and `top` draws on one".to_owned()).remedy(instead))
}

impl Terminal {
    /// Takes the terminal. From here on a panic gives it back before its message is printed.
    pub(super) fn take() -> Result<Self, Failure> {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = ended.clone();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || wait_for_signal(&seen))
            .map_err(broken)?;
        let inner = ratatui::try_init().map_err(broken)?;
        Ok(Self { inner, ended })
    }

    /// Whether somebody sent a signal that ends programs.
    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), Failure> {
        self.inner.draw(draw).map(|_| ()).map_err(broken)
    }

    /// What happens within this time; nothing if nothing does.
    #[expect(clippy::unused_self, reason = "only a taken terminal gives single keys")]
    pub(super) fn next(&self, within: Duration) -> Result<Option<Happened>, Failure> {
        if !event::poll(within).map_err(broken)? {
            return Ok(None);
        }
        Ok(match event::read().map_err(broken)? {
            Event::Key(key) if key.kind != KeyEventKind::Release => known(key).map(Happened::Pressed),
            Event::Key(_) | Event::Mouse(_) | Event::Paste(_) => None,
            Event::Resize(..) | Event::FocusGained | Event::FocusLost => Some(Happened::Changed),
        })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A terminal that went away needs nothing back.
        let _shown = self.inner.show_cursor();
        let _restored = ratatui::try_restore();
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands the error over")]
fn broken(error: std::io::Error) -> Failure {
    Failure::new(format!("the terminal cannot be used: {error}"))
        .remedy("`scheduler status` prints what this would show, once")
}

/// Without this the default action of a signal would leave the terminal as it is.
fn wait_for_signal(ended: &AtomicBool) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let kinds = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()];
        let [Ok(mut terminate), Ok(mut hangup), Ok(mut interrupt)] = kinds.map(signal) else { return };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            _ = interrupt.recv() => {}
        }
        ended.store(true, Ordering::Relaxed);
        // Reading a terminal that hung up never comes back from the library (it reads nothing, again and again), so the screen's
        // own thread cannot be waited for.
        tokio::time::sleep(LAST_WORDS).await;
        let _restored = ratatui::try_restore();
        std::process::exit(1);
    });
}

/// The keys that mean something.
fn known(key: KeyEvent) -> Option<Key> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('c' | 'd') if control => Key::Interrupt,
        KeyCode::Char('u') if control => Key::ClearLine,
        KeyCode::Char('f') if control => Key::PageDown,
        KeyCode::Char('b') if control => Key::PageUp,
        KeyCode::Char(_) if control || key.modifiers.contains(KeyModifiers::ALT) => return None,
        KeyCode::Char(letter) => Key::Char(letter),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        _ => return None,
    })
}
