//! The check of buffers that others wrote, and the walk over those that pass, on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| brisk_network::frame::exercise(bytes));
