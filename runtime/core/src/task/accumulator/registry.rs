//! The accumulators of one subtask, by name.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::error::AccumulatorError;
use super::handle::{DoubleCounter, Handle, Histogram, IntCounter, LongCounter};
use super::value::{AccumulatorKind, AccumulatorValue};

/// All accumulators of a subtask. Clones are further handles on the same registry.
#[derive(Clone, Debug, Default)]
pub struct AccumulatorRegistry {
    entries: Rc<RefCell<BTreeMap<String, Entry>>>,
}

#[derive(Debug)]
struct Entry {
    handle: Handle,
    /// The operator that registered it first.
    operator: Rc<str>,
}

impl AccumulatorRegistry {
    /// An empty registry.
    pub fn new() -> AccumulatorRegistry {
        AccumulatorRegistry::default()
    }

    /// The registry as one operator of the chain sees it.
    pub fn of_operator(&self, operator: &str) -> OperatorAccumulators {
        OperatorAccumulators { registry: self.clone(), operator: operator.into() }
    }

    /// The values as they are now, to be sent to whoever merges them.
    pub fn snapshot(&self) -> AccumulatorSnapshot {
        let entries = self.entries.borrow();
        let values = entries.iter().map(|(name, entry)| {
            let operator = entry.operator.to_string();
            (name.clone(), Registered { value: entry.handle.value(), operator })
        });
        AccumulatorSnapshot { values: values.collect() }
    }
}

/// Registers the accumulators of one operator. A name that the subtask has already gives the same
/// accumulator, also from another operator of the chain; of another kind, it's an error.
#[derive(Clone, Debug)]
pub struct OperatorAccumulators {
    registry: AccumulatorRegistry,
    operator: Rc<str>,
}

impl OperatorAccumulators {
    /// Registers a counter of 32-bit integers, or finds it.
    ///
    /// # Errors
    /// [`AccumulatorError::KindClash`], if the name is taken by another kind.
    pub fn int_counter(&self, name: &str) -> Result<IntCounter, AccumulatorError> {
        match self.register(name, || Handle::Int(IntCounter::default())) {
            (Handle::Int(counter), _) => Ok(counter),
            other => Err(self.clash(name, other, AccumulatorKind::IntCounter)),
        }
    }

    /// Registers a counter of 64-bit integers, or finds it.
    ///
    /// # Errors
    /// [`AccumulatorError::KindClash`], if the name is taken by another kind.
    pub fn long_counter(&self, name: &str) -> Result<LongCounter, AccumulatorError> {
        match self.register(name, || Handle::Long(LongCounter::default())) {
            (Handle::Long(counter), _) => Ok(counter),
            other => Err(self.clash(name, other, AccumulatorKind::LongCounter)),
        }
    }

    /// Registers a counter of floating-point numbers, or finds it.
    ///
    /// # Errors
    /// [`AccumulatorError::KindClash`], if the name is taken by another kind.
    pub fn double_counter(&self, name: &str) -> Result<DoubleCounter, AccumulatorError> {
        match self.register(name, || Handle::Double(DoubleCounter::default())) {
            (Handle::Double(counter), _) => Ok(counter),
            other => Err(self.clash(name, other, AccumulatorKind::DoubleCounter)),
        }
    }

    /// Registers a histogram, or finds it.
    ///
    /// # Errors
    /// [`AccumulatorError::KindClash`], if the name is taken by another kind.
    pub fn histogram(&self, name: &str) -> Result<Histogram, AccumulatorError> {
        match self.register(name, || Handle::Histogram(Histogram::default())) {
            (Handle::Histogram(histogram), _) => Ok(histogram),
            other => Err(self.clash(name, other, AccumulatorKind::Histogram)),
        }
    }

    /// What has the name now, and who registered it.
    fn register(&self, name: &str, new: impl FnOnce() -> Handle) -> (Handle, Rc<str>) {
        let mut entries = self.registry.entries.borrow_mut();
        let entry = entries
            .entry(name.to_owned())
            .or_insert_with(|| Entry { handle: new(), operator: self.operator.clone() });
        (entry.handle.clone(), entry.operator.clone())
    }

    fn clash(
        &self,
        name: &str,
        (first, first_operator): (Handle, Rc<str>),
        second: AccumulatorKind,
    ) -> AccumulatorError {
        AccumulatorError::KindClash {
            name: name.to_owned(),
            first: first.value().kind(),
            first_operator: first_operator.to_string(),
            second,
            second_operator: self.operator.to_string(),
        }
    }
}

/// What the accumulators of a subtask counted up to some moment.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AccumulatorSnapshot {
    pub(super) values: BTreeMap<String, Registered>,
}

impl AccumulatorSnapshot {
    /// Names, values and the operators that registered them.
    pub(crate) fn entries(&self) -> impl ExactSizeIterator<Item = (&str, &AccumulatorValue, &str)> {
        let entries = self.values.iter();
        entries.map(|(name, known)| (name.as_str(), &known.value, known.operator.as_str()))
    }

    /// Of such entries.
    pub(crate) fn of_entries(entries: Vec<(String, AccumulatorValue, String)>) -> Self {
        let values = entries.into_iter();
        let registered =
            values.map(|(name, value, operator)| (name, Registered { value, operator }));
        Self { values: registered.collect() }
    }
}

/// A value and the operator that registered it first.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Registered {
    pub(super) value: AccumulatorValue,
    pub(super) operator: String,
}
