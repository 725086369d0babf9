//! Hand-over of one cache line between two cores: there and back.

use crate::workload::Scale;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

/// Seconds for a cache line to go to the other core and come back.
pub(super) fn seconds(scale: Scale) -> f64 {
    let rounds: u64 = match scale {
        Scale::Full => 1_000_000,
        Scale::Tiny => 100,
    };
    let ball = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            pin(1);
            for round in 0..rounds {
                wait_for(&ball, 2 * round + 1);
                // Release: partner is the Acquire in `wait_for` of the other thread.
                ball.store(2 * round + 2, Ordering::Release);
            }
        });
        let server = scope.spawn(|| {
            pin(0);
            let start = Instant::now();
            for round in 0..rounds {
                // Release: partner is the Acquire in `wait_for` of the other thread.
                ball.store(2 * round + 1, Ordering::Release);
                wait_for(&ball, 2 * round + 2);
            }
            start.elapsed().as_secs_f64() / rounds as f64
        });
        server.join().expect("playing ball doesn't panic")
    })
}

/// Spins until the value is there; yields now and then, in case the other thread has no core.
fn wait_for(ball: &AtomicU64, value: u64) {
    let mut spins = 0u32;
    // Acquire: partner is the Release store of the other thread.
    while ball.load(Ordering::Acquire) != value {
        spins += 1;
        if spins.is_multiple_of(10_000) {
            thread::yield_now();
        }
        spin_loop();
    }
}

/// Pins the thread to a core; on a machine that refuses, the figure is what the scheduler makes.
fn pin(core: usize) {
    if let Some(id) = core_affinity::get_core_ids().and_then(|ids| ids.get(core).copied()) {
        core_affinity::set_for_current(id);
    }
}
