//! The value of an accumulator, away from its handles.

use std::collections::BTreeMap;
use std::fmt;

/// The kinds of accumulators; names as in Flink.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AccumulatorKind {
    /// A sum of 32-bit integers.
    IntCounter,
    /// A sum of 64-bit integers.
    LongCounter,
    /// A sum of floating-point numbers.
    DoubleCounter,
    /// How often each integer was added.
    Histogram,
}

impl AccumulatorKind {
    /// The name in REST answers.
    pub const fn name(self) -> &'static str {
        match self {
            AccumulatorKind::IntCounter => "IntCounter",
            AccumulatorKind::LongCounter => "LongCounter",
            AccumulatorKind::DoubleCounter => "DoubleCounter",
            AccumulatorKind::Histogram => "Histogram",
        }
    }
}

impl fmt::Display for AccumulatorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value. Its text form is Flink's: `500`, `2.5`, `{0=500, 1=500}`.
#[derive(Clone, PartialEq, Debug)]
pub enum AccumulatorValue {
    /// A sum of 32-bit integers.
    Int(i32),
    /// A sum of 64-bit integers.
    Long(i64),
    /// A sum of floating-point numbers.
    Double(f64),
    /// How often each integer was added.
    Histogram(BTreeMap<i32, u64>),
}

impl AccumulatorValue {
    /// What it is.
    pub fn kind(&self) -> AccumulatorKind {
        match self {
            AccumulatorValue::Int(_) => AccumulatorKind::IntCounter,
            AccumulatorValue::Long(_) => AccumulatorKind::LongCounter,
            AccumulatorValue::Double(_) => AccumulatorKind::DoubleCounter,
            AccumulatorValue::Histogram(_) => AccumulatorKind::Histogram,
        }
    }

    /// Adds what another subtask counted. Integer sums and counts stop at the limits of their type,
    /// as additions to a counter do: a result at the limit says that there was more, where Java's
    /// wrapped one would look like a small number.
    ///
    /// # Errors
    /// The other value, if it is of another kind; this one is then unchanged.
    pub fn merge(&mut self, other: AccumulatorValue) -> Result<(), AccumulatorValue> {
        match (self, other) {
            (AccumulatorValue::Int(sum), AccumulatorValue::Int(other)) => {
                *sum = sum.saturating_add(other);
            }
            (AccumulatorValue::Long(sum), AccumulatorValue::Long(other)) => {
                *sum = sum.saturating_add(other);
            }
            (AccumulatorValue::Double(sum), AccumulatorValue::Double(other)) => *sum += other,
            (AccumulatorValue::Histogram(counts), AccumulatorValue::Histogram(other)) => {
                for (value, count) in other {
                    let sum = counts.entry(value).or_default();
                    *sum = sum.saturating_add(count);
                }
            }
            (_, other) => return Err(other),
        }
        Ok(())
    }
}

impl fmt::Display for AccumulatorValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccumulatorValue::Int(sum) => sum.fmt(f),
            AccumulatorValue::Long(sum) => sum.fmt(f),
            AccumulatorValue::Double(sum) => fmt_double(*sum, f),
            AccumulatorValue::Histogram(counts) => {
                f.write_str("{")?;
                for (place, (value, count)) in counts.iter().enumerate() {
                    let separator = if place == 0 { "" } else { ", " };
                    write!(f, "{separator}{value}={count}")?;
                }
                f.write_str("}")
            }
        }
    }
}

/// As Java writes a double, which is what tools that read Flink's answers expect: always with a
/// fraction, and with an exponent from 10^7 on and below 10^-3.
fn fmt_double(number: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let size = number.abs();
    if number.is_nan() {
        f.write_str("NaN")
    } else if number.is_infinite() {
        f.write_str(if number > 0.0 { "Infinity" } else { "-Infinity" })
    } else if size == 0.0 || (1e-3..1e7).contains(&size) {
        write!(f, "{number:?}")
    } else {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').expect("there is an exponent");
        let fraction = if digits.contains('.') { "" } else { ".0" };
        write!(f, "{digits}{fraction}E{exponent}")
    }
}
