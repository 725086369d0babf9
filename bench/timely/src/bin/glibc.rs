//! The timely peer with glibc's allocator.

fn main() {
    brisk_bench_timely::main();
}
