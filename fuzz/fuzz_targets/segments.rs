//! Keyed state as segments: the table of contents, and entries in segments, on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    brisk_core::state::snapshot::exercise_contents(bytes);
    brisk_core::state::snapshot::exercise_segments(bytes);
});
