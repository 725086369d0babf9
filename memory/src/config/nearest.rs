//! The key that somebody meant who wrote one that does not exist.
//!
//! Unknown keys are legal: Flink has many that mean nothing here, and programs have their own. Only
//! one that is a slip of the hand away from a key of ours is worth a word.

use super::options;

/// Letters that may be wrong, missing, too many, or swapped with their neighbour.
const SLIPS_MAX: usize = 2;

/// The known key that `key` is a slip away from; `None` if it is known itself, or like none.
pub(super) fn meant_by(key: &str) -> Option<&'static str> {
    let mut known = Vec::new();
    for option in options::all() {
        known.push(option.key);
        known.extend(option.deprecated.iter().chain(option.fallback));
    }
    // What begins with a key and a dot is an entry of a map.
    let is_of = |name: &str| {
        key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if known.iter().any(|name| is_of(name)) {
        return None;
    }
    let near = known.into_iter().map(|name| (slips(key.as_bytes(), name.as_bytes()), name));
    near.filter(|(slips, _)| *slips <= SLIPS_MAX).min().map(|(_, name)| name)
}

/// How many slips lie between two words: the distance of Damerau and Levenshtein, in which no letter
/// is changed twice; more than [`SLIPS_MAX`] if their lengths say so already.
fn slips(one: &[u8], other: &[u8]) -> usize {
    if one.len().abs_diff(other.len()) > SLIPS_MAX {
        return SLIPS_MAX + 1;
    }
    // A row for each prefix of `one`, of which the last two are needed; a column for each of `other`.
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut row = vec![at + 1];
        for (to, wanted) in other.iter().enumerate() {
            let changed = last[to] + usize::from(letter != wanted);
            let mut least = changed.min(last[to + 1] + 1).min(row[to] + 1);
            let is_swap = at > 0 && to > 0 && *letter == other[to - 1] && one[at - 1] == *wanted;
            if is_swap {
                least = least.min(before[to - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests;
