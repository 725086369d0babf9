//! The table of all states of an operator, and the key in hand.

use super::{
    StateTtlConfig,
    address::{Address, AddressBuffer, Role},
};
use crate::{
    exchange::key_group_of,
    graph::{KeyGroup, MaxParallelism},
    record::KeyHasher,
    state::{
        HashRange, StateError, Supply,
        snapshot::{EntryForm, History, OwnedEntry, StreamOptions, TableStream},
        table::KeyTable,
    },
    task::snapshot::{KeyedStream, SegmentCheckpoint},
    time::Timestamp,
};
use std::hash::Hasher;

/// Keys and values of the table.
pub(super) type Blob = Vec<u8>;

/// See the module's page.
pub(super) struct Store {
    table: KeyTable<Blob, Blob>,
    /// The hash of an archived key.
    hash_key: fn(&[u8]) -> u32,
    range: HashRange,
    groups: MaxParallelism,
    /// Key and namespace in hand, and the entry that is asked for.
    address: AddressBuffer,
    key_hash: u32,
    pub(super) now: Timestamp,
    /// Where cleanup goes on, and how many entries it may look at.
    cleanup_at: u32,
    cleanup_credit: u32,
    /// What earlier checkpoints have of the table.
    history: History,
}

/// What stands behind an archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Trailer {
    pub(super) used: Option<Timestamp>,
    pub(super) place: Option<u32>,
}

/// Which parts a trailer has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct TrailerShape {
    pub(super) has_time: bool,
    pub(super) is_map: bool,
}

impl TrailerShape {
    /// Archive and trailer; `None` if there are too few bytes.
    pub(super) fn split(self, bytes: &[u8]) -> Option<(&[u8], Trailer)> {
        let (mut rest, mut trailer) = (bytes, Trailer::default());
        if self.is_map {
            let (before, place) = rest.split_last_chunk()?;
            (rest, trailer.place) = (before, Some(u32::from_le_bytes(*place)));
        }
        if self.has_time {
            let (before, time) = rest.split_last_chunk()?;
            let time = Timestamp::from_millis(i64::from_le_bytes(*time));
            (rest, trailer.used) = (before, Some(time));
        }
        Some((rest, trailer))
    }
}

impl Trailer {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        if let Some(used) = self.used {
            out.extend_from_slice(&used.millis().to_le_bytes());
        }
        if let Some(place) = self.place {
            out.extend_from_slice(&place.to_le_bytes());
        }
    }
}

