//! Writing and reading the canonical form of keyed state.

use crate::checkpoint::handle::KeyGroupOffset;
use crate::graph::{KeyGroup, KeyGroupRange};

/// One entry of a key group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Entry<'a> {
    /// The place of its state among the schemas.
    pub state: u32,
    /// The key.
    pub key: &'a [u8],
    /// The namespace: a window, or nothing.
    pub namespace: &'a [u8],
    /// What tells the entries of one key and namespace apart; see the module's page.
    pub sub_key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

const ENTRY_HEADER_BYTES: usize = 20;
const GROUP_HEADER_BYTES: usize = 8;
const END_BYTES: usize = 12;
const END: u32 = u32::MAX;

/// What two entries must not agree in.
fn place<'a>(entry: &Entry<'a>) -> (u32, &'a [u8], &'a [u8], &'a [u8]) {
    (entry.state, entry.key, entry.namespace, entry.sub_key)
}

/// The last place of a group, kept while the next is compared with it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct LastPlace {
    any: bool,
    state: u32,
    key: Vec<u8>,
    namespace: Vec<u8>,
    sub_key: Vec<u8>,
}

impl LastPlace {
    /// Whether the entry comes behind the last one; remembers it.
    fn advance(&mut self, entry: &Entry<'_>) -> bool {
        let last = (self.state, &self.key[..], &self.namespace[..], &self.sub_key[..]);
        if self.any && last >= place(entry) {
            return false;
        }
        self.any = true;
        self.state = entry.state;
        for (kept, given) in [
            (&mut self.key, entry.key),
            (&mut self.namespace, entry.namespace),
            (&mut self.sub_key, entry.sub_key),
        ] {
            kept.clear();
            kept.extend_from_slice(given);
        }
        true
    }
}

/// Writes groups and entries, in order, to the end of a buffer that the caller empties as it likes.
#[derive(Debug)]
pub struct CanonicalEncoder {
    range: KeyGroupRange,
    states: u32,
    offsets: Vec<KeyGroupOffset>,
    /// Bytes written so far.
    written: u64,
    open: Option<u64>,
    last: LastPlace,
}

impl CanonicalEncoder {
    /// For the groups of a range and so many states.
    pub fn new(range: KeyGroupRange, states: u32) -> CanonicalEncoder {
        CanonicalEncoder {
            range,
            states,
            offsets: Vec::new(),
            written: 0,
            open: None,
            last: LastPlace::default(),
        }
    }

    /// Begins a group that has entries.
    ///
    /// # Panics
    /// When it isn't in the range or not behind the last one, or that has not ended.
    pub fn begin_group(&mut self, out: &mut Vec<u8>, group: KeyGroup) {
        assert!(self.range.contains(group), "key group {group} is none of this state's");
        assert!(self.open.is_none(), "the last group has ended");
        let behind = self.offsets.last().is_none_or(|last| last.group < group);
        assert!(behind, "key group {group} comes behind the last one");
        self.offsets.push(KeyGroupOffset { group, offset: self.written });
        self.open = Some(0);
        self.last = LastPlace::default();
        self.put(out, &[&group.0.to_le_bytes(), &[0; 4]]);
    }

    /// Adds an entry.
    ///
    /// # Panics
    /// When it isn't behind the last one, its state doesn't exist, or a part is above 4 GiB.
    pub fn entry(&mut self, out: &mut Vec<u8>, entry: &Entry<'_>) {
        assert!(entry.state < self.states, "there is no state {}", entry.state);
        assert!(self.last.advance(entry), "entries are sorted and none comes twice");
        *self.open.as_mut().expect("a group has begun") += 1;
        let len = |part: &[u8]| {
            u32::try_from(part.len()).expect("a part of an entry is below 4 GiB").to_le_bytes()
        };
        let parts = [entry.key, entry.namespace, entry.sub_key, entry.value];
        self.put(out, &[&entry.state.to_le_bytes()]);
        for part in parts {
            self.put(out, &[&len(part)]);
        }
        self.put(out, &parts);
    }

    /// Ends the group.
    ///
    /// # Panics
    /// When none has begun.
    pub fn end_group(&mut self, out: &mut Vec<u8>) {
        let entries = self.open.take().expect("a group has begun");
        self.put(out, &[&END.to_le_bytes(), &entries.to_le_bytes()]);
    }

