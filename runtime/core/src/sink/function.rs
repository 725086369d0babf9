//! Hands every record to a function.

use crate::{
    chain::{Sink, SinkContext, SinkWriter},
    error::Error,
    task::Cx,
    task::flow::Flow,
};

/// Calls a function for each record; each subtask has a copy of it.
#[derive(Clone, Copy, Debug)]
pub struct FunctionSink<F>(pub F);

impl<T, F: FnMut(T) + Clone + Send + 'static> Sink<T> for FunctionSink<F> {
    type Writer = Self;

    fn open(
        &self,
        _restored: Option<Vec<Vec<u8>>>,
        _context: &SinkContext,
        _cx: &mut Cx,
    ) -> Result<Self, Error> {
        Ok(self.clone())
    }
}

impl<T, F: FnMut(T)> SinkWriter<T> for FunctionSink<F> {
    #[inline(always)]
    fn write(&mut self, item: T, _cx: &mut Cx) -> Flow {
        (self.0)(item);
        Flow::Continue
    }
}
