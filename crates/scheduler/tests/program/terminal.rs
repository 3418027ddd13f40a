//! A terminal to run the program in: a pseudo-terminal, and what it shows.

use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Pty, open};
use vt100::Parser;

/// Far longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A shell in a terminal runs the program and then says how the program left the terminal.
pub(crate) struct Terminal {
    pty: Arc<Pty>,
    screen: Arc<Mutex<Parser>>,
    child: Child,
}

/// Runs what it is given, and then says its exit code and the modes of the terminal.
const SHELL: &str = r#""$0" "$@"; echo "exit code $?"; stty -a; echo done"#;

impl Terminal {
    /// Runs the program as this command says, in a terminal of so many columns and rows.
    pub(crate) fn run(program: &Command, (width, height): (u16, u16)) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", SHELL]).arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.env("TERM", "xterm-256color").env_remove("NO_COLOR").env("LC_ALL", "C.UTF-8");
        let (pty, pts) = open().expect("a pseudo-terminal");
        pty.resize(Size::new(height, width)).expect("the size is set");
        let child = pty_process::blocking::Command::from(shell).spawn(pts).expect("a shell starts");
        let (pty, screen) = (Arc::new(pty), Arc::new(Mutex::new(Parser::new(size(height), size(width), 0))));
        let (reader, seen) = (pty.clone(), screen.clone());
        thread::spawn(move || {
            let mut bytes = [0; 65_536];
            // The end of all who write to the terminal is an error of reading it.
            while let Ok(count @ 1..) = (&*reader).read(&mut bytes) {
                seen.lock().expect("no panic").process(bytes.get(..count).unwrap_or_default());
            }
        });
        Self { pty, screen, child }
    }

    /// Presses keys, as the bytes that a terminal sends.
    pub(crate) fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    pub(crate) fn resize(&self, (width, height): (u16, u16)) {
        self.screen.lock().expect("no panic").set_size(size(height), size(width));
        self.pty.resize(Size::new(height, width)).expect("the size is set");
    }

    /// What is on it.
    pub(crate) fn text(&self) -> String {
        let parser = self.screen.lock().expect("no panic");
        let (_, width) = parser.screen().size();
        let rows = parser.screen().rows(0, width.get());
        rows.map(|row| row.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }

    /// Waits until what is on it is so.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let text = self.text();
            if is_so(&text) {
                return text;
            }
            assert!(begun.elapsed() < PATIENCE, "{what} never came; the terminal shows:\n{text}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until these words are on it.
    pub(crate) fn shows(&self, words: &str) -> String {
        self.until(words, |text| text.contains(words))
    }

    /// Waits until these words are on it no more.
    pub(crate) fn hides(&self, words: &str) -> String {
        self.until(&format!("a screen without {words}"), |text| !text.contains(words))
    }

    /// Whether any of it is in colour.
    pub(crate) fn has_colour(&self) -> bool {
        let parser = self.screen.lock().expect("no panic");
        let (height, width) = parser.screen().size();
        let places = (0..height.get()).flat_map(|row| (0..width.get()).map(move |column| (row, column)));
        let mut cells = places.filter_map(|(row, column)| parser.screen().cell(row, column));
        cells.any(|cell| cell.fgcolor() != vt100::Color::Default || cell.bgcolor() != vt100::Color::Default)
    }

    /// Waits for the end of the program: the exit code is this one, and the terminal is as it was before.
    pub(crate) fn ends_well_with(mut self, code: i32) -> String {
        let text = self.shows("done");
        let parser = self.screen.lock().expect("no panic");
        assert!(!parser.screen().alternate_screen(), "it is still on the other screen:\n{text}");
        assert!(!parser.screen().hide_cursor(), "the cursor is still hidden:\n{text}");
        drop(parser);
        assert!(text.contains(&format!("exit code {code}")), "{text}");
        for mode in [" icanon", " echo ", " isig", " icrnl"] {
            assert!(text.replace('\n', " ").contains(mode), "`{mode}` is not set any more:\n{text}");
        }
        self.child.wait().expect("the shell ends");
        text
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended; without its terminal the program ends too.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

fn size(of: u16) -> NonZeroU16 {
    NonZeroU16::new(of).expect("a terminal has a size")
}
