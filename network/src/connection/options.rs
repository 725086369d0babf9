//! What a connection is told at its start.

use std::{fmt, sync::Arc};

use crate::{flow::Marks, wire::Codec};

/// Whom errors and logs speak of: an address, and what else helps to find the process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerName(Arc<str>);

impl PeerName {
    /// The peer called so.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether buffers of the peer are checked before anybody walks their frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Trust {
    /// They are.
    #[default]
    Validate,
    /// They are not: whoever knows the cluster's secret writes well-formed buffers.
    Cluster,
}

/// Bytes in flight.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionMarks {
    /// Of the connection.
    pub connection: Marks,
    /// Of each channel.
    pub channel: Marks,
}

impl Default for ConnectionMarks {
    /// A connection has 512 KiB in flight, a round trip of 4 ms at 1 Gbit/s; a channel a quarter.
    fn default() -> Self {
        Self {
            connection: Marks::new(512 << 10, 256 << 10),
            channel: Marks::new(128 << 10, 64 << 10),
        }
    }
}

/// What [`super::Connection::new`] needs.
#[derive(Clone, Debug)]
pub struct ConnectionOptions {
    /// The peer.
    pub peer: PeerName,
    /// The size of a segment, the same at both ends.
    pub segment_bytes: usize,
    /// How payloads are compressed that are sent.
    pub codec: Codec,
    /// Bytes in flight.
    pub marks: ConnectionMarks,
    /// Channels that may be open at once in each direction.
    pub channels_max: u32,
    /// Whether received buffers are checked.
    pub trust: Trust,
}
