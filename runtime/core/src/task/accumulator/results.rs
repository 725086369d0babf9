//! The accumulators of a job: those of its subtasks, merged by name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Serialize;

use super::error::AccumulatorError;
use super::registry::{AccumulatorSnapshot, Registered};
use super::value::{AccumulatorKind, AccumulatorValue};

/// Merged accumulators, read by name.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AccumulatorResults {
    values: BTreeMap<String, Registered>,
}

/// An accumulator as the REST API shows it: all text.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct UserAccumulator {
    /// Its name.
    pub name: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its value: `500`, `2.5`, `{0=500, 1=500}`.
    pub value: String,
}

impl AccumulatorResults {
    /// Merges the snapshots of subtasks, in the order given. It makes a difference only to sums of
    /// floating-point numbers and to integer sums that meet a limit on the way.
    ///
    /// # Errors
    /// [`AccumulatorError::KindClash`], if a name has different kinds in different subtasks.
    pub fn merge(
        snapshots: impl IntoIterator<Item = AccumulatorSnapshot>,
    ) -> Result<AccumulatorResults, AccumulatorError> {
        let mut results = AccumulatorResults::default();
        for snapshot in snapshots {
            for (name, registered) in snapshot.values {
                results.add(name, registered)?;
            }
        }
        Ok(results)
    }

    fn add(&mut self, name: String, added: Registered) -> Result<(), AccumulatorError> {
        match self.values.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(added);
                Ok(())
            }
            Entry::Occupied(mut entry) => {
                let Err(other) = entry.get_mut().value.merge(added.value) else { return Ok(()) };
                Err(AccumulatorError::KindClash {
                    name: entry.key().clone(),
                    first: entry.get().value.kind(),
                    first_operator: entry.get().operator.clone(),
                    second: other.kind(),
                    second_operator: added.operator,
                })
            }
        }
    }

    /// The sum of an [`IntCounter`](super::IntCounter).
    ///
    /// # Errors
    /// If there is no accumulator of this name or it is of another kind.
    pub fn int_counter(&self, name: &str) -> Result<i32, AccumulatorError> {
        match self.known(name)? {
            AccumulatorValue::Int(sum) => Ok(*sum),
            other => Err(other_kind(name, other, AccumulatorKind::IntCounter)),
        }
    }

    /// The sum of a [`LongCounter`](super::LongCounter).
    ///
    /// # Errors
    /// If there is no accumulator of this name or it is of another kind.
    pub fn long_counter(&self, name: &str) -> Result<i64, AccumulatorError> {
        match self.known(name)? {
            AccumulatorValue::Long(sum) => Ok(*sum),
            other => Err(other_kind(name, other, AccumulatorKind::LongCounter)),
        }
    }

    /// The sum of a [`DoubleCounter`](super::DoubleCounter).
    ///
    /// # Errors
    /// If there is no accumulator of this name or it is of another kind.
    pub fn double_counter(&self, name: &str) -> Result<f64, AccumulatorError> {
        match self.known(name)? {
            AccumulatorValue::Double(sum) => Ok(*sum),
            other => Err(other_kind(name, other, AccumulatorKind::DoubleCounter)),
        }
    }

    /// The counts of a [`Histogram`](super::Histogram), by value.
    ///
    /// # Errors
    /// If there is no accumulator of this name or it is of another kind.
    pub fn histogram(&self, name: &str) -> Result<&BTreeMap<i32, u64>, AccumulatorError> {
        match self.known(name)? {
            AccumulatorValue::Histogram(counts) => Ok(counts),
            other => Err(other_kind(name, other, AccumulatorKind::Histogram)),
        }
    }

    /// The value of any accumulator.
    pub fn get(&self, name: &str) -> Option<&AccumulatorValue> {
        self.values.get(name).map(|registered| &registered.value)
    }

    /// All accumulators by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &AccumulatorValue)> {
        self.values.iter().map(|(name, registered)| (name.as_str(), &registered.value))
    }

    /// All accumulators in the text form of the REST API.
    pub fn user_accumulators(&self) -> Vec<UserAccumulator> {
        let texts = self.iter().map(|(name, value)| UserAccumulator {
            name: name.to_owned(),
            kind: value.kind().name(),
            value: value.to_string(),
        });
        texts.collect()
    }

    fn known(&self, name: &str) -> Result<&AccumulatorValue, AccumulatorError> {
        self.get(name).ok_or_else(|| AccumulatorError::Unknown {
            name: name.to_owned(),
            known: self.values.keys().cloned().collect(),
        })
    }
}

fn other_kind(name: &str, found: &AccumulatorValue, asked: AccumulatorKind) -> AccumulatorError {
    AccumulatorError::OtherKind { name: name.to_owned(), kind: found.kind(), asked }
}
