//! To whom the buffers go that were in flight.
//!
//! ```text
//!   producer  | open buffers, waiting records |  -- channel -->  | queue, records in hand |  consumer
//!                   captured as Output                                captured as Input
//! ```
//!
//! Both belong to one channel, and the consumer reads both before all else: first what had arrived,
//! then what had not been sent. So producers have nothing to send again. When one end of the edge has
//! another parallelism now, the channels are gone:
//! - records of a keyed exchange are given to all consumers, each of which reads those of its keys;
//! - a broadcast consumer takes over what one old consumer was to read;
//! - else the consumers take over the old consumers' channels in turn.
//!
//! After Flink's recovery of unaligned checkpoints (FLIP-76), without its second pass through the
//! exchange.
//!
//! Thread: any; pure.

use std::collections::BTreeMap;

use super::error::RestoreError;
use crate::{
    checkpoint::handle::{ChannelSide, ChannelStateHandle, CompletedCheckpoint, OperatorState},
    graph::{
        Distribution, Ends, Exchange, ExecutionEdge, ExecutionGraph, JobGraph, Parallelism,
        SubtaskIndex, VertexIndex,
    },
};

/// What was in flight in one channel, as one subtask gets it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InFlight {
    /// The input of the subtask, by its place among those of its vertex.
    pub input: u32,
    /// The channel of that input, or, when the channels were others then, a number above those.
    pub channel: u32,
    /// Whether all subtasks of the vertex get the same, each to read the records of its own keys.
    pub shared: bool,
    /// The buffers.
    pub state: ChannelStateHandle,
}

/// A job, for the sake of its channels.
#[derive(Clone, Copy, Debug)]
pub struct Channels<'a> {
    /// The vertices and what their state is found by.
    pub job: &'a JobGraph,
    /// The channels.
    pub graph: &'a ExecutionGraph,
}

/// One channel of an earlier run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct OldChannel {
    consumer: SubtaskIndex,
    /// The edge's place among those into the vertex.
    edge: usize,
    producer: SubtaskIndex,
}

/// Edges into one vertex as they were.
struct OldEdges<'a> {
    edges: Vec<(&'a ExecutionEdge, Distribution)>,
    /// Inputs of the vertex, in the order of a subtask's plan.
    inputs: Vec<u32>,
    /// Subtasks of the vertex.
    consumers: u32,
}

/// What each subtask of a vertex is to read first.
///
/// # Errors
/// When the checkpoint has channels that the program never had.
pub fn in_flight(
    checkpoint: &CompletedCheckpoint,
    channels: Channels<'_>,
    vertex: VertexIndex,
) -> Result<Vec<Vec<InFlight>>, RestoreError> {
    let Channels { job, graph } = channels;
    let now = job.vertex(vertex).parallelism;
    let state_of =
        |vertex: VertexIndex| checkpoint.operator(job.operator_id(job.vertex(vertex).head()));
    let none = vec![Vec::new(); now.0 as usize];
    let then = |vertex| state_of(vertex).map(OperatorState::parallelism);
    let Some(consumers) = then(vertex) else { return Ok(none) };
    let edges: Vec<_> = graph
        .inputs(vertex)
        .map(|edge| {
            let producers = then(edge.from).unwrap_or(edge.distribution.producers());
            let ends = Ends { producers, consumers };
            (edge, Distribution::new(edge.exchange.pattern(), ends))
        })
        .collect();
    let mut inputs: Vec<u32> = edges.iter().map(|(edge, _)| edge.input.0).collect();
    inputs.sort_unstable();
    inputs.dedup();
    let old = OldEdges { edges, inputs, consumers: consumers.0 };
    let mut found: BTreeMap<OldChannel, Vec<ChannelStateHandle>> = BTreeMap::new();
    if let Some(state) = state_of(vertex) {
        old.find_at_consumers(state, &mut found)?;
    }
    for at in 0..old.edges.len() {
        if let Some(state) = state_of(old.edges[at].0.from) {
            old.find_at_producers(at, graph, state, &mut found)?;
        }
    }
    Ok(old.deal(found, now))
}

