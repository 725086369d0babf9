//! Copy bandwidth: how fast memory that is in no cache can be copied.

use crate::workload::Scale;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

/// Copies of one measurement.
const REPEATS: usize = 4;

/// Bytes copied per second by `cores` threads together (read once, written once).
pub(super) fn bytes_per_second(cores: usize, scale: Scale) -> f64 {
    let bytes = match scale {
        Scale::Full => 256 << 20,
        Scale::Tiny => 1 << 20,
    };
    let start_line = Barrier::new(cores + 1);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                // Written before the clock starts, so that no page is touched first inside.
                let source = vec![1u8; bytes];
                let mut target = vec![2u8; bytes];
                start_line.wait();
                for _ in 0..REPEATS {
                    target.copy_from_slice(black_box(&source));
                    black_box(&target);
                }
                start_line.wait();
            });
        }
        start_line.wait();
        let start = Instant::now();
        start_line.wait();
        (cores * REPEATS * bytes) as f64 / start.elapsed().as_secs_f64()
    })
}
