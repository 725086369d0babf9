//! A stream: what the last operator made, and the settings of that operator.

use std::marker::PhantomData;

use super::program::{Origin, Program};
use crate::{
    Record,
    chain::{Exchanged, Template},
    exchange::Partitioner,
    graph::{ChainingStrategy, Exchange, MaxParallelism, NodeId, Parallelism, StreamGraph},
    task::{EdgeSpec, ErasedEdge, OutputTag},
};
use std::sync::Arc;

/// A stream of records.
///
/// `C` is the chain described so far. Methods that configure ([`DataStream::name`],
/// [`DataStream::uid`] ...) apply to the operator that made the stream.
pub struct DataStream<T, C = Exchanged<T>> {
    pub(super) program: Program,
    pub(super) origins: Vec<Origin>,
    /// The operator that made it; `None` behind an exchange or a union.
    pub(super) node: Option<NodeId>,
    pub(super) chain: C,
    pub(super) record: PhantomData<fn() -> T>,
}

impl<T: Record> Clone for DataStream<T, Exchanged<T>> {
    fn clone(&self) -> Self {
        Self {
            program: self.program.clone(),
            origins: self.origins.clone(),
            node: self.node,
            chain: Exchanged::new(),
            record: PhantomData,
        }
    }
}

impl<T: Record, C: Template<Out = T>> DataStream<T, C> {
    /// The stream that `node` makes, the chain up to there being `chain`.
    pub(super) fn of_node(program: Program, node: NodeId, chain: C) -> Self {
        program.set_tail(node, &chain);
        let origin = Origin {
            program: program.clone(),
            node,
            tag: None,
            exchange: None,
            spec: EdgeSpec::<T>::unkeyed(Partitioner::Forward),
            factory: None,
            shared: false,
        };
        Self { program, origins: vec![origin], node: Some(node), chain, record: PhantomData }
    }

    /// The same records behind another exchange.
    pub(super) fn exchanged(
        mut self,
        exchange: Exchange,
        spec: &Arc<dyn ErasedEdge>,
    ) -> DataStream<T> {
        for origin in &mut self.origins {
            origin.exchange = Some(exchange);
            origin.spec = Arc::clone(spec);
            origin.factory = None;
            origin.shared = false;
        }
        self.without_chain()
    }

    fn without_chain(self) -> DataStream<T> {
        DataStream {
            program: self.program,
            origins: self.origins,
            node: None,
            chain: Exchanged::new(),
            record: PhantomData,
        }
    }

    /// A stream that may be cloned and so read by several operators. It ends the
    /// chain: its readers get the records through a hand-over on the same worker.
    pub fn shared(mut self) -> DataStream<T> {
        for origin in &mut self.origins {
            origin.shared = true;
        }
        self.without_chain()
    }

    /// What the operator that made this stream sent to a side output.
    pub fn side_output<U: Record>(&self, tag: &OutputTag<U>) -> DataStream<U> {
        let Some(node) = self.node else {
            self.misplaced("side_output");
            return self.nowhere();
        };
        let origin = Origin {
            program: self.program.clone(),
            node,
            tag: Some(tag.name().to_string()),
            exchange: None,
            spec: EdgeSpec::<U>::unkeyed(Partitioner::Forward),
            factory: None,
            shared: false,
        };
        DataStream {
            program: self.program.clone(),
            origins: vec![origin],
            node: None,
            chain: Exchanged::new(),
            record: PhantomData,
        }
    }

    fn nowhere<U: Record>(&self) -> DataStream<U> {
        DataStream {
            program: self.program.clone(),
            origins: Vec::new(),
            node: None,
            chain: Exchanged::new(),
            record: PhantomData,
        }
    }

    fn misplaced(&self, method: &str) {
        self.program.fault(format!(
            "{method}() was called on a union or a repartitioned stream, which no operator made: \
             call it on the stream before that, or on the operator after it"
        ));
    }

    fn change(self, method: &str, change: impl FnOnce(&mut StreamGraph, NodeId)) -> Self {
        match self.node {
            Some(node) => self.program.change_graph(|graph| change(graph, node)),
            None => self.misplaced(method),
        }
        self
    }

    /// Names the operator, in plans, logs and errors.
    pub fn name(self, name: &str) -> Self {
        self.change("name", |graph, node| graph.set_name(node, name))
    }

    /// Gives the operator the name under which its state is found again when the
    /// program has changed. Unique in the job.
    pub fn uid(self, uid: &str) -> Self {
        self.change("uid", |graph, node| graph.set_uid(node, uid))
    }

    /// Sets the number of subtasks.
    pub fn set_parallelism(self, parallelism: u32) -> Self {
        self.change("set_parallelism", |graph, node| {
            graph.set_parallelism(node, Parallelism(parallelism));
        })
    }

    /// Sets the number of key groups, the most that the operator can be scaled to.
    pub fn set_max_parallelism(self, max_parallelism: u32) -> Self {
        self.change("set_max_parallelism", |graph, node| {
            graph.set_max_parallelism(node, MaxParallelism(max_parallelism));
        })
    }

    /// Sets whose slots the operator shares; by default those of its inputs.
    pub fn slot_sharing_group(self, group: &str) -> Self {
        self.change("slot_sharing_group", |graph, node| {
            graph.set_slot_sharing_group(node, group);
        })
    }

    /// Keeps the operator in a task of its own.
    pub fn disable_chaining(self) -> Self {
        self.change("disable_chaining", |graph, node| {
            graph.set_chaining_strategy(node, ChainingStrategy::Never);
        })
    }

    /// Begins a task with this operator.
    pub fn start_new_chain(self) -> Self {
        self.change("start_new_chain", |graph, node| {
            graph.set_chaining_strategy(node, ChainingStrategy::Head);
        })
    }

    /// Says that the operator's function may block: each of its subtasks gets a
    /// thread of its own.
    pub fn blocking(self) -> Self {
        self.change("blocking", |graph, node| graph.set_blocking(node))
    }
}

impl<T, C> std::fmt::Debug for DataStream<T, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataStream").field("node", &self.node).finish_non_exhaustive()
    }
}
