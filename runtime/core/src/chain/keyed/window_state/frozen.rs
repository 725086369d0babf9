//! [`Frozen`]: what a core kept at a barrier, and the bytes of it, one key group after the other.

use std::{collections::VecDeque, ops::Range};

use super::{KeyGroups, State};
use crate::{
    Record,
    checkpoint::{
        handle::KeyGroupOffset,
        savepoint::{CanonicalEncoder, Entry},
    },
    error::BoxError,
    exchange::key_group_of,
    graph::KeyGroup,
    record::{AlignedBytes, Key, RecordEncoder, key_hash},
    state::{
        StateError,
        table::{EntryRef, FrozenEntries, Run},
    },
    task::snapshot::KeyedStream,
    time::{
        Timestamp,
        window::{Image, Kept, Piece, TimeDomain},
    },
};

/// Bytes made at once, unless a key group has more.
const PIECE_BYTES: usize = 100 * 1024;

/// Where records are written first; larger ones get room of their own.
const SCRATCH_BYTES: usize = 4096;

/// A piece, cut loose from its core.
type FrozenImage<K, W, C, S, O> = Image<K, Piece<W, C, S, O>>;

/// What a core kept, by key group.
pub(super) struct Frozen<K, W, C, S, O> {
    /// The groups that are left of what was copied, the last one first.
    groups: Vec<(KeyGroup, Vec<FrozenImage<K, W, C, S, O>>)>,
    tables: Vec<Table<W, K, C>>,
    /// Whether tables have their first groups in hand.
    is_begun: bool,
    /// How far windows had fired.
    reached: VecDeque<(KeyGroup, (u32, Timestamp))>,
    /// Until its offsets were asked for.
    encoder: Option<CanonicalEncoder>,
    parts: Parts,
}

/// The contents of one window or slice.
struct Table<W, K, C> {
    window: W,
    entries: FrozenEntries<K, C>,
    /// The group in hand and its entries.
    group: Option<KeyGroup>,
    run: Vec<EntryRef>,
}

/// The bytes of one group's entries, until they are sorted.
struct Parts {
    encoder: RecordEncoder,
    scratch: AlignedBytes,
    bytes: Vec<u8>,
    entries: Vec<Places>,
}

/// An entry whose parts lie in [`Parts::bytes`].
struct Places {
    state: State,
    key: Range<usize>,
    namespace: Range<usize>,
    sub_key: Range<usize>,
    value: Range<usize>,
}

/// The sub key of a timer: sorts as its time does.
pub(super) fn time_key(time: Timestamp) -> [u8; 8] {
    (time.millis() ^ i64::MIN).to_be_bytes()
}

impl<K: Key, W, C: Record, S, O> Frozen<K, W, C, S, O> {
    /// Sorts what was copied by key group.
    pub(super) fn new(kept: Kept<K, W, C, S, O>, groups: KeyGroups) -> Self {
        let all = groups.all.0 as usize;
        let first = groups.own.first().expect("a subtask with windows has key groups").0 as usize;
        let mut sorted: Vec<_> = groups.own.iter().map(|group| (group, Vec::new())).collect();
        for image in kept.images {
            let group = key_group_of(key_hash(&image.key), all);
            sorted[group - first].1.push(image);
        }
        sorted.retain(|(_, images)| !images.is_empty());
        sorted.reverse();
        let reached = kept
            .reached
            .into_iter()
            .map(|(hash, time)| (KeyGroup(key_group_of(hash, all) as u32), (hash, time)));
        let table = |(window, entries)| Table { window, entries, group: None, run: Vec::new() };
        let tables = kept.tables.into_iter().map(table);
        let states = u32::try_from(State::ALL.len()).expect("few states");
        let mut scratch = AlignedBytes::with_capacity(SCRATCH_BYTES);
        scratch.resize(SCRATCH_BYTES, 0);
        let (bytes, entries) = (Vec::new(), Vec::new());
        let parts = Parts { encoder: RecordEncoder::new(), scratch, bytes, entries };
        let encoder = Some(CanonicalEncoder::new(groups.own, states));
        let (tables, reached) = (tables.collect(), reached.collect());
        Self { groups: sorted, tables, is_begun: false, reached, encoder, parts }
    }

    /// The next group that there is something of.
    fn next_group(&self) -> Option<KeyGroup> {
        let copied = self.groups.last().map(|(group, _)| *group);
        let shared = self.tables.iter().filter_map(|table| table.group).min();
        let reached = self.reached.front().map(|(group, _)| *group);
        copied.into_iter().chain(shared).chain(reached).min()
    }
}

impl<W, K: Key, C: Record> Table<W, K, C> {
    fn next_group(&mut self) -> Result<(), StateError> {
        self.group = self.entries.next_run(Run::Group, &mut self.run)?;
        Ok(())
    }
}

