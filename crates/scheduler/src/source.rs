//! Where bytes come from: a file or standard input, plain or compressed.

use std::convert::Infallible;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::str::FromStr;

use flate2::read::MultiGzDecoder;

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

impl Source {
    /// All of it, decompressed when it begins as gzip does.
    pub(crate) fn read(&self) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let read = match self {
            Self::Stdin => io::stdin().lock().read_to_end(&mut bytes).map(drop),
            Self::File(path) => File::open(path).and_then(|mut file| {
                let size = file.metadata().map_or(0, |metadata| metadata.len());
                progress::read_to_end(&mut file, size, format!("reading {self}"), &mut bytes)
            }),
        };
        read.map_err(|error| self.unreadable(&error))?;
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            return Ok(bytes);
        }
        let mut plain = Vec::new();
        match MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain) {
            Ok(_) => Ok(plain),
            Err(error) => {
                Err(Failure::new(format!("{self}: the gzip stream is broken or ends too early: {error}"))
                    .remedy("fetch or compress the file again"))
            }
        }
    }

    fn unreadable(&self, error: &io::Error) -> Failure {
        let failure = Failure::new(format!("{self}: cannot be read: {error}"));
        match error.kind() {
            io::ErrorKind::NotFound => failure.remedy("check the path; `-` reads standard input"),
            io::ErrorKind::IsADirectory => failure.remedy("name a file in it"),
            io::ErrorKind::PermissionDenied => failure.remedy("make it readable for this user"),
            _ => failure,
        }
    }
}
