//! Which partition a consumer wants.

use std::fmt;

use super::{WireError, WireKind, constants::REQUEST_BYTES};
use crate::ChannelIndex;

/// Bytes of a partition's address.
pub(super) const ADDRESS_BYTES: usize = 48;
const HOLDS_AT_BARRIERS: u8 = 1;

/// A job, as its cluster names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u128);

/// One execution of one subtask.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub u128);

/// An output of a subtask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(pub u64);

/// What a consumer reads: a subpartition of an output of one execution of a subtask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartitionAddress {
    /// The job.
    pub job: JobId,
    /// The execution that produces it; another one's results are another partition.
    pub attempt: AttemptId,
    /// The output.
    pub partition: PartitionId,
    /// The subpartition, that is which of its consumers this is.
    pub consumer: ChannelIndex,
}

impl PartitionAddress {
    /// The address as it is sent.
    pub(super) fn to_bytes(self) -> [u8; ADDRESS_BYTES] {
        let mut bytes = [0; ADDRESS_BYTES];
        bytes[..16].copy_from_slice(&self.job.0.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.attempt.0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.partition.0.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.consumer.0.to_le_bytes());
        bytes
    }

    /// The address as it was received; `None` when the rest is not zero.
    pub(super) fn from_bytes(bytes: &[u8; ADDRESS_BYTES]) -> Option<Self> {
        let long = |at: usize| *bytes[at..].first_chunk().expect("inside the address");
        let address = Self {
            job: JobId(u128::from_le_bytes(long(0))),
            attempt: AttemptId(u128::from_le_bytes(long(16))),
            partition: PartitionId(u64::from_le_bytes(
                *bytes[32..].first_chunk().expect("inside the address"),
            )),
            consumer: ChannelIndex(u32::from_le_bytes(
                *bytes[40..].first_chunk().expect("inside the address"),
            )),
        };
        (bytes[44..] == [0; 4]).then_some(address)
    }
}

/// Opens a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartitionRequest {
    /// What is wanted.
    pub address: PartitionAddress,
    /// The producer holds data behind an aligned barrier back until it is told to go on.
    pub holds_at_barriers: bool,
}

impl PartitionRequest {
    /// The body of its frame.
    pub fn to_bytes(self) -> [u8; REQUEST_BYTES] {
        let mut bytes = [0; REQUEST_BYTES];
        bytes[..ADDRESS_BYTES].copy_from_slice(&self.address.to_bytes());
        bytes[ADDRESS_BYTES] = if self.holds_at_barriers { HOLDS_AT_BARRIERS } else { 0 };
        bytes
    }

    /// The request in the body of a frame.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_bytes(bytes: &[u8; REQUEST_BYTES]) -> Result<Self, WireError> {
        let refuse = || WireError::Field { kind: WireKind::Request, field: "unused part" };
        let address = bytes.first_chunk().expect("an address is shorter");
        let address = PartitionAddress::from_bytes(address).ok_or_else(refuse)?;
        let holds_at_barriers = match bytes[ADDRESS_BYTES..] {
            [0, 0, 0, 0, 0, 0, 0, 0] => false,
            [HOLDS_AT_BARRIERS, 0, 0, 0, 0, 0, 0, 0] => true,
            _ => return Err(refuse()),
        };
        Ok(Self { address, holds_at_barriers })
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({self})")
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttemptId({self})")
    }
}

impl fmt::Display for PartitionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, attempt, partition, consumer } = self;
        write!(
            f,
            "job {job}, attempt {attempt}, output {}, subpartition {}",
            partition.0, consumer.0
        )
    }
}
