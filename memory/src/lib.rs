//! Segments, arenas, pools, budgets, spill files and the I/O driver of Brisk.

pub mod config;
pub mod model;
