//! Both configuration files, the arguments and every value grammar, on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| brisk_memory::config::exercise(bytes));
