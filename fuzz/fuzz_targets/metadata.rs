//! The metadata of a checkpoint, whole and section by section, on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| brisk_core::checkpoint::metadata::exercise(bytes));
