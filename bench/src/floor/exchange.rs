//! The floors of `exchange` and `keyed-count`: two threads, each a source and a consumer, copy
//! records into segments, hand full ones over, and read the keys out. No framework, no record
//! frames, no checksums, no waiting but a yield.
//!
//! ```text
//!   thread 0                                   thread 1
//!   source --own segment--> consume            source --own segment--> consume
//!          \--segment for 1-- full (64) -------------------------> consume
//!           <----------------- empty (64) ------------------------/
//! ```
//! and the same from 1 to 0. A thread that waits for an empty segment consumes meanwhile, so the
//! two can't wait for each other.

use super::on_subtasks;
use crate::BenchError;
use crate::input::generator::{KEYS, Keys, PAYLOAD, PAYLOAD_BYTES, fmix64, share};
use crate::run::measurement::Outcome;
use crate::workload::PARALLELISM;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

const RECORD_BYTES: usize = 8 + PAYLOAD_BYTES;
const SEGMENT_BYTES: usize = 32 * 1024;

/// Records that fit into a segment.
const SEGMENT_RECORDS: usize = SEGMENT_BYTES / RECORD_BYTES;

/// Segments on their way in one direction.
const RING_SEGMENTS: usize = 64;

const _: () = assert!(PARALLELISM == 2, "this floor is written for two threads");

/// A segment and how many bytes of it are records. An empty one has none.
struct Segment {
    bytes: Box<[u8]>,
    filled: usize,
}

impl Segment {
    fn new() -> Self {
        Segment { bytes: vec![0; SEGMENT_BYTES].into_boxed_slice(), filled: 0 }
    }

    /// Copies a record in; says whether the segment is full now.
    #[inline(always)]
    fn push(&mut self, key: u64) -> bool {
        let record = &mut self.bytes[self.filled..self.filled + RECORD_BYTES];
        record[..8].copy_from_slice(&key.to_le_bytes());
        record[8..].copy_from_slice(&PAYLOAD);
        self.filled += RECORD_BYTES;
        self.filled == SEGMENT_RECORDS * RECORD_BYTES
    }

    /// The keys of its records.
    #[inline(always)]
    fn keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.bytes[..self.filled]
            .chunks_exact(RECORD_BYTES)
            .map(|record| u64::from_le_bytes(*record.first_chunk().expect("a record has a key")))
    }
}

/// One thread's ends of the rings between the two.
struct Ends {
    /// Full segments to the other thread.
    full_out: SyncSender<Segment>,
    /// Empty ones back from it.
    empty_in: Receiver<Segment>,
    /// Full segments from the other thread.
    full_in: Receiver<Segment>,
    /// Empty ones back to it.
    empty_out: SyncSender<Segment>,
}

/// Adds up the keys.
pub fn exchange(total: u64) -> Result<Outcome, BenchError> {
    run(total, || |segment: &Segment| segment.keys().fold(0, u64::wrapping_add))
}

/// Counts per key in a table and adds up the counts.
pub fn keyed_count(total: u64) -> Result<Outcome, BenchError> {
    run(total, || {
        let mut table = Table::new();
        move |segment: &Segment| {
            segment.keys().fold(0, |sum: u64, key| sum.wrapping_add(table.count(key)))
        }
    })
}

fn run<C: FnMut(&Segment) -> u64>(
    total: u64,
    consumer: impl Fn() -> C + Sync,
) -> Result<Outcome, BenchError> {
    let (full_to_1, full_at_1) = sync_channel(RING_SEGMENTS);
    let (full_to_0, full_at_0) = sync_channel(RING_SEGMENTS);
    let (empty_to_1, empty_at_1) = sync_channel(RING_SEGMENTS);
    let (empty_to_0, empty_at_0) = sync_channel(RING_SEGMENTS);
    for empties in [&empty_to_0, &empty_to_1] {
        for _ in 0..RING_SEGMENTS {
            empties.send(Segment::new()).expect("its receiver is in this function");
        }
    }
    let ends = [
        Ends {
            full_out: full_to_1,
            empty_in: empty_at_0,
            full_in: full_at_0,
            empty_out: empty_to_1,
        },
        Ends {
            full_out: full_to_0,
            empty_in: empty_at_1,
            full_in: full_at_1,
            empty_out: empty_to_0,
        },
    ]
    .map(|ends| Mutex::new(Some(ends)));
    on_subtasks(|index| {
        let ends = ends[index as usize].lock().expect("taken once").take();
        let ends = ends.expect("each subtask has its own ends");
        let records = share(total, index, PARALLELISM);
        let mut thread = Thread { ends, consume: consumer(), check: 0, own: Segment::new() };
        thread.send_all(index, records);
        Ok(Outcome { records, check: thread.receive_rest() })
    })
}

