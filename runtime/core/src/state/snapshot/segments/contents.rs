//! The table of contents; its bytes are on the module's page.

use crate::{
    checkpoint::{savepoint::CanonicalError, storage::segments::StoredSegment},
    state::{snapshot::encoder::put_number, table::PartKind},
};

const MAGIC: &[u8; 4] = b"BSEG";
/// Without and with a log of changes.
const PLAIN: u8 = 1;
const LOGGED: u8 = 2;
const ENTRIES: u8 = 64;
const PART_OF_LONG: u8 = 65;
const CHANGES: u8 = 66;
/// The largest and the smallest segments there are.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 4096..=1 << 20;
/// A part takes at least so many bytes, which bounds what is allocated for them.
const PART_BYTES_MIN: usize = 9;

/// One segment and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoredPart {
    pub(crate) kind: PartKind,
    pub(crate) number: u32,
    /// How many versions before the contents' own it was frozen; of no meaning where there is no log.
    pub(crate) age: u64,
    /// Which of the files.
    pub(crate) file: u32,
    pub(crate) at: StoredSegment,
}

/// All segments of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) segment_bytes: usize,
    pub(crate) files: usize,
    /// Buckets first, by number; then those of the log, by number; then the log of changes, in order.
    pub(crate) parts: Vec<StoredPart>,
}

/// Which kinds come before others.
pub(super) fn order(kind: PartKind) -> usize {
    match kind {
        PartKind::Bucket { .. } => 0,
        PartKind::Entries { .. } | PartKind::PartOfLong => 1,
        PartKind::Changes { .. } => 2,
    }
}

/// Writes contents part by part.
#[derive(Debug)]
pub(super) struct ContentsEncoder {
    segment_bytes: usize,
    has_log: bool,
    last: Option<(usize, u32)>,
    /// By file.
    ends: Vec<u64>,
}

impl ContentsEncoder {
    /// Writes what comes before the parts.
    pub(super) fn begin(
        out: &mut Vec<u8>,
        segment_bytes: usize,
        files: usize,
        counts: [usize; 3],
    ) -> Self {
        let has_log = counts[2] > 0;
        out.extend_from_slice(MAGIC);
        out.push(if has_log { LOGGED } else { PLAIN });
        for number in [segment_bytes, files, counts[0], counts[1]] {
            put_number(out, number as u64);
        }
        if has_log {
            put_number(out, counts[2] as u64);
        }
        Self { segment_bytes, has_log, last: None, ends: vec![0; files] }
    }

    pub(super) fn part(&mut self, out: &mut Vec<u8>, part: &StoredPart) {
        let StoredPart { kind, number, age, file, at } = part;
        let list = order(*kind);
        let next = self.last.filter(|(of, _)| *of == list).map_or(0, |(_, last)| last + 1);
        put_number(out, u64::from(number - next));
        self.last = Some((list, *number));
        match kind {
            PartKind::Bucket { first_hash, open_bits } => {
                out.push(*open_bits);
                out.extend_from_slice(&first_hash.to_le_bytes());
            }
            PartKind::Entries { used } => {
                out.push(ENTRIES);
                put_number(out, u64::from(*used));
            }
            PartKind::PartOfLong => out.push(PART_OF_LONG),
            PartKind::Changes { used } => {
                out.push(CHANGES);
                put_number(out, u64::from(*used));
            }
        }
        if self.has_log {
            put_number(out, *age);
        }
        put_number(out, u64::from(*file));
        let end = &mut self.ends[*file as usize];
        match at.offset.checked_sub(*end) {
            Some(gap) => put_number(out, gap + 1),
            None => {
                put_number(out, 0);
                put_number(out, at.offset);
            }
        }
        *end = at.offset + u64::from(at.len);
        put_number(out, self.segment_bytes as u64 - u64::from(at.len));
        out.extend_from_slice(&at.checksum.to_le_bytes());
    }
}

struct Bytes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bytes<'_> {
    fn fault<T>(&self, what: impl Into<String>) -> Result<T, CanonicalError> {
        let what = format!("table of contents: {}", what.into());
        Err(CanonicalError { offset: self.at as u64, what })
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], CanonicalError> {
        match self.bytes[self.at..].first_chunk::<N>() {
            Some(taken) => {
                self.at += N;
                Ok(*taken)
            }
            None => self.fault("it ends too early"),
        }
    }

    fn number(&mut self, max: u64) -> Result<u64, CanonicalError> {
        let mut number = 0u128;
        for place in 0..10 {
            let [byte] = self.take()?;
            number |= u128::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                let number = u64::try_from(number).ok().filter(|number| *number <= max);
                return number.map_or_else(|| self.fault("a number is too large"), Ok);
            }
        }
        self.fault("a number does not end")
    }
}

