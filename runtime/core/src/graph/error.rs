//! Why a graph was refused. Every message names the operator and what to do.

use super::constants::MAX_PARALLELISM_LIMIT;
use super::key_group::{MaxParallelism, Parallelism};
use super::stream::InputIndex;

/// A program described a graph that can't run. All of these are faults of the program: nothing was
/// started, and trying again unchanged gives the same error.
///
/// Operators appear as `"name" (#number)`, the number being their place in the order of definition,
/// because names need not be unique.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The program defined nothing.
    #[error(
        "job \"{job}\" has no operators defined: \
         add a source and a sink before the job is executed"
    )]
    NoOperators {
        /// The job's name.
        job: String,
    },

    /// There are operators, but their results go nowhere.
    #[error(
        "job \"{job}\" has no sink, so nothing would come of it: \
         add a sink to what {} gives", .dangling.join(", ")
    )]
    NoSink {
        /// The job's name.
        job: String,
        /// The operators whose output nobody consumes.
        dangling: Vec<String>,
    },

    /// Two operators have one uid.
    #[error(
        "uid \"{uid}\" is set on both {first} and {second}: \
         state is found by uid, so each operator needs its own"
    )]
    ClashingUid {
        /// The uid.
        uid: String,
        /// The operator that was defined first.
        first: String,
        /// The other one.
        second: String,
    },

    /// Two operators have one id although their uids differ, which a uid hash can bring about.
    #[error(
        "{first} and {second} both have the operator id {id}: \
         change the uid hash of one of them"
    )]
    ClashingOperatorId {
        /// The id, 32 hex digits.
        id: String,
        /// The operator that was defined first.
        first: String,
        /// The other one.
        second: String,
    },

    /// A uid hash isn't 32 hex digits.
    #[error("uid hash \"{hash}\" of {operator} is not a string of 32 hex digits")]
    UidHashForm {
        /// The operator.
        operator: String,
        /// What was given.
        hash: String,
    },

    /// Uids are demanded, and an operator has none.
    #[error(
        "{operator} has no uid, and pipeline.auto-generate-uids is false: \
         set a uid on it, or set that key to true"
    )]
    MissingUid {
        /// The operator.
        operator: String,
    },

    /// A parallelism of 0.
    #[error("the parallelism of {owner} is 0: it must be at least 1")]
    ZeroParallelism {
        /// The operator, or the environment.
        owner: String,
    },

    /// A max parallelism that can't be.
    #[error(
        "the max parallelism of {owner} is {max_parallelism}: \
         it must be within 1 and {MAX_PARALLELISM_LIMIT}"
    )]
    MaxParallelismOutOfBounds {
        /// The operator, or the environment.
        owner: String,
        /// What was given.
        max_parallelism: MaxParallelism,
    },

    /// More subtasks than key groups.
    #[error(
        "the parallelism {parallelism} of {operator} is above its max parallelism \
         {max_parallelism}: lower the one or raise the other (at most {MAX_PARALLELISM_LIMIT})"
    )]
    ParallelismAboveMax {
        /// The operator.
        operator: String,
        /// Its parallelism.
        parallelism: Parallelism,
        /// Its max parallelism.
        max_parallelism: MaxParallelism,
    },

    /// Data would run in a circle.
    #[error("the graph has a cycle, which is not supported: {}", .path.join(" -> "))]
    Cycle {
        /// The operators on the cycle in the direction of the data; the first is also the last.
        path: Vec<String>,
    },

    /// An operator with an input that nothing feeds.
    #[error("input {} of {operator} is not connected: it needs {inputs}", .input.0)]
    MissingInput {
        /// The operator.
        operator: String,
        /// The first input that lacks an edge, from 0.
        input: InputIndex,
        /// How many inputs the operator has.
        inputs: u32,
    },

    /// A forward exchange between different parallelisms.
    #[error(
        "forward partitioning does not allow a change of parallelism, but {upstream} has \
         parallelism {upstream_parallelism} and {downstream} has {downstream_parallelism}: \
         use rebalance, rescale, shuffle, broadcast or global, or give both the same parallelism"
    )]
    ForwardChangesParallelism {
        /// The operator that sends.
        upstream: String,
        /// Its parallelism.
        upstream_parallelism: Parallelism,
        /// The operator that receives.
        downstream: String,
        /// Its parallelism.
        downstream_parallelism: Parallelism,
    },
}
