//! One driver's side of a simulated world.

use std::fmt;

use super::SimulatedWorld;
use super::world::DriverIndex;
use crate::driver::sockets::SocketOp;
use crate::driver::transfer::{Step, Transfer};
use crate::driver::{Completion, Doorbell, Instant64};

pub(crate) struct Simulated {
    world: SimulatedWorld,
    index: DriverIndex,
    doorbell: Doorbell,
    under_way: usize,
    sockets_under_way: usize,
}

impl Simulated {
    pub(crate) fn new(world: SimulatedWorld, doorbell: &Doorbell) -> Simulated {
        let index = world.join(doorbell.clone());
        Simulated { world, index, doorbell: doorbell.clone(), under_way: 0, sockets_under_way: 0 }
    }

    pub(crate) fn now(&self) -> Instant64 {
        self.world.now()
    }

    /// Something was submitted: a parked driver has to be asked again how long it wants to sleep.
    pub(crate) fn stir(&self) {
        if self.doorbell.bell().is_parked() {
            self.doorbell.bell().unpark();
        }
    }

    pub(crate) fn start(&mut self, transfer: Transfer) {
        self.under_way += 1;
        self.world.world().begin_transfer(self.index, transfer);
    }

    pub(crate) fn start_socket(&mut self, operation: SocketOp) {
        self.sockets_under_way += 1;
        self.world.world().start_socket(self.index, operation);
    }

    pub(crate) fn reap(&mut self, ready: &mut Vec<Completion>) {
        while self.sockets_under_way > 0 {
            let Some(completion) = self.world.world().take_ended(self.index) else { break };
            self.sockets_under_way -= 1;
            ready.push(completion);
        }
        while self.under_way > 0 {
            let Some(mut due) = self.world.world().take_due(self.index) else { return };
            let answer = self.world.world().perform(&mut due);
            match due.transfer.answered(answer) {
                Step::Again(rest) => self.world.world().begin_transfer(self.index, rest),
                Step::Done(completion) => {
                    self.under_way -= 1;
                    ready.push(completion);
                }
            }
        }
    }

    /// Instead of blocking: notes that this driver has nothing to do, by the same steps as a real
    /// one, and lets time go on if all have nothing.
    pub(crate) fn park(&mut self, until: Option<Instant64>) {
        let bell = self.doorbell.bell();
        if !bell.is_parked() {
            if !bell.announce() {
                return;
            }
            assert!(bell.try_park(), "nobody rings between two steps on one thread");
        }
        self.world.world().park(self.index, until);
    }
}

/// As a real driver: what is under way is ended first, unless its machine has crashed.
impl Drop for Simulated {
    fn drop(&mut self) {
        loop {
            let next = self.world.world().take_any(self.index);
            let Some(mut pending) = next else { break };
            let answer = self.world.world().perform(&mut pending);
            if let Step::Again(rest) = pending.transfer.answered(answer) {
                self.world.world().begin_transfer(self.index, rest);
            }
        }
        self.world.world().leave(self.index);
    }
}

impl fmt::Debug for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Simulated({} under way)", self.under_way + self.sockets_under_way)
    }
}
