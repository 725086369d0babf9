//! Batches of runs in which much goes wrong: simulated ones from seeds, and real ones that are killed.

pub(crate) mod chaos;
pub(crate) mod simulation;
