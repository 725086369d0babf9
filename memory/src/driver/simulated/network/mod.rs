//! The network of a simulated world: connections between its machines, over links with delay, jitter,
//! a rate, cuts and faults.
//!
//! ```text
//!   machine "a"                   link a -> b: delay, jitter, rate, cut              machine "b"
//!   end 1: state, what it sends  =====[packet][packet]==============>  end 2: inbox, state
//!          inbox                 <====================[packet]=======         what it sends
//!                                 link b -> a
//! ```
//!
//! A model of TCP by its outcomes, not by its packets: bytes of one connection come in order and
//! once, or the connection fails. A lost packet is a delay; a link that is cut holds everything up
//! until it is repaired, and the connection fails when its user timeout is over first. A connection
//! on which nothing is sent notices nothing, unless it asks for itself (keep-alive): half-open ends
//! exist. Bytes under way and unread at the peer fill a window, so a reader that doesn't read holds
//! its sender up. What comes for an end that is gone is answered with a reset.
//!
//! - **Addresses.** A machine has one address in 10.77.0.0/16, in the order in which machines were
//!   first named; the loopback and the unspecified address mean the machine itself.
//! - **Faults.** By rate ([`NetworkFaults`]); cuts, repairs and link options by whoever holds the
//!   world.
//! - **Time and chance** are the world's: the same seed gives the same bytes at the same times.
//!
//! Invariants: what a receive gets is what the peer sent, in order; an end is told a reset or a
//! time-out as an error and never as an end; an operation has ended, or waits in its end.
//!
//! Deliberately absent: acknowledgements as packets (a window opens when its bytes are received), and
//! slow start.

#[cfg(test)]
mod campaign_tests;
mod end;
mod link;
mod state;
mod steps;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

pub(super) use end::End;
use end::EndId;
pub use link::{LinkOptions, NetworkFaults};
pub(super) use state::{Cx, Network};

use super::SimulatedWorld;
use crate::driver::{CloseKind, ConnectOptions, SocketOptions};
use state::Dropped;

/// One end of a simulated connection, or a listener.
pub(crate) struct SimulatedSocket {
    world: SimulatedWorld,
    id: EndId,
    dropped: Dropped,
}

impl SimulatedSocket {
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        self.world.world().on_network(|network, cx| network.shutdown(cx, self.id))
    }

    pub(crate) fn close(&self, how: CloseKind) {
        self.world.world().on_network(|network, cx| network.close(cx, self.id, how));
    }

    fn id(&self) -> EndId {
        self.id
    }
}

/// Only noted: sockets may be dropped while the world is locked.
impl Drop for SimulatedSocket {
    fn drop(&mut self) {
        self.dropped.note(self.id);
    }
}

impl fmt::Debug for SimulatedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimulatedSocket({})", self.id.0)
    }
}

impl SimulatedWorld {
    /// This machine's address.
    pub fn address(&self) -> IpAddr {
        state::address_of(self.machine)
    }

    /// What one direction between two machines is like from now on; what is under way is not changed.
    pub fn set_link(&self, from: &str, to: &str, options: LinkOptions) {
        let (from, to) = (self.machine(from).machine, self.machine(to).machine);
        self.world().on_network(|network, _| network.link(from, to).options = options);
    }

    /// From now on nothing gets from one machine to the other, not even what is under way.
    pub fn cut(&self, from: &str, to: &str) {
        let (from, to) = (self.machine(from).machine, self.machine(to).machine);
        self.world().on_network(|network, cx| network.cut(cx, from, to));
    }

    /// What was held up by a cut goes on, a retransmission later.
    pub fn restore(&self, from: &str, to: &str) {
        let (from, to) = (self.machine(from).machine, self.machine(to).machine);
        self.world().on_network(|network, cx| network.restore(cx, from, to));
    }

    /// Rates of what goes wrong from now on, on all links.
    pub fn set_network_faults(&self, faults: NetworkFaults) {
        self.world().on_network(|network, _| network.faults = faults);
    }

    pub(in crate::driver) fn listen(
        &self,
        at: SocketAddr,
        options: &SocketOptions,
    ) -> io::Result<(SimulatedSocket, SocketAddr)> {
        let machine = self.machine;
        let made = self.world().on_network(|network, _| network.listen(machine, at, options));
        made.map(|(id, address)| (self.socket(id), address))
    }

    pub(in crate::driver) fn connect(
        &self,
        options: &ConnectOptions,
    ) -> io::Result<SimulatedSocket> {
        let machine = self.machine;
        let made = self.world().on_network(|network, cx| network.connect(cx, machine, options));
        made.map(|id| self.socket(id))
    }

    fn socket(&self, id: EndId) -> SimulatedSocket {
        let dropped = self.world().on_network(|network, _| network.dropped());
        SimulatedSocket { world: self.clone(), id, dropped }
    }
}