impl Contents {
    /// Reads what anybody may have written.
    ///
    /// # Errors
    /// When the bytes are not those of the module's page.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CanonicalError> {
        let mut bytes = Bytes { bytes, at: 0 };
        if bytes.take::<{ MAGIC.len() }>()? != *MAGIC {
            return bytes.fault("it does not begin as one");
        }
        let has_log = match bytes.take()? {
            [PLAIN] => false,
            [LOGGED] => true,
            [other] => return bytes.fault(format!("version {other} is not known")),
        };
        let segment_bytes = bytes.number(*SEGMENT_BYTES.end())?;
        if !segment_bytes.is_power_of_two() || !SEGMENT_BYTES.contains(&segment_bytes) {
            return bytes.fault(format!("segments of {segment_bytes} bytes"));
        }
        let most = (bytes.bytes.len() - bytes.at) as u64;
        let files = bytes.number(most)? as usize;
        let mut counts = [bytes.number(most)? as usize, bytes.number(most)? as usize, 0];
        if has_log {
            counts[2] = bytes.number(most)? as usize;
        }
        let total: usize = counts.iter().sum();
        if total * PART_BYTES_MIN > bytes.bytes.len() {
            return bytes.fault(format!("{counts:?} segments do not fit into it"));
        }
        if files > total {
            return bytes.fault(format!("{files} files for {total} segments"));
        }
        if has_log && counts[2] == 0 {
            return bytes.fault("it is of a kind with a log and has none");
        }
        let mut parts = Vec::with_capacity(total);
        let mut places = Places { segment_bytes, has_log, ends: vec![0; files] };
        for (list, count) in counts.into_iter().enumerate() {
            let mut next = 0;
            for _ in 0..count {
                let part = bytes.part(next, &mut places)?;
                if order(part.kind) != list {
                    return bytes.fault("a segment is not of its kind");
                }
                next = u64::from(part.number) + 1;
                parts.push(part);
            }
        }
        match bytes.at == bytes.bytes.len() {
            true => Ok(Self { segment_bytes: segment_bytes as usize, files, parts }),
            false => bytes.fault("more follows than belongs to it"),
        }
    }
}

/// What is known of parts before one is read.
struct Places {
    segment_bytes: u64,
    has_log: bool,
    /// By file: where the last part ended.
    ends: Vec<u64>,
}

impl Bytes<'_> {
    fn part(&mut self, next: u64, places: &mut Places) -> Result<StoredPart, CanonicalError> {
        let Places { segment_bytes, has_log, ends } = places;
        let segment_bytes = *segment_bytes;
        let Ok(number) = u32::try_from(next + self.number(u64::from(u32::MAX))?) else {
            return self.fault("a segment's number is too large");
        };
        let [kind] = self.take()?;
        let kind = match kind {
            0..=32 => {
                PartKind::Bucket { first_hash: u32::from_le_bytes(self.take()?), open_bits: kind }
            }
            ENTRIES => PartKind::Entries { used: self.number(segment_bytes)? as u32 },
            PART_OF_LONG => PartKind::PartOfLong,
            CHANGES => PartKind::Changes { used: self.number(segment_bytes)? as u32 },
            other => return self.fault(format!("{other} stands for no kind of segment")),
        };
        let age = if *has_log { self.number(u64::MAX)? } else { 0 };
        let file = self.number(u64::from(u32::MAX))?;
        let Some(end) = ends.get_mut(file as usize) else {
            return self.fault(format!("there is no file {file}"));
        };
        let offset = match self.number(u64::MAX)? {
            0 => self.number(u64::MAX)?,
            gap => match end.checked_add(gap - 1) {
                Some(offset) => offset,
                None => return self.fault("a segment lies behind all files"),
            },
        };
        let len = segment_bytes - self.number(segment_bytes)?;
        let Some(behind) = offset.checked_add(len) else {
            return self.fault("a segment lies behind all files");
        };
        *end = behind;
        let checksum = u32::from_le_bytes(self.take()?);
        let at = StoredSegment { offset, len: len as u32, checksum };
        Ok(StoredPart { kind, number, age, file: file as u32, at })
    }
}

/// Puts arbitrary bytes through the decoder, and what it makes of them back.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    let Ok(contents) = Contents::decode(bytes) else { return };
    let encoded = contents.encode();
    let again = Contents::decode(&encoded).expect("what was read can be written");
    assert_eq!(again, contents);
}

impl Contents {
    /// The bytes of the module's page.
    pub(super) fn encode(&self) -> Vec<u8> {
        let count = |list| self.parts.iter().filter(|part| order(part.kind) == list).count();
        let counts = [count(0), count(1), count(2)];
        let mut out = Vec::new();
        let mut encoder = ContentsEncoder::begin(&mut out, self.segment_bytes, self.files, counts);
        self.parts.iter().for_each(|part| encoder.part(&mut out, part));
        out
    }
}
