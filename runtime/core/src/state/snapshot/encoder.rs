//! Writing the format of checkpoints; the bytes are on the module's page.

use crate::{
    checkpoint::{handle::KeyGroupOffset, savepoint::Entry},
    graph::KeyGroup,
};

/// Writes groups in order, and their entries in any, to the end of a buffer that the caller empties as
/// it likes.
#[derive(Debug, Default)]
pub struct GroupEncoder {
    offsets: Vec<KeyGroupOffset>,
    /// Bytes written so far.
    written: u64,
    /// Entries of the group that has begun.
    open: Option<u64>,
}

/// A variable-length number.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The length of a part of an entry.
fn length(part: &[u8]) -> u64 {
    let length = u32::try_from(part.len()).expect("a part of an entry is below 4 GiB");
    u64::from(length)
}

impl GroupEncoder {
    /// Nothing written yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a group.
    ///
    /// # Panics
    /// When it isn't behind the last one, or that has not ended.
    pub fn begin_group(&mut self, out: &mut Vec<u8>, group: KeyGroup) {
        assert!(self.open.is_none(), "the last group has ended");
        let behind = self.offsets.last().is_none_or(|last| last.group < group);
        assert!(behind, "key group {group} comes behind the last one");
        self.offsets.push(KeyGroupOffset { group, offset: self.written });
        self.open = Some(0);
        out.extend_from_slice(&group.0.to_le_bytes());
        self.written += 4;
    }

    /// Adds an entry.
    ///
    /// # Panics
    /// When no group has begun, or a part is above 4 GiB.
    pub fn entry(&mut self, out: &mut Vec<u8>, entry: &Entry<'_>) {
        *self.open.as_mut().expect("a group has begun") += 1;
        let before = out.len();
        let parts = [entry.key, entry.namespace, entry.sub_key, entry.value];
        let [key, namespace, sub_key, value] = parts.map(length);
        let numbers = [u64::from(entry.state) + 1, key, namespace, sub_key, value];
        if numbers.iter().all(|number| *number < 0x80) {
            // As most are: a byte each.
            out.extend_from_slice(&numbers.map(|number| number as u8));
        } else {
            numbers.iter().for_each(|number| put_number(out, *number));
        }
        parts.iter().for_each(|part| out.extend_from_slice(part));
        self.written += (out.len() - before) as u64;
    }

    /// Ends the group.
    ///
    /// # Panics
    /// When none has begun.
    pub fn end_group(&mut self, out: &mut Vec<u8>) {
        let entries = self.open.take().expect("a group has begun");
        let before = out.len();
        put_number(out, 0);
        put_number(out, entries);
        self.written += (out.len() - before) as u64;
    }

    /// Where each group began, for the handle.
    ///
    /// # Panics
    /// When a group has not ended.
    pub fn finish(self) -> Vec<KeyGroupOffset> {
        assert!(self.open.is_none(), "every group has ended");
        self.offsets
    }
}
