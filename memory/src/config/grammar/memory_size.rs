//! Sizes in bytes, read and printed as Flink reads and prints them.

use std::fmt;
use std::iter::Sum;
use std::ops::{Div, Mul};

use super::{ConfigValue, Refused};

/// Unit names in lower case, with their factor. The first of each factor is the one printed.
const UNITS: [(&str, u64); 14] = [
    ("bytes", 1),
    ("b", 1),
    ("kb", 1 << 10),
    ("k", 1 << 10),
    ("kibibytes", 1 << 10),
    ("mb", 1 << 20),
    ("m", 1 << 20),
    ("mebibytes", 1 << 20),
    ("gb", 1 << 30),
    ("g", 1 << 30),
    ("gibibytes", 1 << 30),
    ("tb", 1 << 40),
    ("t", 1 << 40),
    ("tebibytes", 1 << 40),
];

/// A number of bytes, at most 2^63 - 1 as in Flink, where that maximum also stands for "no bound".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemorySize(u64);

impl MemorySize {
    /// Nothing.
    pub const ZERO: MemorySize = MemorySize(0);
    /// The largest size, 2^63 - 1 bytes.
    pub const MAX: MemorySize = MemorySize(i64::MAX as u64);

    /// `bytes`, capped at [`MemorySize::MAX`].
    pub const fn from_bytes(bytes: u64) -> MemorySize {
        if bytes > MemorySize::MAX.0 { MemorySize::MAX } else { MemorySize(bytes) }
    }

    /// `count` times 1024 bytes, capped at [`MemorySize::MAX`].
    pub const fn from_kib(count: u64) -> MemorySize {
        MemorySize::from_bytes(count.saturating_mul(1 << 10))
    }

    /// `count` times 1024^2 bytes, capped at [`MemorySize::MAX`].
    pub const fn from_mib(count: u64) -> MemorySize {
        MemorySize::from_bytes(count.saturating_mul(1 << 20))
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The difference, or nothing when `other` is larger.
    pub fn checked_sub(self, other: MemorySize) -> Option<MemorySize> {
        self.0.checked_sub(other.0).map(MemorySize)
    }

    /// The difference, zero when `other` is larger.
    #[must_use]
    pub fn saturating_sub(self, other: MemorySize) -> MemorySize {
        MemorySize(self.0.saturating_sub(other.0))
    }

    /// The size times `factor`, cut to whole bytes, capped at [`MemorySize::MAX`].
    ///
    /// Flink multiplies in exact decimals, by the shortest decimal that denotes the float; the
    /// product of the floats themselves is sometimes a byte off. `factor` must not be negative.
    #[must_use]
    pub fn scale(self, factor: f64) -> MemorySize {
        assert!(factor.is_finite() && factor >= 0.0, "a size cannot be scaled by {factor}");
        // Display prints the shortest decimal that reads back as the same float, without exponent.
        let decimal = factor.to_string();
        let (whole, fraction) = decimal.split_once('.').unwrap_or((&decimal, ""));
        let product = format!("{whole}{fraction}")
            .parse::<u128>()
            .ok()
            .and_then(|digits| digits.checked_mul(u128::from(self.0)));
        let divisor = u32::try_from(fraction.len()).ok().and_then(|len| 10u128.checked_pow(len));
        match (product, divisor) {
            (Some(product), Some(divisor)) => {
                MemorySize::from_bytes(u64::try_from(product / divisor).unwrap_or(u64::MAX))
            }
            // Either the factor is beyond 10^19 or below 10^-21 (floats have 17 digits).
            _ if factor > 1.0 => MemorySize::from_bytes((self.0 as f64 * factor) as u64),
            _ => MemorySize::ZERO,
        }
    }

    /// The size in the largest unit that leaves at most three digits before the point, for people:
    /// `1.688 gb`. Not meant to be read back.
    pub fn human(self) -> String {
        let Some((unit, factor)) =
            [("tb", 1u64 << 40), ("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)]
                .into_iter()
                .find(|&(_, factor)| self.0 >= factor)
        else {
            return format!("{} bytes", self.0);
        };
        if self.0.is_multiple_of(factor) {
            return format!("{} {unit}", self.0 / factor);
        }
        format!("{:.3} {unit}", self.0 as f64 / factor as f64)
    }
}

/// Prints the largest unit that divides the size: `128 mb`, `1025 bytes`.
impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for unit in ["tb", "gb", "mb", "kb"] {
            let factor = factor_of(unit).expect("every printed unit is in the table");
            if self.0 > 0 && self.0.is_multiple_of(factor) {
                return write!(f, "{} {unit}", self.0 / factor);
            }
        }
        write!(f, "{} bytes", self.0)
    }
}

/// Capped at [`MemorySize::MAX`].
impl Sum for MemorySize {
    fn sum<I: Iterator<Item = MemorySize>>(sizes: I) -> MemorySize {
        MemorySize::from_bytes(sizes.fold(0u64, |sum, size| sum.saturating_add(size.0)))
    }
}

/// Capped at [`MemorySize::MAX`].
impl std::ops::Add for MemorySize {
    type Output = MemorySize;

    fn add(self, other: MemorySize) -> MemorySize {
        MemorySize::from_bytes(self.0.saturating_add(other.0))
    }
}

/// Capped at [`MemorySize::MAX`].
impl Mul<u64> for MemorySize {
    type Output = MemorySize;

    fn mul(self, count: u64) -> MemorySize {
        MemorySize::from_bytes(self.0.saturating_mul(count))
    }
}

/// Whole bytes; the remainder is dropped.
impl Div<u64> for MemorySize {
    type Output = MemorySize;

    fn div(self, count: u64) -> MemorySize {
        MemorySize(self.0 / count)
    }
}

fn factor_of(unit: &str) -> Option<u64> {
    UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|&(_, factor)| factor)
}

impl ConfigValue for MemorySize {
    fn type_name() -> String {
        "MemorySize".to_owned()
    }

    fn accepted() -> String {
        "a whole number with an optional unit b, kb, mb, gb or tb of 1024 each, such as 64mb; \
         without a unit it counts bytes"
            .to_owned()
    }

    fn parse_value(text: &str) -> Result<MemorySize, Refused> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        if digits.is_empty() {
            return Err(Refused::because("it does not start with a digit"));
        }
        let unit = unit.trim();
        let factor = match unit {
            "" => 1,
            unit => factor_of(unit)
                .ok_or_else(|| Refused::because(format!("'{unit}' is not a unit of memory")))?,
        };
        digits
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(factor))
            .filter(|&bytes| bytes <= MemorySize::MAX.0)
            .map(MemorySize)
            .ok_or_else(|| Refused::because("it is more than 9223372036854775807 bytes"))
    }
}
