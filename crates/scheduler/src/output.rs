//! Where results go: standard output that survives a closed pipe, and files that appear whole or not at all.

mod file;

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};

use anstream::AutoStream;
use comfy_table::{Attribute, Cell, ContentArrangement, Table};
use scheduler_core::words::visible;

use crate::failure::Failure;
use crate::terminal::Guard;
pub(crate) use file::write_file;

/// Standard output. Colour is dropped unless it is a terminal, and a reader that went away (`| head`) is no error: what
/// follows is dropped. What others wrote does nothing to a terminal, see [`crate::terminal`].
pub(crate) struct Output {
    out: Guard<BufWriter<AutoStream<StdoutLock<'static>>>>,
    closed: bool,
}

impl Output {
    /// Takes standard output.
    pub(crate) fn stdout() -> Self {
        Self::over(Guard::new(BufWriter::new(AutoStream::auto(io::stdout().lock()))))
    }

    /// Takes standard output for bytes that go out as they are.
    pub(crate) fn raw() -> Self {
        Self::over(Guard::open(BufWriter::new(AutoStream::always_ansi(io::stdout().lock()))))
    }

    const fn over(out: Guard<BufWriter<AutoStream<StdoutLock<'static>>>>) -> Self {
        Self { out, closed: false }
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.flush().map_err(unwritable)
    }

    fn unless_closed(&mut self, written: io::Result<usize>, wanted: usize) -> io::Result<usize> {
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(wanted)
            }
            other => other,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        let written = self.out.write(bytes);
        self.unless_closed(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let flushed = self.out.flush().map(|()| 0);
        self.unless_closed(flushed, 0).map(|_| ())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        unwritable(error)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands the error over")]
fn unwritable(error: io::Error) -> Failure {
    Failure::new(format!("standard output: cannot be written: {error}"))
}

/// A table for people: no frame, so that `grep` and `awk` work on it, and cells that wrap at the width of a terminal.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.iter().map(|title| cell(title).add_attribute(Attribute::Bold)));
    // Whether colour goes out at all is for `Output` to say.
    table.enforce_styling();
    table
}

/// The longest text of a cell.
const LONGEST_CELL: usize = 4000;

/// A cell of a table, whatever others wrote into it.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that makes cells, so that none goes without the filter"
)]
pub(crate) fn cell(content: impl Display) -> Cell {
    Cell::new(visible(&content.to_string()).within(LONGEST_CELL))
}
