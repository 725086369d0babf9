//! The sink of all jobs: drops records after adding up what a function makes of them.

use crate::run::measurement::Outcome;
use brisk::Error;
use brisk::chain::{Sink, SinkContext, SinkWriter};
use brisk::task::Cx;
use brisk::task::flow::Flow;
use std::sync::{Arc, Mutex, PoisonError};

/// Sums that a writer keeps side by side. A sink's state is memory, and adding to the same place
/// again and again takes as long as a store takes to reach the next load (some 2 ns with one sum,
/// which was twice what the rest of `chain` takes).
const LANES: usize = 8;

/// The sum over all subtasks of a job, modulo 2^64.
#[derive(Clone, Debug)]
pub(super) struct CheckSum {
    total: Arc<Mutex<Outcome>>,
}

impl CheckSum {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        CheckSum { total: Arc::new(Mutex::new(Outcome::NOTHING)) }
    }

    /// A sink that adds what `value` says of each record to this sum.
    pub(super) fn sink<F>(&self, value: F) -> SummingSink<F> {
        SummingSink { total: self.clone(), value }
    }

    /// The sum, when the job is over.
    pub(super) fn total(&self) -> Outcome {
        *self.total.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, part: Outcome) {
        self.total.lock().unwrap_or_else(PoisonError::into_inner).add(part);
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
    lanes: [Outcome; LANES],
}

impl<T, F> Sink<T> for SummingSink<F>
where
    F: FnMut(&T) -> Outcome + Clone + Send + 'static,
{
    type Writer = SummingWriter<F>;

    fn open(
        &self,
        _restored: Option<Vec<Vec<u8>>>,
        _context: &SinkContext,
        _cx: &mut Cx,
    ) -> Result<Self::Writer, Error> {
        Ok(SummingWriter { sink: self.clone(), lanes: [Outcome::NOTHING; LANES] })
    }
}

impl<T, F: FnMut(&T) -> Outcome> SinkWriter<T> for SummingWriter<F> {
    #[inline(always)]
    fn write(&mut self, item: T, _cx: &mut Cx) -> Flow {
        let part = (self.sink.value)(&item);
        self.lanes[part.check as usize % LANES].add(part);
        Flow::Continue
    }

    fn close(&mut self, _cx: &mut Cx) {
        self.lanes.into_iter().for_each(|lane| self.sink.total.add(lane));
    }
}
