//! The seam between two stages: one loop, or a gate.

use super::{Chain, Gate, Template};
use crate::{
    error::Error,
    graph::NodeId,
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Cx},
};

/// A stage's upstream: in the same task, or behind an exchange.
#[derive(Debug)]
pub enum Link<P: Template> {
    /// In the same loop.
    Fused(P::Running),
    /// In another task.
    Cut(Gate<P::Out>),
}

impl<P: Template> Link<P> {
    /// Builds the upstream of `node` as the job graph says.
    pub fn build(upstream: &P, node: NodeId, cx: &mut BuildContext) -> Result<Self, Error> {
        if cx.is_head(node) {
            Ok(Self::Cut(cx.gate(node, 0)))
        } else {
            Ok(Self::Fused(upstream.build(cx)?))
        }
    }
}

impl<P: Template> Chain for Link<P> {
    type Out = P::Out;

    #[inline]
    fn drive<S: Push<P::Out>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        match self {
            Self::Fused(chain) => chain.drive(sink, cx),
            Self::Cut(gate) => gate.drive(sink, cx),
        }
    }

    fn inject<S: Push<P::Out>>(&mut self, signal: Signal, sink: &mut S, cx: &mut Cx) -> Flow {
        match self {
            Self::Fused(chain) => chain.inject(signal, sink, cx),
            Self::Cut(gate) => gate.inject(signal, sink, cx),
        }
    }

    fn checkpoint_ended(&mut self, end: CheckpointEnd, cx: &mut Cx) -> Result<(), Error> {
        match self {
            Self::Fused(chain) => chain.checkpoint_ended(end, cx),
            Self::Cut(gate) => gate.checkpoint_ended(end, cx),
        }
    }

    fn open(&mut self, cx: &mut Cx) -> Result<(), Error> {
        match self {
            Self::Fused(chain) => chain.open(cx),
            Self::Cut(_) => Ok(()),
        }
    }

    fn close(&mut self, cx: &mut Cx) {
        if let Self::Fused(chain) = self {
            chain.close(cx);
        }
    }
}
