//! The job graph: chains of operators as vertices, and the streams between them.
//!
//! Owns: which edges are fused (`chain`), operator and vertex ids (`operator_id`), the
//! [`JobGraph`] and its JSON plan.
//!
//! Invariants: every node is in exactly one chain; every edge is either fused (it joins neighbours
//! of one chain) or a [`JobEdge`]; vertices are in topological order, sources first; ids are unique.
//!
//! Chains are linear: a stream that is used twice ends its chain, because a chain is one compiled
//! loop and a record is moved through it. Side outputs don't count, they leave from the middle.
//!
//! Thread: any (control plane). Deliberately absent: operators; they are found by
//! [`NodeId`](super::NodeId).

mod chain;
mod id;
mod job_graph;
mod operator_id;
mod plan;

#[cfg(test)]
mod tests;

pub use id::{IdFormError, JobId, OperatorId, VertexId};
pub use job_graph::{JobEdge, JobGraph, JobVertex, VertexIndex};
pub use plan::{EmptyObject, Plan, PlanInput, PlanNode};
