//! A sink in two phases, and the world outside that it commits to.

use crate::{Planted, in_time::Row};
use brisk_core::{
    BoxError, Error,
    chain::{Sink, SinkContext, SinkWriter},
    checkpoint::CheckpointId,
    task::{
        Cx,
        flow::{Drive, Flow},
        snapshot::OperatorSnapshot,
    },
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// What survives whatever happens to the job, as a database does.
#[derive(Clone)]
pub(crate) struct Ledger {
    books: Arc<Mutex<Books>>,
    planted: Option<Planted>,
}

#[derive(Default)]
struct Books {
    /// Never given twice.
    next: u64,
    committed: BTreeMap<u64, Vec<Row>>,
}

impl Ledger {
    pub(crate) fn with(planted: Option<Planted>) -> Self {
        Self { books: Arc::default(), planted }
    }

    fn change<R>(&self, work: impl FnOnce(&mut Books) -> R) -> R {
        work(&mut self.books.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn number(&self) -> u64 {
        self.change(|books| {
            books.next += 1;
            books.next
        })
    }

    /// Commits a transaction. The same once more changes nothing.
    fn commit(&self, transaction: &Transaction) {
        self.change(|books| {
            let rows = transaction.rows.clone();
            let before = books.committed.insert(transaction.number, rows.clone());
            assert!(before.is_none_or(|before| before == rows), "one transaction, two contents");
        });
    }

    /// All that was committed, sorted.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> =
            self.change(|books| books.committed.values().flatten().copied().collect());
        rows.sort_unstable();
        rows
    }
}

/// Rows that are committed together.
#[derive(Clone)]
struct Transaction {
    number: u64,
    /// The checkpoint it was pre-committed for.
    checkpoint: CheckpointId,
    rows: Vec<Row>,
}

impl Transaction {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [self.number, self.checkpoint.0] {
            bytes.extend(word.to_le_bytes());
        }
        for (key, count) in &self.rows {
            bytes.extend(key.to_le_bytes());
            bytes.extend(count.to_le_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Self {
        let mut words =
            bytes.chunks_exact(8).map(|word| word.try_into().expect("eight bytes")).peekable();
        let mut next = || words.next().map(u64::from_le_bytes);
        let (number, checkpoint) = (next().expect("a number"), next().expect("a checkpoint"));
        let mut rows = Vec::new();
        while let Some(key) = next() {
            rows.push((key as i64, next().expect("a count")));
        }
        Self { number, checkpoint: CheckpointId(checkpoint), rows }
    }
}

impl Sink<Row> for Ledger {
    type Writer = LedgerWriter;

    fn open(
        &self,
        restored: Option<Vec<Vec<u8>>>,
        context: &SinkContext,
        _: &mut Cx,
    ) -> Result<LedgerWriter, Error> {
        // Their checkpoint is complete, since the job starts from it.
        for bytes in restored.unwrap_or_default() {
            self.commit(&Transaction::decode(&bytes));
        }
        Ok(LedgerWriter {
            ledger: self.clone(),
            open: Vec::new(),
            pending: Vec::new(),
            checkpointing: context.checkpointing,
        })
    }
}

/// A running [`Ledger`].
pub(crate) struct LedgerWriter {
    ledger: Ledger,
    open: Vec<Row>,
    pending: Vec<Transaction>,
    checkpointing: bool,
}

impl SinkWriter<Row> for LedgerWriter {
    fn write(&mut self, row: Row, _: &mut Cx) -> Flow {
        self.open.push(row);
        Flow::Continue
    }

    fn snapshot(
        &mut self,
        checkpoint: CheckpointId,
        _: &mut OperatorSnapshot,
        _: &mut Cx,
    ) -> Result<Vec<Vec<u8>>, BoxError> {
        if !self.open.is_empty() {
            let (number, rows) = (self.ledger.number(), std::mem::take(&mut self.open));
            self.pending.push(Transaction { number, checkpoint, rows });
        }
        if self.ledger.planted == Some(Planted::EarlyCommit) {
            self.pending.drain(..).for_each(|transaction| self.ledger.commit(&transaction));
        }
        Ok(self.pending.iter().map(Transaction::encode).collect())
    }

    fn checkpoint_completed(
        &mut self,
        checkpoint: CheckpointId,
        _: &mut Cx,
    ) -> Result<(), BoxError> {
        let ledger = &self.ledger;
        self.pending.retain(|transaction| {
            let complete = transaction.checkpoint <= checkpoint;
            if complete {
                ledger.commit(transaction);
            }
            !complete
        });
        Ok(())
    }

    fn checkpoint_aborted(&mut self, checkpoint: CheckpointId, _: &mut Cx) {
        if self.ledger.planted == Some(Planted::ForgottenPending) {
            self.pending.retain(|transaction| transaction.checkpoint != checkpoint);
        }
    }

    fn finish(&mut self, _: &mut Cx) -> Drive {
        if !self.checkpointing {
            let (number, rows) = (self.ledger.number(), std::mem::take(&mut self.open));
            self.ledger.commit(&Transaction { number, checkpoint: CheckpointId(0), rows });
        }
        match self.open.is_empty() && self.pending.is_empty() {
            true => Drive::Ended,
            false => Drive::Starved,
        }
    }
}
