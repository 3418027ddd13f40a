//! The screen and the keys, without a terminal.

mod fixture;
mod keys;
mod playback;
mod screen;
