//! One stream between two operators.

use std::fmt;

use super::node::NodeId;

/// Names an edge of one stream graph: its place in the order of definition. The dataflow API keeps
/// key selectors and partitioners in a table of its own under this id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EdgeId(pub u32);

impl EdgeId {
    /// As an index into a table by edge.
    pub fn as_index(self) -> usize {
        self.0 as usize
    }
}

/// Which input of an operator, from 0. Only connected streams have a second one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct InputIndex(pub u32);

/// To which subtasks downstream a record goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Exchange {
    /// To the subtask with the same index.
    Forward,
    /// To the owner of the key's group.
    Hash,
    /// To all in turn.
    Rebalance,
    /// In turn to the few that belong to this subtask.
    Rescale,
    /// To one at random.
    Shuffle,
    /// To every one.
    Broadcast,
    /// To the first.
    Global,
    /// To the one that the program's partitioner names.
    Custom,
}

impl Exchange {
    /// Every exchange.
    pub const ALL: [Exchange; 8] = [
        Exchange::Forward,
        Exchange::Hash,
        Exchange::Rebalance,
        Exchange::Rescale,
        Exchange::Shuffle,
        Exchange::Broadcast,
        Exchange::Global,
        Exchange::Custom,
    ];

    /// Whether each of `consumers` gets every record, without a key beside it. The bytes for
    /// several such edges are the same, so they are written once.
    pub fn reaches_all(self, consumers: usize) -> bool {
        match self {
            Exchange::Broadcast => true,
            Exchange::Forward
            | Exchange::Rebalance
            | Exchange::Rescale
            | Exchange::Shuffle
            | Exchange::Global => consumers == 1,
            // A key's hash travels with the record, and a program's choice may be wrong.
            Exchange::Hash | Exchange::Custom => false,
        }
    }

    /// The name in plans (`ship_strategy`).
    pub fn name(self) -> &'static str {
        match self {
            Exchange::Forward => "FORWARD",
            Exchange::Hash => "HASH",
            Exchange::Rebalance => "REBALANCE",
            Exchange::Rescale => "RESCALE",
            Exchange::Shuffle => "SHUFFLE",
            Exchange::Broadcast => "BROADCAST",
            Exchange::Global => "GLOBAL",
            Exchange::Custom => "CUSTOM",
        }
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// When a consumer may read what its producer made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ResultPartitionType {
    /// At once, through a bounded number of segments; both run at the same time.
    #[default]
    PipelinedBounded,
    /// When it is complete: a border between pipelined regions.
    Blocking,
}

impl ResultPartitionType {
    /// The name in plans (`exchange`).
    pub fn name(self) -> &'static str {
        match self {
            ResultPartitionType::PipelinedBounded => "pipelined_bounded",
            ResultPartitionType::Blocking => "blocking",
        }
    }

    /// Whether producer and consumer run at the same time.
    pub fn is_pipelined(self) -> bool {
        self == ResultPartitionType::PipelinedBounded
    }
}

/// An edge of a stream graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamEdge {
    /// Its id.
    pub id: EdgeId,
    /// The node that sends.
    pub from: NodeId,
    /// The node that receives.
    pub to: NodeId,
    /// Which input of the receiver.
    pub input: InputIndex,
    /// The side output that is sent; `None` is the main output.
    pub side_output: Option<String>,
    /// The partitioner that the program asked for; `None` is resolved to forward or rebalance.
    pub exchange: Option<Exchange>,
    /// Pipelined or blocking.
    pub partition_type: ResultPartitionType,
}

/// An edge to be added: by default from the main output into the first input, partitioner unset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewEdge {
    /// The node that sends.
    pub from: NodeId,
    /// The node that receives.
    pub to: NodeId,
    /// Which input of the receiver.
    pub input: InputIndex,
    /// The side output that is sent; `None` is the main output.
    pub side_output: Option<String>,
    /// The partitioner, if the program asked for one.
    pub exchange: Option<Exchange>,
    /// Pipelined or blocking.
    pub partition_type: ResultPartitionType,
}

impl NewEdge {
    /// The main output of `from` into the first input of `to`.
    pub fn between(from: NodeId, to: NodeId) -> NewEdge {
        NewEdge {
            from,
            to,
            input: InputIndex(0),
            side_output: None,
            exchange: None,
            partition_type: ResultPartitionType::PipelinedBounded,
        }
    }

    /// Enters another input.
    pub fn into_input(self, input: InputIndex) -> NewEdge {
        NewEdge { input, ..self }
    }

    /// Carries a side output.
    pub fn of_side_output(self, tag: impl Into<String>) -> NewEdge {
        NewEdge { side_output: Some(tag.into()), ..self }
    }

    /// With a partitioner.
    pub fn by(self, exchange: Exchange) -> NewEdge {
        NewEdge { exchange: Some(exchange), ..self }
    }

    /// With a partition type.
    pub fn through(self, partition_type: ResultPartitionType) -> NewEdge {
        NewEdge { partition_type, ..self }
    }
}
