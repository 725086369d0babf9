//! A connection with channels, whose peer says any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| brisk_network::connection::exercise(bytes));
