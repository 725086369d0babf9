//! The state that the drivers of a simulation share, always under one lock.

use std::collections::BTreeMap;
use std::io;
use std::sync::MutexGuard;
use std::thread::ThreadId;
use std::time::Duration;

use super::disk::Disk;
use super::faults::{Errno, Fate, FaultClass};
use super::inode::{Inode, SECTOR};
use super::network::{Cx, End, Network};
use super::random::Random;
use super::{Faults, OpenedNode, PlannedFault};
use crate::driver::sockets::SocketOp;
use crate::driver::transfer::{Transfer, TransferKind};
use crate::driver::{Completion, Doorbell, Instant64, OpenOptions};

/// What an operation takes: from a fast SSD's cache to its worse moments.
const LATENCY_MIN: Duration = Duration::from_micros(10);
const LATENCY_MAX: Duration = Duration::from_micros(300);
const SLOW_FACTOR: u32 = 100;

/// Which machine of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MachineIndex(pub(super) usize);

/// Which driver of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DriverIndex(usize);

#[derive(Debug)]
pub(super) struct World {
    thread: Option<ThreadId>,
    now: Instant64,
    random: Random,
    faults: Faults,
    /// File operations begun, metadata calls included; numbers the planned faults.
    begun: u64,
    planned: BTreeMap<u64, PlannedFault>,
    machines: Vec<Machine>,
    drivers: Vec<Option<Member>>,
    network: Network,
}

#[derive(Debug)]
struct Machine {
    name: String,
    disk: Disk,
    crashes: u64,
}

/// A driver as the world sees it.
#[derive(Debug)]
struct Member {
    machine: MachineIndex,
    doorbell: Doorbell,
    /// When it wants to go on, while parked.
    until: Option<Instant64>,
    /// By end, then by a seeded number.
    pending: BTreeMap<(Instant64, u64), Pending>,
    /// Operations on sockets that have ended, by when it is seen, then by a seeded number.
    ended: BTreeMap<(Instant64, u64), Completion>,
}

#[derive(Debug)]
pub(super) struct Pending {
    pub(super) transfer: Transfer,
    pub(super) fate: Fate,
}

/// An open file of a simulation.
#[derive(Debug)]
pub(crate) struct SimulatedFile {
    node: OpenedNode,
    machine: MachineIndex,
    /// The machine's crashes when it was opened: a handle doesn't outlive one.
    crashes: u64,
    readable: bool,
    writable: bool,
}

impl World {
    /// Without machines; the clock is at one second.
    pub(super) fn from_seed(seed: u64) -> World {
        World {
            thread: None,
            now: Instant64::from_nanos(1_000_000_000),
            random: Random::from_seed(seed),
            faults: Faults::default(),
            begun: 0,
            planned: BTreeMap::new(),
            machines: Vec::new(),
            drivers: Vec::new(),
            network: Network::default(),
        }
    }

    /// The machine of that name, made when it is first named.
    pub(super) fn machine(&mut self, name: &str) -> MachineIndex {
        let found = self.machines.iter().position(|machine| machine.name == name);
        MachineIndex(found.unwrap_or_else(|| {
            self.machines.push(Machine { name: name.to_owned(), disk: Disk::empty(), crashes: 0 });
            self.machines.len() - 1
        }))
    }

    /// Adds a driver.
    pub(super) fn join(&mut self, machine: MachineIndex, doorbell: Doorbell) -> DriverIndex {
        let here = std::thread::current().id();
        assert_eq!(*self.thread.get_or_insert(here), here, "a simulation runs on one thread");
        let (pending, ended) = (BTreeMap::new(), BTreeMap::new());
        let member = Member { machine, doorbell, until: None, pending, ended };
        let free = self.drivers.iter().position(Option::is_none);
        let index = free.unwrap_or(self.drivers.len());
        if free.is_none() {
            self.drivers.push(None);
        }
        self.drivers[index] = Some(member);
        DriverIndex(index)
    }

    /// A driver is dropped; what it had under way is done or lost by now.
    pub(super) fn leave(&mut self, driver: DriverIndex) {
        let left = self.drivers[driver.0].take().expect("a driver leaves once");
        assert!(left.pending.is_empty(), "a driver left {} operations behind", left.pending.len());
        drop((left.ended, self.network.leave(driver)));
        // The others may have slept all along, and time waited for this one.
        if self.all_parked() {
            self.advance();
        }
    }

    pub(super) fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    pub(super) fn plan(&mut self, nth: u64, fault: PlannedFault) {
        self.planned.insert(nth, fault);
    }

    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    pub(super) fn disk(&mut self, machine: MachineIndex) -> &mut Disk {
        &mut self.machines[machine.0].disk
    }

