//! Where results go: standard output that survives a closed pipe, and files that appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};
use std::path::{Path, PathBuf};

use anstream::AutoStream;
use comfy_table::{Attribute, Cell, ContentArrangement, Table};

use crate::failure::Failure;

/// Standard output. Colour is dropped unless it is a terminal, and a reader that went away (`| head`) is no error: what
/// follows is dropped.
pub(crate) struct Output {
    out: BufWriter<AutoStream<StdoutLock<'static>>>,
    closed: bool,
}

impl Output {
    /// Takes standard output.
    pub(crate) fn stdout() -> Self {
        Self { out: BufWriter::new(AutoStream::auto(io::stdout().lock())), closed: false }
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

/// Writes a file: whole or not at all, since a half-written snapshot would be read as a truncated one.
pub(crate) fn write_file(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let draft = draft_beside(path);
    let written = write_draft(&draft, fill).and_then(|()| fs::rename(&draft, path));
    written.map_err(|error| {
        // The draft may not exist; the first error is the one that matters.
        let _removed = fs::remove_file(&draft);
        Failure::new(format!("{}: cannot be written: {error}", path.display()))
            .remedy("choose a file in a directory that exists and is writable")
    })
}

/// In the same directory, since only there a rename is atomic.
fn draft_beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.draft", std::process::id()));
    path.with_file_name(name)
}

fn write_draft(draft: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file: BufWriter<File> =
        BufWriter::new(OpenOptions::new().write(true).create_new(true).open(draft)?);
    fill(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// A table for people: no frame, so that `grep` and `awk` work on it, and cells that wrap at the width of a terminal.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.iter().map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
    // Whether colour goes out at all is for `Output` to say.
    table.enforce_styling();
    table
}
