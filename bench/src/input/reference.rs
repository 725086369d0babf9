//! What every system must compute: plain programs without a dataflow, and check values that fit
//! into 64 bits whatever the order in which records arrive.

use crate::BenchError;
use crate::input::generator::{
    AUCTIONS, Bids, KEYS, Keys, chain_first, chain_keep, chain_second, fmix64, share, window_check,
};
use crate::input::text::{TextRange, fnv1a, for_each_word};
use crate::nexmark::{self, Query};
use crate::run::measurement::Outcome;
use crate::workload::{Input, PARALLELISM};
use std::collections::HashMap;
use std::path::Path;

/// What a check value is the sum of (modulo 2^64).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckKind {
    /// The keys of all records that arrived.
    KeySum,
    /// The counts emitted for all records: 1 + 2 + ... + n for a key with n records.
    CountSum,
    /// [`window_check`] of each auction and window of 10 s.
    TumblingSum,
    /// The same of windows of 10 s, 2 s apart.
    SlidingSum,
    /// What is left of all longs at the end of the chain.
    ChainSum,
    /// For each distinct word, [`word_check`] of the word and its final count.
    FinalCounts,
    /// The counts emitted for all words, as in `CountSum`.
    UpdateSum,
    /// [`quick_hash`] of every word in lower case.
    WordHashSum,
    /// For each row of the query, 32 bits made of its numbers.
    Nexmark(Query),
}

/// The part of one word in a check of final counts.
pub fn word_check(word: &[u8], count: u64) -> u64 {
    fmix64(fnv1a(word).wrapping_add(count))
}

/// A hash of a word, eight bytes at a time: cheap, so that the floor is one.
#[inline(always)]
pub fn quick_hash(word: &[u8]) -> u64 {
    let (eights, rest) = word.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let fold = |hash: u64, eight: [u8; 8]| {
        (hash.rotate_left(5) ^ u64::from_le_bytes(eight)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    };
    let hash = eights.iter().fold(word.len() as u64, |hash, eight| fold(hash, *eight));
    fold(hash, last)
}

/// What a system that is right reports for `input`.
pub fn expected(kind: CheckKind, input: &Input) -> Result<Outcome, BenchError> {
    match (kind, input) {
        (CheckKind::KeySum, Input::Records(total)) => Ok(key_sum(*total)),
        (CheckKind::CountSum, Input::Records(total)) => Ok(count_sum(*total)),
        (CheckKind::ChainSum, Input::Records(total)) => Ok(chain_sum(*total)),
        (CheckKind::TumblingSum, Input::Records(total)) => Ok(window_sum(*total, PANES, PANE_MS)),
        (CheckKind::SlidingSum, Input::Records(total)) => Ok(window_sum(*total, 1, PANE_MS)),
        (
            CheckKind::FinalCounts | CheckKind::UpdateSum | CheckKind::WordHashSum,
            Input::Text(path),
        ) => Ok(word_sum(kind, &word_counts(path)?)),
        (CheckKind::Nexmark(query), Input::Records(total)) => {
            let check = nexmark::reference::check(query, *total);
            let unknown = || BenchError::Usage(format!("{query:?} has no check value"));
            check.map(|check| Outcome { records: *total, check }).ok_or_else(unknown)
        }
        (kind, input) => Err(BenchError::Usage(format!("no check {kind:?} of {input:?}"))),
    }
}

/// All keys that the sources of a run of `total` records send.
fn for_each_key(total: u64, mut each: impl FnMut(u64)) {
    for subtask in 0..PARALLELISM {
        let mut keys = Keys::new(subtask);
        for _ in 0..share(total, subtask, PARALLELISM) {
            each(keys.next_key());
        }
    }
}

fn key_sum(total: u64) -> Outcome {
    let mut check = 0u64;
    for_each_key(total, |key| check = check.wrapping_add(key));
    Outcome { records: total, check }
}

fn count_sum(total: u64) -> Outcome {
    let mut counts = vec![0u64; KEYS as usize];
    let mut check = 0u64;
    for_each_key(total, |key| {
        let count = &mut counts[key as usize];
        *count += 1;
        check = check.wrapping_add(*count);
    });
    Outcome { records: total, check }
}

fn chain_sum(total: u64) -> Outcome {
    let kept = (0..total).map(chain_first).filter(|value| chain_keep(*value)).map(chain_second);
    Outcome { records: total, check: kept.fold(0, u64::wrapping_add) }
}

/// Milliseconds of a pane of windows of 10 s by 2 s, and how many make a window.
const PANE_MS: u64 = 2_000;
const PANES: usize = 5;

/// Counts and greatest prices by pane and auction, of which windows that begin each `apart` panes are
/// put together.
fn window_sum(total: u64, apart: usize, pane_ms: u64) -> Outcome {
    let mut panes: Vec<Vec<(u64, u64)>> = Vec::new();
    for subtask in 0..PARALLELISM {
        let mut bids = Bids::new(subtask, PARALLELISM);
        for _ in 0..share(total, subtask, PARALLELISM) {
            let (auction, price, time) = bids.next_bid();
            let pane = (time / pane_ms) as usize;
            while panes.len() <= pane {
                panes.push(vec![(0, 0); AUCTIONS as usize]);
            }
            let (count, max) = &mut panes[pane][auction as usize];
            (*count, *max) = (*count + 1, price.max(*max));
        }
    }
    let mut check = 0u64;
    let ends = (apart..panes.len() + PANES).step_by(apart);
    for end in ends {
        let window = &panes[end.saturating_sub(PANES).min(panes.len())..end.min(panes.len())];
        for auction in 0..AUCTIONS as usize {
            let of = window.iter().map(|pane| pane[auction]);
            let (count, max) = of.fold((0, 0), |all, pane| (all.0 + pane.0, pane.1.max(all.1)));
            if count > 0 {
                check = check.wrapping_add(window_check(auction as u64, count, max));
            }
        }
    }
    Outcome { records: total, check }
}

/// Words in lower case and how often they are in the text.
pub fn word_counts(path: &Path) -> Result<HashMap<Vec<u8>, u64>, BenchError> {
    let mut counts: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut range = TextRange::open(path, 0, 1).map_err(BenchError::file("open", path))?;
    while let Some(lines) = range.next_chunk().map_err(BenchError::file("read", path))? {
        lines.make_ascii_lowercase();
        for_each_word(lines, |word| match counts.get_mut(word) {
            Some(count) => *count += 1,
            None => {
                counts.insert(word.to_vec(), 1);
            }
        });
    }
    Ok(counts)
}

fn word_sum(kind: CheckKind, counts: &HashMap<Vec<u8>, u64>) -> Outcome {
    let mut total = Outcome::NOTHING;
    for (word, &count) in counts {
        let check = match kind {
            CheckKind::FinalCounts => word_check(word, count),
            CheckKind::WordHashSum => quick_hash(word).wrapping_mul(count),
            _ => count * (count + 1) / 2,
        };
        total.add(Outcome { records: count, check });
    }
    total
}

#[cfg(test)]
mod tests;
