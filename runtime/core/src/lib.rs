//! Records, the dataflow API, graphs, operators, workers and tasks of Brisk.

pub mod graph;
