//! How much of a segment producers fill before they send it, as the consumer says.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

/// The least limit: a header and a few small records.
pub const BUFFER_LIMIT_MIN: u32 = 256;

/// Shared by a gate's task and all who send to it. Until something is set there is no limit.
#[derive(Clone)]
pub struct BufferLimit(Arc<AtomicU32>);

impl BufferLimit {
    /// Without a limit.
    pub fn new() -> Self {
        Self(Arc::new(AtomicU32::new(u32::MAX)))
    }

    /// Has buffers that are begun from now on end at so many bytes, or where their segment does.
    pub fn set(&self, bytes: u32) {
        // Relaxed: nothing is published through it, and a buffer more or less is no matter.
        self.0.store(bytes.max(BUFFER_LIMIT_MIN), Ordering::Relaxed);
    }

    /// The limit.
    pub fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for BufferLimit {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for BufferLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BufferLimit").field(&self.get()).finish()
    }
}
