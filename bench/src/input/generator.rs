//! What every system works on: keys, records, longs, and the functions applied to them.
//!
//! The generators and hash functions of all peers must be the same, or they are what is measured.
//! The timely peer compiles this very file; the Flink jobs carry a line-by-line port
//! (`bench/flink/Generator.java`); the golden values in the tests and in `bench/README.md` tie
//! the two together. Data plane: no allocation, everything inlines into the caller's loop.

/// Keys are uniform in `0..KEYS`.
pub const KEYS: u64 = 1_000_000;

/// The same of `checkpoint`, each of which is sent once before any comes twice.
pub const MANY_KEYS: u64 = 10_000_000;

/// The same of `rocksdb`.
pub const ROCKSDB_KEYS: u64 = 3_000_000;

/// Bytes of a record beside its key.
pub const PAYLOAD_BYTES: usize = 92;

/// Bytes of a record: key and payload.
pub const RECORD_BYTES: u64 = 8 + PAYLOAD_BYTES as u64;

/// The payload of every record; a copy of it is what makes a record cost 100 bytes.
pub const PAYLOAD: [u8; PAYLOAD_BYTES] = payload();

/// The increment of splitmix64 (2^64 divided by the golden ratio).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

const fn payload() -> [u8; PAYLOAD_BYTES] {
    let mut bytes = [0; PAYLOAD_BYTES];
    let mut at = 0;
    while at < PAYLOAD_BYTES {
        bytes[at] = at as u8;
        at += 1;
    }
    bytes
}

/// The finalizer of murmur3's 64-bit half: the hash function of all numeric workloads.
#[inline(always)]
pub const fn fmix64(value: u64) -> u64 {
    let mut x = value;
    x ^= x >> 33;
    x = x.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    x ^= x >> 33;
    x = x.wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    x ^ (x >> 33)
}

/// The sequence of keys that one source subtask sends: splitmix64, scaled to `0..KEYS` by a
/// multiplication (a remainder would cost more than the rest of the generator in Java).
#[derive(Clone, Debug)]
pub struct Keys {
    state: u64,
}

impl Keys {
    /// The sequence of source subtask `subtask`.
    pub const fn new(subtask: u64) -> Self {
        Keys { state: fmix64(subtask + 1) }
    }

    /// The next key.
    #[inline(always)]
    pub fn next_key(&mut self) -> u64 {
        self.next_of(KEYS)
    }

    /// The next key of so many.
    #[inline(always)]
    pub fn next_of(&mut self, keys: u64) -> u64 {
        ((next_of(&mut self.state) >> 32) * keys) >> 32
    }
}

/// The next number of a sequence of splitmix64.
#[inline(always)]
const fn next_of(state: &mut u64) -> u64 {
    *state = state.wrapping_add(GOLDEN);
    let mut x = *state;
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Auctions of bids are uniform in `0..AUCTIONS`.
pub const AUCTIONS: u64 = 100_000;

/// Bids of all sources together in one millisecond of event time.
pub const BIDS_PER_MS: u64 = 1_000;

/// Milliseconds of event time after which sources of bids say again how far they are.
pub const WATERMARK_MS: u64 = 100;

/// The bids that one source subtask sends: `(auction, price, time in ms)`.
#[derive(Clone, Debug)]
pub struct Bids {
    state: u64,
    /// Bids of all sources before the next one, times that rise evenly.
    at: u64,
    step: u64,
}

impl Bids {
    /// The sequence of source subtask `subtask` of `parallelism`.
    pub const fn new(subtask: u64, parallelism: u64) -> Self {
        Bids { state: fmix64(subtask + 1), at: 0, step: parallelism }
    }

    /// The next bid.
    #[inline(always)]
    pub fn next_bid(&mut self) -> (u64, u64, u64) {
        let x = next_of(&mut self.state);
        let time = self.at / BIDS_PER_MS;
        self.at += self.step;
        (((x >> 32) * AUCTIONS) >> 32, x & 0xF_FFFF, time)
    }
}

/// The part of one auction's window in the check of `windows`.
#[inline(always)]
pub const fn window_check(auction: u64, count: u64, max: u64) -> u64 {
    fmix64(auction << 44 ^ max << 24 ^ count)
}

/// How many of `total` records source subtask `subtask` of `parallelism` sends.
pub const fn share(total: u64, subtask: u64, parallelism: u64) -> u64 {
    total / parallelism + (subtask < total % parallelism) as u64
}

/// The first map of `chain`.
#[inline(always)]
pub const fn chain_first(value: u64) -> u64 {
    value.wrapping_mul(GOLDEN)
}

/// The filter of `chain`: seven of eight values pass.
#[inline(always)]
pub const fn chain_keep(value: u64) -> bool {
    value >> 61 != 0
}

/// The second map of `chain`.
#[inline(always)]
pub const fn chain_second(value: u64) -> u64 {
    value ^ (value >> 32)
}

#[cfg(test)]
#[path = "generator/tests.rs"]
mod tests;
