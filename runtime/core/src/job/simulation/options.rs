//! What a simulated cluster is made of.

use brisk_memory::{SegmentCount, SegmentSize, driver::SimulatedWorld};
use std::{num::NonZeroU32, time::Duration};

use crate::{task::BufferQuota, worker::TurnLimits};

/// How a simulated cluster is made.
#[derive(Clone, Copy, Debug)]
pub struct SimulationOptions {
    /// Workers, all on the calling thread.
    pub workers: NonZeroU32,
    /// The size of segments.
    pub segment_size: SegmentSize,
    /// Segments of the network memory.
    pub segments: SegmentCount,
    /// Segments of the managed memory.
    pub managed: SegmentCount,
    /// How many of them an output may use.
    pub quota: BufferQuota,
    /// How much workers do at a time.
    pub limits: TurnLimits,
    /// The longest that a record waits in an open buffer.
    pub buffer_timeout: Option<Duration>,
    /// Keep most segments from jobs: each gets the least it needs, and by a draw some more.
    pub scarce: bool,
}

impl SimulationOptions {
    /// Small ones, so that much happens in little time.
    pub(super) fn drawn_from(world: &SimulatedWorld) -> Self {
        let one_to = |most| 1 + world.below(most);
        let workers = NonZeroU32::new(one_to(4) as u32).expect("one and more");
        let segment_bytes = if world.below(4) == 0 { 8192 } else { 4096 };
        let quantum_first = one_to(64) as usize;
        Self {
            workers,
            segment_size: SegmentSize::new(segment_bytes).expect("a legal size"),
            segments: SegmentCount(512),
            managed: SegmentCount(4096),
            quota: BufferQuota {
                per_channel: one_to(3) as u32,
                floating: world.below(5) as u32,
                per_channel_max: one_to(6) as u32,
                overdraft: world.below(4) as u32,
                debloat: None,
            },
            limits: TurnLimits {
                mailbox: 2 << world.below(6),
                quantum_first,
                quantum_max: quantum_first << world.below(5),
            },
            buffer_timeout: match world.below(3) {
                0 => None,
                1 => Some(Duration::ZERO),
                _ => Some(Duration::from_nanos(one_to(2_000_000))),
            },
            scarce: world.below(4) > 0,
        }
    }
}
