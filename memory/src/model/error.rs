//! Memory plans that cannot be.

use std::fmt;
use std::path::PathBuf;

use crate::config::MemorySize;

/// A size with the key that sets it, for the sums in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The key.
    pub key: &'static str,
    /// Its size, given or derived.
    pub size: MemorySize,
}

/// `key (size)`, joined by `+`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts(pub Vec<Part>);

impl Parts {
    /// What the parts add up to.
    pub fn sum(&self) -> MemorySize {
        self.0.iter().map(|part| part.size).sum()
    }

    fn exceed(&self) -> String {
        match self.0.len() {
            1 => format!("{self} exceeds"),
            _ => format!("{self} = {} exceed", self.sum()),
        }
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Part { key, size }) in self.0.iter().enumerate() {
            let plus = if index == 0 { "" } else { " + " };
            write!(f, "{plus}{key} ({size})")?;
        }
        Ok(())
    }
}

/// Why no memory plan follows from the configuration. Every message names the keys, their sums, and
/// what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// None of the sizes is set from which the others follow.
    #[error("no memory size is set: {remedy}")]
    NothingSet {
        /// The keys, one of which is to be set.
        remedy: &'static str,
    },
    /// The parts are larger than the whole that was set.
    #[error(
        "{} {whole} ({total}) by {}: raise {key} or lower {}",
        parts.exceed(),
        parts.sum().saturating_sub(*total),
        if parts.0.len() == 1 { "the other" } else { "one of the others" }
    )]
    PartsExceedWhole {
        /// The parts, given and derived.
        parts: Parts,
        /// What the whole is called.
        whole: &'static str,
        /// The key that makes it larger.
        key: &'static str,
        /// Its size.
        total: MemorySize,
    },
    /// All parts and their whole are set and disagree.
    #[error("{parts} = {}, but {whole} is {total}: make them agree or leave one of them out", parts.sum())]
    Disagree {
        /// The parts.
        parts: Parts,
        /// The key of the whole.
        whole: &'static str,
        /// Its size.
        total: MemorySize,
    },
    /// What is left for a part lies outside of the range set for it.
    #[error(
        "{what} would be {size}, which is what is left of {whole} ({total}), but must lie within \
         {min_key} ({min}) and {max_key} ({max}): change {key} or one of the two bounds"
    )]
    OutOfRange {
        /// The part.
        what: &'static str,
        /// What is left for it.
        size: MemorySize,
        /// What the whole is called.
        whole: &'static str,
        /// The key that makes it larger.
        key: &'static str,
        /// Its size.
        total: MemorySize,
        /// The key of the lower bound.
        min_key: &'static str,
        /// The lower bound.
        min: MemorySize,
        /// The key of the upper bound.
        max_key: &'static str,
        /// The upper bound.
        max: MemorySize,
    },
    /// A lower bound above its upper bound.
    #[error("{min_key} ({min}) is above {max_key} ({max}): lower the first or raise the second")]
    BoundsCrossed {
        /// The key of the lower bound.
        min_key: &'static str,
        /// The lower bound.
        min: MemorySize,
        /// The key of the upper bound.
        max_key: &'static str,
        /// The upper bound.
        max: MemorySize,
    },
    /// The plan needs more than the container is given.
    #[error(
        "the process would take {size} ({}), but the container is limited to {limit} by {}: lower \
         {key}{} or raise the container's limit",
        if *as_set { "as set" } else { "derived" },
        file.display(),
        if *as_set { format!(" to at most {limit},") } else { String::new() }
    )]
    AboveContainerLimit {
        /// The size of the process.
        size: MemorySize,
        /// Whether it was set; else it was derived from other sizes.
        as_set: bool,
        /// The key to lower.
        key: &'static str,
        /// The limit.
        limit: MemorySize,
        /// The file that states it.
        file: PathBuf,
    },
}
