//! How things look: the sixteen colours that every terminal has and gives its own shades, so that the screen fits light and dark
//! ones; with `NO_COLOR`, weight alone. Nothing is told by colour only.

use control_plane::ports::TaskStatus;
use ratatui::style::{Color, Modifier, Style};

use crate::decisions::Tone;
use crate::live::tone;

/// Whether there is colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::top) struct Theme {
    pub(in crate::top) colour: bool,
}

impl Theme {
    /// As the environment wants it: a `NO_COLOR` that is not empty takes colour away.
    pub(in crate::top) fn of_environment() -> Self {
        Self { colour: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
    }

    fn tinted(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    pub(super) fn good(self) -> Style {
        self.tinted(Color::Green)
    }

    pub(super) fn waiting(self) -> Style {
        self.tinted(Color::Yellow)
    }

    pub(super) fn bad(self) -> Style {
        self.tinted(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(super) fn accent(self) -> Style {
        self.tinted(Color::Cyan)
    }

    pub(super) fn plain(self) -> Style {
        Style::new()
    }

    /// What is there to be read second.
    pub(super) fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The frame and the title of the pane that has the keys.
    pub(super) fn focus(self) -> Style {
        self.accent().add_modifier(Modifier::BOLD)
    }

    pub(super) fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub(super) fn status(self, status: TaskStatus) -> Style {
        match tone(status) {
            Tone::Good => self.good(),
            Tone::Waiting => self.waiting(),
            Tone::Bad => self.bad(),
            Tone::Plain => self.accent(),
        }
    }

    /// A bar of this share: fuller is warmer, and more than there is, which one task on an idle instance may take, is red.
    pub(super) fn bar(self, share: f64) -> Style {
        match share {
            share if share > 1.0 => self.bad(),
            share if share >= 0.9 => self.waiting(),
            _ => self.good(),
        }
    }
}
