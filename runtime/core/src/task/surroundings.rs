//! The parts of a worker that tasks are built into, and how much memory each of them may use.

use brisk_memory::{Arena, LaneOptions, SegmentCount, driver::DriverError};
use brisk_network::{
    DebloatOptions, Delivery, GateAddress, LocalPort, PeerPort, flow::ShareOptions,
    remote::Transport,
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    rc::Rc,
    task::Waker,
};

use super::WorkerId;
use crate::checkpoint::storage::Disk;

/// How many segments beyond one per subpartition a partition would like: two per
/// subpartition and eight floating, as Flink's defaults have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferQuota {
    /// `taskmanager.network.memory.buffers-per-channel`
    pub per_channel: u32,
    /// `taskmanager.network.memory.floating-buffers-per-gate`
    pub floating: u32,
    /// `taskmanager.network.memory.max-buffers-per-channel`
    pub per_channel_max: u32,
    /// `taskmanager.network.memory.max-overdraft-buffers-per-gate`
    pub overdraft: u32,
    /// `taskmanager.network.memory.buffer-debloat`; `None` for whole segments.
    pub debloat: Option<DebloatOptions>,
}

impl BufferQuota {
    /// Segments that a partition of `builders` open buffers needs to make progress.
    pub fn required(builders: u32) -> u32 {
        builders + 1
    }

    /// Segments that it may use.
    pub fn max(&self, builders: u32) -> u32 {
        let wanted = self.per_channel.saturating_mul(builders).saturating_add(self.floating);
        wanted.max(Self::required(builders))
    }

    /// How a gate's segments are shared among its channels from other processes.
    pub fn shares(&self) -> ShareOptions {
        ShareOptions { exclusive: self.per_channel, floating: self.floating }
    }

    /// Segments that so many channels from other processes need to make progress: each its own, or
    /// one for all.
    pub fn required_in(&self, channels: u32) -> u32 {
        if channels == 0 { 0 } else { self.per_channel.saturating_mul(channels).max(1) }
    }

    /// What each subpartition may have out; a broadcast is one for all.
    pub(super) fn lanes(&self, builders: u32) -> LaneOptions {
        LaneOptions { count: builders, segments_max: SegmentCount(self.per_channel_max) }
    }
}

/// The parts of a worker that tasks are connected to.
pub(crate) struct Surroundings {
    pub(crate) arena: Arena,
    pub(crate) quota: BufferQuota,
    pub(crate) id: WorkerId,
    pub(crate) gates: RefCell<HashMap<GateAddress, LocalPort>>,
    /// In order, so that a simulation does the same with the same seed.
    pub(crate) peers: RefCell<BTreeMap<WorkerId, Rc<PeerPort>>>,
    pub(crate) doorbell_waker: Waker,
    pub(crate) open_disk: OpenDisk,
    /// The way to other processes, if there are any.
    pub(crate) transport: Option<RefCell<Transport>>,
}

/// Opens a disk for reading state, when a task starts.
pub type OpenDisk = Box<dyn Fn() -> Result<Disk, DriverError>>;

impl Surroundings {
    /// Hands a delivery to its gate; if that is gone, the buffer is dropped and so
    /// returned.
    pub(crate) fn deliver(&self, delivery: Delivery) {
        if let Some(gate) = self.gates.borrow().get(&delivery.gate) {
            gate.borrow_mut().deliver(delivery.channel, delivery.item);
        }
    }
}
