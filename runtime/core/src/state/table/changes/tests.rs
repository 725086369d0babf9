//! Logs of changes against the bytes that they are about.

use brisk_memory::{Arena, HeldIndex};
use proptest::prelude::*;

use super::{ChangeLog, Chunk, difference, replay};
use crate::state::{
    Supply,
    supply::GivesWay,
    table::{
        Version,
        tests::{arena, supply},
    },
};

const BYTES: usize = 4096;

/// Segments outside of any table, and the log of what becomes of them.
struct Logged {
    _arena: Arena,
    supply: Supply,
    log: ChangeLog,
    segments: Vec<Vec<u8>>,
}

impl Logged {
    fn new(memory: u32) -> Self {
        let arena = arena(memory);
        let supply = supply(&arena);
        let mut log = ChangeLog::new(&supply);
        log.begin(Version::FIRST);
        // So that it is worth it.
        (0..1000).for_each(|_| log.opened());
        Self { _arena: arena, supply, log, segments: vec![vec![0; BYTES]; 3] }
    }

    fn replace(&mut self, segment: usize, begin: usize, new: &[u8]) {
        let at = HeldIndex(segment as u32);
        self.log.replace((at, &mut self.segments[segment]), begin, new);
    }
}

fn replayed(chunks: &[Chunk], mut segments: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for chunk in chunks {
        let bytes = chunk.bytes();
        let log = &bytes.as_slice()[..chunk.used as usize];
        replay(log, BYTES, |segment, from, words| {
            segments[segment as usize][from..from + words.len()].copy_from_slice(words);
        })
        .unwrap();
    }
    segments
}

proptest! {
    #[test]
    fn what_is_replayed_is_what_was_written(
        changes in proptest::collection::vec((0usize..3, 0usize..BYTES, 1usize..3000, any::<u8>()), 0..300),
    ) {
        let mut logged = Logged::new(4000);
        let before = logged.segments.clone();
        for (segment, begin, len, byte) in changes {
            let new = vec![byte; len.min(BYTES - begin)];
            logged.replace(segment, begin, &new);
        }
        let frozen = Version::FIRST.next();
        let chunks = logged.log.cut(Some(Version::FIRST), frozen).unwrap();
        prop_assert!(chunks.iter().all(|chunk| chunk.version == frozen));
        prop_assert!(replayed(&chunks, before) == logged.segments);
    }

    #[test]
    fn words_that_differ(
        old in proptest::collection::vec(0u8..2, 0..40),
        flips in proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut new = old.clone();
        for flip in flips.iter().filter(|_| !old.is_empty()) {
            new[flip.index(old.len())] ^= 1;
        }
        match difference(&old, &new) {
            None => prop_assert!(old == new),
            Some((first, end)) => {
                prop_assert!(first % 8 == 0 && first < end && end <= old.len());
                prop_assert!(old[..first] == new[..first] && old[end..] == new[end..]);
                prop_assert!(old[first..end.min(first + 8)] != new[first..end.min(first + 8)]);
            }
        }
    }
}

#[test]
fn what_a_failed_checkpoint_had_belongs_to_the_next() {
    let mut logged = Logged::new(4000);
    let before = logged.segments.clone();
    let versions: Vec<Version> =
        std::iter::successors(Some(Version::FIRST), |last| Some(last.next())).take(4).collect();
    logged.replace(0, 8, b"first");
    let first = logged.log.cut(Some(versions[0]), versions[1]).unwrap();
    logged.replace(1, 16, b"second");
    let second = logged.log.cut(Some(versions[0]), versions[2]).unwrap();
    assert_eq!((first.len(), second.len()), (1, 2));
    assert!(replayed(&second, before) == logged.segments);
    // The second is complete.
    logged.replace(0, 8, b"third");
    let third = logged.log.cut(Some(versions[2]), versions[3]).unwrap();
    assert_eq!(third.len(), 1);
    assert!(logged.log.cut(Some(versions[1]), versions[3].next()).is_none(), "it was forgotten");
}

#[test]
fn a_log_ends_where_segments_are_cheaper_or_needed() {
    let frozen = Version::FIRST.next();
    let mut hot = Logged::new(4000);
    hot.log.opened = 4;
    (0..10_000u64).for_each(|count| hot.replace(0, 8, &count.to_le_bytes()));
    assert!(hot.log.cut(Some(Version::FIRST), frozen).is_none());
    // It begins again.
    hot.log.begin(frozen);
    assert!(hot.log.cut(Some(frozen), frozen.next()).is_some());

    let mut short = Logged::new(10);
    (0..10_000u64).for_each(|count| short.replace(0, 8, &count.to_le_bytes()));
    assert!(short.log.cut(Some(Version::FIRST), frozen).is_none(), "a quarter of the memory");

    let mut needed = Logged::new(100);
    (0..1_000u64).for_each(|count| needed.replace(0, 8, &count.to_le_bytes()));
    let written = needed.log.cut(Some(Version::FIRST), frozen).unwrap();
    needed.log.opened = 1000;
    let then = needed.segments.clone();
    (0..1_000u64).for_each(|count| needed.replace(0, 8, &(count + 7).to_le_bytes()));
    let held = needed.supply.held();
    assert!(needed.log.lent.give_way() && needed.supply.held() < held);
    assert!(needed.log.cut(Some(frozen), frozen.next()).is_none());
    needed.log.begin(frozen.next());
    needed.replace(1, 0, b"little");
    let held = needed.supply.held();
    assert!(needed.log.lent.give_way() && needed.supply.held() < held, "the head, too");
    assert!(needed.log.cut(Some(frozen.next()), frozen.next().next()).is_none());
    assert!(
        replayed(&written, vec![vec![0; BYTES]; 3]) == then,
        "what is being written stays what it was"
    );
}
