//! The source of 100-byte records: each subtask sends its own sequence of keys.

use crate::input::generator::{Keys, PAYLOAD, PAYLOAD_BYTES, share};
use brisk::Error;
use brisk::chain::{Source, SourceContext, SourceReader};
use brisk::flow::{Drive, Push};
use brisk::task::Cx;
use rkyv::{Archive, Deserialize, Serialize};

/// Records sent between two looks at whether the task should make room.
const INTERRUPT_CHECK: u64 = 64;

/// A key and 92 bytes beside it.
#[derive(Archive, Serialize, Deserialize, Clone, Debug)]
pub(super) struct Keyed {
    pub(super) key: u64,
    pub(super) payload: [u8; PAYLOAD_BYTES],
}

/// The source as the program describes it.
#[derive(Clone, Debug)]
pub(super) struct KeyedRecords {
    /// Of all subtasks together.
    pub(super) total: u64,
}

/// The source of one subtask.
#[derive(Debug)]
pub(super) struct KeyedReader {
    keys: Keys,
    left: u64,
}

impl Source for KeyedRecords {
    type Out = Keyed;
    type Reader = KeyedReader;

    fn open(&self, context: &SourceContext, _cx: &mut Cx) -> Result<KeyedReader, Error> {
        let (subtask, parallelism) = (context.subtask.into(), context.parallelism.into());
        Ok(KeyedReader { keys: Keys::new(subtask), left: share(self.total, subtask, parallelism) })
    }
}

impl SourceReader<Keyed> for KeyedReader {
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
                let record = Keyed { key: self.keys.next_key(), payload: PAYLOAD };
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