    pub(super) fn is_stuck(&mut self) -> bool {
        // Handles that were dropped make something happen.
        self.on_network(|_, _| ());
        self.all_parked() && self.next_event().is_none()
    }

    fn all_parked(&self) -> bool {
        self.drivers.iter().flatten().all(|member| member.doorbell.bell().is_parked())
    }

    pub(super) fn opened(
        &self,
        machine: MachineIndex,
        node: OpenedNode,
        options: OpenOptions,
    ) -> SimulatedFile {
        SimulatedFile {
            node,
            machine,
            crashes: self.machines[machine.0].crashes,
            readable: options.read,
            writable: options.write,
        }
    }

    /// The content of an open file, unless its machine has crashed since.
    pub(super) fn content<'a>(&self, file: &'a SimulatedFile) -> io::Result<MutexGuard<'a, Inode>> {
        let machine = &self.machines[file.machine.0];
        if machine.crashes == file.crashes {
            return Ok(file.node.inode());
        }
        Err(io::Error::other(format!("the machine '{}' has crashed since", machine.name)))
    }

    pub(super) fn now(&self) -> Instant64 {
        self.now
    }

    /// Counts an operation and decides what becomes of it.
    pub(super) fn begin(&mut self, class: FaultClass) -> Fate {
        let number = self.begun;
        self.begun += 1;
        let drawn = self.faults.draw(class, &mut self.random);
        self.planned.remove(&number).map_or(drawn, |planned| planned.fate(class))
    }

    fn member(&mut self, driver: DriverIndex) -> &mut Member {
        self.drivers[driver.0].as_mut().expect("a driver leaves once, when it is dropped")
    }

    /// A transfer begins; it ends after a seeded time.
    pub(super) fn begin_transfer(&mut self, driver: DriverIndex, transfer: Transfer) {
        let fate = self.begin(transfer.kind.fault_class());
        let mut time = self.random.between(LATENCY_MIN, LATENCY_MAX);
        if self.random.chance(self.faults.slow) {
            time *= SLOW_FACTOR;
        }
        let key = (self.now + time, self.random.next());
        let member = self.member(driver);
        let replaced = member.pending.insert(key, Pending { transfer, fate });
        assert!(replaced.is_none(), "two of 2^64 random numbers were equal");
    }

    /// The next transfer of this driver whose time has come.
    pub(super) fn take_due(&mut self, driver: DriverIndex) -> Option<Pending> {
        let now = self.now;
        let first = self.member(driver).pending.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// Whatever this driver has under way, in the order of its ends.
    pub(super) fn take_any(&mut self, driver: DriverIndex) -> Option<Pending> {
        self.member(driver).pending.pop_first().map(|(_, pending)| pending)
    }

    /// Does what a pending transfer is to do.
    pub(super) fn perform(&mut self, pending: &mut Pending) -> io::Result<usize> {
        let Pending { transfer, fate } = pending;
        let file = transfer.file.clone();
        let file = file.simulated();
        let class = transfer.kind.fault_class();
        if let Fate::Fails(errno) = *fate {
            if class == FaultClass::Sync {
                self.content(file)?.lose_dirty();
            }
            return Err(errno.error());
        }
        if class == FaultClass::Sync {
            self.content(file)?.sync();
            return Ok(0);
        }
        self.move_bytes(file, transfer, *fate == Fate::Short)
    }

    fn move_bytes(
        &mut self,
        file: &SimulatedFile,
        transfer: &mut Transfer,
        short: bool,
    ) -> io::Result<usize> {
        let reads = transfer.kind == TransferKind::Read;
        if !(if reads { file.readable } else { file.writable }) {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        let (offset, rest) = (transfer.rest_offset(), transfer.rest_len());
        if transfer.file.is_direct() {
            check_alignment(offset, transfer)?;
        }
        let bytes = if short { self.part_of(rest) } else { rest };
        let content = self.content(file)?;
        if reads {
            let mut read = 0;
            for into in transfer.rest_mut() {
                let now = into.len().min(bytes - read);
                read += content.read(offset + read as u64, &mut into[..now]);
            }
            return Ok(read);
        }
        let grows = (offset + bytes as u64).saturating_sub(content.len());
        drop(content);
        let room = self.disk(file.machine).room_for(grows);
        let mut fits = (bytes as u64).saturating_sub(grows - room) as usize;
        if transfer.file.is_direct() {
            fits -= fits % SECTOR;
        }
        if fits == 0 && bytes > 0 {
            return Err(Errno::NoSpace.error());
        }
        let mut content = self.content(file)?;
        let mut left = fits;
        for bytes in transfer.rest() {
            let now = bytes.len().min(left);
            content.write(offset + (fits - left) as u64, &bytes[..now]);
            left -= now;
        }
        assert_eq!(left, 0, "no more fits than there is");
        Ok(fits)
    }

    /// A part of a transfer, in whole sectors when there are several.
    fn part_of(&mut self, rest: usize) -> usize {
        let sectors = (rest / SECTOR) as u64;
        match sectors {
            // A direct transfer moves whole sectors.
            0 | 1 if rest <= 1 || rest == SECTOR => rest,
            0 | 1 => 1 + self.random.below(rest as u64 - 1) as usize,
            _ => SECTOR * (1 + self.random.below(sectors - 1)) as usize,
        }
    }

    /// A driver has nothing to do before `until`. When all have nothing, time goes on.
    pub(super) fn park(&mut self, driver: DriverIndex, until: Option<Instant64>) {
        self.member(driver).until = until;
        if self.all_parked() {
            self.advance();
        }
    }

    fn next_event(&self) -> Option<Instant64> {
        let of_drivers = self.drivers.iter().flatten().filter_map(Member::next_event);
        of_drivers.chain(self.network.next_event()).min()
    }

    /// Time goes on until a driver has something to do, or nothing will ever happen.
    fn advance(&mut self) {
        self.on_network(|_, _| ());
        while self.all_parked()
            && let Some(next) = self.next_event()
        {
            self.now = self.now.max(next);
            self.on_network(|network, cx| network.happen(cx));
            self.wake_due();
        }
    }

    /// Works on the network, then notes for the drivers what has ended by it.
    pub(super) fn on_network<R>(&mut self, work: impl FnOnce(&mut Network, &mut Cx<'_>) -> R) -> R {
        let World { network, now, random, drivers, .. } = self;
        let mut cx = Cx { now: *now, random };
        network.bury(&mut cx);
        let given = work(network, &mut cx);
        for (at, driver, completion) in network.take_ended() {
            if let Some(member) = drivers[driver.0].as_mut() {
                member.ended.insert((at, random.next()), completion);
            }
        }
        given
    }

    /// A driver begins an operation on a socket.
    pub(super) fn start_socket(&mut self, driver: DriverIndex, operation: SocketOp) {
        self.on_network(|network, cx| network.start(cx, driver, operation));
    }

    /// The next operation on a socket that has ended for this driver.
    pub(super) fn take_ended(&mut self, driver: DriverIndex) -> Option<Completion> {
        let now = self.now;
        let first = self.member(driver).ended.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// Unparks the drivers whose time has come.
    fn wake_due(&mut self) {
        for member in self.drivers.iter_mut().flatten() {
            let due = member.next_event().is_some_and(|event| event <= self.now);
            if due && member.doorbell.bell().is_parked() {
                member.until = None;
                member.doorbell.bell().unpark();
            }
        }
    }

    /// Something took time that no driver saw.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.on_network(|network, cx| network.happen(cx));
        self.wake_due();
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    pub(super) fn crash(&mut self, machine: MachineIndex) -> (Vec<Pending>, Vec<End>) {
        let ends = self.on_network(|network, cx| network.crash(cx, machine));
        let mut lost = Vec::new();
        for slot in &mut self.drivers {
            if let Some(member) = slot.as_mut().filter(|member| member.machine == machine) {
                lost.extend(std::mem::take(&mut member.pending).into_values());
                member.ended.clear();
            }
        }
        // A write under way may have reached the cache, and from there the disk.
        for pending in &mut lost {
            if self.random.coin() && pending.transfer.kind.fault_class() == FaultClass::Write {
                // Its error would have told the machine that is gone.
                let _ = self.perform(pending);
            }
        }
        let World { machines, random, .. } = self;
        let crashed = &mut machines[machine.0];
        crashed.disk.crash(random);
        crashed.crashes += 1;
        (lost, ends)
    }
}

impl Member {
    fn next_event(&self) -> Option<Instant64> {
        let transfer = self.pending.first_key_value().map(|((end, _), _)| *end);
        let socket = self.ended.first_key_value().map(|((end, _), _)| *end);
        [transfer, socket, self.until].into_iter().flatten().min()
    }
}

/// What the system asks of direct transfers.
fn check_alignment(offset: u64, transfer: &Transfer) -> io::Result<()> {
    let fits = |bytes: &[u8]| {
        bytes.len().is_multiple_of(SECTOR) && bytes.as_ptr().addr().is_multiple_of(SECTOR)
    };
    if offset.is_multiple_of(SECTOR as u64) && transfer.rest().all(fits) {
        return Ok(());
    }
    Err(io::Error::from_raw_os_error(libc::EINVAL))
}
