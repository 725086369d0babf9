//! The life of jobs and tasks: their states, and the step function of a job without a cluster.
//!
//! Owns: [`JobStatus`] and [`ExecutionState`] with one table of transitions each, and [`JobLife`],
//! a pure step function from (state, event) to (state, actions).
//!
//! Invariants: no state changes but along its table; the first failure decides, and everything
//! else is then canceled; a job completes exactly once, when each of its tasks has ended; it is
//! deployed anew only when each task of the run before has ended.
//!
//! Thread: any (control plane). Deliberately absent: clocks and timeouts, what a restart strategy
//! says (the life asks and is told), and everything that carries actions out.

mod execution_state;
mod job_life;
mod job_status;

#[cfg(test)]
mod tests;

pub use execution_state::ExecutionState;
pub use job_life::{JobAction, JobEvent, JobFailure, JobLife};
pub use job_status::JobStatus;