struct Thread<C> {
    ends: Ends,
    consume: C,
    check: u64,
    /// Where the records go that this thread consumes itself.
    own: Segment,
}

impl<C: FnMut(&Segment) -> u64> Thread<C> {
    /// The source: sends its records, consuming what the other side sends in between.
    fn send_all(&mut self, index: u64, records: u64) {
        let mut keys = Keys::new(index);
        let mut segment = self.empty_segment();
        for _ in 0..records {
            let key = keys.next_key();
            if (fmix64(key) >> 32) & 1 == index {
                if self.own.push(key) {
                    self.consume_own();
                }
            } else if segment.push(key) {
                self.hand_over(segment);
                segment = self.empty_segment();
            }
        }
        self.hand_over(segment);
        self.consume_own();
    }

    /// Hands a segment over. The ring has room for all segments of its direction.
    fn hand_over(&self, segment: Segment) {
        self.ends.full_out.send(segment).expect("the other thread receives until this one ends");
    }

    /// An empty segment; consumes while there is none.
    fn empty_segment(&mut self) -> Segment {
        loop {
            match self.ends.empty_in.try_recv() {
                Ok(segment) => return segment,
                Err(TryRecvError::Empty) => {
                    if !self.receive() {
                        thread::yield_now();
                    }
                }
                Err(TryRecvError::Disconnected) => {
                    unreachable!("the other thread receives until this one has sent everything")
                }
            }
        }
    }

    /// Consumes what the other thread sent; says whether there was anything.
    fn receive(&mut self) -> bool {
        let mut any = false;
        while let Ok(segment) = self.ends.full_in.try_recv() {
            self.consume_and_return(segment);
            any = true;
        }
        any
    }

    /// Consumes until the other thread has nothing more to send.
    fn receive_rest(mut self) -> u64 {
        drop(self.ends.full_out);
        let mut check = self.check;
        for segment in self.ends.full_in {
            check = check.wrapping_add((self.consume)(&segment));
            // A thread that ended takes nothing back.
            drop(self.ends.empty_out.try_send(Segment { filled: 0, ..segment }));
        }
        check
    }

    fn consume_and_return(&mut self, mut segment: Segment) {
        self.check = self.check.wrapping_add((self.consume)(&segment));
        segment.filled = 0;
        // A thread that ended takes nothing back.
        drop(self.ends.empty_out.try_send(segment));
    }

    fn consume_own(&mut self) {
        self.check = self.check.wrapping_add((self.consume)(&self.own));
        self.own.filled = 0;
    }
}

/// Counts by key with linear probing; as large as a thread's half of the keys needs at a load of
/// one half. Key 0 is stored as 1, and so on: 0 is a free slot.
struct Table {
    slots: Vec<[u64; 2]>,
}

const TABLE_SLOTS: usize = (KEYS as usize).next_power_of_two();

impl Table {
    fn new() -> Self {
        Table { slots: vec![[0; 2]; TABLE_SLOTS] }
    }

    /// The count of `key` after counting it once more.
    #[inline(always)]
    fn count(&mut self, key: u64) -> u64 {
        let mut at = fmix64(key) as usize & (TABLE_SLOTS - 1);
        loop {
            let [stored, count] = &mut self.slots[at];
            if *stored == key + 1 || *stored == 0 {
                *stored = key + 1;
                *count += 1;
                return *count;
            }
            at = (at + 1) & (TABLE_SLOTS - 1);
        }
    }
}
