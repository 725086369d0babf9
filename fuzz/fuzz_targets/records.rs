//! The check of records that others wrote, and the reading of those that pass, on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| brisk_core::record::exercise(bytes));
