//! Criterion benches and the harness that runs Brisk and its peers on the same work.

fn main() {}
