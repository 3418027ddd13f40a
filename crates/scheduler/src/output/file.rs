//! Files that appear whole or not at all, in the place of what was there.
//!
//! A regular file is written beside its place and renamed into it, with the mode and the owner of the one that it replaces. A link
//! stays one: the file behind it is replaced. What cannot be replaced (a device, a pipe, the file that standard output goes to) is
//! written where it is. What the command has read is never overwritten, whatever name or link leads to it.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::source;

/// As many links as a kernel follows.
const MOST_LINKS: usize = 40;

/// Where bytes go.
enum Place {
    /// What cannot be replaced.
    Open(File),
    /// A regular file behind all links, with what is there now.
    Beside(PathBuf, Option<Metadata>),
}

/// Writes a file: whole or not at all, since a half-written snapshot would be read as a truncated one.
pub(crate) fn write_file(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    if fs::metadata(path).is_ok_and(|there| source::was_read(&there)) {
        return Err(Failure::new(format!(
            "{}: is what this command reads, and is not overwritten",
            path.display()
        ))
        .remedy("choose another file"));
    }
    let written = Place::of(path).and_then(|place| match place {
        Place::Open(file) => filled(file, fill).map(drop),
        Place::Beside(target, there) => replace(&target, there.as_ref(), fill),
    });
    written.map_err(|error| {
        Failure::new(format!("{}: cannot be written: {error}", path.display()))
            .remedy("choose a file in a directory that exists and is writable")
    })
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        let there = match fs::metadata(path) {
            Ok(there) => there,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self::Beside(behind_links(path)?, None));
            }
            Err(error) => return Err(error),
        };
        if there.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        for stream in [io::stdout().as_fd(), io::stderr().as_fd()] {
            // Opened anew, a file would be written from its beginning, over what the command says there.
            if let Some(file) = the_same(stream, &there) {
                return Ok(Self::Open(file));
            }
        }
        // A file that may not be written is not replaced either, though its directory would allow it.
        let file = OpenOptions::new().write(true).open(path)?;
        if there.is_file() {
            Ok(Self::Beside(fs::canonicalize(path)?, Some(there)))
        } else {
            Ok(Self::Open(file))
        }
    }
}

/// The stream once more, if it goes to this file.
fn the_same(stream: BorrowedFd<'_>, there: &Metadata) -> Option<File> {
    let file = File::from(stream.try_clone_to_owned().ok()?);
    let own = file.metadata().ok()?;
    ((own.dev(), own.ino()) == (there.dev(), there.ino())).then_some(file)
}

/// Where a link leads whose target does not exist yet.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links"))
}

fn replace(
    target: &Path,
    there: Option<&Metadata>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let draft = draft_beside(target);
    let written = open_draft(&draft, there)
        .and_then(|file| filled(file, fill))
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&draft, target));
    written.inspect_err(|_| {
        // The draft may not exist; the first error is the one that matters.
        let _removed = fs::remove_file(&draft);
    })
}

/// In the same directory, since only there a rename is atomic.
fn draft_beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.draft", std::process::id()));
    path.with_file_name(name)
}

/// Nobody else may read a draft before it has the mode of the file that it replaces.
fn open_draft(draft: &Path, there: Option<&Metadata>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    if there.is_some() {
        options.mode(0o600);
    }
    let file = options.open(draft)?;
    if let Some(there) = there {
        let own_group = fchown(&file, Some(there.uid()), Some(there.gid()))
            .or_else(|_| fchown(&file, None, Some(there.gid())))
            .is_ok();
        // What a group was allowed is not for another.
        let kept = if own_group { 0o777 } else { 0o707 };
        file.set_permissions(Permissions::from_mode(there.mode() & kept))?;
    }
    Ok(file)
}

fn filled(file: File, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<File> {
    let mut out = BufWriter::new(file);
    fill(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::source::Source;

    /// A directory that is gone with the test.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("scheduler-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap().flatten();
            let mut names: Vec<String> =
                entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn write(path: &Path, text: &str) -> Result<(), Failure> {
        write_file(path, |out| out.write_all(text.as_bytes()))
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_file_keeps_its_mode_and_a_new_one_has_the_usual() {
        let directory = Directory::new("mode");
        let (secret, fresh, usual) =
            (directory.file("secret"), directory.file("fresh"), directory.file("usual"));
        fs::write(&secret, "old").unwrap();
        for kept in [0o600, 0o640, 0o664] {
            fs::set_permissions(&secret, Permissions::from_mode(kept)).unwrap();
            write(&secret, "new").unwrap();
            assert_eq!((mode(&secret), fs::read_to_string(&secret).unwrap().as_str()), (kept, "new"));
        }
        write(&fresh, "new").unwrap();
        fs::write(&usual, "").unwrap();
        assert_eq!(mode(&fresh), mode(&usual));
    }

    #[test]
    fn a_link_stays_a_link_and_its_target_is_written() {
        let directory = Directory::new("link");
        let (target, link, dangling) =
            (directory.file("target"), directory.file("link"), directory.file("dangling"));
        fs::write(&target, "old").unwrap();
        symlink("target", &link).unwrap();
        symlink("later", &dangling).unwrap();
        write(&link, "new").unwrap();
        write(&dangling, "late").unwrap();
        assert!(
            fs::symlink_metadata(&link).unwrap().is_symlink()
                && fs::symlink_metadata(&dangling).unwrap().is_symlink()
        );
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert_eq!(fs::read_to_string(directory.file("later")).unwrap(), "late");
        symlink("ring", directory.file("ring")).unwrap();
        assert!(write(&directory.file("ring"), "").unwrap_err().to_string().contains("cannot be written"));
    }

    #[test]
    fn a_device_is_written_and_stays_one() {
        write(Path::new("/dev/null"), "gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let failure = write(&std::env::temp_dir(), "").unwrap_err().to_string();
        assert!(failure.contains("is a directory"), "{failure}");
    }

    #[test]
    fn what_was_read_is_not_overwritten_by_any_name() {
        let directory = Directory::new("input");
        let (input, link, other) = (directory.file("input"), directory.file("link"), directory.file("other"));
        fs::write(&input, "{}").unwrap();
        symlink(&input, &link).unwrap();
        fs::hard_link(&input, &other).unwrap();
        Source::File(link.clone()).read().unwrap();
        for name in [&input, &link, &other] {
            let failure = write(name, "new").unwrap_err().to_string();
            assert!(
                failure.contains("is what this command reads") && failure.contains("another file"),
                "{failure}"
            );
        }
        assert_eq!(fs::read_to_string(&input).unwrap(), "{}");
    }

    #[test]
    fn what_fails_half_way_leaves_the_old_and_no_draft() {
        let directory = Directory::new("half");
        let file = directory.file("file");
        fs::write(&file, "old").unwrap();
        let failure = write_file(&file, |out| {
            out.write_all(b"ne")?;
            Err(io::Error::other("no more"))
        });
        assert!(failure.unwrap_err().to_string().contains("no more"));
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        assert_eq!(directory.names(), ["file"]);
    }
}
