//! The stream graph: what the program said, operator by operator.
//!
//! Owns: nodes and edges in the order of their definition, the setters with which the dataflow API
//! changes a node that it added earlier, validation, and the resolution of everything left unsaid
//! (parallelism, partitioner, slot sharing group).
//!
//! Invariants: ids are dense and never reused; an edge joins existing nodes and enters an existing
//! input. Everything else may be wrong until [`resolve`](StreamGraph::resolve) says that it's right.
//!
//! Thread: any (control plane). Deliberately absent: virtual nodes. A union is several edges into
//! one input; a partitioner, a side output is a property of an edge.

mod edge;
mod node;
mod resolve;
mod settings;
mod stream_graph;
mod validate;

#[cfg(test)]
pub(super) mod tests;

pub use edge::{EdgeId, Exchange, InputIndex, NewEdge, ResultPartitionType, StreamEdge};
pub use node::{ChainingStrategy, NodeId, NodeKind, StreamNode};
pub use resolve::{Resolved, ResolvedNode};
pub use settings::{GraphSettings, JobType};
pub use stream_graph::StreamGraph;
