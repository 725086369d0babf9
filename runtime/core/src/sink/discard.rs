//! Drops everything.

use std::hint::black_box;

use crate::{
    chain::{Sink, SinkContext, SinkWriter},
    error::Error,
    task::Cx,
    task::flow::Flow,
};

/// Drops every record, but has it made: the optimizer may not leave it out.
#[derive(Clone, Copy, Debug)]
pub struct DiscardSink;

impl<T> Sink<T> for DiscardSink {
    type Writer = Self;

    fn open(
        &self,
        _restored: Option<Vec<Vec<u8>>>,
        _context: &SinkContext,
        _cx: &mut Cx,
    ) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl<T> SinkWriter<T> for DiscardSink {
    #[inline(always)]
    fn write(&mut self, item: T, _cx: &mut Cx) -> Flow {
        black_box(&item);
        Flow::Continue
    }
}
