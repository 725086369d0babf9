//! Segments that are read with a log of what has changed in them since.

use super::{
    super::damaged,
    contents::{Contents, StoredPart},
};
use crate::{
    error::TaskError,
    state::table::{PartKind, replay},
};

/// Bytes of segments that are kept while the log is gone over; once for each so many.
const WAITING_BYTES: usize = if cfg!(test) { 40 << 10 } else { 256 << 20 };

/// Numbers of segments, which are counted from 0, are below this: 64 GiB of the smallest.
const NUMBERS: u32 = 1 << 24;

/// Stands for no segment that waits.
const NOT_HERE: u32 = u32::MAX;

/// Segments on which the log is to be replayed.
pub(super) struct Replayed {
    /// Of the log, oldest first.
    log: Vec<StoredPart>,
    segment_bytes: usize,
    waiting: Vec<(StoredPart, Vec<u8>)>,
    /// By number: which of those.
    places: Vec<u32>,
}

/// What a segment or a part of the log is read with.
pub(super) type Read<'a> = dyn FnMut(&StoredPart) -> Result<Vec<u8>, TaskError> + 'a;

impl Replayed {
    /// Of the log in these contents.
    pub(super) fn new(contents: &Contents) -> Self {
        let is_log = |part: &&StoredPart| matches!(part.kind, PartKind::Changes { .. });
        let mut log: Vec<StoredPart> = contents.parts.iter().filter(is_log).copied().collect();
        log.sort_by_key(|part| (std::cmp::Reverse(part.age), part.number));
        let (waiting, places) = (Vec::new(), Vec::new());
        Self { log, segment_bytes: contents.segment_bytes, waiting, places }
    }

    /// Whether the log may have something of a segment in which values lie.
    pub(super) fn concerns(&self, part: &StoredPart) -> bool {
        self.log.last().is_some_and(|latest| latest.age < part.age)
    }

    /// Takes a segment; true if it is time to go over the log.
    ///
    /// # Errors
    /// If there can't be one of this number.
    pub(super) fn wait(&mut self, part: StoredPart, bytes: Vec<u8>) -> Result<bool, TaskError> {
        if part.number >= NUMBERS {
            return Err(damaged(format!("a segment has the number {}", part.number)));
        }
        let number = part.number as usize;
        if self.places.len() <= number {
            self.places.resize(number + 1, NOT_HERE);
        }
        self.places[number] = self.waiting.len() as u32;
        self.waiting.push((part, bytes));
        Ok(self.waiting.len() * self.segment_bytes >= WAITING_BYTES)
    }

    /// The segments that wait, as they are with the log.
    ///
    /// # Errors
    /// If that can't be read, or is not what was written.
    pub(super) fn go_over(
        &mut self,
        read: &mut Read<'_>,
    ) -> Result<Vec<(StoredPart, Vec<u8>)>, TaskError> {
        let Self { log, segment_bytes, waiting, places } = self;
        let oldest = waiting.iter().map(|(part, _)| part.age).max().unwrap_or(0);
        for changes in log.iter().filter(|changes| changes.age < oldest) {
            let PartKind::Changes { used } = changes.kind else { unreachable!("it is a log") };
            let bytes = read(changes)?;
            replay(&bytes[..used as usize], *segment_bytes, |number, from, words| {
                let place = places.get(number as usize).copied().unwrap_or(NOT_HERE);
                if let Some((part, bytes)) = waiting.get_mut(place as usize)
                    && changes.age < part.age
                {
                    bytes[from..from + words.len()].copy_from_slice(words);
                }
            })?;
        }
        for (part, _) in &*waiting {
            places[part.number as usize] = NOT_HERE;
        }
        Ok(std::mem::take(waiting))
    }
}
