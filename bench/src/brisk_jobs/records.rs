//! The source of 100-byte records: each subtask sends its own sequence of keys.

use crate::input::generator::{Keys, PAYLOAD, PAYLOAD_BYTES, share, wide_key};
use brisk::Error;
use brisk::chain::{Source, SourceContext, SourceReader};
use brisk::task::Cx;
use brisk::task::flow::{Drive, Push};
use rkyv::{Archive, Deserialize, Serialize};

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
pub(super) struct KeyedRecords<const WIDE: u64 = 1> {
    /// Of all subtasks together.
    pub(super) total: u64,
}

/// The source of one subtask.
#[derive(Debug)]
pub(super) struct KeyedReader<const WIDE: u64 = 1> {
    keys: Keys,
    left: u64,
}

impl<const WIDE: u64> Source for KeyedRecords<WIDE> {
    type Out = Keyed;
    type Reader = KeyedReader<WIDE>;

    type Split = ();

    fn open(
        &self,
        _restored: Option<Vec<()>>,
        context: &SourceContext,
        _cx: &mut Cx,
    ) -> Result<KeyedReader<WIDE>, Error> {
        let (subtask, parallelism) = (context.subtask.into(), context.parallelism.into());
        Ok(KeyedReader { keys: Keys::new(subtask), left: share(self.total, subtask, parallelism) })
    }
}

impl<const WIDE: u64> SourceReader<Keyed> for KeyedReader<WIDE> {
    type Split = ();

    fn snapshot(&mut self) -> Vec<()> {
        Vec::new()
    }

    fn drive<S: Push<Keyed>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let mut budget = cx.quantum() as u64;
        while budget > 0 {
            let batch = budget.min(self.left).min(INTERRUPT_CHECK);
            if batch == 0 {
                return Drive::Ended;
            }
            let mut sent = 0;
            let mut interrupted = None;
            while sent < batch && interrupted.is_none() {
                let key = wide_key(self.keys.next_key(), self.left - sent, WIDE);
                let record = Keyed { key, words: WORDS, rest: REST };
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
