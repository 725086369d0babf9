//! How sockets are made and ended.

use std::net::SocketAddr;
use std::time::Duration;

/// Settings of a connection. A listener's are those of the connections it accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// Sends small messages at once instead of waiting for more (`TCP_NODELAY`).
    pub nodelay: bool,
    /// Asks a silent peer whether it is there (`SO_KEEPALIVE`).
    pub keep_alive: Option<KeepAlive>,
    /// How long what was sent may stay unacknowledged until the connection fails
    /// (`TCP_USER_TIMEOUT`, in milliseconds). None leaves it to the system, which takes some 15
    /// minutes.
    pub user_timeout: Option<Duration>,
    /// Bytes of the kernel's buffer for sending (`SO_SNDBUF`). None leaves it to the system, which
    /// adapts it.
    pub send_buffer: Option<usize>,
    /// Bytes of the kernel's buffer for receiving (`SO_RCVBUF`), as for sending.
    pub receive_buffer: Option<usize>,
    /// Sends straight out of the buffers, where the system can: only by io_uring, and only over a
    /// real network card (on the loopback interface the kernel copies all the same). Below some
    /// 10 KiB a send it costs more than it saves.
    pub zero_copy_send: bool,
}

impl Default for SocketOptions {
    fn default() -> SocketOptions {
        SocketOptions {
            nodelay: true,
            keep_alive: None,
            user_timeout: None,
            send_buffer: None,
            receive_buffer: None,
            zero_copy_send: false,
        }
    }
}

/// When a silent peer is asked, and when it is given up: after `idle + interval * probes` of silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence before the first question, in whole seconds.
    pub idle: Duration,
    /// Between two questions, in whole seconds.
    pub interval: Duration,
    /// Questions without an answer.
    pub probes: u32,
}

impl KeepAlive {
    /// The silence after which a peer is given up.
    pub fn patience(&self) -> Duration {
        self.idle + self.interval * self.probes
    }
}

/// A connection to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Where the peer listens.
    pub to: SocketAddr,
    /// After this the attempt fails with [`std::io::ErrorKind::TimedOut`].
    pub timeout: Duration,
    /// Settings of the connection.
    pub socket: SocketOptions,
}

/// How a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseKind {
    /// What was sent still reaches the peer, whose receives then end with 0 bytes. When bytes of the
    /// peer were not received, the system resets the connection once its last handle is gone.
    Graceful,
    /// What was not sent yet is dropped, and the peer is told that the connection was reset.
    Reset,
}
