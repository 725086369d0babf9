//! What a sink brings that commits in two phases.

use crate::{Record, error::BoxError, task::Cx, task::flow::Flow};

/// Does what transactions of one subtask need; [`super::TwoPhaseCommit`] makes a sink of it.
///
/// An error of any method fails the task; the job goes back to its latest checkpoint, if it may.
pub trait TwoPhaseCommitSink<T>: 'static {
    /// What is known of a transaction: enough to commit or abort it in another process, long after.
    /// A file sink has names here, and keeps its open files to itself.
    type Transaction: Record;

    /// Begins a transaction. The next checkpoint stores it, so that it can be aborted.
    ///
    /// # Errors
    /// Fail the task, as of all methods.
    fn begin_transaction(&mut self, cx: &mut Cx) -> Result<Self::Transaction, BoxError>;

    /// Writes a record within the open transaction; taken whatever the answer.
    ///
    /// # Errors
    /// Fail the task.
    fn invoke(
        &mut self,
        transaction: &mut Self::Transaction,
        item: T,
        cx: &mut Cx,
    ) -> Result<Flow, BoxError>;

    /// Called between records while a transaction is open, when the task is driven and when it is about
    /// to rest; whether a record would be welcome.
    ///
    /// # Errors
    /// Fail the task.
    fn ready(
        &mut self,
        _transaction: &mut Self::Transaction,
        _cx: &mut Cx,
    ) -> Result<Flow, BoxError> {
        Ok(Flow::Continue)
    }

    /// No record follows: begins to make the transaction durable, in such a way that committing it
    /// cannot fail for want of anything. What `transaction` is after this call is stored in the
    /// checkpoint.
    ///
    /// # Errors
    /// Fail the task.
    fn pre_commit(
        &mut self,
        transaction: &mut Self::Transaction,
        cx: &mut Cx,
    ) -> Result<(), BoxError>;

    /// Whether that is done; the task is woken when asking again is of use. Until then the checkpoint
    /// waits, and records of the next transaction go on.
    ///
    /// # Errors
    /// Fail the task.
    fn is_pre_committed(
        &mut self,
        _transaction: &Self::Transaction,
        _cx: &mut Cx,
    ) -> Result<bool, BoxError> {
        Ok(true)
    }

    /// Makes a transaction visible that was pre-committed, by this subtask or by any of an earlier run.
    /// Has no further effect when it is called again, or after a crash in the midst of it.
    ///
    /// # Errors
    /// Fail the task.
    fn commit(&mut self, transaction: &Self::Transaction, cx: &mut Cx) -> Result<(), BoxError>;

    /// Removes what a transaction has left that will never be committed, of this run or an earlier one.
    /// It may have been pre-committed, for a checkpoint that did not complete, and may have been aborted
    /// before. One that was committed is left alone: somebody starts again from an old checkpoint.
    ///
    /// # Errors
    /// Fail the task.
    fn abort(&mut self, transaction: &Self::Transaction, cx: &mut Cx) -> Result<(), BoxError>;

    /// Called once when the transactions of the checkpoint that the job starts from are committed and
    /// aborted, before the first one begins; `restored` is false when it starts from none.
    ///
    /// # Errors
    /// Fail the task.
    fn recovered(&mut self, _restored: bool, _cx: &mut Cx) -> Result<(), BoxError> {
        Ok(())
    }

    /// Whether there is something of earlier transactions that a later one is to commit: then the open
    /// one is pre-committed at the next barrier though no record came to it.
    fn holds_back(&self) -> bool {
        false
    }

    /// What that is, as a checkpoint stores it, asked at each barrier after `pre_commit`. A job that
    /// starts from the checkpoint neither commits nor aborts it: each element goes to one of the
    /// subtasks, which then holds it back.
    fn held_back(&self) -> Vec<Self::Transaction> {
        Vec::new()
    }

    /// Takes such an element over, before anything of the checkpoint is committed.
    ///
    /// # Errors
    /// Fail the task.
    fn hold_back(&mut self, _element: &Self::Transaction, _cx: &mut Cx) -> Result<(), BoxError> {
        Ok(())
    }

    /// No record follows at all: the next `pre_commit` is the last one and leaves nothing held back.
    fn input_ended(&mut self) {}
}
