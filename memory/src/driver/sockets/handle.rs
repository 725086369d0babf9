//! [`Socket`] and [`Listener`]: the two ends that operations work on.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Duration;

use super::{CloseKind, SocketOptions, system};
use crate::driver::simulated::SimulatedSocket;

/// One end of a TCP connection. Clones share it; its descriptor is released with the last clone and
/// the last operation. Two are equal when they are the same end.
#[derive(Clone)]
pub struct Socket {
    open: Arc<OpenSocket>,
}

/// Where connections come in. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener(pub(crate) Socket);

/// Knows a socket without keeping it open.
#[derive(Debug)]
pub(crate) struct WeakSocket(Weak<OpenSocket>);

struct OpenSocket {
    /// Of a listener its own address.
    peer: SocketAddr,
    /// Known when the connection is made.
    local: OnceLock<SocketAddr>,
    options: SocketOptions,
    source: Source,
    turns: Mutex<Turns>,
    /// Why this side gave it up, if it did.
    ending: OnceLock<Ending>,
    /// How the connection broke, if an operation found out. The system tells it once, and then shows
    /// an end, which must not be taken for a graceful one.
    broken: OnceLock<io::ErrorKind>,
}

#[derive(Debug)]
pub(crate) enum Source {
    System(OwnedFd),
    Simulated(SimulatedSocket),
}

/// Why this side gave up a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By an operation.
    Closed,
    /// No connection came about in this time.
    TimedOut(Duration),
}

/// Which way an operation moves bytes. Each way of a socket has one operation at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Receive, accept.
    In,
    /// Send, connect, shut down.
    Out,
}

#[derive(Debug, Default)]
struct Turns {
    inward: bool,
    outward: bool,
}

impl Turns {
    fn of(&mut self, direction: Direction) -> &mut bool {
        match direction {
            Direction::In => &mut self.inward,
            Direction::Out => &mut self.outward,
        }
    }
}

/// One direction of a socket, taken by an operation until it has ended.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) socket: Socket,
    pub(crate) direction: Direction,
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.socket.turns().of(self.direction) = false;
    }
}

impl Socket {
    pub(crate) fn new(source: Source, peer: SocketAddr, options: SocketOptions) -> Socket {
        let open = OpenSocket {
            peer,
            local: OnceLock::new(),
            options,
            source,
            turns: Mutex::default(),
            ending: OnceLock::new(),
            broken: OnceLock::new(),
        };
        Socket { open: Arc::new(open) }
    }

    /// The other side's address.
    pub fn peer(&self) -> SocketAddr {
        self.open.peer
    }

    /// This side's address.
    pub fn local_address(&self) -> SocketAddr {
        // Sockets are handed out when they are connected.
        *self.open.local.get().expect("a connected socket has an address")
    }

    /// Whether it was closed by this side. (What the other side did shows in operations.)
    pub fn is_closed(&self) -> bool {
        self.open.ending.get().is_some()
    }

    pub(crate) fn set_local(&self, address: SocketAddr) {
        // The second of two answers for one connection says the same.
        let _ = self.open.local.set(address);
    }

    pub(crate) fn options(&self) -> &SocketOptions {
        &self.open.options
    }

    pub(crate) fn ending(&self) -> Option<Ending> {
        self.open.ending.get().copied()
    }

    /// An operation failed with this. A pipe that is broken says nothing of the other direction.
    pub(crate) fn note_failure(&self, kind: io::ErrorKind) {
        if kind != io::ErrorKind::BrokenPipe {
            // The first has the cause.
            let _ = self.open.broken.set(kind);
        }
    }

    pub(crate) fn broken(&self) -> Option<io::ErrorKind> {
        self.open.broken.get().copied()
    }

    pub(crate) fn downgrade(&self) -> WeakSocket {
        WeakSocket(Arc::downgrade(&self.open))
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.open.turns.lock().expect("nothing panics under this lock")
    }

    /// Takes a direction for one operation.
    ///
    /// # Panics
    /// When another has it.
    pub(crate) fn take_turn(&self, direction: Direction) -> Turn {
        let taken = std::mem::replace(self.turns().of(direction), true);
        assert!(!taken, "{self:?} has an operation {direction:?} already; wait for its completion");
        Turn { socket: self.clone(), direction }
    }

    /// # Panics
    /// When the socket is simulated.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        match &self.open.source {
            Source::System(descriptor) => descriptor.as_fd(),
            Source::Simulated(_) => panic!("{self:?} is simulated"),
        }
    }

    pub(crate) fn raw_descriptor(&self) -> RawFd {
        self.descriptor().as_raw_fd()
    }

    /// # Panics
    /// When the socket is real.
    pub(crate) fn simulated(&self) -> &SimulatedSocket {
        match &self.open.source {
            Source::Simulated(socket) => socket,
            Source::System(_) => panic!("{self:?} is not simulated"),
        }
    }

    /// Ends the sending half.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        if self.is_closed() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        match &self.open.source {
            Source::System(descriptor) => system::shutdown(descriptor.as_fd()),
            Source::Simulated(socket) => socket.shutdown(),
        }
    }

    /// Gives the socket up. What waits on it is woken, and finds the reason.
    pub(crate) fn give_up(&self, why: Ending, how: CloseKind) {
        if self.open.ending.set(why).is_err() {
            return;
        }
        match &self.open.source {
            Source::System(descriptor) => system::close(descriptor.as_fd(), how),
            Source::Simulated(socket) => socket.close(how),
        }
    }
}

impl Listener {
    /// Where it listens; its port is never 0.
    pub fn local_address(&self) -> SocketAddr {
        self.0.peer()
    }
}

impl WeakSocket {
    pub(crate) fn is(&self, socket: &Socket) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&socket.open))
    }
}

impl PartialEq for Socket {
    fn eq(&self, other: &Socket) -> bool {
        Arc::ptr_eq(&self.open, &other.open)
    }
}

impl Eq for Socket {}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.open.local.get() {
            Some(local) if *local != self.open.peer => {
                write!(f, "Socket({local} to {})", self.open.peer)
            }
            _ => write!(f, "Socket({})", self.open.peer),
        }
    }
}
