//! The grammar of values: how the text behind a key becomes a number, a size, a duration, a list.
//!
//! Owns: the [`ConfigValue`] trait and its types. Pure functions of text, no I/O, no state, any
//! thread. Invariants: nothing here panics, whatever the text; what a type prints it also reads
//! back as the same value.
//!
//! Deliberately absent: keys and origins (a refusal names them one layer up, in
//! [`ConfigError`](super::ConfigError)), and percent signs or fractional sizes, which Flink refuses too.

mod collections;
mod duration;
mod memory_size;
mod paths;
mod port_range;
mod scalar;

pub(in crate::config) use collections::unquote;
pub use collections::{render_list, render_map};
pub use duration::render_duration;
pub use memory_size::MemorySize;
pub use paths::PathList;
pub use port_range::{PortRange, PortSpan};
pub use scalar::{ConfigEnum, Fraction};

/// Why a text was refused, in words that follow "is refused:".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub String);

impl Refused {
    pub(crate) fn because(reason: impl Into<String>) -> Refused {
        Refused(reason.into())
    }
}

/// A type that a configuration value can have.
pub trait ConfigValue: Sized {
    /// Whether the entries `key.x: y` together stand for `key` when `key` itself is not set.
    const GATHERS_PREFIX: bool = false;

    /// The type's name as the documentation prints it.
    fn type_name() -> String;

    /// What is accepted, with an example; ends an error message.
    fn accepted() -> String;

    /// Reads the text of a value. Surrounding blanks have no meaning.
    fn parse_value(text: &str) -> Result<Self, Refused>;

    /// The value of an option that is neither set nor has a default, where there is one.
    fn when_unset() -> Option<Self> {
        None
    }
}

/// An option that may stay unset.
impl<T: ConfigValue> ConfigValue for Option<T> {
    const GATHERS_PREFIX: bool = T::GATHERS_PREFIX;

    fn type_name() -> String {
        T::type_name()
    }

    fn accepted() -> String {
        T::accepted()
    }

    fn parse_value(text: &str) -> Result<Self, Refused> {
        T::parse_value(text).map(Some)
    }

    fn when_unset() -> Option<Self> {
        Some(None)
    }
}

#[cfg(test)]
mod tests;
