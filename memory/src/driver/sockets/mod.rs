//! Sockets: TCP connections whose operations go through a driver.
//!
//! What is synchronous and short (listening) is in [`Sockets`]; everything that waits for a peer is
//! an operation. The steps of an operation (`operation`) and the calls (`system`) are the same for
//! both kernel backends: io_uring hands receives and sends to the kernel and only waits for
//! connections by them, epoll attempts each when its socket is ready.
//!
//! Invariants:
//! - Each direction of a socket has one operation at a time, so bytes never change their order. A
//!   second is a bug of the caller and panics.
//! - A send completes whole or with an error; a receive completes with at least one byte, with zero
//!   when the peer ended its half gracefully, or with an error. A reset is an error, never an end.
//! - A socket that this side gave up completes what was pending on it, with an error that says so;
//!   the buffers come back.
//! - Bytes are not copied on their way: a receive fills its range of a segment, a send gathers from
//!   the segments ([`Gather`]).
//!
//! Thread: handles go anywhere. Operations of one socket are submitted to one driver; it may move to
//! another while nothing is pending on it.
//!
//! Deliberately absent: names of hosts (whoever resolves them may block, so the control plane does),
//! encryption (a transformer of bytes above this), datagrams. One receive of several completions
//! (multishot with a ring of provided segments) is not used: who receives says where into, segment
//! by segment, which is what credit-based flow control needs.

mod gather;
mod handle;
mod operation;
mod options;
mod system;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

pub use gather::Gather;
pub(crate) use handle::{Direction, Ending, Source, WeakSocket};
pub use handle::{Listener, Socket};
pub(crate) use operation::{SocketFault, SocketOp, SocketStep, Work};
pub use options::{CloseKind, ConnectOptions, KeepAlive, SocketOptions};

use super::{DriverError, SimulatedWorld};

/// The synchronous side of a driver's sockets. A clone works on the same network.
#[derive(Clone, Debug)]
pub struct Sockets {
    network: Network,
}

#[derive(Clone, Debug)]
enum Network {
    System,
    Simulated(SimulatedWorld),
}

impl Sockets {
    pub(crate) fn system() -> Sockets {
        Sockets { network: Network::System }
    }

    pub(crate) fn simulated(world: SimulatedWorld) -> Sockets {
        Sockets { network: Network::Simulated(world) }
    }

    /// Listens at an address; port 0 takes a free port, which [`Listener::local_address`] tells.
    /// Connections that are accepted get `options`.
    pub fn listen(&self, at: SocketAddr, options: &SocketOptions) -> Result<Listener, DriverError> {
        let made = match &self.network {
            Network::System => system::listen(at, options)
                .map(|(descriptor, address)| (Source::System(descriptor), address)),
            Network::Simulated(world) => world
                .listen(at, options)
                .map(|(socket, address)| (Source::Simulated(socket), address)),
        };
        let (source, address) = made.map_err(|source| DriverError::Listen { at, source })?;
        let socket = Socket::new(source, address, *options);
        socket.set_local(address);
        Ok(Listener(socket))
    }

    /// A socket on its way to its peer, for an operation to wait for.
    pub(crate) fn connect(&self, options: &ConnectOptions) -> std::io::Result<Socket> {
        let begun = match &self.network {
            Network::System => system::connect(options).map(Source::System),
            Network::Simulated(world) => world.connect(options).map(Source::Simulated),
        };
        let what = || format!("connecting to {}", options.to);
        let source = begun.map_err(|error| SocketFault::of(&what(), error))?;
        Ok(Socket::new(source, options.to, options.socket))
    }
}
