//! Clusters and queues of chosen size and shape, for benchmarks.
