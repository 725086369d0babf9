//! One of two chains that make the same, chosen when the program is described.

use super::{Chain, Template};
use crate::{
    error::Error,
    task::flow::{Drive, Flow, Push, Signal},
    task::{BuildContext, CheckpointEnd, Cx},
};

/// One of two templates, or of two running chains.
#[derive(Clone, Debug)]
pub enum Either<L, R> {
    /// The one.
    Left(L),
    /// The other.
    Right(R),
}

impl<L: Template, R: Template<Out = L::Out>> Template for Either<L, R> {
    type Out = L::Out;
    type Running = Either<L::Running, R::Running>;

    fn build(&self, cx: &mut BuildContext) -> Result<Self::Running, Error> {
        Ok(match self {
            Self::Left(left) => Either::Left(left.build(cx)?),
            Self::Right(right) => Either::Right(right.build(cx)?),
        })
    }
}

impl<L: Chain, R: Chain<Out = L::Out>> Chain for Either<L, R> {
    type Out = L::Out;

    fn drive<S: Push<L::Out>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        match self {
            Self::Left(left) => left.drive(sink, cx),
            Self::Right(right) => right.drive(sink, cx),
        }
    }

    fn inject<S: Push<L::Out>>(&mut self, signal: Signal, sink: &mut S, cx: &mut Cx) -> Flow {
        match self {
            Self::Left(left) => left.inject(signal, sink, cx),
            Self::Right(right) => right.inject(signal, sink, cx),
        }
    }

    fn checkpoint_ended(&mut self, end: CheckpointEnd, cx: &mut Cx) -> Result<(), Error> {
        match self {
            Self::Left(left) => left.checkpoint_ended(end, cx),
            Self::Right(right) => right.checkpoint_ended(end, cx),
        }
    }

    fn open(&mut self, cx: &mut Cx) -> Result<(), Error> {
        match self {
            Self::Left(left) => left.open(cx),
            Self::Right(right) => right.open(cx),
        }
    }

    fn close(&mut self, cx: &mut Cx) {
        match self {
            Self::Left(left) => left.close(cx),
            Self::Right(right) => right.close(cx),
        }
    }
}
