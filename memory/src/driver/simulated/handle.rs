//! [`SimulatedWorld`]: what a simulation holds in its hands.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::disk::Disk;
use super::faults::FaultClass;
use super::world::{DriverIndex, MachineIndex, SimulatedFile, World};
use super::{Faults, PlannedFault, SimulatedLock};
use crate::driver::{Doorbell, FileId, FileMetadata, Instant64, OpenOptions};

/// A world of simulated machines, seen from one of them. A clone is the same machine.
#[derive(Clone, Debug)]
pub struct SimulatedWorld {
    world: Arc<Mutex<World>>,
    pub(super) machine: MachineIndex,
}

impl SimulatedWorld {
    /// A new world with one machine, its clock at one second, without faults.
    pub fn from_seed(seed: u64) -> SimulatedWorld {
        let mut world = World::from_seed(seed);
        let machine = world.machine("first");
        SimulatedWorld { world: Arc::new(Mutex::new(world)), machine }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("a simulation ends with its first panic")
    }

    /// The machine of that name, with a disk of its own; made when it is first named.
    pub fn machine(&self, name: &str) -> SimulatedWorld {
        let machine = self.world().machine(name);
        SimulatedWorld { world: self.world.clone(), machine }
    }

    /// The virtual clock.
    pub fn now(&self) -> Instant64 {
        self.world().now()
    }

    /// Lets time pass, as computing does; parked drivers whose time comes by that are awake after.
    pub fn pass(&self, time: Duration) {
        self.world().pass(time);
    }

    /// The next number below `bound` of the world's random sequence, from which a simulation draws
    /// whatever else it leaves to chance.
    ///
    /// # Panics
    /// If `bound` is zero.
    pub fn below(&self, bound: u64) -> u64 {
        self.world().below(bound)
    }

    /// Rates of faults from now on, on all machines.
    pub fn set_faults(&self, faults: Faults) {
        self.world().set_faults(faults);
    }

    /// Bytes that this machine's files may hold together; none for no limit.
    pub fn set_disk_capacity(&self, bytes: Option<u64>) {
        self.on_disk(|disk| disk.set_capacity(bytes));
    }

    /// Bytes that this machine's files hold together, open files without a name included.
    pub fn disk_used(&self) -> u64 {
        self.on_disk(Disk::used)
    }

    /// File operations begun so far in this world, metadata calls and continued parts included.
    pub fn operations_begun(&self) -> u64 {
        self.world().begun()
    }

    /// The `nth` file operation of this world (the first is 0) will meet this fault. Counting a
    /// run's operations without faults first, then failing each in turn, tries every place.
    pub fn fail_operation(&self, nth: u64, fault: PlannedFault) {
        self.world().plan(nth, fault);
    }

    /// This machine loses power: what was not synced is gone, in part or whole; operations under
    /// way never end; open files give errors. Drop its drivers, then start anew.
    pub fn crash(&self) {
        // Transfers hold files and sockets, whose end must not come under the world's lock.
        let lost = self.world().crash(self.machine);
        drop(lost);
    }

    /// Whether nothing will ever happen again by itself: every driver is parked and nobody waits
    /// for a time or an operation.
    pub fn is_stuck(&self) -> bool {
        self.world().is_stuck()
    }

    fn on_disk<R>(&self, work: impl FnOnce(&mut Disk) -> R) -> R {
        work(self.world().disk(self.machine))
    }

    /// A call for names: counted, possibly failing by fault.
    fn call<R>(
        &self,
        class: FaultClass,
        work: impl FnOnce(&mut Disk) -> io::Result<R>,
    ) -> io::Result<R> {
        let fate = self.world().begin(class);
        fate.check()?;
        self.on_disk(work)
    }

    pub(in crate::driver) fn open(
        &self,
        path: &Path,
        options: OpenOptions,
    ) -> io::Result<SimulatedFile> {
        let makes = options.create || options.create_new;
        let class = if makes { FaultClass::Create } else { FaultClass::Name };
        let node = self.call(class, |disk| disk.open(path, options))?;
        Ok(self.world().opened(self.machine, node, options))
    }

    pub(in crate::driver) fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.call(FaultClass::Create, |disk| disk.create_dir_all(path))
    }

    pub(in crate::driver) fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.call(FaultClass::Create, |disk| disk.create_dir(path))
    }

    pub(in crate::driver) fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        let device = self.machine.0 as u64;
        let (kind, len, inode) = self.call(FaultClass::Name, |disk| disk.metadata(path))?;
        Ok(FileMetadata { kind, len, id: FileId { device, inode } })
    }

    pub(in crate::driver) fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.call(FaultClass::Name, |disk| disk.list(path))
    }

    pub(in crate::driver) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(FaultClass::Name, |disk| disk.rename(from, to))
    }

    pub(in crate::driver) fn unlink(&self, path: &Path) -> io::Result<()> {
        self.call(FaultClass::Name, |disk| disk.unlink(path))
    }

    pub(in crate::driver) fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.call(FaultClass::Name, |disk| disk.remove_dir(path))
    }

    pub(in crate::driver) fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.call(FaultClass::Sync, |disk| disk.sync_dir(path))
    }

    pub(in crate::driver) fn lock(&self, path: &Path) -> io::Result<Option<SimulatedLock>> {
        self.call(FaultClass::Name, |disk| disk.lock(path))
    }

    pub(in crate::driver) fn set_len(&self, file: &SimulatedFile, len: u64) -> io::Result<()> {
        let mut world = self.world();
        world.begin(FaultClass::Name).check()?;
        world.content(file)?.set_len(len);
        Ok(())
    }

    pub(in crate::driver) fn len(&self, file: &SimulatedFile) -> io::Result<u64> {
        Ok(self.world().content(file)?.len())
    }

    /// Adds a driver of this machine.
    ///
    /// # Panics
    /// When the world's drivers live on another thread.
    pub(super) fn join(&self, doorbell: Doorbell) -> DriverIndex {
        self.world().join(self.machine, doorbell)
    }
}
