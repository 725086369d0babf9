//! What can go wrong with accumulators: names.

use super::value::AccumulatorKind;

/// A name of an accumulator was used wrongly. A fault of the program: trying again won't help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccumulatorError {
    /// One name, two kinds.
    #[error(
        "accumulator \"{name}\" is of kind {first} in operator \"{first_operator}\" but of kind \
         {second} in operator \"{second_operator}\": all accumulators of a job share one name \
         space, so rename one of them"
    )]
    KindClash {
        /// The name.
        name: String,
        /// Its kind where it was registered first.
        first: AccumulatorKind,
        /// The operator that registered it first.
        first_operator: String,
        /// Its other kind.
        second: AccumulatorKind,
        /// The operator that registered that.
        second_operator: String,
    },

    /// A result was read as another kind than it is.
    #[error("accumulator \"{name}\" is of kind {kind} and can't be read as {asked}")]
    OtherKind {
        /// The name.
        name: String,
        /// What it is.
        kind: AccumulatorKind,
        /// What was asked for.
        asked: AccumulatorKind,
    },

    /// A result was read that nobody registered.
    #[error(
        "the job has no accumulator \"{name}\"; it has {}",
        if .known.is_empty() { "none".to_owned() } else { .known.join(", ") }
    )]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
}