impl Parts {
    fn put(&mut self, bytes: &[u8]) -> Range<usize> {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        from..self.bytes.len()
    }

    fn record<R: Record>(&mut self, record: &R) -> Result<Range<usize>, BoxError> {
        if let Some(length) = self.encoder.encode(record, &mut self.scratch) {
            let from = self.bytes.len();
            self.bytes.extend_from_slice(&self.scratch[..length]);
            return Ok(from..self.bytes.len());
        }
        let large = self.encoder.encode_large(record, 4 * SCRATCH_BYTES);
        let large = large.ok_or("a window's content is larger than any record may be")?;
        Ok(self.put(&large))
    }

    /// Takes an image apart.
    fn image<K, W, C, S, O>(&mut self, image: FrozenImage<K, W, C, S, O>) -> Result<(), BoxError>
    where
        K: Record,
        W: Record,
        C: Record,
        S: Record,
        O: Record,
    {
        let Image { key, piece } = image;
        let key = self.record(&key)?;
        let (state, namespace, sub_key, value) = match piece {
            Piece::Content { window, content } => {
                (State::Contents, self.record(&window)?, 0..0, self.record(&content)?)
            }
            Piece::Trigger { window, state } => {
                (State::Triggers, self.record(&window)?, 0..0, self.record(&state)?)
            }
            Piece::Timer { domain, time, window } => {
                let state = match domain {
                    TimeDomain::EventTime => State::EventTimers,
                    TimeDomain::ProcessingTime => State::ProcessingTimers,
                };
                (state, self.record(&window)?, self.put(&time_key(time)), 0..0)
            }
            Piece::Result { place, window, content } => {
                let (window, place) = (self.record(&window)?, self.put(&place.to_be_bytes()));
                (State::Results, window, place, self.record(&content)?)
            }
        };
        self.entries.push(Places { state, key, namespace, sub_key, value });
        Ok(())
    }

    /// Copies the contents of a group in a window's table.
    fn table<W: Record, K: Key, C: Record>(
        &mut self,
        table: &Table<W, K, C>,
    ) -> Result<(), BoxError> {
        let namespace = self.record(&table.window)?;
        for entry in &table.run {
            let stored = table.entries.entry(*entry);
            let (key, value) = (self.put(stored.key()), self.put(stored.value()));
            let (state, namespace, sub_key) = (State::Contents, namespace.clone(), 0..0);
            self.entries.push(Places { state, key, namespace, sub_key, value });
        }
        Ok(())
    }

    fn reached(&mut self, (hash, time): (u32, Timestamp)) -> Result<(), BoxError> {
        let (sub_key, value) = (self.put(&u64::from(hash).to_be_bytes()), self.record(&time)?);
        let (state, key, namespace) = (State::Progress, 0..0, 0..0);
        self.entries.push(Places { state, key, namespace, sub_key, value });
        Ok(())
    }

    /// Writes the entries of a group, sorted, and forgets them.
    fn write(&mut self, out: &mut Vec<u8>, encoder: &mut CanonicalEncoder) {
        let Self { bytes, entries, .. } = self;
        let entry = |places: &Places| Entry {
            state: places.state as u32,
            key: &bytes[places.key.clone()],
            namespace: &bytes[places.namespace.clone()],
            sub_key: &bytes[places.sub_key.clone()],
            value: &bytes[places.value.clone()],
        };
        entries.sort_unstable_by(|a, b| entry(a).cmp(&entry(b)));
        entries.iter().for_each(|places| encoder.entry(out, &entry(places)));
        entries.clear();
        bytes.clear();
    }
}

impl<K, W, C, S, O> KeyedStream for Frozen<K, W, C, S, O>
where
    K: Key,
    W: Record,
    C: Record,
    S: Record,
    O: Record,
{
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, BoxError> {
        let begin = out.len();
        if !std::mem::replace(&mut self.is_begun, true) {
            self.tables.iter_mut().try_for_each(Table::next_group)?;
        }
        while out.len() - begin < PIECE_BYTES
            && let Some(group) = self.next_group()
        {
            let Some(encoder) = &mut self.encoder else { return Ok(false) };
            if let Some((_, images)) = self.groups.pop_if(|(of, _)| *of == group) {
                for image in images {
                    self.parts.image(image)?;
                }
            }
            for table in self.tables.iter_mut().filter(|table| table.group == Some(group)) {
                self.parts.table(table)?;
                table.next_group()?;
            }
            while let Some((_, from)) = self.reached.pop_front_if(|(of, _)| *of == group) {
                self.parts.reached(from)?;
            }
            encoder.begin_group(out, group);
            self.parts.write(out, encoder);
            encoder.end_group(out);
        }
        Ok(out.len() > begin)
    }

    fn offsets(&mut self) -> Vec<KeyGroupOffset> {
        self.encoder.take().expect("offsets are asked for once").finish()
    }
}
