//! One operator as the program described it.

use crate::graph::key_group::{MaxParallelism, Parallelism};

/// Names a node of one stream graph: its place in the order of definition. The dataflow API keeps
/// what has a type (the operator itself) in a table of its own under this id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub u32);

impl NodeId {
    /// As an index into a table by node.
    pub fn as_index(self) -> usize {
        self.0 as usize
    }
}

/// What a node is in the graph.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NodeKind {
    /// Has no input.
    Source,
    /// Has inputs and an output.
    Operator,
    /// Has inputs and no output.
    Sink,
}

/// Where a node may stand in a chain.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ChainingStrategy {
    /// Anywhere.
    #[default]
    Always,
    /// Only as the first of a chain (`start_new_chain`).
    Head,
    /// In none: neither its input nor its output is fused (`disable_chaining`).
    Never,
}

/// One operator, source or sink. `None` means that the program didn't say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamNode {
    /// Source, operator or sink.
    pub kind: NodeKind,
    /// The name that the program gave, without the prefix of sources and sinks.
    pub name: String,
    /// How many inputs it has: 0 for a source, 1, or 2 for a connected stream.
    pub inputs: u32,
    /// The stable name under which its state is kept.
    pub uid: Option<String>,
    /// The operator id itself as 32 hex digits, used as it is and before the uid.
    pub uid_hash: Option<String>,
    /// Number of subtasks.
    pub parallelism: Option<Parallelism>,
    /// Number of key groups.
    pub max_parallelism: Option<MaxParallelism>,
    /// Whose slots it shares.
    pub slot_sharing_group: Option<String>,
    /// Where it may stand in a chain.
    pub chaining: ChainingStrategy,
    /// Whether its code may block, so that it needs a worker of its own.
    pub blocking: bool,
}

impl StreamNode {
    /// A source.
    pub fn source(name: impl Into<String>) -> StreamNode {
        StreamNode::new(NodeKind::Source, name.into(), 0)
    }

    /// An operator with one input.
    pub fn operator(name: impl Into<String>) -> StreamNode {
        StreamNode::new(NodeKind::Operator, name.into(), 1)
    }

    /// An operator with two inputs (of connected streams).
    pub fn two_input_operator(name: impl Into<String>) -> StreamNode {
        StreamNode::new(NodeKind::Operator, name.into(), 2)
    }

    /// A sink.
    pub fn sink(name: impl Into<String>) -> StreamNode {
        StreamNode::new(NodeKind::Sink, name.into(), 1)
    }

    fn new(kind: NodeKind, name: String, inputs: u32) -> StreamNode {
        StreamNode {
            kind,
            name,
            inputs,
            uid: None,
            uid_hash: None,
            parallelism: None,
            max_parallelism: None,
            slot_sharing_group: None,
            chaining: ChainingStrategy::Always,
            blocking: false,
        }
    }

    /// The name as Flink shows it in plans and metrics: `Source: a`, `b`, `Sink: c`.
    pub fn display_name(&self) -> String {
        match self.kind {
            NodeKind::Source => format!("Source: {}", self.name),
            NodeKind::Operator => self.name.clone(),
            NodeKind::Sink => format!("Sink: {}", self.name),
        }
    }
}