    fn put(&mut self, out: &mut Vec<u8>, parts: &[&[u8]]) {
        for part in parts {
            out.extend_from_slice(part);
            self.written += part.len() as u64;
        }
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

/// Why bytes are not the canonical form of keyed state.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("keyed state is damaged at its byte {offset}: {what}")]
pub struct CanonicalError {
    /// Where in the state.
    pub offset: u64,
    /// What is wrong there.
    pub what: String,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decoded<'a> {
    /// Feed more bytes, or it is the end.
    NeedMore,
    /// A group begins.
    Group(KeyGroup),
    /// An entry of it.
    Entry(Entry<'a>),
    /// It ends.
    EndOfGroup,
}

/// Reads groups and entries from bytes that come in pieces of any size.
#[derive(Debug)]
pub struct CanonicalDecoder {
    range: KeyGroupRange,
    states: u32,
    /// Bytes that are left of the state, fed or not: nothing in it is longer.
    left: u64,
    offset: u64,
    bytes: Vec<u8>,
    at: usize,
    last_group: Option<KeyGroup>,
    open: Option<u64>,
    last: LastPlace,
}

impl CanonicalDecoder {
    /// For `len` bytes with groups of this range and so many states.
    pub fn new(range: KeyGroupRange, states: u32, len: u64) -> CanonicalDecoder {
        CanonicalDecoder {
            range,
            states,
            left: len,
            offset: 0,
            bytes: Vec::new(),
            at: 0,
            last_group: None,
            open: None,
            last: LastPlace::default(),
        }
    }

    /// Adds the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    fn fault<T>(&self, what: impl Into<String>) -> Result<T, CanonicalError> {
        Err(CanonicalError { offset: self.offset, what: what.into() })
    }

    fn word(&self, place: usize) -> u32 {
        let at = self.at + place;
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("four bytes"))
    }

    /// Whether so many bytes are there; an error when they never will be.
    fn has(&self, len: u64) -> Result<bool, CanonicalError> {
        if len > self.left {
            return self.fault(format!("{len} bytes are needed, but {} are left", self.left));
        }
        Ok((self.bytes.len() - self.at) as u64 >= len)
    }

    fn pass(&mut self, len: usize) {
        self.at += len;
        self.offset += len as u64;
        self.left -= len as u64;
    }

    /// The next thing.
    ///
    /// # Errors
    /// When the bytes are not those of the module's page.
    pub fn decode_next(&mut self) -> Result<Decoded<'_>, CanonicalError> {
        if self.left == 0 && self.open.is_none() {
            return Ok(Decoded::NeedMore);
        }
        match self.open {
            None => self.group(),
            Some(entries) => self.entry_or_end(entries),
        }
    }

    fn group(&mut self) -> Result<Decoded<'_>, CanonicalError> {
        if !self.has(GROUP_HEADER_BYTES as u64)? {
            return Ok(Decoded::NeedMore);
        }
        let (group, zero) = (KeyGroup(self.word(0)), self.word(4));
        let behind = self.last_group.is_none_or(|last| last < group);
        if zero != 0 || !behind || !self.range.contains(group) {
            return self.fault(format!("key group {group} is not expected here"));
        }
        self.last_group = Some(group);
        self.open = Some(0);
        self.last = LastPlace::default();
        self.pass(GROUP_HEADER_BYTES);
        Ok(Decoded::Group(group))
    }

    fn entry_or_end(&mut self, entries: u64) -> Result<Decoded<'_>, CanonicalError> {
        if !self.has(END_BYTES as u64)? {
            return Ok(Decoded::NeedMore);
        }
        let state = self.word(0);
        if state == END {
            let counted = u64::from(self.word(4)) | u64::from(self.word(8)) << 32;
            if counted != entries {
                return self.fault(format!("{entries} entries instead of {counted}"));
            }
            self.open = None;
            self.pass(END_BYTES);
            return Ok(Decoded::EndOfGroup);
        }
        if state >= self.states {
            return self.fault(format!("there is no state {state}"));
        }
        if !self.has(ENTRY_HEADER_BYTES as u64)? {
            return Ok(Decoded::NeedMore);
        }
        let lens = [4, 8, 12, 16].map(|place| self.word(place) as usize);
        let all: u64 = lens.iter().map(|len| *len as u64).sum();
        if !self.has(ENTRY_HEADER_BYTES as u64 + all)? {
            return Ok(Decoded::NeedMore);
        }
        let begin = self.at + ENTRY_HEADER_BYTES;
        let parts = begin..begin + lens.iter().sum::<usize>();
        let entry = entry_of(state, lens, &self.bytes[parts.clone()]);
        if !self.last.advance(&entry) {
            return self.fault("an entry is out of order");
        }
        self.open = Some(entries + 1);
        self.pass(ENTRY_HEADER_BYTES + parts.len());
        Ok(Decoded::Entry(entry_of(state, lens, &self.bytes[parts])))
    }

    /// Checks that the state ends here.
    ///
    /// # Errors
    /// When bytes are missing.
    pub fn finish(&self) -> Result<(), CanonicalError> {
        match (self.left, self.open) {
            (0, None) => Ok(()),
            (0, Some(_)) => self.fault("the last group does not end"),
            (left, _) => self.fault(format!("{left} bytes are missing at the end")),
        }
    }
}

fn entry_of(state: u32, lens: [usize; 4], parts: &[u8]) -> Entry<'_> {
    let (key, rest) = parts.split_at(lens[0]);
    let (namespace, rest) = rest.split_at(lens[1]);
    let (sub_key, value) = rest.split_at(lens[2]);
    Entry { state, key, namespace, sub_key, value }
}

/// Puts arbitrary bytes through the decoder, in pieces. Must return.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    let range = KeyGroupRange::new(KeyGroup(0), KeyGroup(128));
    let mut decoder = CanonicalDecoder::new(range, 3, bytes.len() as u64);
    for piece in bytes.chunks(7) {
        decoder.feed(piece);
        loop {
            match decoder.decode_next() {
                Ok(Decoded::NeedMore) => break,
                Ok(_) => {}
                Err(error) => {
                    assert!(error.offset <= bytes.len() as u64, "{error}");
                    return;
                }
            }
        }
    }
    let _ = decoder.finish();
}
