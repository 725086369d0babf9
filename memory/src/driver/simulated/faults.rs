//! What goes wrong in a simulation, and how often.

use std::io;

use super::random::Random;
use crate::driver::transfer::TransferKind;

/// A rate: so many of a million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PerMillion(pub u32);

/// Rates of faults. The default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Reads and writes that move only a part (the driver asks for the rest).
    pub short_transfer: PerMillion,
    /// Reads that fail with an I/O error.
    pub read_error: PerMillion,
    /// Writes that fail with an I/O error.
    pub write_error: PerMillion,
    /// Writes, and files and folders made, that find no space on the disk.
    pub no_space: PerMillion,
    /// Syncs of files and folders that fail, and lose what they were to save.
    pub sync_error: PerMillion,
    /// Other calls for files and folders (open, rename, list ...) that fail with an I/O error.
    pub metadata_error: PerMillion,
    /// Operations that take a hundred times longer.
    pub slow: PerMillion,
}

/// A fault for one chosen operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlannedFault {
    /// An I/O error; a sync loses what it was to save.
    InputOutput,
    /// No space left; reads give an I/O error instead.
    NoSpace,
    /// Only a part is moved; no effect on what moves nothing.
    Short,
}

/// The classes of operations that faults tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultClass {
    Read,
    Write,
    Sync,
    /// Makes a name.
    Create,
    /// Any other call for names.
    Name,
}

/// What will become of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Normal,
    Short,
    Fails(Errno),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errno {
    InputOutput,
    NoSpace,
}

impl Errno {
    pub(super) fn error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            Errno::InputOutput => libc::EIO,
            Errno::NoSpace => libc::ENOSPC,
        })
    }
}

impl Fate {
    /// For the calls that know no half.
    pub(super) fn check(self) -> io::Result<()> {
        match self {
            Fate::Fails(errno) => Err(errno.error()),
            Fate::Normal | Fate::Short => Ok(()),
        }
    }
}

impl Faults {
    pub(super) fn draw(&self, class: FaultClass, random: &mut Random) -> Fate {
        let error = match class {
            FaultClass::Read => self.read_error,
            FaultClass::Write => self.write_error,
            FaultClass::Sync => self.sync_error,
            FaultClass::Create | FaultClass::Name => self.metadata_error,
        };
        if random.chance(error) {
            return Fate::Fails(Errno::InputOutput);
        }
        let takes_space = matches!(class, FaultClass::Write | FaultClass::Create);
        if takes_space && random.chance(self.no_space) {
            return Fate::Fails(Errno::NoSpace);
        }
        let moves_bytes = matches!(class, FaultClass::Read | FaultClass::Write);
        if moves_bytes && random.chance(self.short_transfer) {
            return Fate::Short;
        }
        Fate::Normal
    }
}

impl PlannedFault {
    pub(super) fn fate(self, class: FaultClass) -> Fate {
        let takes_space = matches!(class, FaultClass::Write | FaultClass::Create);
        match self {
            PlannedFault::Short => Fate::Short,
            PlannedFault::NoSpace if takes_space => Fate::Fails(Errno::NoSpace),
            PlannedFault::NoSpace | PlannedFault::InputOutput => Fate::Fails(Errno::InputOutput),
        }
    }
}

impl TransferKind {
    pub(super) fn fault_class(self) -> FaultClass {
        match self {
            TransferKind::Read => FaultClass::Read,
            TransferKind::Write => FaultClass::Write,
            TransferKind::Sync => FaultClass::Sync,
        }
    }
}
