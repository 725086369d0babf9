//! The allocator of the examples: it counts, so that a job that takes too much heap fails with an
//! error that names who holds it.

use brisk::memory::heap::CountingAllocator;

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator::system();
