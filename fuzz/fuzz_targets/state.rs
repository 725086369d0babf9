//! State of checkpoints and savepoints: blocks of state files and keyed state in both of its formats,
//! on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    brisk_core::checkpoint::storage::exercise(bytes);
    brisk_core::checkpoint::savepoint::exercise(bytes);
    brisk_core::state::snapshot::exercise(bytes);
});
