//! Nothing: the root package exists for the folders `tests/`, `benches/` and `examples/`.
