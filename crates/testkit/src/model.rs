//! A slow model of the rules.
