//! The order of the two phases, apart from tasks, so that tests can enumerate it.
//!
//! There is at most one open transaction and any number of pending ones: pre-committed, or about to be,
//! for a checkpoint of which no word has come. Word of a checkpoint stands for all earlier ones, whose
//! pending transactions are in its state too. A transaction that no record came to stays open, unless it is
//! to commit what earlier ones held back.

use crate::{
    checkpoint::CheckpointId,
    error::BoxError,
    task::snapshot::{OperatorSnapshot, SnapshotTicket},
};

/// Carries out what the protocol decides.
pub(super) trait Participant<X> {
    fn begin(&mut self) -> Result<X, BoxError>;
    fn pre_commit(&mut self, transaction: &mut X) -> Result<(), BoxError>;
    fn is_pre_committed(&mut self, transaction: &X) -> Result<bool, BoxError>;
    fn commit(&mut self, transaction: &X) -> Result<(), BoxError>;
    fn abort(&mut self, transaction: &X) -> Result<(), BoxError>;
    /// Whether something of earlier transactions is to be committed with a later one.
    fn holds_back(&self) -> bool;
    fn hold_back(&mut self, element: &X) -> Result<(), BoxError>;
    fn input_ended(&mut self);
}

/// What a checkpoint has of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stored<X> {
    /// To be committed when the job starts from the checkpoint.
    PreCommitted(X),
    /// To be aborted then: its records come again.
    Open(X),
    /// To be held back again, until a later transaction commits it.
    HeldBack(X),
}

/// How far the end of the input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// Something is not committed yet: a checkpoint or the disk has to come first.
    Waits,
    /// All is committed.
    Done,
}

#[derive(Debug)]
struct Open<X> {
    transaction: X,
    /// A record came to it.
    written: bool,
}

#[derive(Debug)]
struct Pending<X> {
    transaction: X,
    /// The first checkpoint that has it; none for the last transaction of a job without checkpoints.
    checkpoint: Option<CheckpointId>,
    /// Which one it is, counted over the run.
    number: u64,
    under_way: bool,
}

/// The transactions of one subtask.
#[derive(Debug)]
pub(super) struct Protocol<X> {
    open: Option<Open<X>>,
    /// In the order in which they were open.
    pending: Vec<Pending<X>>,
    /// Each held until the pending transaction of this number, and all before it, are durable.
    tickets: Vec<(u64, SnapshotTicket)>,
    /// Transactions pre-committed so far.
    numbered: u64,
    input_ended: bool,
}

impl<X> Protocol<X> {
    /// Takes over, commits and aborts what a checkpoint has.
    pub(super) fn recover<P: Participant<X>>(
        stored: &[Stored<X>],
        participant: &mut P,
    ) -> Result<(), BoxError> {
        for transaction in stored {
            if let Stored::HeldBack(element) = transaction {
                participant.hold_back(element)?;
            }
        }
        for transaction in stored {
            if let Stored::PreCommitted(transaction) = transaction {
                participant.commit(transaction)?;
            }
        }
        for transaction in stored {
            if let Stored::Open(transaction) = transaction {
                participant.abort(transaction)?;
            }
        }
        Ok(())
    }

    /// A run with its first transaction.
    pub(super) fn begin<P: Participant<X>>(participant: &mut P) -> Result<Self, BoxError> {
        let open = Some(Open { transaction: participant.begin()?, written: false });
        let (pending, tickets) = (Vec::new(), Vec::new());
        Ok(Self { open, pending, tickets, numbered: 0, input_ended: false })
    }

    /// The transaction that a record goes to.
    ///
    /// # Panics
    /// After the end of the input.
    #[inline]
    pub(super) fn for_record(&mut self) -> &mut X {
        let open = self.open.as_mut().expect("no record follows the end of the input");
        open.written = true;
        &mut open.transaction
    }

    /// The open transaction, if there is one.
    pub(super) fn open_transaction(&mut self) -> Option<&mut X> {
        self.open.as_mut().map(|open| &mut open.transaction)
    }

