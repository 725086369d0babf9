//! What a transport is told at its start.

use std::{fmt, time::Duration};

use brisk_memory::{Pool, driver::SocketOptions};

use crate::{
    connection::{ConnectionMarks, Trust},
    wire::{
        Codec,
        handshake::{ClusterSecret, Nonce},
    },
};

/// How connections are made and used.
#[derive(Clone, Copy, Debug)]
pub struct LinkOptions {
    /// The size of a segment, the same in all processes.
    pub segment_bytes: usize,
    /// How payloads are compressed.
    pub codec: Codec,
    /// Bytes in flight.
    pub marks: ConnectionMarks,
    /// Whether received buffers are checked.
    pub trust: Trust,
    /// Channels of one connection, in each direction.
    pub channels_max: u32,
    /// Connections that peers may have made here at once, strangers included.
    pub accepted_max: usize,
    /// Settings of sockets.
    pub socket: SocketOptions,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// How long a consumer waits for a partition that is not here yet.
    pub request_timeout: Duration,
}

impl LinkOptions {
    /// Flink's defaults, where it has them.
    pub fn new(segment_bytes: usize) -> Self {
        Self {
            segment_bytes,
            codec: Codec::None,
            marks: ConnectionMarks::default(),
            trust: Trust::Validate,
            channels_max: 1 << 16,
            accepted_max: 1024,
            socket: SocketOptions::default(),
            connect_timeout: Duration::from_secs(120),
            handshake_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(10),
        }
    }
}

/// What [`super::Transport::new`] needs.
pub struct TransportOptions {
    /// What all processes of the cluster know.
    pub secret: ClusterSecret,
    /// Fresh random bytes for each handshake.
    pub nonces: Box<dyn FnMut() -> Nonce>,
    /// Lends segments for headers: one for each connection with something to send.
    pub headers: Pool,
    /// How connections are made and used.
    pub link: LinkOptions,
}

impl fmt::Debug for TransportOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportOptions").field("link", &self.link).finish_non_exhaustive()
    }
}
