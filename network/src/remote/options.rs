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

/// Waits between attempts: twice as long each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the second attempt.
    pub initial: Duration,
    /// The longest.
    pub max: Duration,
}

impl Backoff {
    /// The wait after so many attempts that failed.
    pub fn wait(&self, failed: u32) -> Duration {
        let factor = 1u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX);
        self.initial.saturating_mul(factor).min(self.max)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: Duration::from_millis(100), max: Duration::from_secs(10) }
    }
}

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
    /// Further attempts to connect.
    pub connect_retries: u32,
    /// How long they wait.
    pub backoff: Backoff,
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
            connect_retries: 0,
            backoff: Backoff::default(),
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
