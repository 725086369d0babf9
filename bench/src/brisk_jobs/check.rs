//! The sink of all jobs: drops records after adding up what a function makes of them.

use brisk::Error;
use brisk::chain::{Sink, SinkContext, SinkWriter};
use brisk::flow::Flow;
use brisk::task::Cx;
use std::sync::{Arc, Mutex, PoisonError};

/// The sum over all subtasks of a job, modulo 2^64.
#[derive(Clone, Debug, Default)]
pub(super) struct CheckSum {
    total: Arc<Mutex<u64>>,
}

impl CheckSum {
    /// A sink that adds `value` of each record to this sum.
    pub(super) fn sink<F>(&self, value: F) -> SummingSink<F> {
        SummingSink { total: self.clone(), value }
    }

    /// The sum, when the job is over.
    pub(super) fn total(&self) -> u64 {
        *self.total.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, part: u64) {
        let mut total = self.total.lock().unwrap_or_else(PoisonError::into_inner);
        *total = total.wrapping_add(part);
    }
}

/// The sink as the program describes it.
#[derive(Clone, Debug)]
pub(super) struct SummingSink<F> {
    total: CheckSum,
    value: F,
}

/// The sink of one subtask.
#[derive(Debug)]
pub(super) struct SummingWriter<F> {
    sink: SummingSink<F>,
    sum: u64,
}

impl<T, F> Sink<T> for SummingSink<F>
where
    F: FnMut(&T) -> u64 + Clone + Send + 'static,
{
    type Writer = SummingWriter<F>;

    fn open(&self, _context: &SinkContext, _cx: &mut Cx) -> Result<Self::Writer, Error> {
        Ok(SummingWriter { sink: self.clone(), sum: 0 })
    }
}

impl<T, F: FnMut(&T) -> u64> SinkWriter<T> for SummingWriter<F> {
    #[inline(always)]
    fn write(&mut self, item: T, _cx: &mut Cx) -> Flow {
        self.sum = self.sum.wrapping_add((self.sink.value)(&item));
        Flow::Continue
    }

    fn close(&mut self, _cx: &mut Cx) {
        self.sink.total.add(self.sum);
    }
}
