//! The source of 100-byte records: each subtask sends its own sequence of keys.

use crate::input::generator::{KEYS, Keys, PAYLOAD, PAYLOAD_BYTES, share};
use brisk::Error;
use brisk::chain::{Source, SourceContext, SourceReader};
use brisk::task::Cx;
use brisk::task::flow::{Drive, Push};
use rkyv::{Archive, Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Records sent between two looks at whether the task should make room.
const INTERRUPT_CHECK: u64 = 64;

/// A key and 92 bytes beside it.
#[derive(Archive, Serialize, Deserialize, Clone, Debug)]
pub(super) struct Keyed {
    pub(super) key: u64,
    /// The payload in words: a copy of 92 bytes is made of moves that overlap, and a
    /// processor that reads back what two overlapping stores left waits for all stores
    /// before them.
    pub(super) words: [u64; PAYLOAD_BYTES / 8],
    pub(super) rest: u32,
}

const _: () = assert!(PAYLOAD_BYTES == 8 * (PAYLOAD_BYTES / 8) + 4);

/// The payload as the record holds it.
const WORDS: [u64; PAYLOAD_BYTES / 8] = {
    let (words, _) = PAYLOAD.as_chunks::<8>();
    let mut found = [0; PAYLOAD_BYTES / 8];
    let mut at = 0;
    while at < found.len() {
        found[at] = u64::from_le_bytes(words[at]);
        at += 1;
    }
    found
};
const REST: u32 = {
    let (_, rest) = PAYLOAD.as_chunks::<8>();
    u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]])
};

/// The source as the program describes it.
#[derive(Clone, Debug)]
pub(super) struct KeyedRecords {
    /// Of all subtasks together, besides what fills the state.
    total: u64,
    keys: u64,
    /// Whether each key is sent once first, and who hears when that is done.
    filling: Option<Filled>,
}

/// When all subtasks had sent each key once.
#[derive(Clone, Default, Debug)]
pub(super) struct Filled(Arc<Mutex<(u64, Option<Instant>)>>);

impl Filled {
    /// When that was.
    pub(super) fn since(&self) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn by_one(&self, parallelism: u64) {
        let mut filled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        filled.0 += 1;
        if filled.0 == parallelism {
            filled.1 = Some(Instant::now());
        }
    }
}

impl KeyedRecords {
    /// So many, uniform over the usual keys.
    pub(super) fn of(total: u64) -> Self {
        Self { total, keys: KEYS, filling: None }
    }

    /// So many, uniform over so many keys, each of which is sent once before.
    pub(super) fn filling(keys: u64, total: u64, filled: &Filled) -> Self {
        Self { total, keys, filling: Some(filled.clone()) }
    }
}

/// The source of one subtask.
#[derive(Debug)]
pub(super) struct KeyedReader {
    random: Keys,
    keys: u64,
    left: u64,
    /// The next key that fills the state, the step to the one after, and who hears of the end.
    filling: Option<(u64, u64, Filled)>,
}

impl KeyedReader {
    /// The keys that this subtask fills the state with; true when all were sent.
    fn fill<S: Push<Keyed>>(&mut self, sink: &mut S, cx: &mut Cx) -> Result<bool, Drive> {
        let Some((next, step, filled)) = &mut self.filling else { return Ok(true) };
        for _ in 0..cx.quantum() {
            if *next >= self.keys {
                filled.by_one(*step);
                self.filling = None;
                return Ok(true);
            }
            let record = Keyed { key: *next, words: WORDS, rest: REST };
            *next += *step;
            if let Some(interrupted) = sink.push(record, cx).interrupts() {
                return Err(interrupted);
            }
        }
        Ok(false)
    }
}

impl Source for KeyedRecords {
    type Out = Keyed;
    type Reader = KeyedReader;

    type Split = ();

    fn open(
        &self,
        _restored: Option<Vec<()>>,
        context: &SourceContext,
        _cx: &mut Cx,
    ) -> Result<KeyedReader, Error> {
        let (subtask, parallelism) = (context.subtask.into(), context.parallelism.into());
        let filling = self.filling.clone().map(|filled| (subtask, parallelism, filled));
        let left = share(self.total, subtask, parallelism);
        Ok(KeyedReader { random: Keys::new(subtask), keys: self.keys, left, filling })
    }
}

impl SourceReader<Keyed> for KeyedReader {
    type Split = ();

    fn snapshot(&mut self) -> Vec<()> {
        Vec::new()
    }

    fn drive<S: Push<Keyed>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        match self.fill(sink, cx) {
            Ok(true) => {}
            Ok(false) => return Drive::More,
            Err(interrupted) => return interrupted,
        }
        let mut budget = cx.quantum() as u64;
        while budget > 0 {
            let batch = budget.min(self.left).min(INTERRUPT_CHECK);
            if batch == 0 {
                return Drive::Ended;
            }
            let mut sent = 0;
            let mut interrupted = None;
            while sent < batch && interrupted.is_none() {
                let record =
                    Keyed { key: self.random.next_of(self.keys), words: WORDS, rest: REST };
                interrupted = sink.push(record, cx).interrupts();
                sent += 1;
            }
            self.left -= sent;
            budget -= sent;
            cx.metrics.count_emitted(sent);
            if let Some(interrupted) = interrupted {
                return interrupted;
            }
            if cx.interrupted() {
                return Drive::More;
            }
        }
        Drive::More
    }
}
