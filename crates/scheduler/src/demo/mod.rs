//! `scheduler demo`.

use crate::Found;
use crate::failure::Failure;

/// Runs the demonstration.
pub(crate) fn run() -> Result<Found, Failure> {
    Ok(Found::Nothing)
}