impl Store {
    pub(super) fn new(
        range: HashRange,
        groups: MaxParallelism,
        supply: Supply,
        hash_key: fn(&[u8]) -> u32,
    ) -> Result<Self, StateError> {
        Ok(Self {
            table: KeyTable::new(range, supply)?,
            hash_key,
            range,
            groups,
            address: AddressBuffer::default(),
            key_hash: 0,
            now: Timestamp::MIN,
            cleanup_at: range.first(),
            cleanup_credit: 0,
            history: History::default(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Hands the table over as it is now.
    pub(super) fn freeze<F: EntryForm>(
        &mut self,
        (form, further): (F, Vec<(KeyGroup, OwnedEntry)>),
        options: &StreamOptions,
        segments: Option<SegmentCheckpoint>,
    ) -> Box<dyn KeyedStream> {
        let Self { table, groups, history, .. } = self;
        TableStream { groups: *groups, history, form, further }.freeze(table, options, segments)
    }

    /// Takes a key and a namespace of a state in hand.
    pub(super) fn select(&mut self, state: u32, key: (u32, &[u8]), namespace: &[u8]) {
        self.key_hash = key.0;
        self.address.select(state, key.1, namespace);
    }

    /// The hash of the entry that is asked for: in the key group of its key, which decides where it
    /// goes, and elsewhere in it for each role, state, namespace and sub-key.
    fn hash(&self) -> u32 {
        let Address { state, role, namespace, sub_key, .. } = Address::parse(self.address.bytes());
        if state == 0 && role == Role::Data && namespace.is_empty() && sub_key.is_empty() {
            return self.key_hash;
        }
        let mut hasher = KeyHasher::new();
        hasher.write_u64(u64::from(state) << 2 | role as u64);
        hasher.write(namespace);
        hasher.write(sub_key);
        let group = key_group_of(self.key_hash, self.groups.0 as usize);
        let group = HashRange::of_key_group(KeyGroup(group as u32), self.groups);
        let from_first = u64::from(self.key_hash - group.first());
        let moved = (from_first + (hasher.finish() >> 32)) % group.span();
        group.first() + moved as u32
    }

    fn find(&mut self, role: Role, sub_key: &[u8]) -> u32 {
        self.address.complete(role, sub_key);
        self.hash()
    }

    /// Shows the value of an entry of the key in hand, if there is one.
    pub(super) fn read<R>(
        &mut self,
        role: Role,
        sub_key: &[u8],
        look: impl FnOnce(&[u8]) -> R,
    ) -> Option<R> {
        let hash = self.find(role, sub_key);
        let address = self.address.bytes();
        self.table.read(
            hash,
            |stored| stored.as_slice() == &address[..],
            |value| look(value.as_slice()),
        )
    }

    /// Writes an entry of the key in hand.
    pub(super) fn put(
        &mut self,
        role: Role,
        sub_key: &[u8],
        value: &Blob,
    ) -> Result<(), StateError> {
        let hash = self.find(role, sub_key);
        self.table.put(hash, self.address.bytes(), value)
    }

    /// Removes an entry of the key in hand; whether it was there.
    pub(super) fn remove(&mut self, role: Role, sub_key: &[u8]) -> Result<bool, StateError> {
        let hash = self.find(role, sub_key);
        let address = self.address.bytes();
        self.table.remove(hash, |stored| stored.as_slice() == &address[..])
    }

    /// Elements of a list, entries of a map.
    pub(super) fn count(&mut self) -> u64 {
        let read = |bytes: &[u8]| bytes.first_chunk().map_or(0, |count| u64::from_le_bytes(*count));
        self.read(Role::Count, &[], read).unwrap_or(0)
    }

    pub(super) fn set_count(&mut self, count: u64) -> Result<(), StateError> {
        if count == 0 {
            return self.remove(Role::Count, &[]).map(|_| ());
        }
        self.put(Role::Count, &[], &count.to_le_bytes().to_vec())
    }

    /// Gives an entry of a map that is about to be written a place behind the others.
    pub(super) fn add_to_order(&mut self, sub_key: &[u8]) -> Result<u32, StateError> {
        let count = self.count();
        let place = u32::try_from(count).expect("a map has fewer than 2^32 entries");
        self.put(Role::Order, &place.to_le_bytes(), &sub_key.to_vec())?;
        self.set_count(count + 1)?;
        Ok(place)
    }

    /// Removes an entry of a map; whether it was there. The last in the order takes its place.
    pub(super) fn remove_of_map(
        &mut self,
        sub_key: &[u8],
        shape: TrailerShape,
    ) -> Result<bool, StateError> {
        let place_of = |bytes: &[u8]| shape.split(bytes).and_then(|(_, trailer)| trailer.place);
        let Some(place) = self.read(Role::Data, sub_key, place_of).flatten() else {
            return Ok(false);
        };
        let last = (self.count() - 1) as u32;
        if place != last {
            let moved = self.read(Role::Order, &last.to_le_bytes(), <[u8]>::to_vec);
            let moved = moved.expect("each place in the order has a key");
            let value = self.read(Role::Data, &moved, <[u8]>::to_vec);
            let mut value = value.expect("each key in the order has a value");
            let at = value.len() - size_of::<u32>();
            value[at..].copy_from_slice(&place.to_le_bytes());
            self.put(Role::Data, &moved, &value)?;
            self.put(Role::Order, &place.to_le_bytes(), &moved)?;
        }
        self.remove(Role::Order, &last.to_le_bytes())?;
        self.remove(Role::Data, sub_key)?;
        self.set_count(u64::from(last))?;
        Ok(true)
    }

    /// Takes the key and namespace of an entry in hand.
    pub(super) fn select_entry(&mut self, entry: &[u8]) {
        self.key_hash = (self.hash_key)(Address::parse(entry).key);
        self.address.set(entry);
    }

    /// The addresses of a state's data.
    pub(super) fn addresses(&self, state: u32) -> Vec<Blob> {
        let mut scan = self.table.scan();
        let all = std::iter::from_fn(|| self.table.next(&mut scan));
        let is_data = |blob: &Blob| {
            let address = Address::parse(blob);
            address.state == state && address.role == Role::Data
        };
        all.map(|(address, _)| address).filter(is_data).collect()
    }

    /// Pays for one use of a state with this time to live; the entries to look at when enough was paid
    /// for those of the next bucket.
    pub(super) fn cleanup(&mut self, ttl: &StateTtlConfig) -> Vec<(Blob, Blob)> {
        self.cleanup_credit += ttl.cleanup_entries();
        // A bucket is looked at as a whole, so that nothing need be known of it but where it begins.
        if self.cleanup_credit < CLEANUP_AT_ONCE {
            return Vec::new();
        }
        let (mut scan, next) = self.table.scan_bucket(self.cleanup_at);
        let entries: Vec<_> = std::iter::from_fn(|| self.table.next(&mut scan)).collect();
        let looked_at = u32::try_from(entries.len()).expect("a bucket is small");
        self.cleanup_credit -= looked_at.clamp(CLEANUP_AT_ONCE / 4, CLEANUP_AT_ONCE);
        self.cleanup_at = next.unwrap_or(self.range.first());
        entries
    }
}

/// Entries that cleanup has to have paid for before it looks at a bucket.
const CLEANUP_AT_ONCE: u32 = 2048;
