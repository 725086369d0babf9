//! Results, shown and kept.

pub mod results;
pub mod table;
