//! What all rows have in common.

use std::fmt::Display;

use brisk::Record;

use super::super::generator::mix;

/// A row of a query, which displays itself as a line of values.
pub(crate) trait Row: Record + Display {
    /// What of it is compared with other engines where whole rows would be too much: its numbers.
    fn numbers(&self) -> [u64; 4];

    /// Its part of the check value of a result, which is the sum of all: 32 bits.
    #[inline]
    fn check(&self) -> u64 {
        self.numbers().into_iter().fold(0, |check, number| mix(check ^ number)) >> 32
    }
}
