//! Random numbers for what happens outside of jobs: names, seeds, handshakes. In a simulation they
//! come from its seed instead.

use std::{collections::hash_map::RandomState, hash::BuildHasher};

use brisk_network::wire::handshake::{NONCE_BYTES, Nonce};

/// A number that nobody else draws.
pub(super) fn random_word() -> u64 {
    // Each state has keys of its own, from the system's random numbers.
    RandomState::new().hash_one(())
}

/// Random bytes that no other handshake has.
pub(super) fn fresh_nonce() -> Nonce {
    let mut nonce = [0; NONCE_BYTES];
    for word in nonce.chunks_exact_mut(size_of::<u64>()) {
        word.copy_from_slice(&random_word().to_le_bytes());
    }
    Nonce(nonce)
}
