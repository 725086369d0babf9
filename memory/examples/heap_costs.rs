//! Prints what counting costs: `cargo run --release -p brisk-memory --example heap_costs`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;

use brisk_memory::heap::CountingAllocator;

const ROUNDS: usize = 5;
const TURNS: usize = 10_000_000;

static COUNTING: CountingAllocator = CountingAllocator::system();

/// What this thread has run, so that neighbours on the machine do not count.
fn cpu_ns() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(f64::NAN)
}

#[expect(unsafe_code, reason = "calls allocators by hand")]
fn allocate_and_free(allocator: &impl GlobalAlloc, bytes: usize) -> f64 {
    let layout = Layout::from_size_align(black_box(bytes), 8).expect("a legal layout");
    let start = cpu_ns();
    for _ in 0..TURNS {
        // SAFETY: the layout is not empty.
        let memory = unsafe { allocator.alloc(layout) };
        // SAFETY: just allocated with this layout.
        unsafe { allocator.dealloc(black_box(memory), layout) };
    }
    (cpu_ns() - start) / TURNS as f64
}

fn main() {
    for _ in 0..ROUNDS {
        for bytes in [16, 200, 4000] {
            let plain = allocate_and_free(&System, bytes);
            let counted = allocate_and_free(&COUNTING, bytes);
            println!(
                "allocate and free {bytes} bytes: {plain:.1} ns, counted {counted:.1} ns, \
                 so counting costs {:.1} ns per call",
                (counted - plain) / 2.0
            );
        }
    }
}
