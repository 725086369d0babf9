//! Reading the format of checkpoints, whose bytes anybody may have written.

use crate::{
    checkpoint::savepoint::{CanonicalError, Decoded, Entry},
    graph::{KeyGroup, KeyGroupRange},
};

const GROUP_BYTES: usize = 4;
/// Bytes of a number below 2^32, and of any.
const LENGTH_BYTES_MAX: usize = 5;
const COUNT_BYTES_MAX: usize = 10;

/// Reads groups and entries from bytes that come in pieces of any size.
#[derive(Debug)]
pub struct GroupDecoder {
    range: KeyGroupRange,
    states: u32,
    /// Bytes that are left of the state, fed or not: nothing in it is longer.
    left: u64,
    offset: u64,
    bytes: Vec<u8>,
    at: usize,
    last_group: Option<KeyGroup>,
    /// Entries so far of the group that has begun.
    open: Option<u64>,
}

/// What begins with a number.
enum Item {
    Entry { state: u32, lens: [usize; 4], header: usize },
    End { entries: u64, header: usize },
}

/// Reads numbers; `None` when more bytes are needed.
struct Numbers<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Numbers<'_> {
    /// The next number, of at most `limit` bytes and at most `max`.
    fn next(&mut self, limit: usize, max: u64) -> Result<Option<u64>, &'static str> {
        let mut number = 0u128;
        for place in 0..limit {
            let Some(byte) = self.bytes.get(self.at + place) else { return Ok(None) };
            number |= u128::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                self.at += place + 1;
                let number = u64::try_from(number).ok().filter(|number| *number <= max);
                return number.map(Some).ok_or("a number is too large");
            }
        }
        Err("a number does not end")
    }

    fn length(&mut self) -> Result<Option<u64>, &'static str> {
        self.next(LENGTH_BYTES_MAX, u64::from(u32::MAX))
    }

    fn item(&mut self) -> Result<Option<Item>, &'static str> {
        let Some(first) = self.length()? else { return Ok(None) };
        let Some(state) = (first as u32).checked_sub(1) else {
            let entries = self.next(COUNT_BYTES_MAX, u64::MAX)?;
            return Ok(entries.map(|entries| Item::End { entries, header: self.at }));
        };
        let mut lens = [0; 4];
        for len in &mut lens {
            let Some(length) = self.length()? else { return Ok(None) };
            *len = length as usize;
        }
        Ok(Some(Item::Entry { state, lens, header: self.at }))
    }
}

impl GroupDecoder {
    /// For `len` bytes with groups of this range and so many states.
    pub fn new(range: KeyGroupRange, states: u32, len: u64) -> Self {
        Self {
            range,
            states,
            left: len,
            offset: 0,
            bytes: Vec::new(),
            at: 0,
            last_group: None,
            open: None,
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

    fn pass(&mut self, len: usize) {
        self.at += len;
        self.offset += len as u64;
        self.left -= len as u64;
    }

    /// Whether all that is left was fed.
    fn is_whole(&self) -> bool {
        (self.bytes.len() - self.at) as u64 >= self.left
    }

    /// Asks for more bytes, if there are any.
    fn need_more(&self) -> Result<Decoded<'_>, CanonicalError> {
        if self.is_whole() {
            return self.fault(format!("more is needed than the {} bytes left", self.left));
        }
        Ok(Decoded::NeedMore)
    }

    /// The next thing.
    ///
    /// # Errors
    /// When the bytes are not those of the module's page.
    pub fn decode_next(&mut self) -> Result<Decoded<'_>, CanonicalError> {
        if (self.bytes.len() - self.at) as u64 > self.left {
            return self.fault("there are more bytes than belong to it");
        }
        match self.open {
            None if self.left == 0 => Ok(Decoded::NeedMore),
            None => self.group(),
            Some(entries) => self.entry_or_end(entries),
        }
    }

    fn group(&mut self) -> Result<Decoded<'_>, CanonicalError> {
        let Some(group) = self.bytes[self.at..].first_chunk::<GROUP_BYTES>() else {
            return self.need_more();
        };
        let group = KeyGroup(u32::from_le_bytes(*group));
        let behind = self.last_group.is_none_or(|last| last < group);
        if !behind || !self.range.contains(group) {
            return self.fault(format!("key group {group} is not expected here"));
        }
        self.last_group = Some(group);
        self.open = Some(0);
        self.pass(GROUP_BYTES);
        Ok(Decoded::Group(group))
    }

    fn entry_or_end(&mut self, entries: u64) -> Result<Decoded<'_>, CanonicalError> {
        let item = Numbers { bytes: &self.bytes[self.at..], at: 0 }.item();
        let (state, lens, header) = match item {
            Err(what) => return self.fault(what),
            Ok(None) => return self.need_more(),
            Ok(Some(Item::End { entries: counted, header })) => {
                if counted != entries {
                    return self.fault(format!("{entries} entries instead of {counted}"));
                }
                self.open = None;
                self.pass(header);
                return Ok(Decoded::EndOfGroup);
            }
            Ok(Some(Item::Entry { state, lens, header })) => (state, lens, header),
        };
        if state >= self.states {
            return self.fault(format!("there is no state {state}"));
        }
        let all = lens.iter().map(|len| *len as u64).sum::<u64>() + header as u64;
        if all > self.left {
            return self.fault(format!("{all} bytes are needed, but {} are left", self.left));
        }
        if ((self.bytes.len() - self.at) as u64) < all {
            return Ok(Decoded::NeedMore);
        }
        let begin = self.at;
        self.open = Some(entries + 1);
        self.pass(all as usize);
        let rest = &self.bytes[begin + header..begin + all as usize];
        let (key, rest) = rest.split_at(lens[0]);
        let (namespace, rest) = rest.split_at(lens[1]);
        let (sub_key, value) = rest.split_at(lens[2]);
        Ok(Decoded::Entry(Entry { state, key, namespace, sub_key, value }))
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

/// Puts arbitrary bytes through the decoder, in pieces. Must return, with the same whatever the pieces.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    let decoded = through(bytes, 7);
    if let Ok(items) = &decoded {
        assert_eq!(through(bytes, bytes.len().max(1)).as_ref(), Ok(items), "whatever the pieces");
    }
}

/// The number of groups and of entries, and the bytes in those.
fn through(bytes: &[u8], piece: usize) -> Result<(u64, u64, u64), CanonicalError> {
    let range = KeyGroupRange::new(KeyGroup(0), KeyGroup(128));
    let mut decoder = GroupDecoder::new(range, 3, bytes.len() as u64);
    let mut seen = (0, 0, 0);
    for piece in bytes.chunks(piece) {
        decoder.feed(piece);
        loop {
            match decoder.decode_next()? {
                Decoded::NeedMore => break,
                Decoded::Group(_) => seen.0 += 1,
                Decoded::Entry(entry) => {
                    seen.1 += 1;
                    let parts = [entry.key, entry.namespace, entry.sub_key, entry.value];
                    seen.2 += parts.iter().map(|part| part.len() as u64).sum::<u64>();
                }
                Decoded::EndOfGroup => {}
            }
        }
    }
    decoder.finish().map(|()| seen)
}
