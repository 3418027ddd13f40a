//! `scheduler node`.
use crate::Found;
use crate::cli::node::NodeArgs;
use crate::failure::Failure;

pub(crate) fn run(_wanted: &NodeArgs) -> Result<Found, Failure> {
    Err(Failure::new("not yet".to_owned()))
}
