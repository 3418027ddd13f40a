//! The program `scheduler`.

fn main() {}