    /// A barrier has come: the records before it belong to `checkpoint`. Its state is
    /// [`Protocol::stored`].
    pub(super) fn snapshot<P: Participant<X>>(
        &mut self,
        checkpoint: CheckpointId,
        snapshot: &mut OperatorSnapshot,
        participant: &mut P,
    ) -> Result<(), BoxError> {
        let holds_back = participant.holds_back();
        if let Some(mut open) = self.open.take_if(|open| open.written || holds_back) {
            self.pre_commit(&mut open.transaction, participant)?;
            self.push(open.transaction, Some(checkpoint));
            if !self.input_ended {
                self.open = Some(Open { transaction: participant.begin()?, written: false });
            }
        }
        self.poll(participant)?;
        if let Some(last) = self.pending.iter().rfind(|pending| pending.under_way) {
            self.tickets.push((last.number, snapshot.defer()));
        }
        Ok(())
    }

    fn pre_commit<P: Participant<X>>(
        &mut self,
        transaction: &mut X,
        participant: &mut P,
    ) -> Result<(), BoxError> {
        self.numbered += 1;
        participant.pre_commit(transaction)
    }

    fn push(&mut self, transaction: X, checkpoint: Option<CheckpointId>) {
        let number = self.numbered;
        self.pending.push(Pending { transaction, checkpoint, number, under_way: true });
    }

    /// What a checkpoint stores now of transactions: all that may have to be committed, and what is open.
    pub(super) fn stored(&self) -> impl Iterator<Item = Stored<&X>> {
        let pending = self.pending.iter().map(|pending| Stored::PreCommitted(&pending.transaction));
        pending.chain(self.open.iter().map(|open| Stored::Open(&open.transaction)))
    }

    /// Looks whether more is durable, and lets checkpoints go that waited for it.
    pub(super) fn poll<P: Participant<X>>(&mut self, participant: &mut P) -> Result<(), BoxError> {
        for pending in self.pending.iter_mut().filter(|pending| pending.under_way) {
            if !participant.is_pre_committed(&pending.transaction)? {
                break;
            }
            pending.under_way = false;
        }
        let first = self.pending.iter().find(|pending| pending.under_way);
        let first = first.map_or(u64::MAX, |pending| pending.number);
        self.tickets.retain(|(last, _)| *last >= first);
        Ok(())
    }

    /// Whether [`Protocol::poll`] has something to look at.
    #[inline]
    pub(super) fn is_under_way(&self) -> bool {
        self.pending.last().is_some_and(|pending| pending.under_way)
    }

    /// The checkpoint is complete, and with it all that it stores may be committed.
    pub(super) fn completed<P: Participant<X>>(
        &mut self,
        checkpoint: CheckpointId,
        participant: &mut P,
    ) -> Result<(), BoxError> {
        while let Some(first) = self.pending.first()
            && first.checkpoint.is_some_and(|since| since <= checkpoint)
        {
            assert!(!first.under_way, "a checkpoint waits for what it stores");
            participant.commit(&first.transaction)?;
            self.pending.remove(0);
        }
        Ok(())
    }

    /// All records were written. With checkpoints the last transaction waits for the next one that
    /// completes; without, it is committed when it is durable.
    pub(super) fn finish<P: Participant<X>>(
        &mut self,
        checkpointing: bool,
        participant: &mut P,
    ) -> Result<Finish, BoxError> {
        if !self.input_ended {
            self.input_ended = true;
            participant.input_ended();
        }
        let holds_back = participant.holds_back();
        if let Some(open) = self.open.take_if(|open| !open.written && !holds_back) {
            participant.abort(&open.transaction)?;
        }
        if !checkpointing && let Some(mut open) = self.open.take() {
            self.pre_commit(&mut open.transaction, participant)?;
            self.push(open.transaction, None);
        }
        self.poll(participant)?;
        if !checkpointing && !self.is_under_way() {
            for pending in self.pending.drain(..) {
                participant.commit(&pending.transaction)?;
            }
        }
        match self.open.is_none() && self.pending.is_empty() {
            true => Ok(Finish::Done),
            false => Ok(Finish::Waits),
        }
    }

    /// The run ends, whatever came before: what is open will never be committed. What is pending may
    /// be, by the run that follows.
    pub(super) fn close<P: Participant<X>>(&mut self, participant: &mut P) -> Result<(), BoxError> {
        match self.open.take() {
            Some(open) => participant.abort(&open.transaction),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
