//! The hash of keys: it decides key group and table slot, so it is the same in
//! every process, on every machine and in every run.
//!
//! A 64-bit state is folded with each word by a widening multiplication whose
//! halves are xored, the construction of wyhash and its descendants (Wang Yi,
//! <https://github.com/wangyi-fudan/wyhash>).

use std::hash::{Hash, Hasher};

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const WORD: u64 = 0xe703_7ed1_a0b4_28db;
const LAST: u64 = 0x8ebc_6af0_9c88_c6e3;

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The 32-bit hash of a key. Its high bits choose the key group, its low bits a
/// slot of the table.
#[inline(always)]
pub fn key_hash<K: Hash + ?Sized>(key: &K) -> u32 {
    let mut hasher = KeyHasher::new();
    key.hash(&mut hasher);
    (hasher.finish() >> 32) as u32
}

/// A fast deterministic hasher for keys; not for keys chosen by an attacker who
/// wants collisions.
#[derive(Clone, Copy, Debug)]
pub struct KeyHasher {
    state: u64,
}

impl KeyHasher {
    /// A hasher in its one initial state.
    #[inline(always)]
    pub fn new() -> Self {
        Self { state: SEED }
    }
}

impl Default for KeyHasher {
    fn default() -> Self {
        Self::new()
    }
}

#[inline(always)]
fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("eight bytes were sliced"))
}

#[inline(always)]
fn half(bytes: &[u8]) -> u64 {
    u64::from(u32::from_le_bytes(bytes.try_into().expect("four bytes were sliced")))
}

impl Hasher for KeyHasher {
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) {
        let length = bytes.len();
        let mut rest = bytes;
        while rest.len() > 16 {
            self.state = fold(self.state ^ word(&rest[..8]), WORD ^ word(&rest[8..16]));
            rest = &rest[16..];
        }
        // The last 1-16 bytes as two words that may overlap.
        let (a, b) = match rest.len() {
            8.. => (word(&rest[..8]), word(&rest[rest.len() - 8..])),
            4..8 => (half(&rest[..4]), half(&rest[rest.len() - 4..])),
            1..4 => {
                let middle = rest[rest.len() / 2];
                let ends = u64::from(rest[0]) << 16 | u64::from(rest[rest.len() - 1]);
                (ends | u64::from(middle) << 8, 0)
            }
            0 => (0, 0),
        };
        self.state = fold(self.state ^ a, WORD ^ b ^ ((length as u64) << 56));
    }

    #[inline(always)]
    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    #[inline(always)]
    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    #[inline(always)]
    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    #[inline(always)]
    fn write_u64(&mut self, value: u64) {
        self.state = fold(self.state ^ value, WORD);
    }

    #[inline(always)]
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    #[inline(always)]
    fn finish(&self) -> u64 {
        fold(self.state, LAST)
    }
}
