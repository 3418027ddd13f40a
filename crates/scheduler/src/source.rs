//! Where bytes come from: a file or standard input, plain or compressed, and never more than memory is likely to hold.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use flate2::read::MultiGzDecoder;
use simulator::FormatError;

use crate::failure::Failure;
use crate::progress;

/// A file to read, or standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `-`
    Stdin,
    /// A path.
    File(PathBuf),
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(argument: &str) -> Result<Self, Infallible> {
        Ok(if argument == "-" { Self::Stdin } else { Self::File(argument.into()) })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// More than this is not taken in: several times what a million tasks need, and far less than a small gzip file can unfold to.
const LARGEST: u64 = 2 << 30;

/// The files that this process has read, by device and inode: whatever a command reads, it must not overwrite.
static READ: Mutex<BTreeSet<(u64, u64)>> = Mutex::new(BTreeSet::new());

/// Whether this file was read here.
pub(crate) fn was_read(file: &Metadata) -> bool {
    READ.lock().unwrap_or_else(PoisonError::into_inner).contains(&(file.dev(), file.ino()))
}

fn remember(file: &Metadata) {
    if file.is_file() {
        READ.lock().unwrap_or_else(PoisonError::into_inner).insert((file.dev(), file.ino()));
    }
}

impl Source {
    /// All of it, decompressed when it begins as gzip does.
    pub(crate) fn read(&self) -> Result<Vec<u8>, Failure> {
        self.read_up_to(LARGEST)
    }

    fn read_up_to(&self, most: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let read = match self {
            Self::Stdin => {
                if let Ok(input) = io::stdin().as_fd().try_clone_to_owned()
                    && let Ok(metadata) = File::from(input).metadata()
                {
                    remember(&metadata);
                }
                io::stdin().lock().take(most.saturating_add(1)).read_to_end(&mut bytes).map(drop)
            }
            Self::File(path) => File::open(path).and_then(|file| {
                let metadata = file.metadata()?;
                remember(&metadata);
                let mut file = file.take(most.saturating_add(1));
                progress::read_to_end(&mut file, metadata.len(), format!("reading {self}"), &mut bytes)
            }),
        };
        read.map_err(|error| self.unreadable(&error))?;
        self.bounded(&bytes, most, "it has")?;
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            return Ok(bytes);
        }
        let mut plain = Vec::new();
        let unpacked =
            MultiGzDecoder::new(bytes.as_slice()).take(most.saturating_add(1)).read_to_end(&mut plain);
        match unpacked {
            Ok(_) => self.bounded(&plain, most, "it unfolds to").map(|()| plain),
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => Err(self.unreadable(&error)),
            Err(error) => {
                Err(Failure::new(format!("{self}: the gzip stream is broken or ends too early: {error}"))
                    .remedy("fetch or compress the file again"))
            }
        }
    }

    fn bounded(&self, bytes: &[u8], most: u64, what: &str) -> Result<(), Failure> {
        if u64::try_from(bytes.len()).is_ok_and(|count| count <= most) {
            return Ok(());
        }
        let most = indicatif::HumanBytes(most);
        Err(Failure::new(format!("{self}: {what} more than {most}, which is the most that is read"))
            .remedy("cut it into smaller parts"))
    }

    /// What does not fit in it.
    pub(crate) fn misfit(&self, error: FormatError) -> Failure {
        Failure::new(format!("{self}{}: {}", error.place(), error.what)).remedy(error.remedy)
    }

    fn unreadable(&self, error: &io::Error) -> Failure {
        let failure = Failure::new(format!("{self}: cannot be read: {error}"));
        match error.kind() {
            io::ErrorKind::NotFound => failure.remedy("check the path; `-` reads standard input"),
            io::ErrorKind::IsADirectory => failure.remedy("name a file in it"),
            io::ErrorKind::PermissionDenied => failure.remedy("make it readable for this user"),
            io::ErrorKind::OutOfMemory => {
                failure.remedy("cut it into smaller parts, or read it where there is more memory")
            }
            _ => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn neither_a_file_nor_what_it_unfolds_to_is_read_beyond_the_limit() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&vec![b' '; 100_000]).unwrap();
        let packed = packed.finish().unwrap();
        let path = std::env::temp_dir().join(format!("scheduler-bounds-{}", std::process::id()));
        std::fs::write(&path, &packed).unwrap();
        let source = Source::File(path.clone());
        assert_eq!(source.read_up_to(100_000).unwrap().len(), 100_000);
        let unfolds = source.read_up_to(99_999).unwrap_err().to_string();
        assert!(
            unfolds.contains("it unfolds to more than") && unfolds.contains("smaller parts"),
            "{unfolds}"
        );
        let large = source.read_up_to(10).unwrap_err().to_string();
        assert!(large.contains("it has more than 10 B"), "{large}");
        std::fs::remove_file(path).unwrap();
    }
}