impl OldEdges<'_> {
    /// The channel behind a gate's channel number.
    fn channel_of(&self, consumer: SubtaskIndex, gate: u32, channel: u32) -> Option<OldChannel> {
        let input = *self.inputs.get(gate as usize)?;
        let mut left = channel;
        for (edge, (known, distribution)) in self.edges.iter().enumerate() {
            if known.input.0 != input {
                continue;
            }
            let producers = distribution.producers_of(consumer);
            if let Some(producer) = producers.iter().nth(left as usize) {
                return Some(OldChannel { consumer, edge, producer });
            }
            left -= producers.count();
        }
        None
    }

    fn find_at_consumers(
        &self,
        state: &OperatorState,
        found: &mut BTreeMap<OldChannel, Vec<ChannelStateHandle>>,
    ) -> Result<(), RestoreError> {
        for (consumer, subtask) in state.indexed_subtasks() {
            for handle in &subtask.channels {
                let ChannelSide::Input { gate, channel } = handle.side else { continue };
                let channel = self.channel_of(consumer, gate, channel);
                let channel = channel.ok_or_else(|| unknown(state, handle.side))?;
                found.entry(channel).or_default().push(handle.clone());
            }
        }
        Ok(())
    }

    /// What producers of the edge at `at` had not sent.
    fn find_at_producers(
        &self,
        at: usize,
        graph: &ExecutionGraph,
        state: &OperatorState,
        found: &mut BTreeMap<OldChannel, Vec<ChannelStateHandle>>,
    ) -> Result<(), RestoreError> {
        let (edge, distribution) = self.edges[at];
        let place = graph.outputs(edge.from).position(|output| output.id == edge.id);
        for (producer, subtask) in state.indexed_subtasks() {
            let consumers = distribution.consumers_of(producer);
            for handle in &subtask.channels {
                let ChannelSide::Output { partition, subpartition } = handle.side else { continue };
                if place != Some(partition as usize) {
                    continue;
                }
                let to_all = edge.exchange == Exchange::Broadcast;
                let of = |consumer| OldChannel { consumer, edge: at, producer };
                let to: Vec<OldChannel> = match consumers.iter().nth(subpartition as usize) {
                    Some(_) if to_all => consumers.iter().map(of).collect(),
                    Some(consumer) => vec![of(consumer)],
                    None => return Err(unknown(state, handle.side)),
                };
                for channel in to {
                    found.entry(channel).or_default().push(handle.clone());
                }
            }
        }
        Ok(())
    }

    fn deal(
        &self,
        found: BTreeMap<OldChannel, Vec<ChannelStateHandle>>,
        now: Parallelism,
    ) -> Vec<Vec<InFlight>> {
        let mut dealt = vec![Vec::new(); now.0 as usize];
        for (number, (channel, states)) in (0..).zip(found) {
            let (edge, then) = self.edges[channel.edge];
            let gate = self.inputs.iter().position(|input| *input == edge.input.0);
            let gate = gate.expect("each edge has an input") as u32;
            let same = then == edge.distribution;
            let to: Vec<u32> = match edge.exchange {
                _ if same => vec![channel.consumer.0],
                Exchange::Hash => (0..now.0).collect(),
                Exchange::Broadcast => {
                    (0..now.0).filter(|to| to % self.consumers == channel.consumer.0).collect()
                }
                _ => vec![channel.consumer.0 * now.0 / self.consumers],
            };
            for subtask in to {
                let at = match same {
                    true => self.number_of(channel),
                    // Above all channels that there are now.
                    false => self.channels_now(edge.input.0) + number,
                };
                let shared = !same && edge.exchange == Exchange::Hash;
                let state = |state: &ChannelStateHandle| InFlight {
                    input: gate,
                    channel: at,
                    shared,
                    state: state.clone(),
                };
                dealt[subtask as usize].extend(states.iter().map(state));
            }
        }
        dealt
    }

    /// The number of a channel in its gate.
    fn number_of(&self, channel: OldChannel) -> u32 {
        let input = self.edges[channel.edge].0.input;
        let before = self.edges[..channel.edge].iter().filter(|(edge, _)| edge.input == input);
        let before: u32 = before.map(|(_, then)| then.producers_of(channel.consumer).count()).sum();
        let own = self.edges[channel.edge].1.producers_of(channel.consumer);
        before + own.position(channel.producer).expect("it is one of the channel's producers")
    }

    /// Channels that a gate has at most now.
    fn channels_now(&self, input: u32) -> u32 {
        let edges = self.edges.iter().filter(|(edge, _)| edge.input.0 == input);
        edges.map(|(edge, _)| edge.distribution.producers().0).sum()
    }
}

fn unknown(state: &OperatorState, side: ChannelSide) -> RestoreError {
    RestoreError::UnknownChannel { operator: state.label(), side: format!("{side:?}") }
}

#[cfg(test)]
mod tests;
