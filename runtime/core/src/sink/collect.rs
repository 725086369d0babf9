//! Collects everything for the program.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    chain::{Sink, SinkContext, SinkWriter},
    error::Error,
    task::Cx,
    task::flow::Flow,
};

/// Puts every record into a vector that the program shares. Unbounded: for
/// results that are known to be small.
#[derive(Debug)]
pub struct CollectSink<T> {
    records: Arc<Mutex<Vec<T>>>,
}

impl<T> CollectSink<T> {
    /// An empty collection.
    pub fn new() -> Self {
        Self { records: Arc::default() }
    }

    /// Takes what was collected so far.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Default for CollectSink<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for CollectSink<T> {
    fn clone(&self) -> Self {
        Self { records: Arc::clone(&self.records) }
    }
}

impl<T: Send + 'static> Sink<T> for CollectSink<T> {
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

impl<T> SinkWriter<T> for CollectSink<T> {
    fn write(&mut self, item: T, _cx: &mut Cx) -> Flow {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(item);
        Flow::Continue
    }
}
