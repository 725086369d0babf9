//! Result partitions, input gates and channels, in bytes.
//!
//! What this crate owns: the layout of records in a buffer ([`frame`]), the
//! producing side of an exchange ([`ResultPartition`]), the consuming side
//! ([`InputGate`]), the mailbox that carries buffers from one worker thread to
//! another ([`mailbox()`], [`Port`]), how inputs agree on a checkpoint ([`barrier`]), and
//! what processes say to each other: the protocol ([`wire`]), flow control ([`flow`]),
//! many channels over one connection ([`connection`]), the transport that carries them out
//! over TCP ([`remote`]), and TLS as a transformer of bytes (`tls`, a feature).
//!
//! Invariants:
//! - A buffer is in exactly one place: open in a builder, under way in a
//!   mailbox, queued in a gate, or held by a reader. Within a process its return to
//!   the pool that lent it is the producer's credit; between processes credits are
//!   counted ([`flow`]).
//! - Order is kept per channel.
//! - Scarcity is a value ([`Room`]), never an error, and never blocks a thread.
//!
//! Thread: everything but [`MailboxSender`] belongs to one worker.
//!
//! Deliberately absent: record types (bytes only). Only [`remote`] does I/O, through the
//! worker's driver; all else is pure.

pub mod barrier;
pub mod connection;
pub mod flow;
pub mod frame;
pub mod remote;
#[cfg(feature = "tls")]
pub mod tls;
pub mod wire;

mod builder;
mod gate;
mod limit;
mod mailbox;
mod partition;
mod port;
mod sync;

pub use builder::BufferBuilder;
pub use gate::{
    DebloatOptions, Debloater, GateStats, InputGate, Observed, Polled, ReadyList, Signal,
};
pub use limit::{BUFFER_LIMIT_MIN, BufferLimit};
pub use mailbox::{MailboxReceiver, MailboxSender, mailbox};
pub use partition::{
    CapturedOutput, Outgoing, PartitionOptions, PartitionStats, ResultPartition, Room,
    WaitingRecord,
};
pub use port::{Delivery, GateAddress, LocalPort, PeerPort, Port};

use barrier::{CheckpointBarrier, CheckpointId};
use brisk_memory::Buffer;

/// Number of a channel within its gate, or of a subpartition within its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelIndex(pub u32);

impl ChannelIndex {
    /// The index as a position in a slice.
    #[inline]
    pub fn position(self) -> usize {
        self.0 as usize
    }
}

/// What travels in a channel, in band and in order.
#[derive(Debug)]
pub enum Item {
    /// Records, framed as [`frame`] says.
    Buffer(Buffer),
    /// Something that is not data.
    Event(Event),
}

/// What a producer tells all consumers of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The producer has sent its last record on this channel.
    EndOfPartition,
    /// What came before is part of the checkpoint, what comes is not.
    Barrier(CheckpointBarrier),
    /// The producer has given the checkpoint up.
    CancelCheckpoint(CheckpointId),
}
