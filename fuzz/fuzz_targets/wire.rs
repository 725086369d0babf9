//! A stream of frames from another process, on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| brisk_network::wire::exercise(bytes));
