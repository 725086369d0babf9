//! From a file to the end of a chain, and from there to a file, nothing is allocated per record.
#![expect(unsafe_code, reason = "a counting allocator")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brisk_connect::{TextSink, TextSource, WriteMode};
use brisk_core::api::StreamExecutionEnvironment;
use brisk_core::job::MiniCluster;
use brisk_memory::config::Configuration;

struct Counting;

/// Only differences between moments at which no job runs are looked at, so relaxed is enough.
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on as it is to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: as `System` does, which is asked.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: as `System` does, which is asked.
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; all memory came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of a job that reads `lines` lines and writes their lengths.
fn allocations(cluster: &Arc<MiniCluster>, folder: &Path, lines: usize) -> u64 {
    let input = folder.join("input.txt");
    let content: String = (0..lines).map(|line| format!("line {line} of some text\n")).collect();
    std::fs::write(&input, content).unwrap();
    let env = StreamExecutionEnvironment::with_configuration(Configuration::new()).unwrap();
    let env = env.on_cluster(Arc::clone(cluster));
    env.set_parallelism(2);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let source = TextSource::new([input]).map_lines(|line| line.len() as u64);
    let sink = TextSink::new(folder.join("out")).write_mode(WriteMode::Overwrite);
    env.from_source(source, "Files").map(|length| length + 1).sink_to(sink);
    env.execute("lengths").unwrap();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

#[test]
fn no_allocation_per_record() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = MiniCluster::start(&Configuration::new(), NonZeroU32::new(2).unwrap()).unwrap();
    allocations(&cluster, dir.path(), 10_000);
    let few = allocations(&cluster, dir.path(), 100_000);
    let many = allocations(&cluster, dir.path(), 1_100_000);
    // A million records more are some 60 chunks and blocks more, each with a few allocations in the
    // driver.
    assert!(many < few + 2000, "{few} allocations, then {many}");
}
